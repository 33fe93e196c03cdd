"""What a person is told while something runs, apart from what is logged for later.

Invariant: nothing below the CLI prints; it reports here, and the CLI decides between a terminal, a pipe and
JSON. A title is a short clause in the user's nouns ("Generating certificates"); a detail is what is still
missing or was done ("waiting for kube-apiserver: connection refused").
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol


class Step(Protocol):
    """One piece of work under way."""

    def update(self, detail: str) -> None:
        """Replace the line that says where the work stands; on a pipe it is printed when it changes."""

    def done(self, summary: str) -> None:
        """What to show beside the tick; without a call it is the title alone."""


class Reporter(Protocol):
    """Tells a person what happens; thread-safe, so parallel pulls may report into their own steps."""

    def step(self, title: str) -> AbstractContextManager[Step]:
        """Work that takes time: timed, ticked when the block ends, crossed when it raises."""

    def info(self, message: str) -> None:
        """A fact worth a line."""

    def result(self, text: str) -> None:
        """What was asked for, which may hold a secret: to standard output alone, never into a log."""

    def warn(self, message: str) -> None:
        """Something that may hurt later; shown even with --quiet."""
