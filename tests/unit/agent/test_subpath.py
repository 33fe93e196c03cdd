"""Parts of a volume, opened so that no link leads out of it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from bootstrap.agent.subpath import VolumeError, open_below, walk


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    made = tmp_path / "volume"
    made.mkdir()
    made.chmod(0o2770)
    return made


def opened(descriptor: int) -> Path:
    try:
        return Path(os.readlink(f"/proc/self/fd/{descriptor}"))
    finally:
        os.close(descriptor)


def test_what_is_missing_is_made_as_the_volume_is(volume: Path) -> None:
    assert opened(open_below(volume, "a/b")) == volume / "a" / "b"
    assert stat.S_IMODE((volume / "a").stat().st_mode) == 0o2770


def test_a_link_inside_the_volume_is_followed(volume: Path) -> None:
    (volume / "real").mkdir()
    (volume / "link").symlink_to("real")
    assert opened(open_below(volume, "link/x")) == volume / "real" / "x"


@pytest.mark.parametrize("target", ["/etc", "../outside", "/"])
def test_a_link_that_leads_out_is_refused(volume: Path, target: str) -> None:
    (volume / "sub").symlink_to(target)
    with pytest.raises(VolumeError, match="leads out of its volume"):
        open_below(volume, "sub")
    assert not (volume.parent / "outside").exists()


def test_dots_are_refused(volume: Path) -> None:
    with pytest.raises(VolumeError):
        open_below(volume, "a/../../x")


@pytest.mark.parametrize("parts", [("link",), ("link", "passwd")])
def test_a_link_that_appears_after_the_check_is_refused(volume: Path, parts: tuple[str, ...]) -> None:
    (volume / "link").symlink_to("/etc")
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises((VolumeError, NotADirectoryError)):
        walk(volume, parts)
    assert len(os.listdir("/proc/self/fd")) == before
