"""Many pods: from an empty directory to all of them running, what they cost, and one change among them.

Beside the agent stand the bare Docker calls for exactly the same containers, from as many threads as get the
engine to do the most.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from bootstrap.agent.container import Placement, container_spec, sandbox_spec
from bootstrap.agent.environment import Addresses
from bootstrap.agent.identity import StaticPod, static_pod
from bootstrap.agent.names import CONTAINER_NAME, NODE, POD_NAME, SANDBOX, instance_of
from bootstrap.agent.node import Node
from bootstrap.cli.agentrun import connector
from bootstrap.model.pod import decode_pod
from bootstrap.runtime.api import Container, ContainerRuntime
from tests.bench.bring_up import idle_share, resident_megabytes
from tests.bench.measurement import Measurement
from tests.e2e.agent_node import AgentNode
from tests.e2e.control_plane import wait_until
from tests.lab import LabNode

MANY = 110
"""A kubelet's own default for the most pods of a node."""

VERY_MANY = 500
ROUNDS = 5
CHANGES = 5
THREADS = 8
IDLE_SECONDS = 30.0
DEADLINE_SECONDS = 300.0
BY_HAND = "by-hand"
"""The node in whose name the bare calls are made: the agent leaves its containers alone."""


class BareCalls:
    """What the agent asks of the engine, with nothing to decide: create, start, inspect, stop, remove."""

    def __init__(self, node: AgentNode) -> None:
        self._node = node
        self._values = Node(BY_HAND, Path("/nowhere"), node.pause)
        self._threads = ThreadPoolExecutor(THREADS)
        self._engines: queue.SimpleQueue[ContainerRuntime] = queue.SimpleQueue()
        connect = connector(str(node.node.path("/run/docker.sock")))
        for _ in range(THREADS):
            self._engines.put(connect())

    def pod(self, name: str, edit: str = "") -> StaticPod:
        return static_pod(decode_pod(self._node.manifest(name, edit=edit)).pod, BY_HAND, "none")

    def start_all(self, names: list[str]) -> float:
        """Seconds until every one of these pods runs."""
        started = time.monotonic()
        list(self._threads.map(lambda name: self.start(self.pod(name)), names))
        return time.monotonic() - started

    def remove_all(self) -> None:
        every = self._node.engine.summaries({NODE: BY_HAND})
        list(self._threads.map(lambda each: self._remove(each.id), every))

    def start(self, pod: StaticPod) -> Container:
        engine = self._engines.get()
        try:
            sandbox = engine.create(sandbox_spec(pod, self._values, 0, datetime.now(UTC)))
            engine.start(sandbox)
            placement = Placement(instance_of(engine.inspect(sandbox)), (), Addresses("", ""))
            main = engine.create(container_spec(pod, pod.pod.spec.containers[0], self._values, 0, placement))
            engine.start(main)
            return engine.inspect(main)
        finally:
            self._engines.put(engine)

    def stop(self, pod: StaticPod) -> None:
        """The container, then the sandbox; then both go."""
        found = self._node.engine.summaries({NODE: BY_HAND, POD_NAME: pod.name})
        engine = self._engines.get()
        try:
            for each in sorted(found, key=lambda each: each.labels[CONTAINER_NAME] == SANDBOX):
                engine.stop(each.id, 2)
            for each in found:
                engine.remove(each.id)
        finally:
            self._engines.put(engine)

    def close(self) -> None:
        self._threads.shutdown()
        while not self._engines.empty():
            self._engines.get().close()

    def _remove(self, container_id: str) -> None:
        engine = self._engines.get()
        try:
            engine.remove(container_id)
        finally:
            self._engines.put(engine)


def measure() -> Iterator[Measurement]:
    with LabNode("scale") as made:
        node = AgentNode(made)
        bare = BareCalls(node)
        node.start_agent()
        try:
            yield from all_at_once(node, bare)
            yield from among_many(node, bare)
        finally:
            bare.close()
            node.close()


def all_at_once(node: AgentNode, bare: BareCalls) -> Iterator[Measurement]:
    ours, by_hand = [], []
    names = [f"pod{number}" for number in range(MANY)]
    for _ in range(ROUNDS):
        by_hand.append(bare.start_all(names))
        bare.remove_all()
        ours.append(start_all(node, names))
        clear(node)
    yield Measurement(
        f"{MANY} manifests in an empty directory: to all pods running",
        "s",
        tuple(ours),
        f"the Docker calls for the same containers, from {THREADS} threads",
        tuple(by_hand),
        ratio=1.2,
    )


def among_many(node: AgentNode, bare: BareCalls) -> Iterator[Measurement]:
    start_all(node, [f"pod{number}" for number in range(VERY_MANY)])
    assert node.agent is not None
    process = Path(f"/proc/{node.agent.pid}")
    lags = [change(node, bare, number) for number in range(CHANGES)]
    time.sleep(IDLE_SECONDS)
    share = idle_share(process, 2 * IDLE_SECONDS)
    what = f"agent with {VERY_MANY} pods"
    yield Measurement(f"{what}: resident memory", "MB", (resident_megabytes(process),), most=120)
    yield Measurement(f"the same, idle for {2 * IDLE_SECONDS:g} s: of one core", "%", (share,), most=3)
    yield Measurement(
        f"one manifest of {VERY_MANY} changed: how much later than the same Docker calls by hand",
        "ms",
        tuple(lags),
        most=300,
    )


def start_all(node: AgentNode, names: list[str]) -> float:
    """Seconds from the first manifest to the last container."""
    begun = node.now()
    for name in names:
        node.write(name)
    wanted = {NODE: node.node.name, CONTAINER_NAME: "main"}
    wait_until(lambda: running(node, wanted) == len(names), f"{len(names)} pods run", DEADLINE_SECONDS)
    last = max(each.started for each in node.engine.list(wanted) if each.started is not None)
    return (last - begun).total_seconds()


def running(node: AgentNode, labels: dict[str, str]) -> int:
    return sum(each.status == "running" for each in node.engine.summaries(labels))


def clear(node: AgentNode) -> None:
    for path in node.manifests.iterdir():
        path.unlink()
    wait_until(lambda: not node.engine.summaries({NODE: node.node.name}), "all are gone", DEADLINE_SECONDS)


def change(node: AgentNode, bare: BareCalls, number: int) -> float:
    """Milliseconds by which the agent is later than the bare calls."""
    pod = bare.pod("beside")
    bare.start(pod)
    begun = datetime.now(UTC)
    bare.stop(pod)
    by_hand = milliseconds(begun, bare.start(bare.pod("beside", edit="new")))
    bare.remove_all()
    name = f"pod{number}"
    labels = {NODE: node.node.name, POD_NAME: f"{name}-{node.node.name}", CONTAINER_NAME: "main"}
    (old,) = node.engine.summaries(labels)
    begun = datetime.now(UTC)
    node.write(name, edit=f"change-{number}")
    wait_until(lambda: is_new(node, labels, old.id), f"the new {name} runs", DEADLINE_SECONDS)
    (new,) = node.engine.list(labels, running_only=True)
    return milliseconds(begun, new) - by_hand


def is_new(node: AgentNode, labels: dict[str, str], old: str) -> bool:
    return [each.status for each in node.engine.summaries(labels) if each.id != old] == ["running"]


def milliseconds(begun: datetime, container: Container) -> float:
    assert container.started is not None
    return 1000 * (container.started - begun).total_seconds()
