"""The inventory: what we made, recorded before it is made, and nothing of anybody else's."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from bootstrap.apply import inventory
from bootstrap.errors import BootstrapError
from bootstrap.host.files import Files
from bootstrap.model.layout import Layout
from tests.fakes.dying_files import DyingFiles, UnflushedFiles

LAYOUT = Layout()
CA = LAYOUT.pki / "ca.crt"


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return UnflushedFiles(tmp_path)


def test_a_node_without_an_inventory_has_an_empty_one(files: Files) -> None:
    assert inventory.load(files, LAYOUT) == inventory.Inventory()


def test_a_file_is_recorded_with_the_directories_that_come_to_be_with_it(files: Files) -> None:
    files.make_directory(PurePosixPath("/etc"))
    inventory.record(files, LAYOUT, [CA])
    known = inventory.load(files, LAYOUT)
    assert known.files == {CA}
    assert known.directories == {LAYOUT.kubernetes, LAYOUT.pki}


def test_what_is_there_already_is_somebody_elses(files: Files) -> None:
    files.write(CA, "theirs", 0o644)
    files.make_directory(LAYOUT.etcd_data)
    inventory.record(files, LAYOUT, [CA])
    inventory.record(files, LAYOUT, directories=(LAYOUT.etcd_data,))
    assert inventory.load(files, LAYOUT) == inventory.Inventory()


def test_what_was_recorded_stays_recorded_once_it_is_made(files: Files) -> None:
    inventory.record(files, LAYOUT, directories=(LAYOUT.etcd_data,))
    files.make_directory(LAYOUT.etcd_data)
    inventory.record(files, LAYOUT, [CA])
    inventory.record(files, LAYOUT, directories=(LAYOUT.etcd_data,))
    known = inventory.load(files, LAYOUT)
    assert LAYOUT.etcd_data in known.directories
    assert CA in known.files


def test_recording_the_same_again_writes_nothing(tmp_path: Path) -> None:
    inventory.record(UnflushedFiles(tmp_path), LAYOUT, [CA])
    watched = DyingFiles(tmp_path, 10)
    inventory.record(watched, LAYOUT, [CA])
    assert watched.history == []


def test_a_damaged_inventory_is_reported(files: Files) -> None:
    for text in ("", "[]", '{"schema": "other/v1"}'):
        files.write(LAYOUT.inventory, text, 0o600)
        with pytest.raises(BootstrapError, match="damaged"):
            inventory.load(files, LAYOUT)
