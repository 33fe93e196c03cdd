"""The certificates of a node that an authority signs: where each lies, and who reads it.

Names are kubeadm's. Invariant: no certificate authority is among them; those are never renewed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from bootstrap.model.layout import ETCD, KUBE_APISERVER, KUBE_CONTROLLER_MANAGER, KUBE_SCHEDULER

AGENT = "the agent"
PEOPLE = "copies of it (~/.kube/config)"


@dataclass(frozen=True, slots=True)
class Leaf:
    """``path`` is below the certificates directory; that of a kubeconfig (``NAME.conf``) below its own.

    ``reader`` is who uses it, "" for nobody that runs; ``reloads``: a new one is taken up without a restart.
    """

    path: str
    reader: str
    reloads: bool

    @property
    def is_kubeconfig(self) -> bool:
        return self.path.endswith(".conf")


LEAVES = {
    "apiserver": Leaf("apiserver.crt", KUBE_APISERVER, reloads=True),
    "apiserver-kubelet-client": Leaf("apiserver-kubelet-client.crt", KUBE_APISERVER, reloads=True),
    "apiserver-etcd-client": Leaf("apiserver-etcd-client.crt", KUBE_APISERVER, reloads=True),
    "front-proxy-client": Leaf("front-proxy-client.crt", KUBE_APISERVER, reloads=True),
    "etcd-server": Leaf("etcd/server.crt", ETCD, reloads=True),
    "etcd-peer": Leaf("etcd/peer.crt", ETCD, reloads=True),
    "etcd-healthcheck-client": Leaf("etcd/healthcheck-client.crt", "", reloads=True),
    "controller-manager.conf": Leaf("controller-manager.conf", KUBE_CONTROLLER_MANAGER, reloads=False),
    "scheduler.conf": Leaf("scheduler.conf", KUBE_SCHEDULER, reloads=False),
    "kubelet.conf": Leaf("kubelet.conf", AGENT, reloads=True),
    "admin.conf": Leaf("admin.conf", PEOPLE, reloads=False),
    "super-admin.conf": Leaf("super-admin.conf", PEOPLE, reloads=False),
}
"""kube-apiserver watches its files, and etcd and kube-apiserver's client of etcd read them for each new
connection; what is embedded in a kubeconfig is read once (tests/e2e/test_day_two.py, test_renewal.py)."""

AGENT_SERVING = "agent-serving"
"""What the agent serves with: the one certificate here that kubeadm has no name for."""

READ_ONCE = {leaf.reader: name for name, leaf in LEAVES.items() if not leaf.reloads and leaf.reader != PEOPLE}
"""Component -> the kubeconfig it has to be restarted for."""


AUTHORITIES = ("ca.crt", "front-proxy-ca.crt", "etcd/ca.crt")
"""Who signs them, below the certificates directory."""


def path_of(name: str, pki: PurePosixPath, kubeconfigs: PurePosixPath) -> PurePosixPath:
    """Where one of ``LEAVES`` lies on a node with these directories."""
    leaf = LEAVES[name]
    return (kubeconfigs if leaf.is_kubeconfig else pki) / leaf.path
