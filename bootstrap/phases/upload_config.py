"""Phase ``upload-config``: what the cluster knows of its own configuration, where kubeadm looks for it.

Source: cmd/kubeadm/app/phases/{uploadconfig,kubelet}.
"""

from __future__ import annotations

import hashlib

from bootstrap.config.components import given
from bootstrap.config.dump import dump_cluster_configuration, to_yaml
from bootstrap.config.kubelet import KIND as KUBELET_CONFIGURATION
from bootstrap.config.kubelet import kubelet_configuration
from bootstrap.kube import objects
from bootstrap.model.cluster import ControlPlane
from bootstrap.phases.cluster import (
    ADMIN_KUBECONFIG,
    BOOTSTRAPPERS,
    NODES_GROUP,
    Wanted,
    admin_client,
    bring_about,
)
from bootstrap.phases.context import Context
from bootstrap.phases.phase import Phase

_HASH_ANNOTATION = "kubeadm.kubernetes.io/component-config.hash"


def upload_kubeadm_config(context: Context) -> None:
    with context.reporter.step("Uploading the configuration") as step:
        data = {"ClusterConfiguration": dump_cluster_configuration(context.control_plane)}
        readers = (BOOTSTRAPPERS, NODES_GROUP)
        _upload(context, "kubeadm-config", data, "kubeadm:nodes-kubeadm-config", readers)
        step.done("configuration uploaded (kube-system/kubeadm-config)")


def upload_kubelet_config(context: Context) -> None:
    with context.reporter.step("Uploading the kubelet configuration") as step:
        data = {"kubelet": to_yaml(kubelet_configuration(context.control_plane))}
        annotations = signature(context.control_plane, KUBELET_CONFIGURATION, data)
        readers = (NODES_GROUP, BOOTSTRAPPERS)
        _upload(context, "kubelet-config", data, "kubeadm:kubelet-config", readers, annotations)
        step.done("kubelet configuration uploaded (kube-system/kubelet-config)")


def signature(control_plane: ControlPlane, kind: str, data: dict[str, str]) -> dict[str, str]:
    """kubeadm's mark of a component configuration no user wrote, which upgrades may therefore replace.

    Source: cmd/kubeadm/app/componentconfigs/checksums.go.
    """
    if given(control_plane, kind):
        return {}
    content = "".join(data[key] for key in sorted(data))
    return {_HASH_ANNOTATION: f"sha256:{hashlib.sha256(content.encode()).hexdigest()}"}


def _upload(
    context: Context,
    name: str,
    data: dict[str, str],
    role: str,
    readers: tuple[str, ...],
    annotations: dict[str, str] | None = None,
) -> None:
    """A ConfigMap that nodes and joining nodes may read."""
    wanted = (
        objects.config_map(name, objects.SYSTEM, data, annotations),
        objects.reading_role(role, objects.SYSTEM, "configmaps", name),
        objects.role_binding(role, objects.SYSTEM, [objects.group(name) for name in readers]),
    )
    with admin_client(context) as api:
        bring_about(context, api, [Wanted(body) for body in wanted])


UPLOAD_CONFIG = Phase(
    "upload-config",
    "Upload the configuration to the cluster",
    steps=(
        Phase(
            "kubeadm",
            "Upload the ClusterConfiguration to ConfigMap kube-system/kubeadm-config",
            run=upload_kubeadm_config,
            needs=(ADMIN_KUBECONFIG,),
        ),
        Phase(
            "kubelet",
            "Upload the KubeletConfiguration to ConfigMap kube-system/kubelet-config",
            run=upload_kubelet_config,
            needs=(ADMIN_KUBECONFIG,),
        ),
    ),
)
