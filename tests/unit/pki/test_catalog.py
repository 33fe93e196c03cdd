from __future__ import annotations

import subprocess
import sys

import pytest

from pki import catalog
from pki.catalog import CERTIFICATES, belongs_to_etcd, organization
from tests.unit.pki.directory import CLUSTER, profile_of


def test_an_authority_comes_before_what_it_signs() -> None:
    seen: set[str] = set()
    for spec in CERTIFICATES:
        assert spec.is_authority or spec.authority in seen
        seen.add(spec.name)


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ((1, 34, 7), "kubeadm:cluster-admins"),
        ((1, 34, 8), ""),
        ((1, 35, 4), "kubeadm:cluster-admins"),
        ((1, 35, 5), ""),
        ((1, 36, 0), "kubeadm:cluster-admins"),
        ((1, 36, 1), ""),
        ((1, 37, 0), ""),
        ((1, 38, 0), ""),
    ],
)
def test_the_kubelet_client_lost_its_group_in_these_releases(
    version: tuple[int, int, int], expected: str
) -> None:
    assert organization("apiserver-kubelet-client", version) == expected


def test_no_other_certificate_has_a_group() -> None:
    assert {organization(spec.name, (1, 34, 0)) for spec in CERTIFICATES} == {"", "kubeadm:cluster-admins"}
    assert organization("apiserver-etcd-client", (1, 34, 0)) == ""


def test_an_external_etcd_needs_none_of_etcds_certificates() -> None:
    assert [name for name in catalog.NAMES if belongs_to_etcd(name)] == [
        "etcd-ca",
        "etcd-server",
        "etcd-peer",
        "etcd-healthcheck-client",
        "apiserver-etcd-client",
    ]


def test_the_api_servers_names_are_sorted_and_its_addresses_in_order() -> None:
    names = profile_of("apiserver").alt_names
    assert names.dns == (
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
        "master",
    )
    assert [str(address) for address in names.addresses] == ["10.96.0.1", "192.0.2.10"]


def test_etcds_certificates_name_the_node_and_loopback() -> None:
    profile = profile_of("etcd-peer")
    assert profile.common_name == "master"
    assert profile.usages == ("serverAuth", "clientAuth")
    assert str(profile.alt_names) == "localhost, master, 192.0.2.10, 127.0.0.1, ::1"


def test_the_catalog_loads_without_cryptography() -> None:
    modules = "pki.catalog, pki.cluster, pki.errors, pki.pool, pki.profile"
    check = f"import sys, {modules}; sys.exit('cryptography' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


def test_a_certificate_lasts_a_year_and_an_authority_ten_unless_told_otherwise() -> None:
    assert (CLUSTER.validity.days, CLUSTER.authority_validity.days) == (365, 3650)
