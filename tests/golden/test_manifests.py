"""Manifests compared with recorded ones, byte for byte.

``RECORD_GOLDEN=1 pytest tests/golden`` writes the files anew, and fails, so that recording is never mistaken
for passing. Read the difference before committing it.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bootstrap.render.manifests import render_manifests
from bootstrap.render.patches import read_patches
from tests.golden.manifest_cases import CASES

RECORDED = Path(__file__).parent / "manifests"


def _rendered(name: str) -> dict[str, str]:
    case = CASES[name]
    patches = read_patches(case.patches)
    files = render_manifests(case.control_plane, case.facts, external_ca=case.external_ca, patches=patches)
    return {file.path.name: file.content for file in files}


def _record(name: str, files: dict[str, str]) -> None:
    directory = RECORDED / name
    directory.mkdir(parents=True, exist_ok=True)
    for old in directory.iterdir():
        old.unlink()
    for file, content in files.items():
        (directory / file).write_text(content)


@pytest.mark.parametrize("name", CASES)
def test_manifests_are_as_recorded(name: str) -> None:
    rendered = _rendered(name)
    if os.environ.get("RECORD_GOLDEN"):
        _record(name, rendered)
        pytest.fail(f"recorded {name}: look at the difference, then run again without RECORD_GOLDEN")
    recorded = {path.name: path.read_text() for path in (RECORDED / name).iterdir()}
    assert rendered == recorded


def test_every_recorded_case_is_still_rendered() -> None:
    assert {path.name for path in RECORDED.iterdir()} == set(CASES)
