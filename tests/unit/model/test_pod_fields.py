"""docs/pod-fields.md against the code it speaks of."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bootstrap.model import podspec
from bootstrap.model.pod import PodRejectedError, decode_pod
from bootstrap.model.podfields import INERT, REFUSED, UNREMARKABLE

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "pod-fields.md").read_text()
VERDICTS = {"honoured", "carried", "ignored", "refused"}

STRUCTS = {
    name: value
    for name, value in vars(podspec).items()
    if isinstance(value, type) and issubclass(value, msgspec.Struct) and not name.startswith("_")
}


def section(title: str) -> str:
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", PAGE, flags=re.MULTILINE | re.DOTALL)
    return found[1] if found else ""


def rows(title: str) -> list[list[str]]:
    """The cells of each row of a section's table, without its head."""
    lines = [line for line in section(title).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


@pytest.mark.parametrize("name", sorted(STRUCTS))
def test_every_field_of_the_model_stands_in_the_table(name: str) -> None:
    found = {row[0].strip("`"): row[1] for row in rows(name)}
    assert set(found) == set(STRUCTS[name].__struct_encode_fields__)
    assert set(found.values()) <= VERDICTS


@pytest.mark.parametrize(("title", "reasons"), [("Refused", REFUSED), ("Without effect", INERT)])
def test_what_is_not_honoured_stands_there_with_its_reason(title: str, reasons: dict[str, str]) -> None:
    assert {row[0].strip("`"): row[1] for row in rows(title)} == reasons


def test_what_is_dropped_without_a_word_stands_there() -> None:
    assert (
        set(re.findall(r"`((?:metadata|status)[^`]*)`", section("Written by the API server"))) == UNREMARKABLE
    )


def test_every_test_that_is_named_exists() -> None:
    written = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    there = set(re.findall(r"^def (test_\w+)", written, flags=re.MULTILINE))
    assert set(re.findall(r"`(test_\w+)`", PAGE)) <= there


def test_what_is_marked_as_run_on_an_engine_is_among_those_tests() -> None:
    real = [*(ROOT / "tests" / "integration").rglob("*.py"), *(ROOT / "tests" / "e2e").rglob("*.py")]
    there = set(re.findall(r"^def (test_\w+)", "\n".join(map(Path.read_text, real)), flags=re.MULTILINE))
    marked = set(re.findall(r"`(test_\w+)` \(engine\)", PAGE))
    assert marked
    assert marked <= there


def test_every_row_names_a_test() -> None:
    bare = [
        row
        for name in (*STRUCTS, "Refused", "Without effect")
        for row in rows(name)
        if "`test_" not in row[-1]
    ]
    assert bare == []


def document_with(path: str) -> dict[str, Any]:
    """A pod that has this field."""
    document: dict[str, Any] = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}}
    main = {"name": "main", "image": "app:1"}
    document["spec"] = {"containers": [main], "volumes": [{"name": "v"}]}
    here = document
    *parents, last = path.split(".")
    for each in parents:
        if each.endswith("[]"):
            here = here.setdefault(each[:-2], [{"name": "x"}])[0]
        else:
            here = here.setdefault(each, {})
    here[last] = {"port": 1}
    return document


@pytest.mark.parametrize("path", REFUSED)
def test_every_field_that_is_refused_is_refused(path: str) -> None:
    with pytest.raises(PodRejectedError) as caught:
        decode_pod(document_with(path))
    assert caught.value.details[0] == f"{path.replace('[]', '[0]')}: {REFUSED[path]}"


@pytest.mark.parametrize("path", INERT)
def test_every_field_without_effect_is_said_to_have_none(path: str) -> None:
    assert decode_pod(document_with(path)).inert == (f"{path.replace('[]', '[0]')}: {INERT[path]}",)
