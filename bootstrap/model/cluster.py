"""The whole description of one control-plane node: every document, with every default filled in.

Invariant: a ``ControlPlane`` is complete and valid. Only ``bootstrap.config`` makes one; whoever holds one
never checks a field again and never meets an empty required field.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from bootstrap.model.bootstrapconfig import BootstrapConfiguration
from bootstrap.model.kubeadm import ClusterConfiguration, ExternalEtcd, InitConfiguration, LocalEtcd
from bootstrap.model.layout import COMPONENTS, ETCD, Layout
from bootstrap.model.version import KubernetesVersion, Release, release_of


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """``component_configs``: KubeletConfiguration and KubeProxyConfiguration documents, as written."""

    init: InitConfiguration
    cluster: ClusterConfiguration
    bootstrap: BootstrapConfiguration = BootstrapConfiguration()
    component_configs: tuple[dict[str, Any], ...] = field(default=())

    @property
    def version(self) -> KubernetesVersion:
        return KubernetesVersion.parse(self.cluster.kubernetes_version)

    @property
    def release(self) -> Release:
        return release_of(self.version)

    @property
    def node_name(self) -> str:
        return self.init.node_registration.name

    @property
    def advertise_address(self) -> str:
        """The IP address (text, no brackets) this node's API server and etcd are announced at."""
        return self.init.local_api_endpoint.advertise_address

    @property
    def bind_port(self) -> int:
        return self.init.local_api_endpoint.bind_port

    @property
    def is_ipv6(self) -> bool:
        return ipaddress.ip_address(self.advertise_address).version == 6

    @property
    def loopback(self) -> str:
        """The loopback address of the advertise address' family."""
        return "::1" if self.is_ipv6 else "127.0.0.1"

    @property
    def local_endpoint(self) -> str:
        """``https://ADDRESS:PORT`` of this node's own API server."""
        return f"https://{host_port(self.advertise_address, self.bind_port)}"

    @property
    def control_plane_endpoint(self) -> str:
        """``https://HOST:PORT`` that clients use: controlPlaneEndpoint, else the local endpoint."""
        stable = self.cluster.control_plane_endpoint
        return f"https://{stable}" if stable else self.local_endpoint

    @property
    def service_subnets(self) -> tuple[str, ...]:
        return tuple(self.cluster.networking.service_subnet.split(","))

    @property
    def local_etcd(self) -> LocalEtcd | None:
        return self.cluster.etcd.local

    @property
    def external_etcd(self) -> ExternalEtcd | None:
        return self.cluster.etcd.external

    @property
    def components(self) -> tuple[str, ...]:
        """The static pods this node runs, in dependency order."""
        return COMPONENTS if self.local_etcd else tuple(name for name in COMPONENTS if name != ETCD)

    @property
    def layout(self) -> Layout:
        data_dir = self.local_etcd.data_dir if self.local_etcd else "/var/lib/etcd"
        return Layout(
            pki=PurePosixPath(self.cluster.certificates_dir),
            etcd_data=PurePosixPath(data_dir),
            docker_socket=PurePosixPath(self.bootstrap.docker_socket),
        )


def host_port(host: str, port: int) -> str:
    """``host:port``, an IPv6 host in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
