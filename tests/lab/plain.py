"""A control plane as plain processes: the commands of its static pod manifests, without an engine.

For tests that are about what the API server keeps, not about how it came to run. Invariant: the processes end
with the ``with`` block.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from bootstrap.model.layout import ETCD, KUBE_APISERVER, Layout
from tests.lab.namespace import Process
from tests.lab.node import LabNode

READY_SECONDS = 60.0
LAYOUT = Layout()


@contextmanager
def running_components(
    node: LabNode, logs: Path, components: tuple[str, ...] = (ETCD, KUBE_APISERVER)
) -> Iterator[None]:
    """What the node's manifests say, once the API server is ready in every detail."""
    started: dict[str, Process] = {}
    try:
        for component in components:
            manifest = yaml.safe_load(node.path(str(LAYOUT.manifest(component))).read_text())
            command = manifest["spec"]["containers"][0]["command"]
            started[component] = node.start(command, log=logs / f"{component}.log")
        _wait_until_ready(node, logs, started)
        yield
    finally:
        for process in reversed(started.values()):
            process.end()


def _wait_until_ready(node: LabNode, logs: Path, started: dict[str, Process]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    super_admin = {"KUBECONFIG": str(LAYOUT.kubeconfig("super-admin"))}
    while node.run(["kubectl", "get", "--raw=/readyz"], check=False, environment=super_admin).returncode != 0:
        for component, process in started.items():
            log = (logs / f"{component}.log").read_text()[-3000:]
            assert process.returncode is None, f"{component} ended:\n{log}"
        assert time.monotonic() < deadline, "the API server is not ready"
        time.sleep(0.1)
