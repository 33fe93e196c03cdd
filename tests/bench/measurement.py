"""What a benchmark found, and the table people read. Values and pure functions.

Invariant: a budget is judged by the median of at least five samples, and a comparison only between samples
taken turn by turn in one run: what else the machine does then slows both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

FEWEST_SAMPLES = 5
HEADER = ("what", "podstrap", "beside it", "ratio", "budget", "")


@dataclass(frozen=True, slots=True)
class Measurement:
    """``samples`` and ``beside`` in ``unit``; ``beside`` are of ``compared_with``, empty when nothing is.

    Budgets, 0 for none: ``most`` for the median, ``worst`` for each sample, ``ratio`` for the quotient of the
    medians. A value taken over a longer time (memory, idle processor time) may be one sample.
    """

    what: str
    unit: str
    samples: tuple[float, ...]
    compared_with: str = ""
    beside: tuple[float, ...] = ()
    most: float = 0.0
    worst: float = 0.0
    ratio: float = 0.0

    @property
    def quotient(self) -> float:
        return median(self.samples) / median(self.beside) if self.beside else 0.0

    @property
    def misses(self) -> tuple[str, ...]:
        """The budgets that were not kept, in words."""
        found = []
        if self.most and median(self.samples) > self.most:
            found.append(f"median over {amount(self.most, self.unit)}")
        if self.worst and max(self.samples) > self.worst:
            found.append(f"slowest {amount(max(self.samples), self.unit)}")
        if self.ratio and self.quotient > self.ratio:
            found.append(f"ratio over {self.ratio:g}")
        return tuple(found)

    @property
    def budget(self) -> str:
        parts = []
        if self.ratio:
            parts.append(f"{self.ratio:g} x")
        if self.most:
            parts.append(amount(self.most, self.unit))
        if self.worst:
            parts.append(f"none over {amount(self.worst, self.unit)}")
        return ", ".join(parts)


def amount(value: float, unit: str) -> str:
    """``0.42 s``, ``38 MB``"""
    return f"{number(value)} {unit}"


def number(value: float) -> str:
    """Three significant digits, and no fewer than there are before the point."""
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def row(found: Measurement) -> tuple[str, ...]:
    beside = f"{amount(median(found.beside), found.unit)} ({found.compared_with})" if found.beside else ""
    ends = f" [{number(min(found.samples))} .. {number(max(found.samples))}]"
    spread = ends if len(found.samples) > 1 else ""
    return (
        found.what,
        amount(median(found.samples), found.unit) + spread,
        beside,
        f"{found.quotient:.2f}" if found.beside else "",
        found.budget,
        "; ".join(found.misses) or ("ok" if found.budget else ""),
    )


def markdown(measurements: Sequence[Measurement]) -> str:
    """The table, aligned, so that it reads as text too."""
    rows = [HEADER, *map(row, measurements)]
    widths = [max(len(line[column]) for line in rows) for column in range(len(HEADER))]
    drawn = [f"| {' | '.join(map(str.ljust, line, widths))} |" for line in rows]
    return "\n".join([drawn[0], f"|{'|'.join('-' * (width + 2) for width in widths)}|", *drawn[1:]])
