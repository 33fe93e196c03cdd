"""Lifecycle hooks in the agent as a whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bootstrap.host.http import HttpReply
from bootstrap.runtime.api import ContainerSpec, ExecResult
from tests.fakes.agent import IMAGE, AgentHarness, document
from tests.fakes.runtime import Program


@pytest.fixture
def harness(tmp_path: Path) -> AgentHarness:
    return AgentHarness(tmp_path)


def started(harness: AgentHarness, *containers: dict[str, Any], **spec: Any) -> int:
    manifest = document("web", containers=[{"image": IMAGE, **each} for each in containers], **spec)
    harness.write("web.yaml", manifest)
    harness.settle()
    return len(harness.engine.history)


def exec_hook(kind: str, *argv: str) -> dict[str, Any]:
    return {"lifecycle": {kind: {"exec": {"command": list(argv)}}}}


def replies(harness: AgentHarness, code: int = 0) -> list[tuple[str, ...]]:
    """What is executed from now on, each with this exit code."""
    asked: list[tuple[str, ...]] = []

    def reply(_spec: ContainerSpec, argv: tuple[str, ...]) -> ExecResult:
        asked.append(argv)
        harness.engine.record(f"exec {' '.join(argv)}")
        return ExecResult(code, b"said\n")

    harness.engine.default_exec = reply
    return asked


def test_a_post_start_hook_runs_right_after_the_start(harness: AgentHarness) -> None:
    replies(harness)
    started(harness, {"name": "main", **exec_hook("postStart", "warm-up", "$(NOT_EXPANDED)")})
    assert harness.history()[-3:] == ["create main web 0", "start main web 0", "exec warm-up $(NOT_EXPANDED)"]
    assert harness.pod().ready


def test_what_comes_after_waits_for_the_hook(harness: AgentHarness) -> None:
    pending: list[Callable[[], None]] = []
    harness.spawn_hook = pending.append
    started(harness, {"name": "main", **exec_hook("postStart", "x")}, {"name": "second"})
    assert harness.running() == ["POD web", "main web"]
    assert not harness.container().ready
    assert not harness.container().started
    assert harness.container().message == "its postStart hook has not ended yet"
    pending.pop()()
    harness.settle()
    assert harness.running() == ["POD web", "main web", "second web"]
    assert harness.pod().ready


def test_a_hook_that_fails_ends_its_container(harness: AgentHarness) -> None:
    replies(harness, code=3)
    started(harness, {"name": "main", **exec_hook("postStart", "x")}, {"name": "second"})
    assert harness.history()[4:8] == ["exec x", "stop main web 0", "exit main web 0 0", "create main web 1"]
    assert "second web" in harness.running()
    assert harness.container().reason == "CrashLoopBackOff"


def test_a_pod_may_go_while_its_hook_hangs(harness: AgentHarness) -> None:
    pending: list[Callable[[], None]] = []
    harness.spawn_hook = pending.append
    started(harness, {"name": "main", **exec_hook("postStart", "x")})
    (harness.manifests / "web.yaml").unlink()
    harness.settle()
    assert harness.engine.containers == {}
    pending.pop()()
    harness.settle()
    assert harness.agent.workers == {}


def test_an_adopted_container_gets_no_second_hook(harness: AgentHarness) -> None:
    asked = replies(harness)
    started(harness, {"name": "main", **exec_hook("postStart", "x")})
    harness.restart_agent()
    harness.settle()
    assert asked == [("x",)]


def test_a_pre_stop_hook_runs_before_the_signal_also_without_a_manifest(harness: AgentHarness) -> None:
    replies(harness)
    before = started(harness, {"name": "main", **exec_hook("preStop", "drain")})
    (harness.manifests / "web.yaml").unlink()
    harness.restart_agent()
    harness.settle()
    harness.settle()
    assert harness.history(before)[:3] == ["exec drain", "stop main web 0", "exit main web 0 0"]


def test_hook_and_signal_share_the_grace(harness: AgentHarness) -> None:
    harness.engine.set_program("main", Program(ignores_stop=True))
    hook = {"lifecycle": {"preStop": {"sleep": {"seconds": 6}}}}
    started(harness, {"name": "main", **hook}, terminationGracePeriodSeconds=10)
    begun = harness.clock.monotonic()
    (harness.manifests / "web.yaml").unlink()
    harness.settle()
    assert harness.clock.monotonic() - begun == pytest.approx(10)


def test_a_hook_that_needs_all_the_grace_leaves_the_signal_two_seconds(harness: AgentHarness) -> None:
    harness.engine.set_program("main", Program(ignores_stop=True))
    hook = {"lifecycle": {"preStop": {"sleep": {"seconds": 10}}}}
    started(harness, {"name": "main", **hook}, terminationGracePeriodSeconds=10)
    begun = harness.clock.monotonic()
    (harness.manifests / "web.yaml").unlink()
    harness.settle()
    assert harness.clock.monotonic() - begun == pytest.approx(12)


def test_a_failed_pre_stop_hook_stops_nothing_from_stopping(harness: AgentHarness) -> None:
    replies(harness, code=1)
    started(harness, {"name": "main", **exec_hook("preStop", "x")})
    (harness.manifests / "web.yaml").unlink()
    harness.settle()
    assert harness.engine.containers == {}


def test_a_probe_that_fails_runs_the_pre_stop_hook_too(harness: AgentHarness) -> None:
    asked = replies(harness)
    probe = {"tcpSocket": {"port": 80}, "periodSeconds": 1, "failureThreshold": 1}
    started(harness, {"name": "main", "livenessProbe": probe, **exec_hook("preStop", "drain")})
    harness.advance(3)
    assert asked[0] == ("drain",)


def test_an_http_hook_goes_to_the_pod_by_the_ports_name(harness: AgentHarness) -> None:
    harness.http.serve(8080, HttpReply(500, b""))
    hook = {"httpGet": {"port": "web", "path": "/bye", "httpHeaders": [{"name": "X", "value": "y"}]}}
    ports = [{"name": "web", "containerPort": 8080}]
    container = {"name": "main", "ports": ports, "lifecycle": {"preStop": hook, "postStart": hook}}
    started(harness, container, hostNetwork=False)
    address = next(each.state.ip for each in harness.engine.containers.values() if "POD" in each.spec.name)
    (harness.manifests / "web.yaml").unlink()
    harness.settle()
    assert [(each.host, each.port, each.path) for each in harness.http.requests] == [
        (address, 8080, "/bye")
    ] * 2
    assert ("X", "y") in harness.http.requests[0].headers


def test_a_signal_of_its_own_is_the_engines_to_send(harness: AgentHarness) -> None:
    started(harness, {"name": "main", "lifecycle": {"stopSignal": "SIGUSR1"}})
    main = next(each for each in harness.engine.containers.values() if "main" in each.spec.name)
    assert main.spec.stop_signal == "SIGUSR1"
