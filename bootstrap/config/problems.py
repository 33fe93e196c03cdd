"""What is wrong with a configuration, collected until all of it can be said at once.

Invariant: a problem is one line that starts with where the offending text came from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from bootstrap.errors import ConfigError

FieldPath = tuple[str | int, ...]
"""Kind of the document, then keys and indexes: ``("ClusterConfiguration", "networking", "podSubnet")``."""


DEFAULT = "default"
"""Where a field came from that neither a file nor a flag gave."""


_LONGEST_LINE = 400


class Position(msgspec.Struct, frozen=True, order=True):
    """A place in a file; line and column count from 1, as editors do."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class InvalidConfigError(ConfigError):
    """Every problem of a configuration; ``details`` has one line for each."""


class Problems(msgspec.Struct):
    """Collects problems (which fail the load) and warnings (which do not).

    ``where`` is a Position, else text that names a flag or a field.
    """

    errors: list[tuple[Position | str, str]] = msgspec.field(default_factory=list)
    warnings: list[tuple[Position | str, str]] = msgspec.field(default_factory=list)

    def add(self, where: Position | str, text: str) -> None:
        self.errors.append((where, _one_line(text)))

    def warn(self, where: Position | str, text: str) -> None:
        self.warnings.append((where, _one_line(text)))

    def are_none(self, *, strict: bool = False) -> bool:
        """``strict``: warnings count."""
        return not self.errors and not (strict and self.warnings)

    def raise_if_any(self) -> None:
        """Raises InvalidConfigError when there is at least one error."""
        if self.errors:
            lines = in_order(self.errors)
            count = "one problem" if len(lines) == 1 else f"{len(lines)} problems"
            raise InvalidConfigError(
                f"the configuration has {count}",
                remedy="correct what is listed and run the same command again; nothing was changed",
                details=lines,
            )


def in_order(found: Sequence[tuple[Position | str, str]]) -> tuple[str, ...]:
    """One line each, as ``ordered`` has them."""
    return tuple(f"{where}: {text}" for where, text in ordered(found))


def ordered(found: Sequence[tuple[Position | str, str]]) -> tuple[tuple[Position | str, str], ...]:
    """As they come in the files, what has no place in a file last, none twice."""
    placed = sorted((item for item in found if isinstance(item[0], Position)), key=_place)
    others = (item for item in found if not isinstance(item[0], Position))
    return tuple(dict.fromkeys((*placed, *others)))


def _one_line(text: str) -> str:
    """Offending text may hold anything: nothing of it may break the line or reach a terminal as a command."""
    shown = "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
    return shown if len(shown) <= _LONGEST_LINE else f"{shown[: _LONGEST_LINE - 1]}…"


def _place(item: tuple[Position | str, str]) -> Position:
    assert isinstance(item[0], Position)
    return item[0]


def origin_of(path: FieldPath, origins: Mapping[FieldPath, Position | str]) -> Position | str:
    """Where a field came from: its own place, else that of the nearest mapping around it, else a default."""
    while path:
        if path in origins:
            return origins[path]
        path = path[:-1]
    return DEFAULT


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate a misspelt word most likely meant, None when nothing is near."""
    from difflib import get_close_matches

    by_folded = {candidate.lower(): candidate for candidate in candidates}
    found = get_close_matches(word.lower(), by_folded, n=1, cutoff=0.7)
    return by_folded[found[0]] if found else None


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """``; did you mean "podSubnet"?``, or nothing."""
    found = nearest(word, candidates)
    return f'; did you mean "{found}"?' if found else ""
