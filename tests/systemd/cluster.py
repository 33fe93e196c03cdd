"""A control plane on a machine with systemd."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from bootstrap.model.layout import COMPONENTS
from tests.e2e.control_plane import wait_until
from tests.lab.machine import Machine

UNIT = "bootstrap-agent.service"
UNTIL_READY = """
import ssl, time, urllib.request
context = ssl._create_unverified_context()
while True:
    try:
        urllib.request.urlopen("https://127.0.0.1:6443/readyz", context=context, timeout=2)
        break
    except OSError:
        time.sleep(0.05)
"""
"""Asked on the machine itself by one process: starting a client for every question would slow it down."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """The control plane of ``machine``."""

    machine: Machine
    first_start: float
    """Seconds ``init`` took, images being present."""

    def containers(self) -> dict[str, str]:
        """ID -> name of everything that runs, sandboxes included."""
        lines = self.machine.docker("ps", "--no-trunc", "--format={{.ID}} {{.Names}}").splitlines()
        return dict(line.split() for line in lines)

    def agent_pid(self) -> int:
        return int(self.machine.property(UNIT, "MainPID"))

    def agent_processes(self) -> list[str]:
        """Processes of the unit, and any of the agent's command line outside it."""
        found = self.machine.run(["pgrep", "--full", "bootstrap agent run"], check=False).stdout.split()
        return found + self.machine.property(UNIT, "ControlGroup").split()

    def status(self) -> dict[str, Any]:
        """As the agent says it; nothing while none answers."""
        done = self.machine.bootstrap("agent", "status", "--output=json", check=False)
        found: dict[str, Any] = json.loads(done.stdout) if done.returncode == 0 else {}
        return found

    def is_whole(self) -> bool:
        """Each component once, and ready, as the agent says."""
        states = [
            container["ready"] for pod in self.status().get("pods", ()) for container in pod["containers"]
        ]
        return len(states) == len(COMPONENTS) and all(states)

    def wait_answering(self) -> None:
        """Until /readyz says ok."""
        self.machine.run(["python3", "-c", UNTIL_READY])

    def wait_ready(self) -> None:
        """Until /readyz says ok and the agent says that every container is ready."""
        self.wait_answering()
        wait_until(self.is_whole, "every component is ready")

    def remember(self, key: str, value: str) -> None:
        """A config map; once this returns the API server has acknowledged it."""
        self.machine.kubectl("create", "configmap", key, f"--from-literal=value={value}")

    def recall(self) -> dict[str, str]:
        """What ``remember`` was told."""
        listing = json.loads(self.machine.kubectl("get", "configmaps", "--output=json"))
        return {
            item["metadata"]["name"]: item["data"]["value"]
            for item in listing["items"]
            if "value" in item.get("data", {})
        }
