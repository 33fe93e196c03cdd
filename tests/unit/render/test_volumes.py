from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from bootstrap.model.kubeadm import ExternalEtcd
from bootstrap.render.volumes import external_etcd_certificates

PKI = PurePosixPath("/etc/kubernetes/pki")


def _directories(ca: str, cert: str = "", key: str = "") -> list[tuple[str, str]]:
    etcd = ExternalEtcd(endpoints=("https://10.0.0.1:2379",), ca_file=ca, cert_file=cert, key_file=key)
    return [(mount.name, mount.host_path) for mount in external_etcd_certificates(etcd, PKI)]


def test_directories_inside_others_are_mounted_with_them() -> None:
    mounted = _directories("/opt/e/ca.crt", "/opt/e/sub/c.crt", "/opt/f/c.key")
    assert mounted == [("etcd-certs-0", "/opt/e"), ("etcd-certs-1", "/opt/f")]


@pytest.mark.parametrize(
    "ca", ["", "/etc/kubernetes/pki/etcd/ca.crt", "/etc/ssl/certs/ca.pem", "/etc/pki/tls/certs/x/ca"]
)
def test_what_is_mounted_anyway_is_not_mounted_twice(ca: str) -> None:
    assert _directories(ca) == []


def test_a_name_that_begins_like_another_is_a_directory_of_its_own() -> None:
    mounted = _directories("/etc/etcd/ca.crt", "/etc/etcd-client/c.crt", "/etc/kubernetes/pki-etcd/c.key")
    assert [path for _name, path in mounted] == [
        "/etc/etcd",
        "/etc/etcd-client",
        "/etc/kubernetes/pki-etcd",
    ]
