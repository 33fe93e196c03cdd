"""Adapters that are made when they are first used."""

from __future__ import annotations

from bootstrap.cli.late import late
from tests.fakes.clock import FakeClock


def test_it_is_made_once_and_only_when_it_is_used() -> None:
    made = []

    def make() -> FakeClock:
        made.append(FakeClock())
        return made[-1]

    clock = late(make)
    assert made == []
    assert clock.monotonic() == clock.monotonic()
    assert clock.now() == made[0].now()
    assert len(made) == 1
