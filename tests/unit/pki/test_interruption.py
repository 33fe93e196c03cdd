"""Killed at any instant and run again, the directory gets complete; a user's half pair never is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pki.catalog import NAMES
from pki.errors import PkiError
from tests.fakes.dying_files import DyingFiles, PowerCut
from tests.unit.pki.directory import PKI, Directory


def _effects(root: Path) -> int:
    """How many things happen on disk in a first run."""
    files = DyingFiles(root, 10_000)
    Directory(root).ensure(files=files)
    return len(files.history)


@pytest.mark.timeout(60)
def test_a_first_run_cut_at_any_instant_is_finished_by_the_next(tmp_path: Path) -> None:
    for life in range(_effects(tmp_path / "whole")):
        directory = Directory(tmp_path / str(life))
        with pytest.raises(PowerCut):
            directory.ensure(files=DyingFiles(directory.root, life))
        left = _finished(directory)
        directory.files.sweep(PKI)
        directory.files.sweep(PKI / "etcd")
        outcome = directory.ensure()
        assert set(outcome.decisions) == set(NAMES)
        after = directory.contents()
        assert len(after) == 22
        assert all(after[name] == content for name, content in left.items())
        assert set(outcome.having("keep")) == set(NAMES) or not left


def test_a_second_cut_while_finishing_is_finished_too(tmp_path: Path) -> None:
    directory = Directory(tmp_path)
    for life in (10, 3, 4, 5):
        with pytest.raises(PowerCut):
            directory.ensure(files=DyingFiles(directory.root, life))
    assert directory.ensure().finished
    assert len(_finished(directory)) == 22


def test_what_was_owed_is_told(tmp_path: Path) -> None:
    directory = Directory(tmp_path)
    with pytest.raises(PowerCut):
        directory.ensure(["ca"], files=DyingFiles(directory.root, 6))
    assert directory.path("ca.key").exists()
    assert not directory.path("ca.crt").exists()
    assert directory.ensure(["ca"]).finished == (PKI / "ca.crt",)
    assert not directory.path(".pending.json").exists()


def test_the_note_is_for_root_only_and_gone_in_the_end(tmp_path: Path) -> None:
    directory = Directory(tmp_path)
    with pytest.raises(PowerCut):
        directory.ensure(["ca"], files=DyingFiles(directory.root, 6))
    assert directory.files.mode(PKI / ".pending.json") == 0o600
    assert PKI / ".pending.json" in directory.announced
    directory.ensure(["ca"])
    assert set(_finished(directory)) == {"ca.crt", "ca.key"}
    assert not directory.path(".pending.json").exists()


def test_a_file_that_came_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    directory = Directory(tmp_path)
    with pytest.raises(PowerCut):
        directory.ensure(["ca"], files=DyingFiles(directory.root, 6))
    directory.path("ca.crt").write_text("the user's")
    with pytest.raises(PkiError) as caught:
        directory.ensure(["ca"])
    assert f"{PKI}/ca.crt" in caught.value.message
    assert f"rm {PKI}/.pending.json" in caught.value.remedy
    assert directory.path("ca.crt").read_text() == "the user's"


@pytest.mark.parametrize("content", ["", "{", json.dumps({"schema": "pki/pending/v9", "files": []})])
def test_a_note_that_cannot_be_understood_is_told(complete: Directory, content: str) -> None:
    complete.path(".pending.json").write_text(content)
    with pytest.raises(PkiError, match="cannot be understood") as caught:
        complete.ensure()
    assert f"rm {PKI}/.pending.json" in caught.value.remedy


def _finished(directory: Directory) -> dict[str, bytes]:
    """The files at their final names."""
    return {
        name: content
        for name, content in directory.contents().items()
        if not name.rpartition("/")[2].startswith(".")
    }
