"""Init containers that run as long as their pod, and the ends a pod can come to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bootstrap.host.http import HttpReply
from tests.fakes.agent import IMAGE, AgentHarness, document
from tests.fakes.runtime import Program


@pytest.fixture
def harness(tmp_path: Path) -> AgentHarness:
    return AgentHarness(tmp_path)


def sidecar(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "image": IMAGE, "restartPolicy": "Always", **fields}


def init(name: str) -> dict[str, Any]:
    return {"name": name, "image": IMAGE}


def started(harness: AgentHarness, *inits: dict[str, Any], **spec: Any) -> int:
    harness.write("web.yaml", document("web", initContainers=list(inits), **spec))
    harness.settle()
    return len(harness.engine.history)


def starts(harness: AgentHarness) -> list[str]:
    return [line.removeprefix("start ") for line in harness.history() if line.startswith("start ")]


def test_a_sidecar_runs_beside_what_comes_after_it(harness: AgentHarness) -> None:
    harness.engine.set_program("prepare", Program(exits_after=2))
    started(harness, sidecar("proxy"), init("prepare"), sidecar("logs"))
    assert starts(harness) == ["POD web 0", "proxy web 0", "prepare web 0"]
    assert harness.pod().phase == "Pending"
    assert harness.container().reason == "PodInitializing"
    harness.advance(3)
    assert starts(harness)[3:] == ["logs web 0", "main web 0"]
    assert harness.pod().phase == "Running"
    assert harness.container(container="proxy").sidecar


def test_what_comes_after_a_sidecar_waits_for_its_startup_probe(harness: AgentHarness) -> None:
    probe = {"httpGet": {"port": 80, "host": "127.0.0.1"}, "periodSeconds": 1, "failureThreshold": 60}
    started(harness, sidecar("proxy", startupProbe=probe))
    harness.advance(5)
    assert harness.running() == ["POD web", "proxy web"]
    assert harness.pod().phase == "Pending"
    harness.http.serve(80, HttpReply(200, b""))
    harness.advance(2)
    assert harness.running() == ["POD web", "proxy web", "main web"]


def test_a_sidecar_is_restarted_by_itself_whatever_the_pods_policy(harness: AgentHarness) -> None:
    before = started(harness, sidecar("proxy"), restartPolicy="Never")
    harness.engine.exit("proxy", 0)
    harness.settle()
    assert harness.history(before) == ["exit proxy web 0 0", "create proxy web 1", "start proxy web 1"]
    assert harness.container(container="proxy").restarts == 1
    assert harness.pod().ready


def test_a_sidecar_that_crashes_during_initialization_is_restarted_too(harness: AgentHarness) -> None:
    harness.engine.set_program("prepare", Program(exits_after=5))
    started(harness, sidecar("proxy"), init("prepare"))
    harness.engine.exit("proxy", 1)
    harness.advance(1)
    assert "proxy web 1" in starts(harness)
    harness.advance(6)
    assert harness.running() == ["POD web", "proxy web", "main web"]


def test_a_failed_liveness_probe_restarts_the_sidecar_alone(harness: AgentHarness) -> None:
    probe = {"tcpSocket": {"port": 80, "host": "127.0.0.1"}, "periodSeconds": 1, "failureThreshold": 1}
    started(harness, sidecar("proxy", livenessProbe=probe))
    harness.advance(2)
    assert harness.container(container="proxy").restarts == 1
    assert harness.container().restarts == 0


def test_a_pod_is_ready_only_with_its_sidecars(harness: AgentHarness) -> None:
    probe = {"tcpSocket": {"port": 80, "host": "127.0.0.1"}, "periodSeconds": 1}
    started(harness, sidecar("proxy", readinessProbe=probe))
    harness.advance(2)
    assert harness.container().ready
    assert not harness.pod().ready


def test_sidecars_stop_after_the_others_from_the_last_to_the_first(harness: AgentHarness) -> None:
    before = started(harness, sidecar("first"), sidecar("second"))
    (harness.manifests / "web.yaml").unlink()
    harness.restart_agent()
    harness.settle()
    harness.settle()
    assert [line for line in harness.history(before) if line.startswith("stop")] == [
        "stop main web 0",
        "stop second web 0",
        "stop first web 0",
        "stop POD web 0",
    ]


def test_the_whole_pod_has_its_grace_once(harness: AgentHarness) -> None:
    for name in ("main", "first", "second"):
        harness.engine.set_program(f"_{name}_", Program(ignores_stop=True))
    started(harness, sidecar("first"), sidecar("second"), terminationGracePeriodSeconds=20)
    begun = harness.clock.monotonic()
    (harness.manifests / "web.yaml").unlink()
    harness.settle()
    assert harness.clock.monotonic() - begun == pytest.approx(20 + 2 + 2)


def test_sidecars_do_not_keep_a_finished_pod_alive(harness: AgentHarness) -> None:
    started(harness, sidecar("proxy"), restartPolicy="Never")
    harness.engine.exit("main", 0)
    harness.settle()
    assert harness.running() == []
    assert harness.pod().phase == "Succeeded"
    harness.advance(100)
    assert harness.running() == []


def test_a_failed_init_container_ends_a_pod_that_never_restarts(harness: AgentHarness) -> None:
    harness.engine.set_program("prepare", Program(exits_after=1, exit_code=1))
    started(harness, sidecar("proxy"), init("prepare"), restartPolicy="Never")
    harness.advance(3)
    assert harness.running() == []
    assert harness.pod().phase == "Failed"


def test_a_container_may_have_a_policy_of_its_own(harness: AgentHarness) -> None:
    containers = [
        {"name": "main", "image": IMAGE},
        {"name": "once", "image": IMAGE, "restartPolicy": "Never"},
    ]
    started(harness, containers=containers)
    harness.engine.exit("once", 1)
    harness.settle()
    assert harness.running() == ["POD web", "main web"]
    assert harness.pod().phase == "Running"


def test_the_active_deadline_ends_a_pod_for_good(harness: AgentHarness) -> None:
    started(harness, activeDeadlineSeconds=30)
    harness.advance(25)
    assert harness.running() == ["POD web", "main web"]
    harness.advance(6)
    assert harness.running() == []
    assert (harness.pod().phase, harness.pod().reason) == ("Failed", "DeadlineExceeded")
    harness.restart_agent()
    harness.advance(60)
    assert harness.running() == []
    assert harness.pod().reason == "DeadlineExceeded"


def test_the_probe_that_failed_decides_on_the_grace(harness: AgentHarness) -> None:
    harness.engine.set_program("main", Program(ignores_stop=True))
    probe = {"tcpSocket": {"port": 80, "host": "127.0.0.1"}, "periodSeconds": 1, "failureThreshold": 1}
    containers = [
        {
            "name": "main",
            "image": IMAGE,
            "livenessProbe": {**probe, "terminationGracePeriodSeconds": 3},
            "startupProbe": {**probe, "terminationGracePeriodSeconds": 7},
        }
    ]
    harness.http.serve(80, HttpReply(200, b""))
    started(harness, containers=containers, terminationGracePeriodSeconds=60)
    harness.advance(2)
    harness.http.close(80)
    begun = harness.clock.monotonic()
    harness.until(lambda: harness.container().restarts == 1, 30)
    assert harness.clock.monotonic() - begun == pytest.approx(5, abs=1.5)
