"""What ``config print`` shows: every default of a document, with placeholders for what a node would say.

Source: cmd/kubeadm/app/util/config (placeholder token, address and node name). Invariant: the same text on
every machine, valid as it is.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from bootstrap.config import defaults
from bootstrap.config.documents import Documents
from bootstrap.config.dump import document, given_document, to_yaml
from bootstrap.config.examine import PLACEHOLDERS
from bootstrap.config.kubelet import KIND as KUBELET
from bootstrap.config.kubelet import kubelet_configuration
from bootstrap.config.kubeproxy import KIND as KUBE_PROXY
from bootstrap.config.kubeproxy import kube_proxy_configuration
from bootstrap.config.problems import Problems
from bootstrap.model.cluster import ControlPlane
from bootstrap.model.kubeadm import BootstrapToken, InitConfiguration
from bootstrap.model.kubeadmcommands import (
    BootstrapTokenDiscovery,
    Discovery,
    JoinConfiguration,
    ResetConfiguration,
    UpgradeApply,
    UpgradeConfiguration,
    UpgradeNode,
    UpgradePlan,
)

TOKEN = "abcdef.0123456789abcdef"  # noqa: S105 - kubeadm's own, for people to replace
BOOTSTRAP = "BootstrapConfiguration"
MORE_KINDS = (KUBELET, KUBE_PROXY, BOOTSTRAP)
"""What can be shown beside the documents of init."""


def init_defaults(more: Iterable[str] = ()) -> str:
    """InitConfiguration and ClusterConfiguration; ``more`` of ``MORE_KINDS``."""
    plane = _placeholder_plane()
    node = replace(plane.init.node_registration, taints=None)
    documents = [document(replace(plane.init, node_registration=node)), document(plane.cluster)]
    shown = {
        KUBELET: kubelet_configuration(plane),
        KUBE_PROXY: kube_proxy_configuration(plane),
        BOOTSTRAP: document(plane.bootstrap),
    }
    return "---\n".join(to_yaml(content) for content in (*documents, *(shown[kind] for kind in more)))


def join_defaults() -> str:
    return _shown(
        JoinConfiguration(
            ca_cert_path=f"{defaults.CERTIFICATES_DIR}/ca.crt",
            discovery=Discovery(
                bootstrap_token=BootstrapTokenDiscovery(
                    token=TOKEN,
                    api_server_endpoint="kube-apiserver:6443",
                    unsafe_skip_ca_verification=True,
                ),
                tls_bootstrap_token=TOKEN,
            ),
            node_registration=replace(_placeholder_plane().init.node_registration, taints=None),
            timeouts=defaults.TIMEOUTS,
        )
    )


def reset_defaults() -> str:
    return _shown(
        ResetConfiguration(
            certificates_dir=defaults.CERTIFICATES_DIR,
            cri_socket=defaults.CRI_SOCKET,
            timeouts=defaults.TIMEOUTS,
        )
    )


def upgrade_defaults() -> str:
    return _shown(
        UpgradeConfiguration(
            apply=UpgradeApply(
                certificate_renewal=True,
                etcd_upgrade=True,
                image_pull_policy="IfNotPresent",
                image_pull_serial=True,
            ),
            node=UpgradeNode(
                certificate_renewal=True,
                etcd_upgrade=True,
                image_pull_policy="IfNotPresent",
                image_pull_serial=True,
            ),
            plan=UpgradePlan(etcd_upgrade=True),
            timeouts=defaults.TIMEOUTS,
        )
    )


def _placeholder_plane() -> ControlPlane:
    init = InitConfiguration(bootstrap_tokens=(BootstrapToken(token=TOKEN),))
    return defaults.complete(Documents(init=init), PLACEHOLDERS, Problems())


def _shown(struct: msgspec.Struct) -> str:
    return to_yaml(given_document(struct))
