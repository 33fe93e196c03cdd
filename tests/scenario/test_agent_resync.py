"""What a lost event costs: nothing but the time until the next look at all containers."""

from __future__ import annotations

from pathlib import Path

from bootstrap.agent.crew import Job
from bootstrap.agent.daemon import RESYNC_SECONDS
from bootstrap.agent.names import owned_by
from bootstrap.agent.worker import ENGINE_RETRY_SECONDS
from bootstrap.runtime.api import ContainerSpec
from tests.fakes.agent import IMAGE, AgentHarness, document
from tests.fakes.runtime import FakeRuntime


def roused(harness: AgentHarness) -> list[Job]:
    """Settle two pods; jobs that are woken from then on."""
    for name in ("web", "db"):
        harness.write(f"{name}.yaml", document(name))
    woken: list[Job] = []
    harness.rouse = woken.append
    harness.restart_agent()
    harness.settle()
    woken.clear()
    return woken


def test_a_look_at_all_containers_wakes_only_pods_that_changed_unseen(tmp_path: Path) -> None:
    harness = AgentHarness(tmp_path)
    woken = roused(harness)
    assert harness.agent.turn() == RESYNC_SECONDS
    assert woken == []
    harness.engine.exit("main_web")
    harness.agent.turn()
    assert woken == [harness.agent.workers["web-n1_default"]]


def test_a_pod_removed_by_hand_is_seen_too(tmp_path: Path) -> None:
    harness = AgentHarness(tmp_path)
    woken = roused(harness)
    harness.engine.containers.clear()
    harness.agent.turn()
    assert woken == list(harness.agent.workers.values())


def test_a_dead_engine_is_asked_again_soon_and_nothing_is_concluded_from_it(tmp_path: Path) -> None:
    harness = AgentHarness(tmp_path)
    woken = roused(harness)
    harness.engine.go_away()
    assert harness.agent.turn() == ENGINE_RETRY_SECONDS
    assert woken == []


def test_a_pod_whose_manifest_vanished_while_no_agent_ran_is_removed(tmp_path: Path) -> None:
    harness = AgentHarness(tmp_path)
    roused(harness)
    (harness.manifests / "db.yaml").unlink()
    harness.engine.go_away()
    harness.restart_agent()
    harness.agent.sync()
    harness.agent.turn()
    harness.engine.come_back()
    harness.settle()
    assert harness.running() == ["POD web", "main web"]


def test_a_container_that_does_not_say_whose_it_is_harms_nobody(tmp_path: Path) -> None:
    harness = AgentHarness(tmp_path)
    roused(harness)
    before = harness.running()
    runtime = FakeRuntime(harness.engine)
    nameless = runtime.create(ContainerSpec("nameless", IMAGE, labels=owned_by("n1")))
    runtime.start(nameless)
    harness.restart_agent()
    harness.settle()
    assert nameless in harness.engine.containers
    runtime.remove(nameless)
    assert harness.running() == before


def test_an_engine_that_was_away_is_no_containers_fault(tmp_path: Path) -> None:
    """What ended with the engine, twice even as it shut down, is started at once when it is back."""
    harness = AgentHarness(tmp_path)
    roused(harness)
    for _ in range(2):
        harness.engine.exit("main_web", 137)
        harness.settle()
    assert "main web" not in harness.running()
    harness.engine.go_away()
    for worker in harness.agent.workers.values():
        worker.turn()
    harness.engine.come_back()
    harness.settle()
    assert "main web" in harness.running()
