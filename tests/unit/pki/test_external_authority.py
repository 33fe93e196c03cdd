"""An authority whose key is kept elsewhere: what it signed must be there."""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from pki.issue import Authority, issue
from pki.keys import generate
from tests.unit.pki.directory import ALGORITHM, PKI, Directory, authority, period, profile_of


def _intermediate(root: Authority) -> Authority:
    """A CA signed by another CA."""
    key = generate(ALGORITHM)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "intermediate")]))
        .issuer_name(root.certificate.subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(period().not_before)
        .not_valid_after(period().not_after)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(root.key, hashes.SHA256())
    )
    return Authority(certificate, key)


def test_everything_is_used_as_it_is(complete: Directory) -> None:
    complete.remove("ca.key", "front-proxy-ca.key", "etcd/ca.key")
    before = complete.contents()
    outcome = complete.ensure()
    assert set(outcome.decisions) - {"sa"} == set(outcome.having("provided"))
    assert complete.contents() == before


def test_what_only_it_can_sign_must_be_there(complete: Directory) -> None:
    complete.remove("ca.key", "apiserver.crt", "apiserver.key")
    refusal = complete.refusal()
    assert refusal.message == (
        f"{PKI}/ca.crt is there without its key, so {PKI}/apiserver.crt and {PKI}/apiserver.key must be too"
    )
    assert refusal.remedy == (f"put both there, signed by {PKI}/ca.crt, or put {PKI}/ca.key there")


def test_a_bad_leaf_is_its_owners_to_replace(complete: Directory) -> None:
    complete.reissue("etcd/server", profile_of("etcd-server"), authority("etcd-ca"))
    complete.remove("etcd/ca.key")
    refusal = complete.refusal()
    assert refusal.message == f"{PKI}/etcd/server.crt was not signed by {PKI}/etcd/ca.crt"
    assert refusal.remedy.startswith(f"replace {PKI}/etcd/server.crt and {PKI}/etcd/server.key")


def test_the_other_authorities_are_made_all_the_same(directory: Directory) -> None:
    own = authority("external")
    directory.put("ca", [own.certificate], None)
    for name in ("apiserver", "apiserver-kubelet-client"):
        directory.reissue(name, profile_of(name), own)
    outcome = directory.ensure()
    assert outcome.having("provided") == ("ca", "apiserver", "apiserver-kubelet-client")
    assert {"front-proxy-ca", "etcd-ca", "etcd-server", "sa"} <= set(outcome.having("make"))


def test_a_leaf_may_bring_the_intermediate_that_signed_it(directory: Directory) -> None:
    root = authority("root")
    middle = _intermediate(root)
    directory.put("ca", [root.certificate], None)
    for name in ("apiserver", "apiserver-kubelet-client"):
        key = generate(ALGORITHM)
        leaf = issue(profile_of(name), key.public_key(), middle, period())
        directory.put(name, [leaf, middle.certificate], key)
    assert "apiserver" in directory.ensure().having("provided")
    directory.put("apiserver", [directory.certificate("apiserver")], directory.key("apiserver"))
    assert "was not signed by" in directory.refusal().message


def test_an_intermediate_that_the_authority_did_not_sign_vouches_for_nothing(complete: Directory) -> None:
    stranger = _intermediate(authority("another root"))
    key = generate(ALGORITHM)
    leaf = issue(profile_of("apiserver"), key.public_key(), stranger, period())
    complete.put("apiserver", [leaf, stranger.certificate], key)
    assert complete.refusal().message == f"{PKI}/apiserver.crt was not signed by {PKI}/ca.crt"
