"""The agent's serving certificate, made by the phase that starts the agent."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from msgspec.structs import replace

from bootstrap.host.files import TEMPORARY_PREFIX
from bootstrap.phases.agent_start import AGENT_START
from bootstrap.phases.certs import CERTS
from bootstrap.phases.phase import run_phase
from bootstrap.phases.serving_certificate import ensure_serving_certificate
from pki import checks
from pki.pem import read_private
from tests.fakes.node import QUICK, FakeNode
from tests.golden.control_planes import CLUSTER, control_plane


@pytest.fixture
def node(tmp_path: Path) -> FakeNode:
    made = FakeNode(tmp_path)
    run_phase(CERTS, made.context())
    return made


def chain(node: FakeNode) -> list[x509.Certificate]:
    pem = node.files.read_text(node.described.layout.agent_certificate)
    return x509.load_pem_x509_certificates(pem[pem.index("-----BEGIN CERT") :].encode())


def test_starting_the_agent_makes_it_for_root_alone(node: FakeNode) -> None:
    run_phase(AGENT_START, node.context())
    assert node.files.mode(node.described.layout.agent_certificate) == 0o600
    (certificate,) = chain(node)
    names = checks.alt_names(certificate)
    assert set(names.dns) == {"localhost", "master"}
    assert QUICK.advertise_address in map(str, names.addresses)
    assert certificate.subject.rfc4514_string() == "CN=system:node:master,O=system:nodes"
    (ca,) = x509.load_pem_x509_certificates(node.files.read_bytes(QUICK.layout.pki / "ca.crt"))
    assert checks.is_issued_by([certificate], ca)


def test_a_good_one_is_kept(node: FakeNode) -> None:
    assert ensure_serving_certificate(node.context()) == "made"
    before = chain(node)
    assert ensure_serving_certificate(node.context()) == "kept"
    assert chain(node) == before


def test_what_a_killed_run_left_of_one_is_removed(node: FakeNode) -> None:
    half = node.described.layout.agent_certificate.with_name(f"{TEMPORARY_PREFIX}torn")
    node.files.write(half, "-----BEGIN PRIVATE KEY-----", 0o600)
    ensure_serving_certificate(node.context())
    assert not node.files.exists(half)


def test_one_that_ends_soon_is_renewed(node: FakeNode) -> None:
    ensure_serving_certificate(node.context())
    node.clock.advance(timedelta(days=336).total_seconds())
    assert ensure_serving_certificate(node.context()) == "renewed"


def test_one_without_the_nodes_address_is_renewed(node: FakeNode) -> None:
    ensure_serving_certificate(node.context())
    moved = control_plane(
        cluster=replace(CLUSTER, encryption_algorithm="ECDSA-P256"),
        init=replace(
            QUICK.init,
            local_api_endpoint=replace(QUICK.init.local_api_endpoint, advertise_address="192.0.2.99"),
        ),
    )
    assert ensure_serving_certificate(node.context(described=moved)) == "renewed"
    assert "192.0.2.99" in str(checks.alt_names(chain(node)[0]))


def test_what_cannot_be_read_is_made_anew(node: FakeNode) -> None:
    node.files.write(node.described.layout.agent_certificate, "half of", 0o600)
    assert ensure_serving_certificate(node.context()) == "renewed"


def test_without_the_authoritys_key_it_is_self_signed_and_kept(node: FakeNode) -> None:
    node.files.remove(node.described.layout.pki / "ca.key")
    assert ensure_serving_certificate(node.context()) == "made"
    certificate, signer = chain(node)
    assert checks.is_issued_by([certificate], signer)
    assert ensure_serving_certificate(node.context()) == "kept"


def test_once_the_authoritys_key_is_there_it_signs(node: FakeNode) -> None:
    ca_key = node.described.layout.pki / "ca.key"
    key = node.files.read_text(ca_key)
    node.files.remove(ca_key)
    ensure_serving_certificate(node.context())
    node.files.write(ca_key, key, 0o600)
    assert ensure_serving_certificate(node.context()) == "renewed"
    assert len(chain(node)) == 1


def test_the_key_is_the_certificates(node: FakeNode) -> None:
    ensure_serving_certificate(node.context())
    pem = node.files.read_text(node.described.layout.agent_certificate)
    key = read_private(pem[: pem.index("-----BEGIN CERT")].encode())
    assert checks.same_key(key.public_key(), chain(node)[0].public_key())
