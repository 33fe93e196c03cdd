"""How fast the agent is from a file to a running container, beside the same Docker calls made by hand.

A time ends when the engine says the container started, so neither side pays for being watched.
"""

from __future__ import annotations

import itertools
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bootstrap.runtime.api import Container, ContainerSpec
from bootstrap.runtime.docker_engine import DockerEngine
from tests.bench.measurement import Measurement
from tests.fixtures.probe_image import ensure_probe_image
from tests.lab import LabNode
from tests.lab.images import prepared_engine, program_directories
from tests.lab.programs import NEWEST, PREVIOUS

SAMPLES = 9
MANIFESTS = "/etc/kubernetes/manifests"
PAUSE = "registry.k8s.io/pause:3.10.2"
FOREVER = ("forever",)
POD_NAME = "io.kubernetes.pod.name"
CONTAINER_NAME = "io.kubernetes.container.name"
POLL = 0.005
DEADLINE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Bench:
    """A node with nothing but an agent, and a connection to its engine."""

    node: LabNode
    engine: DockerEngine
    image: str
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def new_pod(self) -> str:
        """A name no pod had before: there is no back-off from earlier."""
        return f"pod{next(self.numbers)}"

    def drop(self, name: str) -> float:
        """Put a pod's manifest there by a rename; the seconds until its container started."""
        directory = self.node.path(MANIFESTS)
        partial = directory.parent / f"{name}.json"
        partial.write_text(json.dumps(manifest(name, self.image)))
        dropped = datetime.now(UTC)
        os.rename(partial, directory / f"{name}.json")
        return seconds_between(dropped, self.running(name))

    def take_away(self, name: str) -> None:
        """Remove the manifest and wait until its containers are gone."""
        (self.node.path(MANIFESTS) / f"{name}.json").unlink()
        wait_until(lambda: not self.engine.list({POD_NAME: f"{name}-{self.node.name}"}))

    def running(self, name: str, but: str = "") -> Container:
        """The pod's container, once it runs and is another than ``but``."""
        labels = {POD_NAME: f"{name}-{self.node.name}", CONTAINER_NAME: "main"}
        found: list[Container] = []

        def is_there() -> bool:
            found[:] = [one for one in self.engine.list(labels, running_only=True) if one.id != but]
            return bool(found)

        wait_until(is_there)
        return found[0]

    def start_by_hand(self, name: str, image: str, command: tuple[str, ...] | None) -> Container:
        spec = ContainerSpec(f"{name}-{next(self.numbers)}", image, command=command, network_mode="host")
        made = self.engine.create(spec)
        self.engine.start(made)
        return self.engine.inspect(made)


def measure() -> Iterator[Measurement]:
    prepared = prepared_engine((NEWEST, PREVIOUS))
    with LabNode("pods", engine=prepared, programs=program_directories(NEWEST)) as node:
        node.path(MANIFESTS).mkdir(parents=True)
        agent = node.start(["bootstrap", "agent", "run"])
        engine = DockerEngine(str(node.path("/run/docker.sock")))
        try:
            wait_until(lambda: node.path("/run/bootstrap/agent.sock").exists())
            yield from measurements(Bench(node, engine, ensure_probe_image(engine)))
        finally:
            engine.close()
            agent.end()


def measurements(bench: Bench) -> Iterator[Measurement]:
    first, again, restarted, by_hand, by_hand_again = [], [], [], [], []
    for _ in range(SAMPLES):
        name = bench.new_pod()
        first.append(bench.drop(name))
        by_hand.append(pod_by_hand(bench))
        restarted.append(killed(bench, name))
        by_hand_again.append(killed_by_hand(bench))
        bench.take_away(name)
        other = bench.new_pod()
        bench.drop(other)
        bench.take_away(other)
        again.append(bench.drop(other))
        bench.take_away(other)
    calls = "the Docker calls by hand"
    yield Measurement(
        "manifest dropped: to the running container", "s", tuple(first), calls, tuple(by_hand), ratio=1.5
    )
    yield Measurement(
        "container killed: to the running new one",
        "s",
        tuple(restarted),
        calls,
        tuple(by_hand_again),
        worst=0.5,
        ratio=1.5,
    )
    yield Measurement(
        "manifest taken away and put back: to the running container",
        "s",
        tuple(again),
        "the first time",
        tuple(first),
        ratio=1.5,
    )


def pod_by_hand(bench: Bench) -> float:
    """A sandbox and a container, one call after the other."""
    begun = datetime.now(UTC)
    sandbox = bench.start_by_hand("sandbox", PAUSE, None)
    main = bench.start_by_hand("main", bench.image, FOREVER)
    for container in (main, sandbox):
        bench.engine.remove(container.id)
    return seconds_between(begun, main)


def killed(bench: Bench, name: str) -> float:
    before = bench.running(name)
    begun = datetime.now(UTC)
    bench.node.run(["sh", "-c", f"kill -9 {before.pid}"])
    return seconds_between(begun, bench.running(name, but=before.id))


def killed_by_hand(bench: Bench) -> float:
    before = bench.start_by_hand("main", bench.image, FOREVER)
    begun = datetime.now(UTC)
    bench.node.run(["sh", "-c", f"kill -9 {before.pid}"])
    wait_until(lambda: not bench.engine.inspect(before.id).is_running)
    after = bench.start_by_hand("main", bench.image, FOREVER)
    for container in (before, after):
        bench.engine.remove(container.id)
    return seconds_between(begun, after)


def manifest(name: str, image: str) -> dict[str, object]:
    container = {"name": "main", "image": image, "args": list(FOREVER)}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"hostNetwork": True, "terminationGracePeriodSeconds": 1, "containers": [container]},
    }


def seconds_between(begun: datetime, container: Container) -> float:
    assert container.started is not None
    return (container.started - begun).total_seconds()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(POLL)
