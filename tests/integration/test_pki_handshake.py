"""The certificates do what they are for: real TLS between the components, by OpenSSL's own judgement."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from msgspec.structs import replace

from bootstrap.host.clock import SystemClock
from bootstrap.kube.kubeconfig import parse_kubeconfig
from bootstrap.phases.certs import CERTS
from bootstrap.phases.kubeconfig import KUBECONFIG
from bootstrap.phases.phase import run_all
from tests.golden.control_planes import CLUSTER, control_plane
from tests.unit.phases.credentials import CredentialNode


@dataclass(frozen=True)
class Link:
    """Who calls whom: certificate files of both, and the authority each trusts."""

    server: str
    server_authority: str
    client: str
    client_authority: str


LINKS = {
    "API server to etcd": Link("etcd/server", "etcd/ca", "apiserver-etcd-client", "etcd/ca"),
    "health check to etcd": Link("etcd/server", "etcd/ca", "etcd/healthcheck-client", "etcd/ca"),
    "etcd to its peer": Link("etcd/peer", "etcd/ca", "etcd/peer", "etcd/ca"),
    "etcd to itself": Link("etcd/server", "etcd/ca", "etcd/server", "etcd/ca"),
    "API server to an extension server": Link("apiserver", "ca", "front-proxy-client", "front-proxy-ca"),
    "API server to a kubelet": Link("apiserver", "ca", "apiserver-kubelet-client", "ca"),
}


@pytest.fixture(scope="module", params=["ECDSA-P256", "ECDSA-P384", "RSA-2048"])
def node(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> CredentialNode:
    described = control_plane(replace(CLUSTER, encryption_algorithm=request.param))
    node = CredentialNode(tmp_path_factory.mktemp("node"), described)
    node.clock.advance((SystemClock().now() - node.clock.now()).total_seconds())
    run_all((CERTS, KUBECONFIG), node.context())
    return node


@pytest.mark.parametrize("link", LINKS.values(), ids=LINKS)
def test_components_that_talk_trust_each_other(node: CredentialNode, link: Link) -> None:
    seen = _handshake(_server(node, link), _client(node, link), "192.0.2.10")
    shown = x509.load_pem_x509_certificate(node.path(f"pki/{link.client}.crt").read_bytes())
    assert seen == _common_name(shown)


@pytest.mark.parametrize(
    "name",
    ["master", "kubernetes", "kubernetes.default.svc.cluster.local", "10.96.0.1", "192.0.2.10"],
)
def test_the_api_server_is_known_by_all_its_names(node: CredentialNode, name: str) -> None:
    link = LINKS["API server to a kubelet"]
    _handshake(_server(node, link), _client(node, link), name)


@pytest.mark.parametrize("name", ["127.0.0.1", "::1", "localhost", "master"])
def test_etcd_is_known_on_loopback(node: CredentialNode, name: str) -> None:
    link = LINKS["health check to etcd"]
    _handshake(_server(node, link), _client(node, link), name)


def test_the_api_server_is_not_known_by_another_name(node: CredentialNode) -> None:
    link = LINKS["API server to a kubelet"]
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        _handshake(_server(node, link), _client(node, link), "somewhere.example.com")


@pytest.mark.parametrize("client", ["apiserver-kubelet-client", "front-proxy-client"])
def test_etcd_admits_nobody_another_authority_signed(node: CredentialNode, client: str) -> None:
    link = Link("etcd/server", "etcd/ca", client, "etcd/ca")
    with pytest.raises(ssl.SSLError):
        _handshake(_server(node, link), _client(node, link), "127.0.0.1")


def test_a_serving_certificate_is_no_client_certificate(node: CredentialNode) -> None:
    link = Link("apiserver", "ca", "apiserver", "ca")
    with pytest.raises(ssl.SSLError):
        _handshake(_server(node, link), _client(node, link), "192.0.2.10")


@pytest.mark.parametrize(
    ("name", "user"),
    [
        ("admin", "kubernetes-admin"),
        ("super-admin", "kubernetes-super-admin"),
        ("kubelet", "system:node:master"),
        ("controller-manager", "system:kube-controller-manager"),
        ("scheduler", "system:kube-scheduler"),
    ],
)
def test_a_kubeconfig_is_enough_to_reach_the_api_server(
    node: CredentialNode, tmp_path: Path, name: str, user: str
) -> None:
    found = parse_kubeconfig(node.path(f"{name}.conf").read_text(), name)
    pair = tmp_path / "pair.pem"
    pair.write_text(found.certificate + found.key.reveal())
    context = ssl.create_default_context(cadata=found.ca)
    context.load_cert_chain(pair)
    server = _server(node, LINKS["API server to a kubelet"])
    assert _handshake(server, context, found.host) == user


def _server(node: CredentialNode, link: Link) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _present(context, node, link.server)
    context.load_verify_locations(node.path(f"pki/{link.client_authority}.crt"))
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def _client(node: CredentialNode, link: Link) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(node.path(f"pki/{link.server_authority}.crt")))
    _present(context, node, link.client)
    return context


def _present(context: ssl.SSLContext, node: CredentialNode, file: str) -> None:
    context.load_cert_chain(node.path(f"pki/{file}.crt"), node.path(f"pki/{file}.key"))


def _handshake(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> str:
    """Common name of the client as the server sees it; raises SSLError when either side refuses."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (
        client.wrap_bio(to_client, to_server, server_hostname=name),
        server.wrap_bio(to_server, to_client, server_side=True),
    )
    for _round in range(4):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return _common_name(x509.load_der_x509_certificate(ends[1].getpeercert(binary_form=True) or b""))


def _common_name(certificate: x509.Certificate) -> str:
    return str(certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value)
