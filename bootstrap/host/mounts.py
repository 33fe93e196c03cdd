"""What is mounted where, as the kernel tells it: a bind mount on one filesystem looks like any directory."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

MOUNTINFO = Path("/proc/self/mountinfo")
MOUNT_POINT_FIELD = 4

_OCTAL = re.compile(r"\\([0-7]{3})")


def mounts_below(directory: Path) -> tuple[Path, ...]:
    """Mount points at the directory and below it, what was mounted last first; one that is covered counts
    too."""
    return mount_points(MOUNTINFO.read_text(errors="surrogateescape").splitlines(), directory)


def mount_points(lines: Iterable[str], directory: Path) -> tuple[Path, ...]:
    """Those of ``mountinfo`` lines that are at the directory or below it."""
    # A node with many pods has thousands of mounts: only text is compared.
    at, below = str(directory), f"{directory}/".replace("//", "/")
    points = (_plain(line.split()[MOUNT_POINT_FIELD]) for line in lines if line)
    return tuple(reversed([Path(each) for each in points if each == at or each.startswith(below)]))


def _plain(text: str) -> str:
    """Spaces and the like are written as octal numbers."""
    return _OCTAL.sub(lambda found: chr(int(found[1], 8)), text)
