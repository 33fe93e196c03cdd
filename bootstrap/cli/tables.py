"""Columns and spans of time as kubeadm and kubectl print them, so that what reads theirs reads ours.

Source: text/tabwriter as kubeadm sets it up, k8s.io/apimachinery/pkg/util/duration. Invariant: pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

_SMALLEST = 10
_PADDING = 3


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines whose columns stand below each other; the last one is as wide as it is."""
    widths = [
        max(_SMALLEST, *(len(row[column]) + _PADDING for row in rows)) for column in range(len(rows[0]) - 1)
    ]
    return [
        "".join((*(text.ljust(width) for text, width in zip(row, widths, strict=False)), row[-1])).rstrip()
        for row in rows
    ]


def short_span(span: timedelta) -> str:
    """The largest unit alone: ``23h``, ``364d``; ``<invalid>`` for a time that is over."""
    seconds = int(span.total_seconds())
    if seconds < 0:
        return "<invalid>"
    for unit, size, count in (("s", 1, 60), ("m", 60, 60), ("h", 3600, 24), ("d", 86400, 365)):
        if seconds < size * count:
            return f"{seconds // size}{unit}"
    return f"{seconds // (86400 * 365)}y"


def span_text(span: timedelta) -> str:
    """Two units while the second one matters: ``7h59m``, ``5d3h``, ``364d``, ``9y``."""
    seconds = int(span.total_seconds())
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if seconds < 0:
        return "<invalid>"
    if seconds < 120:
        return f"{seconds}s"
    if minutes < 10:
        return _two(minutes, "m", seconds % 60, "s")
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return _two(days, "d", hours % 24, "h")
    if days < 730:
        return f"{days}d"
    if days < 2920:
        return _two(days // 365, "y", days % 365, "d")
    return f"{days // 365}y"


def _two(first: int, unit: str, second: int, smaller: str) -> str:
    return f"{first}{unit}{second}{smaller}" if second else f"{first}{unit}"
