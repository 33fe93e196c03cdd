"""Whatever is killed comes back, and nothing runs twice."""

from __future__ import annotations

import json

import pytest

from bootstrap.model.layout import COMPONENTS
from tests.e2e.control_plane import ControlPlane, wait_until

AGENT_PID = "/run/bootstrap/agent.pid"


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_killed_component_comes_back_exactly_once(newest: ControlPlane, component: str) -> None:
    (before,) = newest.containers(component)
    newest.kill(newest.pid(before))
    wait_until(lambda: newest.containers(component) not in ([], [before]), f"{component} runs again", 30)
    newest.wait_healthy()
    assert newest.containers(component) != [before]


def test_a_killed_agent_is_started_again_and_adopts_what_runs(newest: ControlPlane) -> None:
    newest.wait_healthy()
    before = newest.everything_running()
    old = newest.node.path(AGENT_PID).read_text().split()[0]
    newest.kill(old)
    newest.node.bootstrap("init", "phase", "agent-start")
    assert newest.node.path(AGENT_PID).read_text().split()[0] != old
    wait_until(lambda: is_everything_ready(newest), "the agent reports every container ready", 30)
    assert newest.everything_running() == before


def test_an_engine_that_was_restarted_gets_its_containers_back(newest: ControlPlane) -> None:
    newest.node.stop_engine()
    newest.node.start_engine()
    newest.wait_healthy()


def is_everything_ready(cluster: ControlPlane) -> bool:
    status = json.loads(cluster.node.bootstrap("agent", "status", "--output=json").stdout)
    states = [container["ready"] for pod in status["pods"] for container in pod["containers"]]
    return len(states) == len(COMPONENTS) and all(states)
