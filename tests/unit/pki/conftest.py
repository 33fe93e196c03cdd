from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.pki.directory import Directory


@pytest.fixture
def directory(tmp_path: Path) -> Directory:
    """An empty machine."""
    return Directory(tmp_path)


@pytest.fixture
def complete(directory: Directory) -> Directory:
    """A machine that has all certificates."""
    directory.ensure()
    return directory
