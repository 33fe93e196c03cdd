from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from pki.checks import alt_names, leaf_faults
from pki.clients import client_profile
from pki.issue import Authority, issue, issue_authority
from pki.keys import PrivateKey, generate
from tests.unit.pki.directory import NOW, authority, period, profile_of


def _extensions(certificate: x509.Certificate) -> dict[str, bool]:
    """Names of extensions in order, and whether each is critical."""
    return {str(extension.oid._name): extension.critical for extension in certificate.extensions}


def _leaf(signer: Authority, name: str = "apiserver") -> x509.Certificate:
    return issue(profile_of(name), generate("ECDSA-P256").public_key(), signer, period())


def test_an_authority_has_the_form_kubeadm_gives_it() -> None:
    certificate = authority("kubernetes").certificate
    assert certificate.subject.rfc4514_string() == "CN=kubernetes"
    assert _extensions(certificate) == {
        "keyUsage": True,
        "basicConstraints": True,
        "subjectKeyIdentifier": False,
        "subjectAltName": False,
    }
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.digital_signature, usage.key_encipherment, usage.key_cert_sign) == (True, True, True)
    assert not usage.crl_sign
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (constraints.ca, constraints.path_length) == (True, None)
    assert alt_names(certificate).dns == ("kubernetes",)


def test_a_leaf_has_the_form_kubeadm_gives_it() -> None:
    signer = authority()
    certificate = _leaf(signer)
    assert _extensions(certificate) == {
        "keyUsage": True,
        "extendedKeyUsage": False,
        "basicConstraints": True,
        "authorityKeyIdentifier": False,
        "subjectAltName": False,
    }
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.digital_signature, usage.key_encipherment, usage.key_cert_sign) == (True, True, False)
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    identifier = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    own = signer.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert identifier.key_identifier == own.digest
    assert alt_names(certificate) == profile_of("apiserver").alt_names


def test_a_common_name_may_be_as_long_as_a_nodes() -> None:
    profile = client_profile(f"system:node:{'a' * 63}.{'b' * 63}", "system:nodes")
    certificate = issue(profile, generate("ECDSA-P256").public_key(), authority(), period())

    assert list(leaf_faults([certificate], profile, NOW)) == []


def test_a_leaf_without_names_has_no_such_extension() -> None:
    assert "subjectAltName" not in _extensions(_leaf(authority(), "front-proxy-client"))


def test_the_group_stands_before_the_user() -> None:
    profile = profile_of("apiserver-kubelet-client", organizations=("kubeadm:cluster-admins",))
    certificate = issue(profile, generate("ECDSA-P256").public_key(), authority(), period())
    assert [attribute.value for attribute in certificate.subject] == [
        "kubeadm:cluster-admins",
        "kube-apiserver-kubelet-client",
    ]


def test_a_leaf_of_an_authority_without_key_identifier_has_none_either() -> None:
    key = generate("ECDSA-P256")
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "plain")])
    plain = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    certificate = _leaf(Authority(plain, key))
    assert "authorityKeyIdentifier" not in _extensions(certificate)
    certificate.verify_directly_issued_by(plain)


@pytest.mark.parametrize(
    ("algorithm", "digest"), [("ECDSA-P256", "sha256"), ("ECDSA-P384", "sha384"), ("RSA-2048", "sha256")]
)
def test_the_digest_goes_with_the_signing_key(algorithm: str, digest: str) -> None:
    key: PrivateKey = generate(algorithm)
    signer = issue_authority("ca", key, period())
    for certificate in (signer.certificate, _leaf(signer)):
        assert certificate.signature_hash_algorithm is not None
        assert certificate.signature_hash_algorithm.name == digest


def test_serial_numbers_are_positive_differ_and_fit_63_bits() -> None:
    signer = authority()
    serials = {_leaf(signer).serial_number for _ in range(20)}
    assert len(serials) == 20
    assert all(0 < serial < 2**63 for serial in serials)
