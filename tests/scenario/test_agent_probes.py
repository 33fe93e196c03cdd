"""Probes and what follows from them, in the agent as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bootstrap.host.http import HttpReply
from tests.fakes.agent import IMAGE, AgentHarness, document
from tests.fakes.runtime import Program

OK, BAD = HttpReply(200, b"ok"), HttpReply(500, b"no")


@pytest.fixture
def harness(tmp_path: Path) -> AgentHarness:
    return AgentHarness(tmp_path)


def probe(port: int, **fields: Any) -> dict[str, Any]:
    return {"httpGet": {"port": port, "host": "127.0.0.1"}, **fields}


def start(harness: AgentHarness, **probes: Any) -> None:
    harness.write("web.yaml", document("web", containers=[{"name": "main", "image": IMAGE, **probes}]))
    harness.settle()


def test_a_pod_is_ready_when_its_readiness_probe_says_so(harness: AgentHarness) -> None:
    start(harness, readinessProbe=probe(80, periodSeconds=1))
    harness.advance(5)
    assert not harness.pod().ready
    assert harness.container().message == "connection refused"
    harness.http.serve(80, OK)
    harness.advance(1)
    assert harness.pod().ready
    harness.http.serve(80, BAD)
    harness.advance(2)
    assert harness.pod().ready
    harness.advance(2)
    assert not harness.pod().ready
    assert harness.container().restarts == 0


def test_a_failed_liveness_probe_restarts_the_container(harness: AgentHarness) -> None:
    harness.http.serve(80, OK)
    start(harness, livenessProbe=probe(80, periodSeconds=2, failureThreshold=3))
    harness.advance(10)
    harness.http.serve(80, BAD)
    before = len(harness.engine.history)
    assert harness.until(lambda: harness.container().restarts == 1, 20) <= 7
    assert harness.history(before) == [
        "stop main web 0",
        "exit main web 0 0",
        "create main web 1",
        "start main web 1",
    ]
    harness.http.serve(80, OK)
    harness.advance(30)
    assert harness.container().restarts == 1


def test_others_wait_until_the_startup_probe_has_succeeded(harness: AgentHarness) -> None:
    start(
        harness,
        startupProbe=probe(80, periodSeconds=10, failureThreshold=24, initialDelaySeconds=10),
        livenessProbe=probe(81, periodSeconds=1, failureThreshold=1),
        readinessProbe=probe(82, periodSeconds=1),
    )
    harness.http.serve(82, OK)
    harness.advance(60)
    assert {request.port for request in harness.http.requests} == {80}
    assert harness.container().restarts == 0
    assert not harness.container().started
    harness.http.serve(80, OK)
    harness.http.serve(81, OK)
    harness.advance(10)
    assert harness.container().started
    assert harness.pod().ready
    asked = len([request for request in harness.http.requests if request.port == 80])
    harness.advance(30)
    assert len([request for request in harness.http.requests if request.port == 80]) == asked


def test_a_startup_probe_that_never_succeeds_restarts_the_container_in_its_time(
    harness: AgentHarness,
) -> None:
    start(harness, startupProbe=probe(80, periodSeconds=10, failureThreshold=24, initialDelaySeconds=10))
    waited = harness.until(lambda: harness.container().restarts == 1, 300)
    assert waited == pytest.approx(10 + 23 * 10, abs=2)


def test_initial_delay_counts_from_the_start_of_the_container(harness: AgentHarness) -> None:
    start(harness, livenessProbe=probe(80, initialDelaySeconds=15))
    harness.advance(14)
    assert harness.http.requests == []
    harness.advance(2)
    assert len(harness.http.requests) == 1


def test_a_new_agent_goes_on_probing(harness: AgentHarness) -> None:
    harness.http.serve(80, OK)
    start(harness, readinessProbe=probe(80, periodSeconds=1))
    harness.restart_agent()
    harness.settle()
    harness.advance(1)
    assert harness.pod().ready
    assert harness.container().restarts == 0


def test_the_grace_of_the_probe_wins(harness: AgentHarness) -> None:
    harness.engine.set_program("main", Program(ignores_stop=True))
    start(
        harness,
        livenessProbe=probe(80, periodSeconds=1, failureThreshold=1, terminationGracePeriodSeconds=7),
    )
    harness.advance(1)
    assert 7.0 in harness.clock.waits


def test_readiness_gates_keep_a_pod_from_being_ready(harness: AgentHarness) -> None:
    harness.write("web.yaml", document("web", readinessGates=[{"conditionType": "example.test/open"}]))
    harness.settle()
    assert harness.container().ready
    assert not harness.pod().ready


def test_the_first_failure_of_a_probe_is_news(harness: AgentHarness) -> None:
    start(harness, readinessProbe=probe(80, periodSeconds=1))
    woken: list[object] = []
    harness.rouse = woken.append
    for _ in range(5):
        harness.clock.advance(1)
        harness.agent.prober.step()
    assert len(woken) == 1
