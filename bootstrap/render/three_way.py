"""Three versions of a text merged by lines: what both sides changed apart is taken from each.

Invariant: pure; where only one side changed, or both did the same, the merge is that change; everything else
is a conflict, marked in the manner of diff3, and nothing of either side is lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher, unified_diff

_MARKER = re.compile(r"(?:<{7}|\|{7}|>{7})(?: |$)|={7}$")
"""The markers that ``merge`` writes, which are those of git and diff3."""

Lines = Sequence[str]


@dataclass(frozen=True, slots=True)
class Labels:
    """What stands behind the markers of a conflict."""

    yours: str
    base: str
    theirs: str


@dataclass(frozen=True, slots=True)
class Merged:
    """``conflicts``: the lines, from 1, at which one begins; none when the merge is clean."""

    text: str
    conflicts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Region:
    """Lines between two places where all three versions agree; any of the three may be empty."""

    base: Lines
    yours: Lines
    theirs: Lines

    def resolved(self) -> Lines | None:
        """None for a conflict."""
        if self.yours == self.base:
            return self.theirs
        if self.base == self.theirs or self.yours == self.theirs:
            return self.yours
        return None


def merge(base: str, yours: str, theirs: str, labels: Labels) -> Merged:
    """The changes from ``base`` to ``yours`` and from ``base`` to ``theirs``, in one text."""
    lines: list[str] = []
    conflicts: list[int] = []
    for region in _regions(_split(base), _split(yours), _split(theirs)):
        resolved = region.resolved()
        if resolved is None:
            conflicts.append(len(lines) + 1)
            resolved = list(_conflict(region, labels))
        lines += resolved
    return Merged("".join(lines), tuple(conflicts))


def first_marker(text: str) -> int:
    """The first line, from 1, that is a marker of a conflict nobody has resolved; 0 when there is none."""
    return next((number for number, line in enumerate(text.splitlines(), 1) if _MARKER.match(line)), 0)


def difference(old: str, new: str, old_name: str, new_name: str) -> list[str]:
    """Lines of a unified diff, without line ends; empty when there is no difference."""
    return list(unified_diff(old.splitlines(), new.splitlines(), old_name, new_name, lineterm=""))


def _split(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def _regions(base: Lines, yours: Lines, theirs: Lines) -> Iterator[_Region]:
    at, in_yours, in_theirs = 0, 0, 0
    for line, your_line, their_line in _agreements(base, yours, theirs):
        yield _Region(base[at:line], yours[in_yours:your_line], theirs[in_theirs:their_line])
        common = base[line : line + 1]
        yield _Region(common, common, common)
        at, in_yours, in_theirs = line + 1, your_line + 1, their_line + 1
    yield _Region(base[at:], yours[in_yours:], theirs[in_theirs:])


def _agreements(base: Lines, yours: Lines, theirs: Lines) -> Iterator[tuple[int, int, int]]:
    """Where a line of the base is in both others, in order; none after the last one."""
    in_yours, in_theirs = _matches(base, yours), _matches(base, theirs)
    for line in sorted(in_yours.keys() & in_theirs.keys()):
        yield line, in_yours[line], in_theirs[line]


def _matches(base: Lines, other: Lines) -> dict[int, int]:
    blocks = SequenceMatcher(None, base, other, autojunk=False).get_matching_blocks()
    return {block.a + offset: block.b + offset for block in blocks for offset in range(block.size)}


def _conflict(region: _Region, labels: Labels) -> Iterator[str]:
    for marker, label, lines in (
        ("<" * 7, labels.yours, region.yours),
        ("|" * 7, labels.base, region.base),
        ("=" * 7, "", region.theirs),
    ):
        yield f"{marker} {label}".rstrip() + "\n"
        yield from lines[:-1]
        yield from (line if line.endswith("\n") else f"{line}\n" for line in lines[-1:])
    yield f"{'>' * 7} {labels.theirs}\n"
