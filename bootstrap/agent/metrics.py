"""Numbers that grow, and the text in which Prometheus reads them.

Own code rather than a library: the format is a page of text, and a client library would cost the agent more
memory than all it counts. Invariant: a sample never decreases as long as its counter lives. Thread-safe.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """``suffix`` follows the family's name: "_bucket", "_sum" and "_count" of a histogram."""

    value: float
    labels: Labels = ()
    suffix: str = ""


@dataclass(frozen=True, slots=True)
class Family:
    """What a name means, and its samples."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    samples: tuple[Sample, ...]


class Counter:
    """How often, by the values of its labels."""

    def __init__(self, *labels: str) -> None:
        self._names = labels
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, ...], int] = {}

    def count(self, *values: str) -> None:
        with self._lock:
            self._counts[values] = self._counts.get(values, 0) + 1

    def keep(self, label: str, values: Iterable[str]) -> None:
        """Forget what is counted under other values of one label."""
        wanted, index = frozenset(values), self._names.index(label)
        with self._lock:
            for key in [key for key in self._counts if key[index] not in wanted]:
                del self._counts[key]

    def samples(self) -> tuple[Sample, ...]:
        with self._lock:
            counts = sorted(self._counts.items())
        return tuple(Sample(count, tuple(zip(self._names, key, strict=True))) for key, count in counts)


class Histogram:
    """How long things take, in seconds; ``bounds`` are the upper ends of its buckets, ascending."""

    def __init__(self, *bounds: float, labels: Labels = ()) -> None:
        self._bounds = bounds
        self._labels = labels
        self._lock = threading.Lock()
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, seconds: float) -> None:
        with self._lock:
            self._counts[bisect_left(self._bounds, seconds)] += 1
            self._sum += seconds

    def samples(self) -> tuple[Sample, ...]:
        with self._lock:
            counts, total = tuple(self._counts), self._sum
        found, seen = [], 0
        for bound, count in zip((*self._bounds, float("inf")), counts, strict=True):
            seen += count
            le = "+Inf" if bound == float("inf") else f"{bound:g}"
            found.append(Sample(seen, (*self._labels, ("le", le)), "_bucket"))
        return (*found, Sample(total, self._labels, "_sum"), Sample(seen, self._labels, "_count"))


def exposition(families: Iterable[Family]) -> str:
    """The text format, version 0.0.4; families without a sample are left out."""
    return "".join(f"{line}\n" for family in families if family.samples for line in _lines(family))


def _lines(family: Family) -> Iterator[str]:
    yield f"# HELP {family.name} {family.help}"
    yield f"# TYPE {family.name} {family.kind}"
    for sample in family.samples:
        labels = ",".join(f'{name}="{_escaped(value)}"' for name, value in sample.labels)
        braces = f"{{{labels}}}" if labels else ""
        yield f"{family.name}{sample.suffix}{braces} {_number(sample.value)}"


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
