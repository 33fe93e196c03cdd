"""Numbers side by side, and the table they make. Values only.

Invariant: a row is judged by the median of its samples; a ratio is taken from samples of one run, so that a
slow machine slows both sides.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median

import msgspec


@dataclass(frozen=True, slots=True)
class Row:
    """``limit`` is of the median of ``samples``, or of its ratio to that of ``baseline`` where there is one.

    ``worst`` is a limit no single sample may pass. ``unit`` is "s", "MB" or "%".
    """

    name: str
    unit: str
    samples: tuple[float, ...]
    limit: float
    baseline_name: str = ""
    baseline: tuple[float, ...] = field(default=())
    worst: float | None = None

    @property
    def ratio(self) -> float | None:
        return median(self.samples) / median(self.baseline) if self.baseline else None

    @property
    def is_reached(self) -> bool:
        judged = median(self.samples) if self.ratio is None else self.ratio
        return judged <= self.limit and (self.worst is None or max(self.samples) <= self.worst)


HEADER = (
    "| what | median | worst | beside it | ratio | must reach | reached |",
    "|---|---|---|---|---|---|---|",
)


def table(rows: tuple[Row, ...]) -> str:
    """Markdown, one line a row."""
    return "\n".join((*HEADER, *map(_line, rows)))


def _line(row: Row) -> str:
    ratio = row.ratio
    beside = f"{row.baseline_name} {_number(median(row.baseline), row.unit)}" if row.baseline else ""
    limit = _number(row.limit, row.unit) if ratio is None else f"{row.limit:g} x"
    if row.worst is not None:
        limit += f", each <= {_number(row.worst, row.unit)}"
    cells = (
        row.name,
        _number(median(row.samples), row.unit),
        _number(max(row.samples), row.unit),
        beside,
        "" if ratio is None else f"{ratio:.2f}",
        f"<= {limit}",
        "yes" if row.is_reached else "**no**",
    )
    return f"| {' | '.join(cells)} |"


def _number(value: float, unit: str) -> str:
    digits = {"s": 3, "MB": 1, "%": 2}[unit]
    return f"{value:.{digits}f} {unit}"


def encoded(rows: tuple[Row, ...]) -> str:
    """For a program that measures inside a node to tell one that is outside."""
    return msgspec.json.encode(rows).decode()


def decoded(text: str) -> tuple[Row, ...]:
    return msgspec.json.decode(text, type=tuple[Row, ...])
