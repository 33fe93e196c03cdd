"""Kubeconfig files of a control plane: whose they are, where they point to, and their text.

Source: cmd/kubeadm/app/phases/kubeconfig/kubeconfig.go. Invariant: pure; the text is what kubectl would
write, so a file that ``kubectl config`` has rewritten without a change has the same bytes.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from bootstrap.model.cluster import ControlPlane
from bootstrap.model.secret import Secret
from bootstrap.model.version import KubernetesVersion
from bootstrap.render.documents import dump, load

Endpoint = Literal["control-plane", "local"]

KUBELET_LOCAL_MODE = "ControlPlaneKubeletLocalMode"
"""Feature gate, on by default, gone in 1.35: the kubelet talks to the API server of its own node."""


class ClientIdentity(msgspec.Struct, frozen=True):
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
    """Kubeconfig text with everything embedded; ``ca``, ``certificate`` and ``key`` are PEM.

    Without ``ca`` or ``certificate`` these are left out, for whoever has them signed to fill in.
    """
    credentials = {"client-key-data": _encoded(key.reveal())}
    if certificate:
        credentials["client-certificate-data"] = _encoded(certificate)
    return _render(server=server, cluster_name=cluster_name, user=user, ca=ca, credentials=credentials)


def render_token_kubeconfig(*, server: str, cluster_name: str, user: str, ca: str, token: Secret) -> str:
    """Kubeconfig text of a user who shows a token."""
    credentials = {"token": token.reveal()}
    return _render(server=server, cluster_name=cluster_name, user=user, ca=ca, credentials=credentials)


def _render(*, server: str, cluster_name: str, user: str, ca: str, credentials: dict[str, str]) -> str:
    context = f"{user}@{cluster_name}"
    trust = {"certificate-authority-data": _encoded(ca)} if ca else {}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": context,
        "clusters": [
            {
                "name": cluster_name,
                "cluster": {"server": server, **trust},
            }
        ],
        "contexts": [{"name": context, "context": {"cluster": cluster_name, "user": user}}],
        "users": [{"name": user, "user": credentials}],
    }
    return dump(document)


def with_client(text: str, certificate: str, key: Secret, ca: str = "") -> str:
    """A kubeconfig whose current user has another certificate, and its cluster another ``ca`` if given.

    ``text`` has been read by ``bootstrap.kube.kubeconfig`` before, so the current context and its user exist.
    """
    document = load(text)
    context = _entry(document, "context", document["current-context"])
    user = _entry(document, "user", context["user"])
    for field in ("client-certificate", "client-key"):
        user.pop(field, None)
    user |= {"client-certificate-data": _encoded(certificate), "client-key-data": _encoded(key.reveal())}
    if ca:
        _entry(document, "cluster", context["cluster"])["certificate-authority-data"] = _encoded(ca)
    return dump(document)


def _entry(document: dict[str, Any], kind: str, name: str) -> dict[str, Any]:
    entries: list[dict[str, Any]] = document[f"{kind}s"]
    return next(entry[kind] for entry in entries if entry["name"] == name)


def render_cluster_info(server: str, ca: str) -> str:
    """The part of a kubeconfig that everybody may know: one cluster without a name, and nobody's identity."""
    cluster = {"server": server, "certificate-authority-data": _encoded(ca)}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "",
        "clusters": [{"name": "", "cluster": cluster}],
        "contexts": None,
        "users": None,
    }
    return dump(document)


def _encoded(pem: str) -> str:
    import base64

    return base64.b64encode(pem.encode()).decode()
