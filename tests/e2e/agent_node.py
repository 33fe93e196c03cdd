"""A lab node that runs an agent and nothing of Kubernetes; its pods are of the test program."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bootstrap.agent.names import CONTAINER_NAME, NODE, POD_NAME, SANDBOX
from bootstrap.host.http import NoAnswerError
from bootstrap.host.httpserver import fetch_unix
from bootstrap.runtime.api import Container
from bootstrap.runtime.docker_engine import DockerEngine
from tests.e2e.control_plane import wait_until
from tests.fixtures.probe_image import ensure_pause_image, ensure_probe_image
from tests.lab import LabNode
from tests.lab.namespace import Process

MANIFESTS = "/etc/kubernetes/manifests"
SOCKET = "/run/bootstrap/agent.sock"
EDIT = "edit"
"""The label that tells one version of a pod from another."""


class AgentNode:
    """``with`` nothing: the node's own end takes everything with it; ``close`` gives up the connection."""

    def __init__(self, node: LabNode, *options: str) -> None:
        self.node = node
        self.options = options
        self.engine = DockerEngine(str(node.path("/run/docker.sock")))
        self.image = ensure_probe_image(self.engine)
        self.pause = ensure_pause_image(self.engine)
        self.manifests = node.path(MANIFESTS)
        self.manifests.mkdir(parents=True, exist_ok=True)
        self.log = Path(f"{node.engine_data.parent}/agent.log")
        self.agent: Process | None = None

    def start_agent(self) -> None:
        argv = ["bootstrap", "agent", "run", f"--pause-image={self.pause}", *self.options]
        self.agent = self.node.start(argv, log=self.log)
        wait_until(self.is_answering, "the agent answers", 30)

    def kill_agent(self) -> None:
        assert self.agent is not None
        self.agent.send(signal.SIGKILL)
        self.agent.wait(10)

    def is_answering(self) -> bool:
        try:
            return bool(self.status()["listed"])
        except NoAnswerError:
            assert self.agent is not None
            assert self.agent.returncode is None, self.log.read_text()[-4000:]
            return False

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(fetch_unix(self.node.path(SOCKET), "/status").body)
        return found

    def write(self, name: str, *steps: str, edit: str = "", file: str = "", **spec: Any) -> None:
        """A manifest in one motion; its container runs the test program with these steps."""
        text = json.dumps(self.manifest(name, *steps, edit=edit, **spec))
        partial = self.manifests.parent / f"{name}.partial"
        partial.write_text(text)
        os.rename(partial, self.manifests / (file or f"{name}.json"))

    def manifest(self, name: str, *steps: str, edit: str = "", **spec: Any) -> dict[str, Any]:
        main = {"name": "main", "image": self.image, "args": [*(steps or ("forever",))]}
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "labels": {EDIT: edit}},
            "spec": {"hostNetwork": True, "terminationGracePeriodSeconds": 2, "containers": [main], **spec},
        }

    def take_away(self, name: str) -> None:
        (self.manifests / f"{name}.json").unlink()

    def clear(self) -> None:
        """No manifest, no container."""
        for path in self.manifests.iterdir():
            path.unlink()
        wait_until(lambda: not self.containers(), "every container is gone")

    def containers(self, **labels: str) -> tuple[Container, ...]:
        return self.engine.list({NODE: self.node.name, **labels})

    def running(self) -> dict[tuple[str, str], Container]:
        """(pod, container) -> the one that runs. Two of one name are an AssertionError."""
        found = [each for each in self.containers() if each.is_running]
        twice = [name for name, count in Counter(map(name_of, found)).items() if count > 1]
        assert not twice, f"running twice: {twice}"
        return {name_of(each): each for each in found}

    def wait_running(self, pods: Iterable[str], seconds: float = 60.0) -> dict[tuple[str, str], Container]:
        """Until exactly these pods run, sandbox and main container of each."""
        wanted = {(pod, container) for pod in pods for container in (SANDBOX, "main")}
        wait_until(lambda: self.running().keys() == wanted, f"{len(wanted)} containers run", seconds)
        return self.running()

    def now(self) -> datetime:
        """By the same clock as the engine's times."""
        return datetime.now(UTC)

    def edit_of(self, sandbox: Container) -> str:
        return sandbox.labels.get(EDIT, "")

    def kill(self, container: Container) -> None:
        """SIGKILL to its program, which may have ended since it was seen."""
        self.node.run(["sh", "-c", f"kill -9 {container.pid} || ! kill -0 {container.pid}"])

    def close(self) -> None:
        if self.agent is not None:
            self.agent.end()
        self.engine.close()


def name_of(container: Container) -> tuple[str, str]:
    """(pod without the node's suffix, container)"""
    return container.labels[POD_NAME].rpartition("-")[0], container.labels[CONTAINER_NAME]
