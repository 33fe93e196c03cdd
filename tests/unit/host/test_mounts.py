"""Reading the kernel's list of mounts."""

from __future__ import annotations

from pathlib import Path

from bootstrap.host.mounts import mount_points, mounts_below

LINES = (
    "22 1 0:20 / / rw shared:1 - ext4 /dev/sda1 rw",
    "30 22 0:30 / /pods/a rw - tmpfs tmpfs rw",
    "31 30 8:1 /x\\040y /pods/a/with\\040space rw - ext4 /dev/sda1 rw",
    "32 22 0:31 / /pods/ab rw - tmpfs tmpfs rw",
    "33 30 0:32 / /pods/a rw - tmpfs tmpfs rw",
)


def test_the_last_mount_comes_first_and_neighbours_do_not_count() -> None:
    assert mount_points(LINES, Path("/pods/a")) == (
        Path("/pods/a"),
        Path("/pods/a/with space"),
        Path("/pods/a"),
    )


def test_proc_is_a_mount_of_this_machine() -> None:
    assert Path("/proc") in mounts_below(Path("/proc"))
