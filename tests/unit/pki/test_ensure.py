from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import PurePosixPath

import pytest

from pki import catalog
from pki.catalog import CERTIFICATES, NAMES, SPECS
from pki.checks import alt_names, is_issued_by
from pki.pem import public_pem
from tests.unit.pki.directory import NOW, PKI, Directory


def test_an_empty_machine_gets_every_file_with_its_mode(directory: Directory) -> None:
    outcome = directory.ensure()
    assert outcome.having("make") == NAMES
    expected = {f"{spec.file}.crt": 0o644 for spec in CERTIFICATES}
    expected |= {f"{spec.file}.key": 0o600 for spec in CERTIFICATES}
    expected |= {"sa.key": 0o600, "sa.pub": 0o600}
    assert set(directory.contents()) == set(expected)
    for name, mode in expected.items():
        assert directory.files.mode(PKI / name) == mode, name
    assert directory.files.mode(PKI) == 0o755
    assert directory.files.mode(PKI / "etcd") == 0o755


def test_every_leaf_is_signed_by_its_authority_and_fits_its_key(complete: Directory) -> None:
    for spec in CERTIFICATES:
        certificate, key = complete.certificate(spec.file), complete.key(spec.file)
        assert certificate.public_key() == key.public_key()
        issuer = SPECS[spec.authority].file if spec.authority else spec.file
        assert is_issued_by([certificate], complete.certificate(issuer))


def test_periods_are_those_of_the_configuration(directory: Directory) -> None:
    directory.cluster = replace(
        directory.cluster, validity=timedelta(hours=100), authority_validity=timedelta(hours=1000)
    )
    directory.ensure()
    for spec in CERTIFICATES:
        certificate = directory.certificate(spec.file)
        assert certificate.not_valid_before_utc == NOW - timedelta(minutes=5)
        hours = 1000 if spec.is_authority else 100
        assert certificate.not_valid_after_utc == NOW + timedelta(hours=hours)


def test_the_stable_address_and_further_names_are_in_the_serving_certificates(directory: Directory) -> None:
    directory.cluster = replace(
        directory.cluster,
        endpoint_host="lb.example.com",
        apiserver_sans=("10.1.2.3", "api.example.com"),
        etcd_server_sans=("etcd.example.com",),
        etcd_peer_sans=("10.9.9.9",),
    )
    directory.ensure()
    apiserver = alt_names(directory.certificate("apiserver"))
    assert {"lb.example.com", "api.example.com"} <= set(apiserver.dns)
    assert [str(address) for address in apiserver.addresses] == ["10.96.0.1", "192.0.2.10", "10.1.2.3"]
    assert "etcd.example.com" in alt_names(directory.certificate("etcd/server")).dns
    assert "10.9.9.9" in str(alt_names(directory.certificate("etcd/peer")))


def test_a_second_run_changes_no_byte(complete: Directory) -> None:
    before = complete.contents()
    complete.announced.clear()
    outcome = complete.ensure()
    assert outcome.having("keep") == NAMES
    assert complete.contents() == before
    assert complete.announced == []


def test_a_missing_pair_is_made_and_the_others_are_left_alone(complete: Directory) -> None:
    before = complete.contents()
    complete.remove("apiserver.crt", "apiserver.key", "etcd/peer.crt", "etcd/peer.key")
    outcome = complete.ensure()
    assert outcome.having("make") == ("apiserver", "etcd-peer")
    after = complete.contents()
    assert {name for name in after if after[name] != before[name]} == {
        "apiserver.crt",
        "apiserver.key",
        "etcd/peer.crt",
        "etcd/peer.key",
    }
    assert is_issued_by([complete.certificate("etcd/peer")], complete.certificate("etcd/ca"))


def test_a_missing_public_key_is_made_from_the_private_one(complete: Directory) -> None:
    before = complete.contents()
    complete.remove("sa.pub")
    complete.announced.clear()
    assert complete.ensure().having("restore") == ("sa",)
    assert complete.announced == [PKI / ".pending.json", PKI / "sa.pub"]
    assert complete.contents() == before
    assert complete.path("sa.pub").read_text() == public_pem(complete.key("sa").public_key())


def test_files_are_announced_before_any_of_them_exists(directory: Directory) -> None:
    seen: list[bool] = []

    def announce(paths: tuple[PurePosixPath, ...]) -> None:
        seen.extend(directory.files.exists(path) for path in paths)
        directory.announced.extend(paths)

    from pki.ensure import ensure
    from pki.pool import KeyPool

    ensure(NAMES, directory.cluster, directory.files, KeyPool(), NOW, announce)
    assert not any(seen)
    assert {PKI / name for name in directory.contents()} <= set(directory.announced)


def test_one_certificate_can_be_made_alone(directory: Directory) -> None:
    directory.ensure(["ca"])
    assert set(directory.contents()) == {"ca.crt", "ca.key"}
    directory.ensure(["apiserver"])
    assert set(directory.contents()) == {"ca.crt", "ca.key", "apiserver.crt", "apiserver.key"}
    assert is_issued_by([directory.certificate("apiserver")], directory.certificate("ca"))


def test_a_certificate_cannot_be_made_before_its_authority(directory: Directory) -> None:
    refusal = directory.refusal(["etcd-server"])
    assert refusal.message == f"{PKI}/etcd/server.crt cannot be made: there is no {PKI}/etcd/ca.crt"
    assert refusal.remedy == "bootstrap init phase certs etcd-ca"


def test_an_external_etcd_gets_no_certificates(directory: Directory) -> None:
    directory.cluster = replace(directory.cluster, local_etcd=False)
    outcome = directory.ensure()
    assert not [name for name in outcome.decisions if catalog.belongs_to_etcd(name)]
    assert not directory.path("etcd").exists()
    assert not directory.path("apiserver-etcd-client.crt").exists()


@pytest.mark.parametrize("version", [(1, 35, 4), (1, 37, 2)])
def test_the_kubelet_client_has_the_group_of_its_version(
    directory: Directory, version: tuple[int, int, int]
) -> None:
    directory.cluster = replace(directory.cluster, version=version)
    directory.ensure()
    subject = directory.certificate("apiserver-kubelet-client").subject.rfc4514_string()
    assert ("O=kubeadm:cluster-admins" in subject) == (version == (1, 35, 4))
