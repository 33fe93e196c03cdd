"""References of the images a control plane is made of (cmd/kubeadm/app/images/images.go).

Invariant: a reference depends on the configuration alone, never on what is present on the machine.
"""

from __future__ import annotations

import re

from bootstrap.model.cluster import ControlPlane

_NOT_IN_A_TAG = re.compile(r"[^-a-zA-Z0-9_.]")


def kubernetes_image(control_plane: ControlPlane, component: str) -> str:
    """``component`` is the image's name: kube-apiserver, kube-proxy, ..."""
    cluster = control_plane.cluster
    tag = _NOT_IN_A_TAG.sub("_", cluster.kubernetes_version)
    return f"{cluster.image_repository}/{component}:{tag}"


def etcd_tag(control_plane: ControlPlane) -> str:
    """etcd.local.imageTag, else the etcd of this release."""
    local = control_plane.local_etcd
    return (local.image_tag if local else "") or control_plane.release.etcd


def etcd_image(control_plane: ControlPlane) -> str:
    local = control_plane.local_etcd
    repository = (local.image_repository if local else "") or control_plane.cluster.image_repository
    return f"{repository}/etcd:{etcd_tag(control_plane)}"
