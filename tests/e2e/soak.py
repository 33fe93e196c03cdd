"""How often and how long: short in ``make test``, in full in ``make soak``, which keeps what it measured."""

from __future__ import annotations

import json
import math
import os
import statistics
from collections.abc import Sequence

from tests.lab.images import REPOSITORY

IN_FULL = os.environ.get("SOAK", "") == "1"
FIGURES = REPOSITORY / "build" / "faults.json"


def either(short: int, full: int) -> int:
    """Rounds, or seconds."""
    return full if IN_FULL else short


def keep(name: str, **figures: object) -> None:
    """For docs/reliability.md; a short run says nothing worth keeping."""
    print(json.dumps({name: figures}))
    if not IN_FULL:
        return
    known = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    FIGURES.parent.mkdir(exist_ok=True)
    FIGURES.write_text(json.dumps(known | {name: figures}, indent=2, sort_keys=True) + "\n")


def spread(seconds: Sequence[float]) -> dict[str, float]:
    """Times, rounded: how many, the median, the 95th of a hundred, the longest."""
    ordered = sorted(seconds)
    return {
        "times": len(ordered),
        "p50": round(statistics.median(ordered), 2),
        "p95": percentile(ordered, 95),
        "longest": round(ordered[-1], 2),
    }


def percentile(seconds: Sequence[float], hundredths: int) -> float:
    ordered = sorted(seconds)
    return round(ordered[math.ceil(hundredths / 100 * len(ordered)) - 1], 2)
