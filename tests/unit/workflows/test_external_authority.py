"""An authority that signs elsewhere, from the requests to files that init accepts."""

from __future__ import annotations

import base64
from datetime import timedelta
from pathlib import Path, PurePosixPath

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import ExtensionOID
from msgspec.structs import replace

from bootstrap.errors import BootstrapError
from bootstrap.kube.kubeconfig import parse_kubeconfig
from bootstrap.model.secret import Secret
from bootstrap.workflows.init import run_init
from bootstrap.workflows.requests import generate_requests
from bootstrap.workflows.users import user_kubeconfig
from pki import catalog, checks
from pki.issue import Authority, certificate_pem, issue_authority
from pki.keys import generate
from pki.profile import Period
from pki.store import parse_chain
from tests.fakes.node import QUICK, WITHOUT_A_CLUSTER, FakeNode
from tests.golden.control_planes import control_plane

FILES_ONLY = replace(QUICK.init, skip_phases=("agent-start", *WITHOUT_A_CLUSTER))
LAYOUT = QUICK.layout
YEAR = timedelta(days=365)


def sign(request: str, authority: Authority, period: Period) -> str:
    """As a company's authority would: the request's names and usages, nothing of ours."""
    csr = x509.load_pem_x509_csr(request.encode())
    builder = (
        x509.CertificateBuilder()
        .subject_name(csr.subject)
        .issuer_name(authority.certificate.subject)
        .public_key(csr.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(period.not_before)
        .not_valid_after(period.not_after)
    )
    for extension in csr.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    return certificate_pem(builder.sign(authority.key, hashes.SHA256()))


@pytest.fixture
def node(tmp_path: Path) -> FakeNode:
    return FakeNode(tmp_path)


@pytest.fixture
def authorities(node: FakeNode) -> dict[str, Authority]:
    """Three, of which the node has the certificates only."""
    period = Period.starting(node.clock.now(), 10 * YEAR)
    made = {
        spec.name: issue_authority(f"company-{spec.name}", generate("ECDSA-P256"), period)
        for spec in catalog.CERTIFICATES
        if spec.is_authority
    }
    for name, authority in made.items():
        path = LAYOUT.pki / f"{catalog.SPECS[name].file}.crt"
        node.files.write(path, certificate_pem(authority.certificate), 0o644)
    return made


def sign_everything(node: FakeNode, authorities: dict[str, Authority]) -> None:
    period = Period.starting(node.clock.now(), YEAR)
    for spec in catalog.CERTIFICATES:
        if not spec.is_authority:
            request = node.files.read_text(LAYOUT.pki / f"{spec.file}.csr")
            certificate = sign(request, authorities[spec.authority], period)
            node.files.write(LAYOUT.pki / f"{spec.file}.crt", certificate, 0o644)
    for name in ("admin", "super-admin", "kubelet", "controller-manager", "scheduler"):
        path = LAYOUT.kubeconfig(name)
        certificate = sign(node.files.read_text(PurePosixPath(f"{path}.csr")), authorities["ca"], period)
        document = yaml.safe_load(node.files.read_text(path))
        document["users"][0]["user"]["client-certificate-data"] = base64.b64encode(
            certificate.encode()
        ).decode()
        node.files.write(path, yaml.safe_dump(document), 0o600)


def test_signed_requests_make_a_control_plane(node: FakeNode, authorities: dict[str, Authority]) -> None:
    made = generate_requests(node.context(), LAYOUT.kubernetes)
    assert len(made) == 7 + 5
    sign_everything(node, authorities)
    run_init(node.context(described=control_plane(cluster=QUICK.cluster, init=FILES_ONLY)))
    chain = parse_chain(node.files.read_bytes(LAYOUT.pki / "apiserver.crt"))
    assert checks.is_issued_by(chain, authorities["ca"].certificate)
    manifest = node.files.read_text(LAYOUT.manifest("kube-controller-manager"))
    assert "--cluster-signing-key-file=\n" in manifest or '--cluster-signing-key-file="' in manifest


def test_keys_and_requests_are_for_root_alone(node: FakeNode, authorities: dict[str, Authority]) -> None:
    for path in generate_requests(node.context(), LAYOUT.kubernetes):
        assert node.files.mode(path) == 0o600
    assert node.files.mode(LAYOUT.pki / "apiserver.key") == 0o600
    assert not node.files.exists(LAYOUT.pki / ".pending.json")


def test_a_request_says_all_that_the_certificate_should(
    node: FakeNode, authorities: dict[str, Authority]
) -> None:
    generate_requests(node.context(), LAYOUT.kubernetes)
    csr = x509.load_pem_x509_csr(node.files.read_bytes(LAYOUT.pki / "apiserver.csr"))
    names = csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "kubernetes.default.svc.cluster.local" in names.get_values_for_type(x509.DNSName)
    assert csr.extensions.get_extension_for_oid(ExtensionOID.EXTENDED_KEY_USAGE)
    assert csr.is_signature_valid
    key = serialization.load_pem_private_key(node.files.read_bytes(LAYOUT.pki / "apiserver.key"), None)
    assert key.public_key() == csr.public_key()


def test_nothing_that_is_there_is_replaced(node: FakeNode, authorities: dict[str, Authority]) -> None:
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


def test_a_user_with_a_token_needs_no_key(node: FakeNode, authorities: dict[str, Authority]) -> None:
    made = user_kubeconfig(node.context(), "robot", (), YEAR, Secret("t0ken"))
    assert yaml.safe_load(made.reveal())["users"] == [{"name": "robot", "user": {"token": "t0ken"}}]


def test_without_the_authoritys_key_no_user_gets_a_certificate(
    node: FakeNode, authorities: dict[str, Authority]
) -> None:
    with pytest.raises(BootstrapError, match="nothing can be signed here"):
        user_kubeconfig(node.context(), "jane", (), YEAR, Secret(""))
