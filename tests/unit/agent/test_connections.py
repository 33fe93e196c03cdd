"""A connection is lent, taken back, and never used again after it failed."""

from __future__ import annotations

import pytest

from bootstrap.agent.connections import KEPT_WHEN_BUSY, Connections
from bootstrap.runtime.api import ContainerRuntime, EngineUnreachableError
from tests.fakes.runtime import FakeEngine, FakeRuntime


class Counted:
    """Makes connections and remembers them."""

    def __init__(self) -> None:
        self.engine = FakeEngine()
        self.made: list[FakeRuntime] = []

    def __call__(self) -> ContainerRuntime:
        self.made.append(FakeRuntime(self.engine))
        return self.made[-1]

    @property
    def open(self) -> int:
        return sum(not each.is_closed for each in self.made)


def test_one_connection_serves_one_after_the_other_and_two_at_once_need_two() -> None:
    made = Counted()
    connections = Connections(made)
    for _ in range(3):
        with connections.lent():
            pass
    assert len(made.made) == 1
    with connections.lent() as one, connections.lent() as other:
        assert one is not other
    assert len(made.made) == 2


def test_an_engine_that_went_away_costs_every_connection() -> None:
    made = Counted()
    connections = Connections(made)
    with connections.lent(), connections.lent():
        pass
    with pytest.raises(EngineUnreachableError), connections.lent():
        raise EngineUnreachableError("gone")
    assert made.open == 0


def test_a_connection_that_failed_in_an_unknown_way_is_not_used_again() -> None:
    made = Counted()
    connections = Connections(made)
    with pytest.raises(ZeroDivisionError), connections.lent():
        raise ZeroDivisionError
    assert made.open == 0


def test_few_are_kept_after_many_were_needed() -> None:
    made = Counted()
    connections = Connections(made)

    def nested(depth: int) -> None:
        with connections.lent():
            if depth:
                nested(depth - 1)

    nested(2 * KEPT_WHEN_BUSY)
    assert made.open == KEPT_WHEN_BUSY
    connections.trim()
    assert made.open == 1
