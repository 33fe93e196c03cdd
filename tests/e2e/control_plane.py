"""A control plane on a lab node, as a person with docker and kubectl sees it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bootstrap.model.layout import COMPONENTS, ETCD, KUBE_APISERVER, KUBE_CONTROLLER_MANAGER, KUBE_SCHEDULER
from tests.lab import LabNode

Json = dict[str, Any]
DEADLINE_SECONDS = 90.0
HEALTH = {
    ETCD: "http://127.0.0.1:2381/readyz",
    KUBE_APISERVER: "https://127.0.0.1:6443/readyz",
    KUBE_CONTROLLER_MANAGER: "https://127.0.0.1:10257/healthz",
    KUBE_SCHEDULER: "https://127.0.0.1:10259/healthz",
}
FETCH = """
import ssl, sys, urllib.request
urllib.request.urlopen(sys.argv[1], context=ssl._create_unverified_context())
"""


def wait_until(condition: Callable[[], object], what: str, seconds: float = DEADLINE_SECONDS) -> float:
    """Wait for a condition, never for a time; the seconds it took."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() < started + seconds, f"not within {seconds:g} s: {what}"
        time.sleep(0.1)
    return time.monotonic() - started


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """The control plane of ``node``."""

    node: LabNode

    def containers(self, component: str) -> list[str]:
        """IDs of the running containers of a component (its sandbox is not one)."""
        label = f"label=io.kubernetes.container.name={component}"
        return self.node.docker("ps", "--no-trunc", "--quiet", "--filter", label).split()

    def everything_running(self) -> frozenset[str]:
        """IDs of all running containers, sandboxes included."""
        return frozenset(self.node.docker("ps", "--no-trunc", "--quiet").split())

    def pid(self, container: str) -> int:
        """Of a container's process, as the node counts."""
        return int(self.node.docker("inspect", "--format", "{{.State.Pid}}", container))

    def kill(self, pid: int | str) -> None:
        """SIGKILL to a process of the node, as the node counts."""
        self.node.run(["sh", "-c", f"kill -9 {pid}"])

    def image(self, component: str) -> str:
        (container,) = self.containers(component)
        return self.node.docker("inspect", "--format", "{{.Config.Image}}", container).strip()

    def is_healthy(self, component: str) -> bool:
        return self.node.run(["python3", "-c", FETCH, HEALTH[component]], check=False).returncode == 0

    def wait_healthy(self) -> None:
        """Each component once, and each one answering."""
        for component in COMPONENTS:
            wait_until(
                lambda: len(self.containers(component)) == 1 and self.is_healthy(component),  # noqa: B023
                f"{component} is healthy, once",
            )

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        return self.node.kubectl(*arguments, stdin=stdin)

    def get(self, *arguments: str) -> Json:
        found: Json = json.loads(self.kubectl("get", *arguments, "--output=json"))
        return found

    def create(self, resource: Json) -> None:
        """A pod is admitted once a controller has made its namespace's service account."""
        if resource["kind"] == "Pod":
            wait_until(self._has_service_account, "namespace default has its service account")
        self.kubectl("create", "--filename=-", stdin=json.dumps(resource))

    def _has_service_account(self) -> bool:
        found = self.node.run(["kubectl", "get", "serviceaccount", "default"], check=False)
        return found.returncode == 0


def config_map(name: str, **data: str) -> Json:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}
