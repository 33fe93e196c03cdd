"""kubeadm init's flags, alone and beside files."""

from __future__ import annotations

import pytest

from bootstrap.config.overrides import Overrides
from bootstrap.errors import ConfigError
from tests.unit.config.cases import BOOTSTRAP, CLUSTER, INIT, control_plane, load_text, problems_of


def test_every_flag_reaches_its_field() -> None:
    plane = control_plane(
        apiserver_advertise_address="10.9.9.9",
        apiserver_bind_port=7443,
        apiserver_cert_extra_sans=("a.example.com",),
        cert_dir="/pki",
        certificate_key="ab" * 32,
        control_plane_endpoint="k8s:6443",
        cri_socket="unix:///c.sock",
        dry_run=True,
        feature_gates="RootlessControlPlane=false",
        ignore_preflight_errors=("Swap", "NumCPU"),
        image_repository="registry.example.com/k8s",
        kubernetes_version="v1.36.0",
        node_name="Node-A",
        patches="/patches",
        pod_network_cidr="10.244.0.0/16",
        service_cidr="10.97.0.0/16",
        service_dns_domain="lab.internal",
        skip_phases=("addon/kube-proxy",),
        token="abcdef.0123456789abcdef",
        token_ttl="2h",
    )
    init, cluster = plane.init, plane.cluster

    assert (init.local_api_endpoint.advertise_address, init.local_api_endpoint.bind_port) == (
        "10.9.9.9",
        7443,
    )
    assert cluster.api_server.cert_sans == ("a.example.com",)
    assert str(plane.layout.pki) == "/pki"
    assert init.certificate_key == "ab" * 32
    assert cluster.control_plane_endpoint == "k8s:6443"
    assert init.node_registration.cri_socket == "unix:///c.sock"
    assert init.dry_run is True
    assert cluster.feature_gates == {"RootlessControlPlane": False}
    assert init.node_registration.ignore_preflight_errors == ("swap", "numcpu")
    assert cluster.image_repository == "registry.example.com/k8s"
    assert cluster.kubernetes_version == "v1.36.0"
    assert init.node_registration.name == "node-a"
    assert init.patches is not None
    assert init.patches.directory == "/patches"
    assert cluster.networking.pod_subnet == "10.244.0.0/16"
    assert cluster.networking.service_subnet == "10.97.0.0/16"
    assert cluster.networking.dns_domain == "lab.internal"
    assert init.skip_phases == ("addon/kube-proxy",)
    assert (init.bootstrap_tokens[0].token, init.bootstrap_tokens[0].ttl) == (
        "abcdef.0123456789abcdef",
        "2h0m0s",
    )


def test_flags_of_the_run_itself_may_stand_beside_a_file() -> None:
    plane = control_plane(
        f"{INIT}nodeRegistration: {{name: a, ignorePreflightErrors: [Swap]}}\nskipPhases: [preflight]\n",
        node_name="b",
        dry_run=True,
        skip_phases=("addon",),
        ignore_preflight_errors=("NumCPU",),
    )

    assert plane.node_name == "b"
    assert plane.init.dry_run is True
    assert plane.init.skip_phases == ("addon",)
    assert plane.init.node_registration.ignore_preflight_errors == ("swap", "numcpu")


def test_other_flags_beside_a_kubeadm_document_are_refused_by_name() -> None:
    with pytest.raises(ConfigError) as caught:
        load_text(CLUSTER, service_cidr="10.97.0.0/16", token="abcdef.0123456789abcdef", node_name="a")

    assert caught.value.message == "--config cannot be mixed with --service-cidr, --token"
    assert caught.value.remedy == (
        "write the value into the configuration instead: networking.serviceSubnet (ClusterConfiguration),"
        " bootstrapTokens.token (InitConfiguration)"
    )


def test_any_flag_may_stand_beside_our_own_document_alone() -> None:
    plane = control_plane(f"{BOOTSTRAP}dockerSocket: /d.sock\n", pod_network_cidr="10.244.0.0/16")

    assert plane.cluster.networking.pod_subnet == "10.244.0.0/16"
    assert plane.bootstrap.docker_socket == "/d.sock"


def test_a_flag_replaces_what_a_file_says_and_answers_for_it() -> None:
    (problem,) = problems_of(f"{INIT}nodeRegistration: {{name: good}}\n", node_name="b_d")

    assert problem.startswith("--node-name: nodeRegistration.name must be a DNS name")


@pytest.mark.parametrize("text", ["RootlessControlPlane", "RootlessControlPlane=maybe"])
def test_a_feature_gate_flag_needs_a_truth_value(text: str) -> None:
    assert problems_of(feature_gates=text) == (f'--feature-gates: "{text}" must be NAME=true or NAME=false',)


def test_secrets_are_not_in_the_repr() -> None:
    overrides = Overrides(token="abcdef.0123456789abcdef", certificate_key="ab" * 32)
    init = control_plane(token="abcdef.0123456789abcdef", certificate_key="ab" * 32).init

    for shown in (repr(overrides), repr(init)):
        assert "0123456789abcdef" not in shown
        assert "abab" not in shown
