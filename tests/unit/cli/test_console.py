"""Progress as a pipe and a program see it."""

from __future__ import annotations

import io
import json

import pytest

from bootstrap.cli.console import JsonReporter, PlainReporter, TerminalReporter, duration_text
from tests.fakes.clock import FakeClock


def test_a_pipe_gets_one_line_at_the_start_each_change_and_the_end() -> None:
    stream, clock = io.StringIO(), FakeClock()
    with PlainReporter(stream, clock).step("Generating certificates") as step:
        step.update("ca")
        step.update("ca")
        clock.advance(1.25)
        step.done("11 certificates generated")
    assert stream.getvalue().splitlines() == [
        "[    ] Generating certificates",
        "       ca",
        "[ ok ] 11 certificates generated (1.2s)",
    ]


def test_a_failed_step_is_said_so_and_the_failure_goes_on() -> None:
    stream = io.StringIO()
    reporter = PlainReporter(stream, FakeClock())
    with pytest.raises(RuntimeError), reporter.step("Waiting"):
        raise RuntimeError
    assert stream.getvalue().splitlines()[-1] == "[fail] Waiting (0.0s)"


def test_json_events_carry_schema_durations_and_details() -> None:
    stream, clock = io.StringIO(), FakeClock()
    reporter = JsonReporter(stream, clock)
    with reporter.step("Waiting") as step:
        step.update("etcd: refused")
        clock.advance(2)
    reporter.warn("swap is on")
    events = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert {event["schema"] for event in events} == {"bootstrap/event/v1"}
    assert [event["event"] for event in events] == ["step-started", "step-progress", "step-done", "warning"]
    assert events[2]["seconds"] == 2


def test_a_terminal_shows_square_brackets_of_a_message_as_they_are() -> None:
    stream = io.StringIO()
    reporter = TerminalReporter(stream, FakeClock(), color=False)
    reporter.warn("port [::1]:6443 is in use")
    with reporter.step("Pulling [all]"):
        pass
    assert "port [::1]:6443 is in use" in stream.getvalue()
    assert "✓ Pulling [all]" in stream.getvalue()


@pytest.mark.parametrize(("seconds", "text"), [(0.04, "0.0s"), (59.94, "59.9s"), (125, "2m05s")])
def test_durations_read_well(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text
