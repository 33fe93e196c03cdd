"""The event history: what is counted, what is kept, what is forgotten."""

from __future__ import annotations

import threading

import pytest

from bootstrap.agent.history import EVENTS_PER_POD, MESSAGES_PER_REASON, PODS_GONE, Event, History, Subject
from tests.fakes.clock import FakeClock

WEB = Subject("web-n1", "default", "u1", "main")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def history(clock: FakeClock) -> History:
    return History("n1", clock)


def test_what_repeats_is_counted_from_first_to_last(history: History, clock: FakeClock) -> None:
    begun = clock.now()
    for _ in range(3):
        history.record(WEB, "BackOff", "wait")
        clock.advance(10)
    history.record(WEB, "Started", "started")
    backoff, started = history.since().events
    assert (backoff.count, backoff.first, (backoff.last - begun).total_seconds()) == (3, begun, 20)
    assert (backoff.type, started.type) == ("Warning", "Normal")
    assert backoff.field_path == "spec.containers{main}"


@pytest.mark.parametrize(
    "other",
    [
        Subject("web-n1", "default", "u2", "main"),
        Subject("web-n1", "default", "u1", "side"),
        Subject("web-n1", "default", "u1", "main", init=True),
        Subject("web-n1", "default", "u1"),
    ],
)
def test_the_same_words_about_something_else_are_another_event(history: History, other: Subject) -> None:
    history.record(WEB, "Killing", "stopping")
    history.record(other, "Killing", "stopping")
    assert [event.count for event in history.since().events] == [1, 1]


def test_ever_new_messages_push_nothing_else_out(history: History) -> None:
    history.record(WEB, "Started", "started")
    for number in range(1000):
        history.record(WEB, "Unhealthy", f"connection {number} refused")
    events = history.since().events
    assert events[0].reason == "Started"
    assert len(events) == 1 + MESSAGES_PER_REASON
    assert (events[-1].message, events[-1].count) == (
        "connection 999 refused",
        1000 - MESSAGES_PER_REASON + 1,
    )


def test_a_pod_has_the_latest_of_its_events(history: History) -> None:
    for number in range(EVENTS_PER_POD + 5):
        history.record(Subject("web-n1", "default", f"u{number}"), "Killing", "stopping")
    events = history.since().events
    assert len(events) == EVENTS_PER_POD
    assert events[-1].uid == f"u{EVENTS_PER_POD + 4}"


def test_only_the_latest_of_the_pods_that_are_gone_are_remembered(history: History) -> None:
    history.record(WEB, "Started", "started")
    for number in range(PODS_GONE + 10):
        gone = Subject(f"p{number}-n1", "default", "u")
        history.record(gone, "Killing", "stopping")
        history.close(gone.pod)
    names = [event.name for event in history.since().events]
    assert names == ["web-n1"] + [f"p{number}-n1" for number in range(10, PODS_GONE + 10)]


def test_a_pod_that_came_back_is_not_forgotten(history: History) -> None:
    history.record(WEB, "Started", "started")
    history.close(WEB.pod)
    history.record(WEB, "Started", "started")
    for number in range(PODS_GONE + 1):
        gone = Subject(f"p{number}-n1", "default", "u")
        history.record(gone, "Killing", "stopping")
        history.close(gone.pod)
    assert history.since().events[0].name == "web-n1"


def test_a_reader_gets_what_is_newer_and_a_repetition_is_news(history: History) -> None:
    history.record(WEB, "Started", "started")
    history.record(WEB, "BackOff", "wait")
    serial = history.since().serial
    assert history.since(serial).events == ()
    history.record(WEB, "Started", "started")
    assert [(event.reason, event.count) for event in history.since(serial).events] == [("Started", 2)]


def test_serials_go_on_where_an_earlier_agent_ended(history: History, clock: FakeClock) -> None:
    history.record(WEB, "Started", "started")
    clock.advance(1)
    assert History("n1", clock).since().serial > history.since().serial


def test_a_listener_hears_every_event_as_it_stands(history: History) -> None:
    heard: list[Event] = []
    history.listen(heard.append)
    history.record(WEB, "Started", "started")
    history.record(WEB, "Started", "started")
    assert [event.count for event in heard] == [1, 2]


def test_threads_lose_nothing(history: History) -> None:
    def record() -> None:
        for _ in range(200):
            history.record(WEB, "Started", "started")

    threads = [threading.Thread(target=record) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [event.count for event in history.since().events] == [1600]
