"""What every scenario has: a place for temporary files that goes with the test."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where a dry run makes its directory."""
    before, directory = tempfile.tempdir, tmp_path_factory.mktemp("temporary")
    tempfile.tempdir = str(directory)
    yield directory
    tempfile.tempdir = before
