"""Which certificates a control plane has, as data. The names are the words of ``init phase certs NAME``.

Source: cmd/kubeadm/app/phases/certs/certlist.go of 1.34 to 1.37. Invariant: an authority comes before what it
signs, so the order of the table is an order to make things in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pki.profile import Usage

AltNamesKind = Literal["none", "apiserver", "etcd-server", "etcd-peer"]
Version = tuple[int, int, int]

CLUSTER_AUTHORITY = "ca"
ETCD_AUTHORITY = "etcd-ca"
SERVICE_ACCOUNT = "sa"
"""A bare key pair: signs service account tokens, has no certificate."""


@dataclass(frozen=True, slots=True)
class CertificateSpec:
    """One certificate. ``file`` is below the certificates directory, without ``.crt`` or ``.key``.

    ``authority`` is the name of the one that signs it, "" for an authority itself. ``common_name`` "" means
    the node's name.
    """

    name: str
    file: str
    summary: str
    authority: str = ""
    common_name: str = ""
    usages: tuple[Usage, ...] = ()
    alt_names: AltNamesKind = "none"

    @property
    def is_authority(self) -> bool:
        return not self.authority


_CLIENT: tuple[Usage, ...] = ("clientAuth",)
_SERVER: tuple[Usage, ...] = ("serverAuth",)
_BOTH: tuple[Usage, ...] = ("serverAuth", "clientAuth")

CERTIFICATES = (
    CertificateSpec(
        "ca", "ca", "Make the cluster's certificate authority", common_name="kubernetes"
    ),
    CertificateSpec(
        "apiserver", "apiserver", "Make the API server's serving certificate", "ca",
        "kube-apiserver", _SERVER, "apiserver",
    ),
    CertificateSpec(
        "apiserver-kubelet-client", "apiserver-kubelet-client",
        "Make the certificate the API server shows to kubelets", "ca",
        "kube-apiserver-kubelet-client", _CLIENT,
    ),
    CertificateSpec(
        "front-proxy-ca", "front-proxy-ca", "Make the front proxy's certificate authority",
        common_name="front-proxy-ca",
    ),
    CertificateSpec(
        "front-proxy-client", "front-proxy-client",
        "Make the certificate the API server shows to extension servers", "front-proxy-ca",
        "front-proxy-client", _CLIENT,
    ),
    CertificateSpec(
        "etcd-ca", "etcd/ca", "Make etcd's certificate authority", common_name="etcd-ca"
    ),
    CertificateSpec(
        "etcd-server", "etcd/server", "Make etcd's serving certificate", "etcd-ca", "", _BOTH, "etcd-server"
    ),
    CertificateSpec(
        "etcd-peer", "etcd/peer", "Make the certificate etcd members show to each other", "etcd-ca",
        "", _BOTH, "etcd-peer",
    ),
    CertificateSpec(
        "etcd-healthcheck-client", "etcd/healthcheck-client",
        "Make the certificate health checks of etcd use", "etcd-ca",
        "kube-etcd-healthcheck-client", _CLIENT,
    ),
    CertificateSpec(
        "apiserver-etcd-client", "apiserver-etcd-client",
        "Make the certificate the API server shows to etcd", "etcd-ca",
        "kube-apiserver-etcd-client", _CLIENT,
    ),
)  # fmt: skip
"""etcd demands clientAuth of its serving certificate too: a member dials itself through it."""

SPECS = {spec.name: spec for spec in CERTIFICATES}
NAMES = (*SPECS, SERVICE_ACCOUNT)

_KUBELET_CLIENT_GROUP = "kubeadm:cluster-admins"
_KUBELET_CLIENT_WITHOUT_GROUP = {(1, 34): 8, (1, 35): 5, (1, 36): 1}
"""First patch release whose apiserver-kubelet-client has no organization; from 1.37 on none has."""


def belongs_to_etcd(name: str) -> bool:
    """Whether a certificate is only there for an etcd that runs on the node."""
    return ETCD_AUTHORITY in (name, SPECS[name].authority if name in SPECS else "")


def organization(name: str, version: Version) -> str:
    """The O of a certificate in a Kubernetes version, "" for none."""
    if name != "apiserver-kubelet-client" or version[:2] >= (1, 37):
        return ""
    first_without = _KUBELET_CLIENT_WITHOUT_GROUP.get(version[:2])
    return "" if first_without is not None and version[2] >= first_without else _KUBELET_CLIENT_GROUP


def tolerated_organization(name: str) -> str:
    """An O an existing certificate may have though this version would not write it.

    It was written by an earlier patch release and gives no less than what is needed now.
    """
    return _KUBELET_CLIENT_GROUP if name == "apiserver-kubelet-client" else ""
