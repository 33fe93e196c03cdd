"""The KubeletConfiguration all kubelets of the cluster start from (ConfigMap kubelet-config).

Source: cmd/kubeadm/app/componentconfigs/kubelet.go. Invariant: nothing in it depends on one machine;
resolvConf, which does, is left to the node that joins.
"""

from __future__ import annotations

import ipaddress
from typing import Any

from bootstrap.config.components import completed
from bootstrap.model.cluster import ControlPlane

KIND = "KubeletConfiguration"

DNS_INDEX = 10

_CHOICES = {"cgroupDriver": "systemd"}
"""Filled in, while any other value is as good."""

NOT_WRITTEN: dict[str, Any] = {"readOnlyPort": 0}
"""Recommended too, but the kubelet's own default."""


def kubelet_configuration(control_plane: ControlPlane) -> dict[str, Any]:
    """The document to store: the one that was given, or an empty one, with kubeadm's defaults."""
    document = completed(control_plane, KIND, {**recommended(control_plane), **_CHOICES})
    return {**document, "rotateCertificates": True}


def recommended(control_plane: ControlPlane) -> dict[str, Any]:
    """The values kubeadm fills in, and warns about when others are given."""
    return {
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(control_plane.layout.pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "clusterDNS": [dns_address(control_plane)],
        "clusterDomain": control_plane.cluster.networking.dns_domain,
        "healthzBindAddress": "127.0.0.1",
        "healthzPort": 10248,
        "staticPodPath": str(control_plane.layout.manifests),
    }


def dns_address(control_plane: ControlPlane) -> str:
    """The address of the cluster's DNS service: the tenth of the first service subnet."""
    subnet = ipaddress.ip_network(control_plane.service_subnets[0], strict=False)
    return str(subnet[DNS_INDEX])
