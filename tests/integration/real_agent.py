"""The real agent process on a real Docker Engine, with manifests, names and state of its own.

Invariant: agents of several tests, and whatever else the engine runs, do not know of each other.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bootstrap.host.http import HttpRequest, NoAnswerError, SystemHttp
from bootstrap.host.httpserver import fetch_unix
from bootstrap.runtime.api import Container
from bootstrap.runtime.docker_engine import DockerEngine
from tests.fixtures.probe_image import ensure_pause_image, ensure_probe_image

DEADLINE_SECONDS = 60.0
_numbers = itertools.count(1)


class RealAgent:
    """One agent process after another over the same manifests; the pods outlive them."""

    def __init__(self, directory: Path, engine: DockerEngine, image: str) -> None:
        self.directory = directory
        self.engine = engine
        self.image = image
        self.pause_image = ensure_pause_image(engine)
        self.node = f"agent-test-{os.getpid()}-{next(_numbers)}"
        self.labels = {"podstrap.node": self.node}
        self.manifests = directory / "manifests"
        self.manifests.mkdir()
        self.socket = Path(f"/tmp/{self.node}.sock")
        self.process: subprocess.Popen[bytes] | None = None
        self.healthz_port = free_port()
        self.options: dict[str, object] = {}

    def start(self) -> None:
        """Until it has listed its manifests."""
        self.launch()
        wait_until(lambda: self.answers() and self.status()["listed"])

    def launch(self) -> None:
        argv = [sys.executable, "-m", "bootstrap", "agent", "run"]
        options = {
            "manifests": self.manifests,
            "socket": self.socket,
            "node-name": self.node,
            "root-dir": self.directory / "state",
            "log-dir": self.directory / "logs",
            "healthz-port": self.healthz_port,
            "pause-image": self.pause_image,
            **self.options,
        }
        argv += [word for name, value in options.items() for word in (f"--{name}", str(value))]
        log = (self.directory / "log").open("ab")
        with log:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def stop(self, number: int = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(30)
            self.process = None

    def write(self, name: str, *steps: str, container: dict[str, Any] | None = None, **spec: Any) -> None:
        """A manifest whose container runs probe-target with these steps, put there in one motion."""
        main = {
            "name": "main",
            "image": self.image,
            "args": list(steps),
            "securityContext": {"privileged": False},
            **(container or {}),
        }
        document = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name},
            "spec": {"hostNetwork": True, "terminationGracePeriodSeconds": 5, "containers": [main], **spec},
        }
        temporary = self.manifests / f".{name}"
        temporary.write_text(json.dumps(document))
        temporary.rename(self.manifests / f"{name}.yaml")

    def containers(self, name: str = "main", *, running: bool = True) -> tuple[Container, ...]:
        labels = {**self.labels, "io.kubernetes.container.name": name}
        return self.engine.list(labels, running_only=running)

    def running(self, name: str = "main") -> Container:
        """The one running container of that name, once there is one."""
        wait_until(lambda: len(self.containers(name)) == 1)
        return self.containers(name)[0]

    def replaced(self, old: Container) -> Container:
        wait_until(lambda: [each.id for each in self.containers()] not in ([], [old.id]))
        return self.running()

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(fetch_unix(self.socket, "/status").body)
        return found

    def container_status(self) -> dict[str, Any]:
        found: dict[str, Any] = self.status()["pods"][0]["containers"][0]
        return found

    def clean(self) -> None:
        with contextlib.suppress(OSError):
            self.stop(signal.SIGKILL)
        for container in self.engine.list(self.labels):
            self.engine.remove(container.id)
        self.socket.unlink(missing_ok=True)

    def answers(self) -> bool:
        try:
            health = HttpRequest("127.0.0.1", self.healthz_port, "/healthz", scheme="http")
            return SystemHttp().fetch(health).body == b"ok" and bool(self.status())
        except NoAnswerError:
            assert self.process is not None
            assert self.process.poll() is None, (self.directory / "log").read_text()
            return False


@contextlib.contextmanager
def real_agent(directory: Path) -> Iterator[RealAgent]:
    """Not started yet. In the end nothing of its pods is left."""
    engine = DockerEngine()
    made = RealAgent(directory, engine, ensure_probe_image(engine))
    try:
        yield made
    finally:
        made.clean()
        engine.close()


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
