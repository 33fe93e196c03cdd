"""A real kubelet on a lab node, with a container runtime of its own beside the node's Docker Engine.

Invariant: it has neither a directory nor a runtime in common with the agent; what it started ends with it.
"""

from __future__ import annotations

import json
from types import TracebackType

from tests.lab.namespace import Process
from tests.lab.node import LabNode

SOCKET = "/run/cri/containerd.sock"
CONTAINERD = f"""\
version = 2
root = "/var/lib/cri"
state = "/run/cri/state"

[grpc]
  address = "{SOCKET}"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "%(pause)s"
  restrict_oom_score_adj = true
  disable_apparmor = true
"""
KUBELET = {
    "apiVersion": "kubelet.config.k8s.io/v1beta1",
    "kind": "KubeletConfiguration",
    "authentication": {
        "anonymous": {"enabled": False},
        "webhook": {"enabled": True},
        "x509": {"clientCAFile": "/etc/kubernetes/pki/ca.crt"},
    },
    "authorization": {"mode": "Webhook"},
    "cgroupDriver": "cgroupfs",
    "cgroupsPerQOS": False,
    "containerRuntimeEndpoint": f"unix://{SOCKET}",
    "enforceNodeAllocatable": [],
    "failCgroupV1": False,
    "failSwapOn": False,
    "healthzPort": 0,
}
"""Neither a static pod path nor a health port, which is the agent's."""


class RealKubelet:
    """``with RealKubelet(node, pause=...) as kubelet``: registers the node with the node's kubelet.conf."""

    def __init__(self, node: LabNode, *, pause: str, images: tuple[str, ...] = ()) -> None:
        self._node = node
        self._pause = pause
        self._images = (pause, *images)
        self._processes: list[Process] = []

    def __enter__(self) -> RealKubelet:
        try:
            self._start_runtime()
            self._start_kubelet()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def log(self) -> str:
        path = self._node.path("/var/log/kubelet.log")
        return path.read_text(errors="replace") if path.exists() else ""

    def ctr(self, *arguments: str) -> str:
        """What the runtime's client prints."""
        return self._node.run(["ctr", f"--address={SOCKET}", "--namespace=k8s.io", *arguments]).stdout

    def close(self) -> None:
        for process in reversed(self._processes):
            process.end()

    def _start_runtime(self) -> None:
        config = self._node.path("/etc/cri.toml")
        config.write_text(CONTAINERD % {"pause": self._pause})
        log = self._node.path("/var/log/cri.log")
        self._processes.append(self._node.start(["containerd", "--config=/etc/cri.toml"], log=log))
        archive = "/run/images.tar"
        self._node.docker("save", f"--output={archive}", *self._images)
        load = f"until ctr --address={SOCKET} version; do sleep 0.1; done >/dev/null 2>&1"
        self._node.run(["sh", "-c", load])
        self.ctr("images", "import", archive)
        self._node.path(archive).unlink()

    def _start_kubelet(self) -> None:
        self._node.path("/etc/kubelet.yaml").write_text(json.dumps(KUBELET))
        command = [
            "kubelet",
            "--config=/etc/kubelet.yaml",
            "--kubeconfig=/etc/kubernetes/kubelet.conf",
            f"--hostname-override={self._node.name}",
            f"--node-ip={self._node.address}",
        ]
        log = self._node.path("/var/log/kubelet.log")
        self._processes.append(self._node.start(command, log=log))
