"""An authority that signs elsewhere, from the requests to files that init accepts."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtensionOID
from msgspec.structs import replace

from bootstrap.errors import BootstrapError
from bootstrap.kube.kubeconfig import parse_kubeconfig
from bootstrap.model.secret import Secret
from bootstrap.workflows.init import run_init
from bootstrap.workflows.requests import generate_requests
from bootstrap.workflows.users import user_kubeconfig
from pki import checks
from pki.store import parse_chain
from tests.fakes.company import Company
from tests.fakes.node import QUICK, WITHOUT_A_CLUSTER, FakeNode
from tests.golden.control_planes import control_plane

FILES_ONLY = replace(QUICK.init, skip_phases=("agent-start", *WITHOUT_A_CLUSTER))
LAYOUT = QUICK.layout
YEAR = timedelta(days=365)


@pytest.fixture
def node(tmp_path: Path) -> FakeNode:
    return FakeNode(tmp_path)


@pytest.fixture
def company(node: FakeNode) -> Company:
    """Three authorities, of which the node has the certificates only."""
    made = Company(node.clock.now())
    made.put_authorities(node.files.real(LAYOUT.pki))
    return made


def test_signed_requests_make_a_control_plane(node: FakeNode, company: Company) -> None:
    made = generate_requests(node.context(), LAYOUT.kubernetes)
    assert len(made) == 7 + 5
    company.sign_everything(node.files.real(LAYOUT.pki), node.files.real(LAYOUT.kubernetes), YEAR)
    run_init(node.context(described=control_plane(cluster=QUICK.cluster, init=FILES_ONLY)))
    chain = parse_chain(node.files.read_bytes(LAYOUT.pki / "apiserver.crt"))
    assert checks.is_issued_by(chain, company.authorities["ca"].certificate)
    manifest = node.files.read_text(LAYOUT.manifest("kube-controller-manager"))
    assert "--cluster-signing-key-file=\n" in manifest or '--cluster-signing-key-file="' in manifest


def test_keys_and_requests_are_for_root_alone(node: FakeNode, company: Company) -> None:
    for path in generate_requests(node.context(), LAYOUT.kubernetes):
        assert node.files.mode(path) == 0o600
    assert node.files.mode(LAYOUT.pki / "apiserver.key") == 0o600
    assert not node.files.exists(LAYOUT.pki / ".pending.json")


def test_a_request_says_all_that_the_certificate_should(node: FakeNode, company: Company) -> None:
    generate_requests(node.context(), LAYOUT.kubernetes)
    csr = x509.load_pem_x509_csr(node.files.read_bytes(LAYOUT.pki / "apiserver.csr"))
    names = csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "kubernetes.default.svc.cluster.local" in names.get_values_for_type(x509.DNSName)
    assert csr.extensions.get_extension_for_oid(ExtensionOID.EXTENDED_KEY_USAGE)
    assert csr.is_signature_valid
    key = serialization.load_pem_private_key(node.files.read_bytes(LAYOUT.pki / "apiserver.key"), None)
    assert key.public_key() == csr.public_key()


def test_nothing_that_is_there_is_replaced(node: FakeNode, company: Company) -> None:
    generate_requests(node.context(), LAYOUT.kubernetes)
    before = node.files.read_bytes(LAYOUT.pki / "apiserver.key")
    node.files.remove(LAYOUT.pki / "etcd/peer.key")
    with pytest.raises(BootstrapError, match="are there already; nothing was written"):
        generate_requests(node.context(), LAYOUT.kubernetes)
    assert node.files.read_bytes(LAYOUT.pki / "apiserver.key") == before
    assert not node.files.exists(LAYOUT.pki / "etcd/peer.key")


def test_without_the_authority_the_kubeconfig_files_wait_for_it(node: FakeNode) -> None:
    generate_requests(node.context(), LAYOUT.kubernetes)
    cluster = yaml.safe_load(node.files.read_text(LAYOUT.kubeconfig("admin")))["clusters"][0]["cluster"]
    assert cluster == {"server": "https://192.0.2.10:6443"}
    assert any(line.startswith("warn there is no /etc/kubernetes/pki/ca.crt") for line in node.reporter.lines)


def test_a_user_gets_a_certificate_with_its_groups(node: FakeNode) -> None:
    run_init(node.context(described=control_plane(cluster=QUICK.cluster, init=FILES_ONLY)))
    made = user_kubeconfig(node.context(), "jane", ("dev", "ops"), timedelta(hours=1), Secret(""))
    found = parse_kubeconfig(made.reveal(), "jane.conf")
    certificate = parse_chain(found.certificate.encode())[0]
    assert checks.subject_of(certificate) == ("jane", ("dev", "ops"))
    assert certificate.not_valid_after_utc == node.clock.now() + timedelta(hours=1)
    assert found.ca == node.files.read_text(LAYOUT.pki / "ca.crt")
    assert found.key.reveal() not in repr(made)


def test_a_user_with_a_token_needs_no_key(node: FakeNode, company: Company) -> None:
    made = user_kubeconfig(node.context(), "robot", (), YEAR, Secret("t0ken"))
    assert yaml.safe_load(made.reveal())["users"] == [{"name": "robot", "user": {"token": "t0ken"}}]


def test_without_the_authoritys_key_no_user_gets_a_certificate(node: FakeNode, company: Company) -> None:
    with pytest.raises(BootstrapError, match="nothing can be signed here"):
        user_kubeconfig(node.context(), "jane", (), YEAR, Secret(""))
