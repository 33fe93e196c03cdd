"""Back-off as the kubelet's numbers have it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bootstrap.agent.backoff import CRASH, Backoff, after_retry, waits_until

START = datetime(2026, 1, 1, tzinfo=UTC)


def seconds(count: float) -> datetime:
    return START + timedelta(seconds=count)


def test_the_first_failure_is_answered_at_once() -> None:
    assert waits_until(None, seconds(5), seconds(5)) is None


def test_waits_double_from_ten_seconds_to_five_minutes() -> None:
    backoff: Backoff | None = None
    now, waits = 0.0, []
    for _ in range(8):
        failed = now + 1
        until = waits_until(backoff, seconds(failed), seconds(failed))
        waits.append((until - seconds(failed)).total_seconds() if until else 0)
        now = failed + waits[-1]
        backoff = after_retry(backoff, CRASH, seconds(failed), seconds(now))
    assert waits == [0, 10, 20, 40, 80, 160, 300, 300]


def test_the_wait_counts_from_the_failure() -> None:
    backoff = Backoff(CRASH, 10, START)
    assert waits_until(backoff, seconds(100), seconds(104)) == seconds(110)
    assert waits_until(backoff, seconds(100), seconds(110)) is None


def test_ten_quiet_minutes_forget_the_past() -> None:
    backoff = Backoff(CRASH, 300, START)
    assert waits_until(backoff, seconds(600), seconds(600)) is not None
    assert waits_until(backoff, seconds(601), seconds(601)) is None
    assert after_retry(backoff, CRASH, seconds(601), seconds(601)).wait == 10


def test_a_clock_set_back_does_not_make_anybody_wait() -> None:
    assert waits_until(Backoff(CRASH, 300, START), seconds(500), seconds(100)) is None
