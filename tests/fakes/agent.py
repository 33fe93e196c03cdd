"""The whole agent on a fake engine and a fake clock, stepped by the test: no threads, a known order."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bootstrap.agent.crew import Job
from bootstrap.agent.daemon import Agent
from bootstrap.agent.keeper import Renewal
from bootstrap.agent.manifesturl import ManifestUrl
from bootstrap.agent.node import Node
from bootstrap.agent.plan import Rest
from bootstrap.agent.status import ContainerStatus, PodStatus
from bootstrap.agent.worker import Worker
from bootstrap.host.system import Room
from tests.fakes.clock import FakeClock
from tests.fakes.http import FakeHttp
from tests.fakes.processes import FakeProcesses
from tests.fakes.runtime import FakeEngine, FakeRuntime

PAUSE = "pause:1"
IMAGE = "app:1"
MAX_STEPS = 60
PROBES_AT_ONCE = 2
"""A startup probe that succeeds lets the others run at the same moment."""


def document(name: str = "web", *, containers: Any = None, **spec: Any) -> dict[str, Any]:
    """A Pod manifest as a mapping; one container unless told otherwise."""
    metadata = {"name": name, **spec.pop("metadata", {})}
    containers = containers or [{"name": "main", "image": IMAGE}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"hostNetwork": True, "containers": containers, **spec},
    }


class AgentHarness:
    """An agent of node ``n1``; ``restart_agent`` is a kill -9 followed by a new one."""

    url: ManifestUrl | None = None
    renewal: Renewal | None = None

    def __init__(self, directory: Path) -> None:
        self.manifests = directory / "manifests"
        self.manifests.mkdir(exist_ok=True)
        self.root = directory / "state"
        self.logs = directory / "log"
        self.room = Room(0, disk=100, disk_available=90, inodes=1, inodes_free=1, pids=1, pids_free=1)
        self.clock = FakeClock()
        self.engine = FakeEngine(self.clock)
        self.engine.add_image(PAUSE)
        self.engine.add_image(IMAGE)
        self.http = FakeHttp()
        self.processes = FakeProcesses()
        self.given_back = 0
        self.rouse: Callable[[Job], None] = lambda _job: None
        self.connection: Callable[[FakeEngine], FakeRuntime] = FakeRuntime
        self.spawn_hook: Callable[[Callable[[], None]], None] = lambda hook: hook()
        self.agent = self.new_agent()

    def new_agent(self) -> Agent:
        node = Node("n1", self.root, PAUSE, address="192.0.2.10", logs=self.logs)
        return Agent(
            self.manifests,
            node,
            lambda: self.connection(self.engine),
            self.clock,
            self.http,
            self.processes,
            url=self.url,
            renewal=self.renewal,
            room_of=lambda _path: self.room,
            give_back=self._give_back,
            rouse=lambda job: self.rouse(job),
            submit_probe=lambda probe: probe(),
            spawn_hook=lambda hook: self.spawn_hook(hook),
        )

    def _give_back(self) -> None:
        self.given_back += 1

    def restart_agent(self) -> None:
        self.agent = self.new_agent()

    def write(self, name: str, manifest: object) -> Path:
        path = self.manifests / name
        path.write_text(manifest if isinstance(manifest, str) else json.dumps(manifest))
        return path

    def settle(self) -> None:
        """Until nothing is left to do at this moment."""
        self.agent.sync()
        self.agent.turn()
        for worker in tuple(self.agent.workers.values()):
            self.settle_worker(worker)
        self.agent.sync()
        if self.agent.keeper is not None:
            self.agent.keeper.turn()

    def settle_worker(self, worker: Worker) -> None:
        for _ in range(MAX_STEPS):
            if isinstance(worker.step(), Rest):
                return
        raise AssertionError(f"{worker.key} does not come to rest: {self.engine.history[-10:]}")

    def advance(self, seconds: float, *, step: float = 1.0) -> None:
        """Let time pass in small steps, with everything the agent does in it."""
        end = self.clock.monotonic() + seconds
        while self.clock.monotonic() < end:
            self.clock.advance(min(step, end - self.clock.monotonic()))
            for _ in range(PROBES_AT_ONCE):
                self.agent.prober.step()
            self.settle()

    def pod(self, name: str = "web") -> PodStatus:
        return next(each for each in self.agent.status().pods if each.name == f"{name}-n1")

    def container(self, pod: str = "web", container: str = "main") -> ContainerStatus:
        return next(each for each in self.pod(pod).containers if each.name == container)

    def history(self, since: int = 0) -> list[str]:
        """What happened in the engine: ``start POD web 0`` for ``start k8s_POD_web-n1_default_UID_0``."""
        return [shortened(line) for line in self.engine.history[since:]]

    def running(self) -> list[str]:
        """``POD web``, ``main web``, ... of every running container."""
        return [" ".join(_parts(name)[:2]) for name in self.engine.running()]

    def until(self, condition: Callable[[], bool], seconds: float) -> float:
        """How long it takes, at most ``seconds``."""
        begun = self.clock.monotonic()
        while not condition():
            assert self.clock.monotonic() - begun < seconds, self.history()[-10:]
            self.advance(1)
        return self.clock.monotonic() - begun


def shortened(line: str) -> str:
    return " ".join(" ".join(_parts(word)) if word.startswith("k8s_") else word for word in line.split())


def _parts(name: str) -> tuple[str, str, str]:
    _prefix, container, pod, _namespace, _uid, attempt, *_suffix = name.split("_")
    return container, pod.removesuffix("-n1"), attempt
