"""References of the images a control plane is made of.

Source: cmd/kubeadm/app/images/images.go. Invariant: a reference depends on the configuration alone, never on
what is present on the machine.
"""

from __future__ import annotations

import re

from bootstrap.model.cluster import ControlPlane
from bootstrap.model.layout import ETCD, KUBE_APISERVER, KUBE_CONTROLLER_MANAGER, KUBE_SCHEDULER

KUBE_PROXY = "kube-proxy"
COREDNS = "coredns"
PAUSE = "pause"

_OFFICIAL = "registry.k8s.io"
_NOT_IN_A_TAG = re.compile(r"[^-a-zA-Z0-9_.]")


def component_images(control_plane: ControlPlane) -> dict[str, str]:
    """Component to image reference, in the order of ``kubeadm config images list``.

    Add-ons that are disabled, and etcd when it is external, are left out.
    """
    cluster = control_plane.cluster
    images = {
        name: kubernetes_image(control_plane, name)
        for name in (KUBE_APISERVER, KUBE_CONTROLLER_MANAGER, KUBE_SCHEDULER)
    }
    if not cluster.proxy.disabled:
        images[KUBE_PROXY] = kubernetes_image(control_plane, KUBE_PROXY)
    if not cluster.dns.disabled:
        images[COREDNS] = coredns_image(control_plane)
    images[PAUSE] = pause_image(control_plane)
    if control_plane.local_etcd:
        images[ETCD] = etcd_image(control_plane)
    return images


def kubernetes_image(control_plane: ControlPlane, component: str) -> str:
    """The image of a program released with Kubernetes itself; a ``+`` of its version becomes ``_``."""
    tag = _NOT_IN_A_TAG.sub("_", control_plane.cluster.kubernetes_version)
    return f"{control_plane.cluster.image_repository}/{component}:{tag}"


def etcd_tag(control_plane: ControlPlane) -> str:
    """etcd.local.imageTag, else the etcd of this release."""
    local = control_plane.local_etcd
    return (local and local.image_tag) or control_plane.release.etcd


def etcd_image(control_plane: ControlPlane) -> str:
    """etcd.local's repository and tag, where given, else the etcd of this release."""
    local = control_plane.local_etcd
    repository = (local and local.image_repository) or control_plane.cluster.image_repository
    return f"{repository}/etcd:{etcd_tag(control_plane)}"


def coredns_image(control_plane: ControlPlane) -> str:
    """dns's repository and tag, where given; only the official registry has a folder of its own for it."""
    dns = control_plane.cluster.dns
    repository = dns.image_repository or control_plane.cluster.image_repository
    folder = f"{repository}/coredns" if repository == _OFFICIAL else repository
    return f"{folder}/coredns:{dns.image_tag or control_plane.release.coredns}"


def pause_image(control_plane: ControlPlane) -> str:
    """The image of pod sandboxes: BootstrapConfiguration's images.pause, else that of this release."""
    given = control_plane.bootstrap.images.pause
    return given or f"{control_plane.cluster.image_repository}/pause:{control_plane.release.pause}"
