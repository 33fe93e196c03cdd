"""Kubeconfig files of a control plane: whose they are, where they point to, and their text.

Source: cmd/kubeadm/app/phases/kubeconfig/kubeconfig.go. Invariant: pure; the text is what kubectl would
write, so a file that ``kubectl config`` has rewritten without a change has the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bootstrap.model.cluster import ControlPlane
from bootstrap.model.secret import Secret
from bootstrap.model.version import KubernetesVersion
from bootstrap.render.documents import dump

Endpoint = Literal["control-plane", "local"]

KUBELET_LOCAL_MODE = "ControlPlaneKubeletLocalMode"
"""Feature gate, on by default, gone in 1.35: the kubelet talks to the API server of its own node."""


@dataclass(frozen=True, slots=True)
class ClientIdentity:
    """One kubeconfig. ``user`` is its certificate's CN, the node's name for ``{node}``; ``group`` the O."""

    name: str
    summary: str
    user: str
    group: str = ""
    endpoint: Endpoint = "control-plane"


IDENTITIES = (
    ClientIdentity(
        "admin", "Make the administrator's kubeconfig", "kubernetes-admin", "kubeadm:cluster-admins"
    ),
    ClientIdentity(
        "super-admin",
        "Make a kubeconfig that passes every authorization",
        "kubernetes-super-admin",
        "system:masters",
    ),
    ClientIdentity(
        "kubelet", "Make the kubelet's kubeconfig", "system:node:{node}", "system:nodes", endpoint="local"
    ),
    ClientIdentity(
        "controller-manager",
        "Make the controller manager's kubeconfig",
        "system:kube-controller-manager",
        endpoint="local",
    ),
    ClientIdentity("scheduler", "Make the scheduler's kubeconfig", "system:kube-scheduler", endpoint="local"),
)


def user_of(identity: ClientIdentity, control_plane: ControlPlane) -> str:
    return identity.user.format(node=control_plane.node_name)


def server_of(identity: ClientIdentity, control_plane: ControlPlane) -> str:
    """``https://HOST:PORT`` the file points to."""
    is_local = identity.endpoint == "local"
    if identity.name == "kubelet" and control_plane.version < KubernetesVersion(1, 35):
        is_local = control_plane.cluster.feature_gates.get(KUBELET_LOCAL_MODE, True)
    return control_plane.local_endpoint if is_local else control_plane.control_plane_endpoint


def render_kubeconfig(
    *, server: str, cluster_name: str, user: str, ca: str, certificate: str, key: Secret
) -> str:
    """Kubeconfig text with everything embedded; ``ca``, ``certificate`` and ``key`` are PEM."""
    context = f"{user}@{cluster_name}"
    credentials = {
        "client-certificate-data": _encoded(certificate),
        "client-key-data": _encoded(key.reveal()),
    }
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": context,
        "clusters": [
            {
                "name": cluster_name,
                "cluster": {"server": server, "certificate-authority-data": _encoded(ca)},
            }
        ],
        "contexts": [{"name": context, "context": {"cluster": cluster_name, "user": user}}],
        "users": [{"name": user, "user": credentials}],
    }
    return dump(document)


def render_cluster_info(server: str, ca: str) -> str:
    """The part of a kubeconfig that everybody may know: one cluster without a name, and nobody's identity."""
    import yaml

    cluster = {"server": server, "certificate-authority-data": _encoded(ca)}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "",
        "clusters": [{"name": "", "cluster": cluster}],
        "contexts": None,
        "users": None,
    }
    return yaml.safe_dump(document, sort_keys=True, width=float("inf"))


def _encoded(pem: str) -> str:
    import base64

    return base64.b64encode(pem.encode()).decode()
