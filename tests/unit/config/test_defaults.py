"""What is filled in, and for whom it depends on the machine."""

from __future__ import annotations

import pytest

from bootstrap.model.kubeadm import Arg, Taint
from bootstrap.model.node import NodeFacts
from bootstrap.model.version import NEWEST
from tests.unit.config.cases import CLUSTER, INIT, control_plane, problems_of


def test_the_init_configuration_is_filled_in_as_kubeadm_does() -> None:
    init = control_plane().init

    assert init.node_registration.taints == (
        Taint(key="node-role.kubernetes.io/control-plane", effect="NoSchedule"),
    )
    assert init.node_registration.image_pull_policy == "IfNotPresent"
    assert init.node_registration.image_pull_serial is True
    assert init.node_registration.cri_socket == "unix:///var/run/containerd/containerd.sock"
    assert init.timeouts.control_plane_component_health_check == "4m0s"
    assert init.timeouts.etcd_api_call == "2m0s"
    (token,) = init.bootstrap_tokens
    assert (token.token, token.ttl, token.usages) == ("", "24h0m0s", ("signing", "authentication"))
    assert token.groups == ("system:bootstrappers:kubeadm:default-node-token",)


def test_no_taints_is_not_the_default_taint() -> None:
    assert control_plane(f"{INIT}nodeRegistration: {{taints: []}}\n").init.node_registration.taints == ()


def test_serial_pulls_can_be_turned_off() -> None:
    plane = control_plane(f"{INIT}nodeRegistration: {{imagePullSerial: false}}\n")

    assert plane.init.node_registration.image_pull_serial is False


def test_the_node_is_named_after_its_host_in_lower_case() -> None:
    assert control_plane(facts=NodeFacts(" Host-A.Example ", "10.0.0.9")).node_name == "host-a.example"


def test_a_machine_without_a_host_name_is_asked_for_one() -> None:
    (problem,) = problems_of(facts=NodeFacts("", "10.0.0.9"))

    assert problem == (
        "default: nodeRegistration.name is required: this machine has no host name; pass --node-name"
    )


def test_a_machine_without_an_address_is_asked_for_one() -> None:
    (problem,) = problems_of(facts=NodeFacts("cp-1", ""))

    assert problem == (
        "default: localAPIEndpoint.advertiseAddress has no default, because this machine has no default"
        " route; set it or pass --apiserver-advertise-address"
    )


def test_a_token_that_says_when_it_ends_gets_no_other_life() -> None:
    plane = control_plane(f"{INIT}bootstrapTokens: [{{expires: '2027-01-31T12:00:00Z'}}]\n")

    assert plane.init.bootstrap_tokens[0].ttl is None


def test_a_token_may_live_for_ever() -> None:
    assert control_plane(token_ttl="0").init.bootstrap_tokens[0].ttl == "0s"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("", NEWEST.text),
        ("stable", NEWEST.text),
        ("stable-1", NEWEST.text),
        ("latest", NEWEST.text),
        ("release/stable-1", NEWEST.text),
        ("stable-1.36", "v1.36.3"),
        ("latest-1.34", "v1.34.4"),
        ("1.35.0", "v1.35.0"),
        ("v1.37.9-rc.1", "v1.37.9-rc.1"),
        ("v1.37.2+vendor.1", "v1.37.2+vendor.1"),
    ],
)
def test_versions_and_labels_are_resolved_without_a_network(written: str, meant: str) -> None:
    plane = control_plane(kubernetes_version=written) if written else control_plane()

    assert plane.cluster.kubernetes_version == meant


def test_a_label_of_an_unsupported_minor_is_refused() -> None:
    (problem,) = problems_of(kubernetes_version="stable-1.20")

    assert problem.startswith("--kubernetes-version: kubernetesVersion: Kubernetes 1.20 is not supported")


@pytest.mark.parametrize(
    ("endpoint", "completed"),
    [
        ("k8s.example.com", "k8s.example.com:7443"),
        ("k8s.example.com:8443", "k8s.example.com:8443"),
        ("10.0.0.1", "10.0.0.1:7443"),
        ("fd00::1", "[fd00::1]:7443"),
        ("[fd00::1]", "[fd00::1]:7443"),
        ("[fd00::1]:8443", "[fd00::1]:8443"),
    ],
)
def test_the_control_plane_endpoint_gets_the_bind_port(endpoint: str, completed: str) -> None:
    plane = control_plane(control_plane_endpoint=endpoint, apiserver_bind_port=7443)

    assert plane.cluster.control_plane_endpoint == completed


def test_names_for_the_certificate_are_lower_cased() -> None:
    plane = control_plane(apiserver_cert_extra_sans=("API.Example.com",))

    assert plane.cluster.api_server.cert_sans == ("api.example.com",)


def test_durations_are_written_as_go_writes_them() -> None:
    plane = control_plane(
        f"{CLUSTER}certificateValidityPeriod: 90m\n---\n{INIT}timeouts: {{discovery: 300s}}\n"
    )

    assert plane.cluster.certificate_validity_period == "1h30m0s"
    assert plane.init.timeouts.discovery == "5m0s"


def test_an_external_etcd_replaces_the_local_one() -> None:
    plane = control_plane(f"{CLUSTER}etcd: {{external: {{endpoints: [http://10.0.0.1:2379]}}}}\n")

    assert plane.local_etcd is None
    assert plane.external_etcd is not None
    assert plane.external_etcd.http_endpoints == ("http://10.0.0.1:2379",)


def test_a_cri_socket_without_scheme_gets_one() -> None:
    plane = control_plane(cri_socket="/run/crio/crio.sock")

    assert plane.init.node_registration.cri_socket == "unix:///run/crio/crio.sock"


def test_the_ecdsa_gate_of_older_releases_chooses_the_algorithm() -> None:
    plane = control_plane(kubernetes_version="v1.36.3", feature_gates="PublicKeysECDSA=true")

    assert plane.cluster.encryption_algorithm == "ECDSA-P256"


def test_repeated_flags_of_a_component_keep_their_order() -> None:
    plane = control_plane(
        f"{CLUSTER}apiServer:\n  extraArgs:\n"
        "  - {name: b, value: '1'}\n  - {name: a, value: '2'}\n  - {name: b, value: '3'}\n"
    )

    assert plane.cluster.api_server.extra_args == (
        Arg(name="b", value="1"),
        Arg(name="a", value="2"),
        Arg(name="b", value="3"),
    )


def test_an_address_is_kept_in_its_shortest_spelling() -> None:
    plane = control_plane(
        f"{INIT}localAPIEndpoint: {{advertiseAddress: 'FD00:0::0:10'}}\n"
        f"---\n{CLUSTER}networking: {{serviceSubnet: 'fd01::/112'}}\n"
    )

    assert plane.advertise_address == "fd00::10"
