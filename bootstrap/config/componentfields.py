"""The fields of KubeletConfiguration and KubeProxyConfiguration in every supported minor, and what they hold.

Source: k8s.io/kubelet/config/v1beta1 and k8s.io/kube-proxy/config/v1alpha1 of each minor, put into
``component_fields.json`` by ``python -m tests.lab.componentfields``. Invariant: nothing here knows what a
value means; a form that is not described takes everything.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from bootstrap.config.problems import FieldPath, did_you_mean
from bootstrap.errors import ConfigError
from bootstrap.model.duration import parse_duration
from bootstrap.model.version import KubernetesVersion

FILE = Path(__file__).with_name("component_fields.json")

_HEADER = frozenset({"apiVersion", "kind"})


@cache
def fields_of(kind: str) -> Mapping[str, Any]:
    """Name -> ``fields`` below it or the ``form`` of its value, and ``minors`` unless all have it."""
    known: dict[str, Any] = json.loads(FILE.read_text())
    return known[kind]  # type: ignore[no-any-return]


def wrong_fields(document: Mapping[str, Any], version: KubernetesVersion) -> Iterator[tuple[FieldPath, str]]:
    """``(field, what is wrong with it)``; an unknown field's path is its own."""
    kind = document["kind"]
    given = {name: value for name, value in document.items() if name not in _HEADER}
    yield from _wrong(given, fields_of(kind), (kind,), version.minor_text)


def _wrong(
    given: Mapping[str, Any], known: Mapping[str, Any], path: FieldPath, minor: str
) -> Iterator[tuple[FieldPath, str]]:
    here = [name for name, field in known.items() if minor in field.get("minors", (minor,))]
    for name, value in given.items():
        place = (*path, name)
        if name not in here:
            others = known.get(name, {}).get("minors", ())
            reason = f"; {', '.join(others)} have it" if others else did_you_mean(name, here)
            yield place, f"is no field of {path[0]} in {minor}{reason}"
        elif value is None:
            continue
        elif "fields" not in known[name]:
            yield from _unfit(value, known[name]["form"], place, minor)
        elif isinstance(value, dict):
            yield from _wrong(value, known[name]["fields"], place, minor)
        else:
            yield place, f"must be a mapping, not {value!r}"


def _unfit(value: Any, form: Any, path: FieldPath, minor: str) -> Iterator[tuple[FieldPath, str]]:
    if isinstance(form, str):
        if not _fits(value, form):
            yield path, f"must be {form}, not {value!r}"
    elif "fields" in form and isinstance(value, dict):
        yield from _wrong(
            value, {name: field_of(below) for name, below in form["fields"].items()}, path, minor
        )
    elif "list" in form and isinstance(value, list):
        for index, item in enumerate(value):
            yield from _unfit(item, form["list"], (*path, index), minor)
    elif "map" in form and isinstance(value, dict):
        for name, item in value.items():
            yield from _unfit(item, form["map"], (*path, name), minor)
    else:
        yield path, f"must be {'a list' if 'list' in form else 'a mapping'}, not {value!r}"


def field_of(form: Any) -> dict[str, Any]:
    """A form inside a list, as a field of its own."""
    return form if isinstance(form, dict) and "fields" in form else {"form": form}


def _fits(value: Any, form: str) -> bool:
    match form:
        case "text":
            return isinstance(value, str)
        case "true or false":
            return isinstance(value, bool)
        case "a whole number":
            return isinstance(value, int) and not isinstance(value, bool)
        case "a number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "a duration":
            return isinstance(value, str) and _is_duration(value)
        case _:
            return True


def _is_duration(text: str) -> bool:
    try:
        parse_duration(text)
    except ConfigError:
        return False
    return True
