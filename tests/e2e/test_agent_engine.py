"""The engine restarts, freezes, or is gone; somebody meddles with containers. Nothing runs twice after it."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator

import pytest

from bootstrap.agent.names import SANDBOX
from bootstrap.runtime.api import Container, ContainerSpec
from tests.e2e.agent_node import AgentNode
from tests.e2e.control_plane import wait_until
from tests.e2e.soak import either, keep
from tests.lab import LabNode

FROZEN_SECONDS = either(5, 60)
GONE_SECONDS = either(5, 600)
PODS = ("web", "db")
EDIT_SECONDS = 5.0
"""A change made while the engine was away is done so soon after; the agent asks each second."""


@pytest.fixture(scope="module")
def node() -> Iterator[AgentNode]:
    with LabNode("engine") as made:
        agent_node = AgentNode(made)
        agent_node.start_agent()
        yield agent_node
        agent_node.close()


@pytest.fixture
def before(node: AgentNode) -> Iterator[dict[tuple[str, str], Container]]:
    """Two pods that run."""
    for pod in PODS:
        node.write(pod)
    yield node.wait_running(PODS)
    node.clear()


Running = dict[tuple[str, str], Container]


def ids(running: Running) -> dict[tuple[str, str], str]:
    return {name: each.id for name, each in running.items()}


def test_an_engine_restarted_without_live_restore_has_every_pod_once_again(
    node: AgentNode, before: Running
) -> None:
    node.node.stop_engine()
    started = time.monotonic()
    node.node.start_engine()
    after = node.wait_running(PODS)
    keep("engine restarted", seconds_until_all_pods_run=round(time.monotonic() - started, 2))
    assert not set(ids(before).values()) & set(ids(after).values())


def test_an_engine_that_crashed_has_every_pod_once_again(node: AgentNode, before: Running) -> None:
    node.node.signal_engine(signal.SIGKILL)
    node.node.start_engine()
    node.wait_running(PODS)


def test_an_engine_with_live_restore_is_restarted_and_every_container_stays(
    node: AgentNode, before: Running
) -> None:
    configuration = node.node.path("/etc/docker/daemon.json")
    configuration.parent.mkdir(exist_ok=True)
    configuration.write_text(json.dumps({"live-restore": True}))
    try:
        # The option counts from the next start on.
        node.node.stop_engine()
        node.node.start_engine()
        running = node.wait_running(PODS)
        node.node.stop_engine()
        node.write("new")
        node.node.start_engine()
        after = node.wait_running((*PODS, "new"))
    finally:
        configuration.unlink()
    assert ids(after).items() >= ids(running).items()


def test_a_frozen_engine_costs_the_time_it_is_frozen(node: AgentNode, before: Running) -> None:
    node.node.signal_engine(signal.SIGSTOP)
    try:
        node.kill(before["web", "main"])
        node.write("new")
        time.sleep(FROZEN_SECONDS)
        # The agent itself goes on meanwhile.
        assert node.status()["listed"]
    finally:
        node.node.signal_engine(signal.SIGCONT)
    thawed = time.monotonic()
    wait_until(
        lambda: ids(node.running()).get(("web", "main")) not in (None, before["web", "main"].id), "back"
    )
    after = node.wait_running((*PODS, "new"))
    seconds = time.monotonic() - thawed
    keep(f"engine frozen for {FROZEN_SECONDS} s", seconds_until_all_pods_run=round(seconds, 2))
    assert seconds < EDIT_SECONDS + 10
    assert ids(after)["db", "main"] == ids(before)["db", "main"]


def test_an_engine_that_was_gone_finds_the_directory_as_it_is_now(node: AgentNode, before: Running) -> None:
    node.node.stop_engine()
    node.write("web", edit="meanwhile")
    node.take_away("db")
    node.write("new")
    time.sleep(GONE_SECONDS)
    assert node.status()["engine"]
    node.node.start_engine()
    back = time.monotonic()
    wait_until(lambda: is_edited(node), "the edited pod runs")
    node.wait_running(("web", "new"))
    seconds = time.monotonic() - back
    keep(f"engine gone for {GONE_SECONDS} s", seconds_until_all_pods_run=round(seconds, 2))
    assert seconds < EDIT_SECONDS + 10
    wait_until(lambda: not node.status()["engine"], "the agent has nothing to complain of")


def is_edited(node: AgentNode) -> bool:
    sandbox = node.running().get(("web", SANDBOX))
    return sandbox is not None and node.edit_of(sandbox) == "meanwhile"


def test_a_name_that_a_crash_left_taken_is_freed(node: AgentNode, before: Running) -> None:
    """The name of the next attempt is taken by a container of ours that never ran."""
    main = before["web", "main"]
    taken = main.name.removesuffix("_0") + "_1"
    labels = {key: value for key, value in main.labels.items() if not key.startswith("io.kubernetes")}
    node.engine.create(ContainerSpec(taken, node.image, labels=labels))
    node.kill(main)
    wait_until(lambda: ids(node.running()).get(("web", "main")) not in (None, main.id), "back")
    assert node.running()["web", "main"].name == taken


def test_a_name_that_somebody_else_has_taken_is_waited_for(node: AgentNode, before: Running) -> None:
    main = before["web", "main"]
    foreign = node.engine.create(ContainerSpec(main.name.removesuffix("_0") + "_1", node.image))
    node.kill(main)
    wait_until(lambda: reason(node, "web") == "CreateContainerError", "the agent says why")
    assert node.engine.inspect(foreign).status == "created"
    node.engine.remove(foreign)
    wait_until(lambda: ids(node.running()).get(("web", "main")) not in (None, main.id), "back")


def reason(node: AgentNode, pod: str) -> str:
    found = [each for each in node.status()["pods"] if each["name"].startswith(pod)]
    return str(found[0]["containers"][0]["reason"]) if found else ""


@pytest.mark.parametrize("container", ["main", SANDBOX])
def test_a_container_removed_by_hand_is_made_again(node: AgentNode, before: Running, container: str) -> None:
    node.engine.remove(before["web", container].id)
    old = (None, before["web", "main"].id)
    wait_until(lambda: ids(node.running()).get(("web", "main")) not in old, "it is there again")
    after = node.wait_running(PODS)
    assert ids(after)["db", "main"] == ids(before)["db", "main"]
