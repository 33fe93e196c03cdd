"""The KubeProxyConfiguration of the kube-proxy add-on (ConfigMap kube-proxy).

Source: cmd/kubeadm/app/componentconfigs/kubeproxy.go. Invariant: nothing in it depends on one machine but the
address family.
"""

from __future__ import annotations

from typing import Any

from bootstrap.config.components import completed
from bootstrap.model.cluster import ControlPlane
from bootstrap.model.version import KubernetesVersion

KIND = "KubeProxyConfiguration"

_MODE_WRITTEN_SINCE = KubernetesVersion(1, 37)


def kube_proxy_configuration(control_plane: ControlPlane) -> dict[str, Any]:
    """The document to store: the one that was given, or an empty one, with kubeadm's defaults."""
    mode = {"mode": "iptables"} if control_plane.version >= _MODE_WRITTEN_SINCE else {}
    return completed(control_plane, KIND, {**recommended(control_plane), **mode})


def recommended(control_plane: ControlPlane) -> dict[str, Any]:
    """The values kubeadm fills in, and warns about when others are given."""
    pod_subnet = control_plane.cluster.networking.pod_subnet
    return {
        "bindAddress": "::" if control_plane.is_ipv6 else "0.0.0.0",
        "clientConnection": {"kubeconfig": "/var/lib/kube-proxy/kubeconfig.conf"},
        **({"clusterCIDR": pod_subnet} if pod_subnet else {}),
    }
