"""Existing files that do not fit any more are refused, by name and with the command that mends it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import serialization

from pki.issue import issue
from pki.keys import generate
from pki.pem import public_pem
from pki.profile import AltNames
from tests.unit.pki.directory import ALGORITHM, NOW, PKI, Directory, authority, period, profile_of

AGAIN = f"rm {PKI}/apiserver.crt {PKI}/apiserver.key, then run the same command again"


def _without_a_name(directory: Directory) -> None:
    directory.cluster = replace(directory.cluster, apiserver_sans=("new.example.com", "10.0.0.9"))


def _other_user(directory: Directory) -> None:
    directory.reissue("apiserver", profile_of("apiserver", common_name="somebody"))


def _other_group(directory: Directory) -> None:
    directory.reissue("apiserver", profile_of("apiserver", organizations=("system:masters",)))


def _other_usage(directory: Directory) -> None:
    directory.reissue("apiserver", profile_of("apiserver", usages=("clientAuth",)))


def _other_authority(directory: Directory) -> None:
    directory.reissue("apiserver", profile_of("apiserver"), authority("kubernetes"))


def _other_key(directory: Directory) -> None:
    directory.path("apiserver.key").write_bytes(directory.path("sa.key").read_bytes())


def _expired(directory: Directory) -> None:
    directory.now = NOW + timedelta(days=366)


def _from_the_future(directory: Directory) -> None:
    key = generate(ALGORITHM)
    later = replace(period(), not_before=NOW + timedelta(hours=1))
    certificate = issue(profile_of("apiserver"), key.public_key(), directory.authority(), later)
    directory.put("apiserver", [certificate], key)


def _truncated(directory: Directory) -> None:
    path = directory.path("apiserver.crt")
    path.write_bytes(path.read_bytes()[:200])


def _empty_key(directory: Directory) -> None:
    directory.path("apiserver.key").write_bytes(b"")


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        (_without_a_name, "apiserver.crt is not valid for new.example.com, 10.0.0.9"),
        (_other_user, "apiserver.crt is for CN=somebody, not for CN=kube-apiserver"),
        (_other_group, "apiserver.crt is for CN=kube-apiserver, O=system:masters, not for CN=kube-apiserver"),
        (_other_usage, "apiserver.crt may not be used for serverAuth"),
        (_other_authority, f"apiserver.crt was not signed by {PKI}/ca.crt"),
        (_other_key, f"apiserver.key is not the key of {PKI}/apiserver.crt"),
        (_expired, "apiserver.crt has expired on 2027-01-01 12:00:00 UTC (it is 2027-01-02 12:00:00 UTC)"),
        (
            _from_the_future,
            "apiserver.crt is not valid before 2026-01-01 13:00:00 UTC, "
            "and it is 2026-01-01 12:00:00 UTC (is the clock right?)",
        ),
        (_truncated, "apiserver.crt cannot be read: it is damaged or not a PEM certificate"),
        (_empty_key, "apiserver.key cannot be read: it is empty"),
    ],
    ids=lambda value: value.__name__.strip("_") if callable(value) else "",
)
def test_a_leaf_that_does_not_fit_is_refused(
    complete: Directory, damage: Callable[[Directory], None], what: str
) -> None:
    damage(complete)
    refusal = complete.refusal(["apiserver"])
    assert refusal.message == f"{PKI}/{what}"
    assert refusal.remedy == AGAIN


def test_the_remedy_mends_it(complete: Directory) -> None:
    _without_a_name(complete)
    complete.remove("apiserver.crt", "apiserver.key")
    complete.ensure(["apiserver"])
    complete.ensure()


@pytest.mark.parametrize(("gone", "left"), [("crt", "key"), ("key", "crt")])
def test_half_a_pair_of_the_users_is_left_alone(complete: Directory, gone: str, left: str) -> None:
    complete.remove(f"apiserver.{gone}")
    refusal = complete.refusal()
    assert refusal.message == f"{PKI}/apiserver.{left} is there without {PKI}/apiserver.{gone}"
    assert refusal.remedy == f"rm {PKI}/apiserver.{left}, then run the same command again"


def test_more_names_and_usages_than_needed_do_no_harm(complete: Directory) -> None:
    wanted = profile_of("apiserver")
    names = AltNames.of([*str(wanted.alt_names).split(", "), "more.example.com"])
    complete.reissue("apiserver", replace(wanted, usages=("serverAuth", "clientAuth"), alt_names=names))
    assert "apiserver" in complete.ensure().having("keep")


def test_the_group_an_earlier_patch_release_gave_is_tolerated(complete: Directory) -> None:
    profile = profile_of("apiserver-kubelet-client", organizations=("kubeadm:cluster-admins",))
    complete.reissue("apiserver-kubelet-client", profile)
    assert "apiserver-kubelet-client" in complete.ensure().having("keep")


def test_a_group_that_is_needed_is_missed(complete: Directory) -> None:
    complete.cluster = replace(complete.cluster, version=(1, 36, 0))
    assert complete.refusal().message == (
        f"{PKI}/apiserver-kubelet-client.crt is for CN=kube-apiserver-kubelet-client, "
        "not for CN=kube-apiserver-kubelet-client, O=kubeadm:cluster-admins"
    )


def test_everything_that_is_wrong_is_told_at_once_and_nothing_is_written(complete: Directory) -> None:
    _truncated(complete)
    complete.remove("front-proxy-client.crt", "sa.key", "etcd/peer.crt", "etcd/peer.key")
    refusal = complete.refusal()
    assert refusal.message == "3 things are wrong with existing certificates; nothing was written"
    assert [detail.split(" ", 1)[0] for detail in refusal.details] == [
        f"{PKI}/apiserver.crt",
        f"{PKI}/front-proxy-client.key",
        f"{PKI}/sa.pub",
    ]
    assert all(" -> " in detail for detail in refusal.details)


def test_an_authority_that_has_expired_is_refused(complete: Directory) -> None:
    complete.now = NOW + timedelta(days=3651)
    refusal = complete.refusal(["ca"])
    assert f"{PKI}/ca.crt has expired on 2035-12-30" in refusal.message
    assert f"{PKI}/apiserver-kubelet-client.key" in refusal.remedy


def test_a_leaf_is_not_signed_by_an_authority_that_has_expired(directory: Directory) -> None:
    directory.ensure(["ca"])
    directory.now = NOW + timedelta(days=3651)
    assert "ca.crt has expired" in directory.refusal(["apiserver"]).message


def test_a_leaf_is_no_authority(complete: Directory) -> None:
    for suffix in ("crt", "key"):
        complete.path(f"ca.{suffix}").write_bytes(complete.path(f"apiserver.{suffix}").read_bytes())
    refusal = complete.refusal(["ca"])
    assert refusal.details[0].startswith(f"{PKI}/ca.crt is not a certificate authority")
    assert refusal.details[1].startswith(f"{PKI}/ca.crt may not sign certificates")


def test_an_authoritys_key_without_its_certificate_is_refused(complete: Directory) -> None:
    complete.remove("ca.crt")
    refusal = complete.refusal(["ca"])
    assert refusal.message == f"{PKI}/ca.key is there without {PKI}/ca.crt"
    assert refusal.remedy.startswith("put the certificate back")


def test_another_authoritys_key_is_refused(complete: Directory) -> None:
    complete.path("ca.key").write_bytes(complete.path("etcd/ca.key").read_bytes())
    assert complete.refusal(["ca"]).message == f"{PKI}/ca.key is not the key of {PKI}/ca.crt"


def test_leaves_are_not_left_without_their_authority(complete: Directory) -> None:
    complete.remove("front-proxy-ca.crt", "front-proxy-ca.key")
    refusal = complete.refusal()
    assert "its authority /etc/kubernetes/pki/front-proxy-ca.crt is not" in refusal.message
    assert refusal.remedy.startswith("put the authority and its key back")


def test_an_authority_may_have_any_name(directory: Directory) -> None:
    own = authority("Example Corp Kubernetes CA")
    directory.put("ca", [own.certificate], own.key)
    outcome = directory.ensure()
    assert "ca" in outcome.having("keep")
    directory.certificate("apiserver").verify_directly_issued_by(own.certificate)


def test_the_first_certificate_of_a_bundle_is_the_authority(directory: Directory) -> None:
    own, other = authority("own"), authority("other")
    directory.put("ca", [own.certificate, other.certificate], own.key)
    directory.ensure()
    directory.certificate("apiserver").verify_directly_issued_by(own.certificate)
    directory.ensure()


def test_a_public_key_that_is_not_the_private_keys_is_refused(complete: Directory) -> None:
    complete.path("sa.pub").write_text(public_pem(generate(ALGORITHM).public_key()))
    refusal = complete.refusal()
    assert refusal.message == f"{PKI}/sa.pub is not the public key of {PKI}/sa.key"
    assert refusal.remedy.endswith(f"rm {PKI}/sa.pub, then run the same command again")


def test_a_service_account_key_that_cannot_be_read_is_refused(complete: Directory) -> None:
    complete.path("sa.key").write_bytes(
        complete.key("sa").private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"x"),
        )
    )
    assert complete.refusal().message == (
        f"{PKI}/sa.key cannot be read: the key is encrypted with a passphrase"
    )
