"""Files and flags to a ControlPlane."""

from __future__ import annotations

import pytest

from bootstrap.errors import ConfigError
from bootstrap.model.node import NodeFacts
from tests.unit.config.cases import BOOTSTRAP, CLUSTER, INIT, control_plane, load_text, problems_of


def test_no_file_and_no_flag_is_kubeadms_default_cluster() -> None:
    plane = control_plane()

    assert plane.node_name == "cp-1"
    assert plane.local_endpoint == "https://192.168.10.5:6443"
    assert plane.cluster.networking.service_subnet == "10.96.0.0/12"
    assert plane.cluster.networking.pod_subnet == ""
    assert plane.version == plane.release.newest


def test_documents_in_one_file_make_one_control_plane() -> None:
    plane = control_plane(
        f"{CLUSTER}clusterName: prod\n---\n{INIT}localAPIEndpoint: {{bindPort: 7443}}\n---\n"
        f"{BOOTSTRAP}dockerSocket: /d.sock\n"
    )

    assert (plane.cluster.cluster_name, plane.bind_port, plane.bootstrap.docker_socket) == (
        "prod",
        7443,
        "/d.sock",
    )


def test_every_problem_of_a_file_is_named_at_once() -> None:
    assert problems_of(
        f"""{CLUSTER}kubernetesVersion: 1.30
networking:
  podSubet: 10.244.0.0/16
  serviceSubnet: 10.96.0.0/33
"""
    ) == (
        'cluster.yaml:3:20: kubernetesVersion must be text, but 1.30 is a number; quote it: "1.30"',
        'cluster.yaml:5:3: unknown field "podSubet" in networking; did you mean "podSubnet"?',
        "cluster.yaml:6:18: networking.serviceSubnet must be a CIDR (10.244.0.0/16), or one of each family,"
        ' not "10.96.0.0/33"',
    )


def test_a_flag_changes_the_field_it_is_named_for() -> None:
    assert control_plane(pod_network_cidr="10.244.0.0/16").cluster.networking.pod_subnet == "10.244.0.0/16"


def test_a_problem_of_a_flag_names_the_flag() -> None:
    assert problems_of(control_plane_endpoint="a_b") == (
        "--control-plane-endpoint: controlPlaneEndpoint must be HOST or HOST:PORT, the host a lower case name"
        ' or an address, not "a_b"',
    )


def test_flags_that_a_file_should_say_cannot_be_mixed_with_it() -> None:
    with pytest.raises(ConfigError, match="--config cannot be mixed with --pod-network-cidr") as caught:
        load_text(CLUSTER, pod_network_cidr="10.244.0.0/16", node_name="a")
    assert "networking.podSubnet (ClusterConfiguration)" in caught.value.remedy


def test_a_machine_without_an_address_is_told_how_to_give_one() -> None:
    (problem,) = problems_of(facts=NodeFacts("cp-1", ""))

    assert "pass --apiserver-advertise-address" in problem
