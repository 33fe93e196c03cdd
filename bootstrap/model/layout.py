"""Every path on a node, in one place (kubeadm's and the kubelet's own paths, and ours beside them).

Invariant: these are *final* paths, as manifests and kubeconfigs spell them. Re-rooting for ``--root``, dry
runs and tests happens where files are written (``bootstrap.host.files.Files``), never here.
"""

from __future__ import annotations

from pathlib import PurePosixPath

import msgspec

ETCD = "etcd"
KUBE_APISERVER = "kube-apiserver"
KUBE_CONTROLLER_MANAGER = "kube-controller-manager"
KUBE_SCHEDULER = "kube-scheduler"

COMPONENTS = (ETCD, KUBE_APISERVER, KUBE_CONTROLLER_MANAGER, KUBE_SCHEDULER)
"""In the order in which they depend on each other, which is the order changes are applied in."""


KUBELET_PORT = 10250
"""Where the agent answers what people ask a kubelet, on every address of the node."""


class Layout(msgspec.Struct, frozen=True):
    """Paths of one node. ``pki`` and ``etcd_data`` come from the configuration, the rest is fixed.

    Source: cmd/kubeadm/app/constants/constants.go.
    """

    kubernetes: PurePosixPath = PurePosixPath("/etc/kubernetes")
    pki: PurePosixPath = PurePosixPath("/etc/kubernetes/pki")
    etcd_data: PurePosixPath = PurePosixPath("/var/lib/etcd")
    state: PurePosixPath = PurePosixPath("/var/lib/bootstrap")
    run: PurePosixPath = PurePosixPath("/run/bootstrap")
    pod_logs: PurePosixPath = PurePosixPath("/var/log/pods")
    container_logs: PurePosixPath = PurePosixPath("/var/log/containers")
    systemd_units: PurePosixPath = PurePosixPath("/etc/systemd/system")
    docker_socket: PurePosixPath = PurePosixPath("/var/run/docker.sock")

    @property
    def manifests(self) -> PurePosixPath:
        return self.kubernetes / "manifests"

    def manifest(self, component: str) -> PurePosixPath:
        """The static pod manifest of one of ``COMPONENTS``."""
        return self.manifests / f"{component}.yaml"

    def kubeconfig(self, name: str) -> PurePosixPath:
        """``name`` is ``admin``, ``super-admin``, ``kubelet``, ``controller-manager`` or ``scheduler``."""
        return self.kubernetes / f"{name}.conf"

    @property
    def generations(self) -> PurePosixPath:
        """What was applied, one numbered directory each."""
        return self.state / "generations"

    @property
    def journal(self) -> PurePosixPath:
        """Present while a commit is under way; what it says is finished or undone by the next run."""
        return self.state / "journal.json"

    @property
    def inventory(self) -> PurePosixPath:
        """What this program made on the node: ``reset`` removes that and nothing else."""
        return self.state / "inventory.json"

    @property
    def pods(self) -> PurePosixPath:
        """What the agent keeps of pods, a directory for each UID: never a kubelet's, which would clean it."""
        return self.state / "pods"

    @property
    def lock(self) -> PurePosixPath:
        """Held (flock) by the one command that may change the node."""
        return self.run / "lock"

    @property
    def agent_socket(self) -> PurePosixPath:
        """The agent's status, root only."""
        return self.run / "agent.sock"

    @property
    def agent_certificate(self) -> PurePosixPath:
        """What the agent serves with: its key and its chain in one file."""
        return self.state / "pki" / "kubelet.pem"

    @property
    def agent_pid(self) -> PurePosixPath:
        return self.run / "agent.pid"

    @property
    def agent_log(self) -> PurePosixPath:
        """Where the agent logs when no systemd journal takes it."""
        return PurePosixPath("/var/log/bootstrap-agent.log")

    @property
    def agent_unit(self) -> PurePosixPath:
        return self.systemd_units / "bootstrap-agent.service"
