"""Control planes that golden tests render. Invariant: nothing of the machine the tests run on is in them."""

from __future__ import annotations

from msgspec.structs import replace

from bootstrap.model.bootstrapconfig import BootstrapConfiguration
from bootstrap.model.cluster import ControlPlane
from bootstrap.model.kubeadm import (
    APIEndpoint,
    ClusterConfiguration,
    Etcd,
    InitConfiguration,
    LocalEtcd,
    Networking,
    NodeRegistrationOptions,
)
from bootstrap.model.node import NodeFacts

FACTS = NodeFacts(hostname="master", default_address="192.0.2.10")

INIT = InitConfiguration(
    node_registration=NodeRegistrationOptions(name="master"),
    local_api_endpoint=APIEndpoint(advertise_address="192.0.2.10", bind_port=6443),
)

CLUSTER = ClusterConfiguration(
    kubernetes_version="v1.37.2",
    etcd=Etcd(local=LocalEtcd(data_dir="/var/lib/etcd")),
    networking=Networking(service_subnet="10.96.0.0/12", dns_domain="cluster.local"),
    certificates_dir="/etc/kubernetes/pki",
    image_repository="registry.k8s.io",
    cluster_name="kubernetes",
)
"""What kubeadm's defaults make of an empty ClusterConfiguration."""


def control_plane(
    cluster: ClusterConfiguration = CLUSTER,
    init: InitConfiguration = INIT,
    bootstrap: BootstrapConfiguration = BootstrapConfiguration(),  # noqa: B008 - a frozen value
) -> ControlPlane:
    return ControlPlane(init=init, cluster=cluster, bootstrap=bootstrap)


def with_local_etcd(cluster: ClusterConfiguration = CLUSTER, **settings: object) -> ClusterConfiguration:
    """``cluster`` with fields of etcd.local replaced."""
    assert cluster.etcd.local
    return replace(cluster, etcd=Etcd(local=replace(cluster.etcd.local, **settings)))


def with_networking(cluster: ClusterConfiguration = CLUSTER, **settings: object) -> ClusterConfiguration:
    """``cluster`` with fields of networking replaced."""
    return replace(cluster, networking=replace(cluster.networking, **settings))
