"""What can be wrong with a certificates directory: a sentence and a remedy.

Invariant: a problem names the file it is about, and nothing of a private key's content.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that keeps a file from being used; ``remedy`` is the next command or edit."""

    message: str
    remedy: str


class PkiError(Exception):
    """A foreseen failure. ``details`` has one line for each of several problems, empty for a single one."""

    def __init__(self, message: str, *, remedy: str = "", details: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.details = details


def refuse(problems: Sequence[Problem]) -> None:
    """Raise one PkiError for all problems; do nothing when there are none."""
    if not problems:
        return
    if len(problems) == 1:
        raise PkiError(problems[0].message, remedy=problems[0].remedy)
    raise PkiError(
        f"{len(problems)} things are wrong with existing certificates; nothing was written",
        remedy="each line above ends with its remedy; mend them all, then run the same command again",
        details=tuple(f"{problem.message} -> {problem.remedy}" for problem in problems),
    )
