"""What a ControlPlane derives from its documents."""

from __future__ import annotations

from bootstrap.model.cluster import ControlPlane, host_port
from bootstrap.model.kubeadm import (
    APIEndpoint,
    ClusterConfiguration,
    Etcd,
    ExternalEtcd,
    InitConfiguration,
    LocalEtcd,
    Networking,
    NodeRegistrationOptions,
)

LOCAL = Etcd(local=LocalEtcd(data_dir="/data"))


def plane(address: str = "10.0.0.5", endpoint: str = "", etcd: Etcd = LOCAL) -> ControlPlane:
    return ControlPlane(
        init=InitConfiguration(
            node_registration=NodeRegistrationOptions(name="cp-1"),
            local_api_endpoint=APIEndpoint(advertise_address=address, bind_port=6443),
        ),
        cluster=ClusterConfiguration(
            kubernetes_version="v1.36.1",
            control_plane_endpoint=endpoint,
            certificates_dir="/pki",
            networking=Networking(service_subnet="10.96.0.0/16,fd00::/112"),
            etcd=etcd,
        ),
    )


def test_without_a_stable_endpoint_clients_use_this_node() -> None:
    assert plane().control_plane_endpoint == plane().local_endpoint == "https://10.0.0.5:6443"
    assert plane(endpoint="k8s:8443").control_plane_endpoint == "https://k8s:8443"


def test_an_ipv6_address_is_bracketed_and_has_its_own_loopback() -> None:
    assert plane("fd00::5").local_endpoint == "https://[fd00::5]:6443"
    assert (plane("fd00::5").loopback, plane().loopback) == ("::1", "127.0.0.1")
    assert host_port("fd00::5", 1) == "[fd00::5]:1"


def test_the_release_is_that_of_the_version() -> None:
    assert plane().release.newest.minor == plane().version.minor == 36


def test_both_families_of_services_are_given_apart() -> None:
    assert plane().service_subnets == ("10.96.0.0/16", "fd00::/112")


def test_an_external_etcd_is_no_component_of_this_node() -> None:
    external = plane(etcd=Etcd(external=ExternalEtcd(endpoints=("https://10.0.0.1:2379",))))

    assert "etcd" in plane().components
    assert external.components == ("kube-apiserver", "kube-controller-manager", "kube-scheduler")


def test_the_layout_follows_the_documents() -> None:
    layout = plane().layout

    assert (str(layout.pki), str(layout.etcd_data)) == ("/pki", "/data")
    assert str(layout.docker_socket) == "/var/run/docker.sock"
