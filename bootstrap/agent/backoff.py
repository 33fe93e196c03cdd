"""How long to wait before trying again. Pure.

Source: client-go/util/flowcontrol/backoff.go and the kubelet's doBackOff. Invariant: the wait counts from the
failure, not from the decision, and the first failure after a quiet time costs no wait.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Schedule:
    """Seconds: the first wait, and the longest."""

    first: float
    longest: float


CRASH = Schedule(10, 300)
PULL = Schedule(10, 300)
SETUP = Schedule(1, 10)
"""A volume that is not there yet, a name that is taken: usually mended within seconds while a node comes
up."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """``wait`` seconds are due after the next failure; ``since`` is when that was decided."""

    schedule: Schedule
    wait: float
    since: datetime


def waits_until(backoff: Backoff | None, failed: datetime, now: datetime) -> datetime | None:
    """When to try again after a failure at that time; None is now.

    A failure in the future means that the clock was set back: nothing is waited for.
    """
    if backoff is None or failed > now or _is_over(backoff, failed):
        return None
    until = failed + timedelta(seconds=backoff.wait)
    return until if until > now else None


def after_retry(backoff: Backoff | None, schedule: Schedule, failed: datetime, now: datetime) -> Backoff:
    """The back-off once the failure at that time has been answered by a new try."""
    if backoff is None or _is_over(backoff, failed):
        return Backoff(schedule, schedule.first, now)
    return Backoff(schedule, min(max(backoff.wait * 2, schedule.first), schedule.longest), now)


def after_accident(backoff: Backoff | None, schedule: Schedule, failed: datetime, now: datetime) -> Backoff:
    """The same when it was no failure of its own: the first costs the next failure no wait. Only the first,
    for what goes wrong again and again is no accident."""
    if backoff is None or _is_over(backoff, failed):
        return Backoff(schedule, 0, now)
    return after_retry(backoff, schedule, failed, now)


def _is_over(backoff: Backoff, failed: datetime) -> bool:
    """Twice the longest wait without a failure forgets the past."""
    return failed - backoff.since > timedelta(seconds=2 * backoff.schedule.longest)
