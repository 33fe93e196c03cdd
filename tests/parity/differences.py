"""Where two trees differ, and which of that is decided: docs/kubeadm-differences.md is read as data.

Invariant: a difference is on the list or a failure, and so is an entry of the list that does not occur.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from tests.parity.facts import Facts

DOCUMENT = Path(__file__).parents[2] / "docs" / "kubeadm-differences.md"

ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Difference:
    configuration: str
    version: str
    file: str
    field: str
    theirs: Any
    ours: Any

    def __str__(self) -> str:
        place = f"{self.version} {self.configuration}: {self.file}: {self.field}"
        return f"{place}: kubeadm {self.theirs!r}, here {self.ours!r}"


@dataclass(frozen=True, slots=True)
class Decided:
    """One line of the list; patterns are those of a shell."""

    configuration: str
    file: str
    field: str
    reason: str

    def covers(self, difference: Difference) -> bool:
        return (
            fnmatchcase(difference.configuration, self.configuration)
            and fnmatchcase(difference.file, self.file)
            and fnmatchcase(difference.field, self.field)
        )


@dataclass(slots=True)
class Tally:
    """What was compared; ``seen``: the lines of the list that occurred, ``inputs``: those that are wrong."""

    compared: int = 0
    on_the_list: int = 0
    unexplained: list[Difference] = field(default_factory=list)
    seen: set[Decided] = field(default_factory=set)
    inputs: int = 0
    refused_by_both: int = 0

    @property
    def equal(self) -> int:
        return self.compared - self.on_the_list - len(self.unexplained)

    def absorb(self, other: Tally) -> None:
        """Counts of another one, added to these."""
        self.compared += other.compared
        self.on_the_list += other.on_the_list
        self.unexplained += other.unexplained
        self.seen |= other.seen

    def add(
        self, theirs: Facts, ours: Facts, configuration: str, version: str, decided: Iterable[Decided]
    ) -> None:
        known = tuple(decided)
        for place, name, their, our in _pairs(theirs, ours):
            self.compared += 1
            if their == our:
                continue
            difference = Difference(configuration, version, place, name, their, our)
            reason = next((line for line in known if line.covers(difference)), None)
            if reason:
                self.on_the_list += 1
                self.seen.add(reason)
            else:
                self.unexplained.append(difference)


def _pairs(theirs: Facts, ours: Facts) -> Iterator[tuple[str, str, Any, Any]]:
    for place in sorted(theirs.keys() | ours.keys()):
        if place not in theirs or place not in ours:
            there, here = (place if place in side else ABSENT for side in (theirs, ours))
            yield place, "the file", there, here
            continue
        for name in sorted(theirs[place].keys() | ours[place].keys()):
            yield place, name, theirs[place].get(name, ABSENT), ours[place].get(name, ABSENT)


def decided_differences() -> tuple[Decided, ...]:
    """The table of files."""
    return tuple(
        Decided(_pattern(row[0]), _pattern(row[1]), _pattern(row[2]), row[-1]) for row in _table("Files")
    )


def decided_in_the_cluster() -> tuple[Decided, ...]:
    """The table of objects of the API."""
    rows = _table("In the cluster")
    return tuple(Decided("*", _pattern(row[0]), _pattern(row[1]), row[-1]) for row in rows)


def one_sided() -> dict[str, str]:
    """Input that one of the two refuses: its name -> what podstrap does, ``refused`` or ``accepted``."""
    return {_pattern(row[0]): row[1] for row in _table("Input")}


def _pattern(cell: str) -> str:
    found = re.fullmatch(r"`([^`]+)`", cell)
    return found.group(1) if found else "*"


def _table(heading: str) -> list[list[str]]:
    """The rows of the table below a heading of the document."""
    section = re.split(r"^## ", DOCUMENT.read_text(), flags=re.MULTILINE)
    body = next(part for part in section if part.startswith(heading))
    lines = [line for line in body.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
