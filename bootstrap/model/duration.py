"""Go duration text, the way Kubernetes documents write spans of time (``4m0s``, ``1h30m``, ``500ms``).

Source of the grammar: Go's time.ParseDuration and Duration.String. Invariant: no other module reads or writes
such text, and ``parse_duration(format_duration(span)) == span``.
"""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal

from bootstrap.errors import ConfigError

_MICROSECONDS = {
    "ns": Decimal("0.001"),
    "us": Decimal(1),
    "µs": Decimal(1),
    "μs": Decimal(1),
    "ms": Decimal(1_000),
    "s": Decimal(1_000_000),
    "m": Decimal(60_000_000),
    "h": Decimal(3_600_000_000),
}
_TERM = r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)"
_DURATION = re.compile(rf"([+-]?)(0|(?:{_TERM})+)")
_LONGEST = timedelta(microseconds=(2**63 - 1) // 1000)
"""Go counts nanoseconds in 64 bits: about 292 years."""


def parse_duration(text: str) -> timedelta:
    """The span a text stands for, exact to a microsecond; raises ConfigError for anything else."""
    found = _DURATION.fullmatch(text)
    if found:
        terms = re.findall(_TERM, found.group(2))
        microseconds = int(sum(Decimal(number) * _MICROSECONDS[unit] for number, unit in terms))
        if microseconds <= _LONGEST // timedelta(microseconds=1):
            return timedelta(microseconds=-microseconds if found.group(1) == "-" else microseconds)
    raise ConfigError(f"{text!r} is not a duration", remedy="write it as 4m0s, 90s or 500ms, for example")


def duration_seconds(text: str) -> float:
    """Seconds in a duration; raises ConfigError for anything else."""
    return parse_duration(text).total_seconds()


def format_duration(span: timedelta) -> str:
    """The text Go writes: ``24h0m0s``, ``1.5s``, ``100ms``, ``0s``."""
    microseconds = abs(span) // timedelta(microseconds=1)
    sign = "-" if span < timedelta(0) else ""
    if microseconds < 1_000_000:
        return sign + _below_a_second(microseconds)
    minutes, rest = divmod(microseconds, 60_000_000)
    hours, minutes = divmod(minutes, 60)
    text = f"{_decimal(rest, 1_000_000)}s"
    if hours or minutes:
        text = f"{minutes}m{text}"
    return f"{sign}{hours}h{text}" if hours else sign + text


def _below_a_second(microseconds: int) -> str:
    if microseconds == 0:
        return "0s"
    return f"{microseconds}µs" if microseconds < 1_000 else f"{_decimal(microseconds, 1_000)}ms"


def _decimal(value: int, unit: int) -> str:
    """``value / unit`` without trailing zeros."""
    whole, fraction = divmod(value, unit)
    if not fraction:
        return str(whole)
    digits = len(str(unit)) - 1
    return f"{whole}.{fraction:0{digits}d}".rstrip("0")
