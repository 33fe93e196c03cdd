"""Files of an earlier life that do not fit: each is named with what to do, and nothing is written."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from bootstrap.cli.main import exit_code_of
from pki.issue import Authority, certificate_pem, issue, issue_authority
from pki.keys import PrivateKey, generate
from pki.pem import private_pem
from pki.profile import Period, Profile
from pki.store import parse_chain

CONFIG = """\
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.37.2
encryptionAlgorithm: ECDSA-P256
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint: {advertiseAddress: 192.0.2.10}
nodeRegistration: {name: master}
"""

Break = Callable[[Path], None]

LONG_AGO = datetime.now(UTC) - timedelta(days=400)


def init(root: Path, config: Path) -> int:
    return exit_code_of(["--root", str(root), "init", "--config", str(config)])


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree with certificates and kubeconfig files, the manifests still to come."""
    directory = tmp_path_factory.mktemp("finished")
    (directory / "config.yaml").write_text(CONFIG)
    assert init(directory / "root", directory / "config.yaml") == 0
    for gone in ("etc/kubernetes/manifests", "var/lib/etcd", "var/lib/bootstrap/generations"):
        shutil.rmtree(directory / "root" / gone)
    return directory


def contents(root: Path) -> dict[str, bytes]:
    """Every file but the lock, which says who holds it."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and "run/bootstrap" not in str(path)
    }


def cut(name: str) -> Break:
    def damage(kubernetes: Path) -> None:
        path = kubernetes / name
        path.write_bytes(path.read_bytes()[:100])

    return damage


def written(name: str, content: bytes) -> Break:
    return lambda kubernetes: _write(kubernetes / name, content)


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def kubeconfig(name: str, change: Callable[[dict[str, Any]], None]) -> Break:
    def damage(kubernetes: Path) -> None:
        path = kubernetes / name
        document = yaml.safe_load(path.read_text())
        change(document)
        path.write_text(yaml.safe_dump(document))

    return damage


def another_server(document: dict[str, Any]) -> None:
    document["clusters"][0]["cluster"]["server"] = "https://203.0.113.1:6443"


def another_authority(document: dict[str, Any]) -> None:
    other = certificate_pem(_authority(datetime.now(UTC)).certificate)
    document["clusters"][0]["cluster"]["certificate-authority-data"] = _data(other)


def shortened_key(document: dict[str, Any]) -> None:
    user = document["users"][0]["user"]
    user["client-key-data"] = _data(base64.b64decode(user["client-key-data"]).decode()[:80])


def no_base64(document: dict[str, Any]) -> None:
    document["users"][0]["user"]["client-key-data"] = "%%%"


def another_users(document: dict[str, Any]) -> None:
    document["current-context"] = "somebody@kubernetes"


def expired_client(kubernetes: Path) -> None:
    path = kubernetes / "admin.conf"
    document = yaml.safe_load(path.read_text())
    authority = Authority(
        parse_chain((kubernetes / "pki/ca.crt").read_bytes())[0], _key(kubernetes / "pki/ca.key")
    )
    profile = Profile("kubernetes-admin", ("clientAuth",), ("kubeadm:cluster-admins",))
    key = generate("ECDSA-P256")
    period = Period.starting(LONG_AGO, timedelta(days=365))
    user = document["users"][0]["user"]
    user["client-certificate-data"] = _data(
        certificate_pem(issue(profile, key.public_key(), authority, period))
    )
    user["client-key-data"] = _data(private_pem(key))
    path.write_text(yaml.safe_dump(document))


def expired_authority(kubernetes: Path) -> None:
    key = _key(kubernetes / "pki/ca.key")
    expired = issue_authority("kubernetes", key, Period.starting(LONG_AGO, timedelta(days=365)))
    (kubernetes / "pki/ca.crt").write_text(certificate_pem(expired.certificate))


def unrelated_authority(kubernetes: Path) -> None:
    authority = _authority(datetime.now(UTC))
    (kubernetes / "pki/ca.crt").write_text(certificate_pem(authority.certificate))
    (kubernetes / "pki/ca.key").write_text(private_pem(authority.key))


def leaf_as_authority(kubernetes: Path) -> None:
    for suffix in ("crt", "key"):
        shutil.copy(kubernetes / f"pki/apiserver.{suffix}", kubernetes / f"pki/ca.{suffix}")


def lost_authority(kubernetes: Path) -> None:
    shutil.rmtree(kubernetes / "pki")


def _authority(now: datetime) -> Authority:
    return issue_authority("other", generate("ECDSA-P256"), Period.starting(now, timedelta(days=1)))


def _key(path: Path) -> PrivateKey:
    key = load_pem_private_key(path.read_bytes(), None)
    assert isinstance(key, PrivateKey)
    return key


def _data(pem: str) -> str:
    return base64.b64encode(pem.encode()).decode()


CASES: dict[str, tuple[Break, str, str]] = {
    "kubeconfig of another server": (
        kubeconfig("admin.conf", another_server),
        "/etc/kubernetes/admin.conf points to https://203.0.113.1:6443, not to https://192.0.2.10:6443",
        "rm /etc/kubernetes/admin.conf",
    ),
    "kubeconfig of an unrelated authority": (
        kubeconfig("scheduler.conf", another_authority),
        "/etc/kubernetes/scheduler.conf trusts another certificate authority than the cluster's",
        "rm /etc/kubernetes/scheduler.conf",
    ),
    "kubeconfig with a shortened key": (
        kubeconfig("controller-manager.conf", shortened_key),
        "/etc/kubernetes/controller-manager.conf has a client certificate that cannot be read",
        "rm /etc/kubernetes/controller-manager.conf",
    ),
    "kubeconfig whose key is no base64": (
        kubeconfig("kubelet.conf", no_base64),
        "/etc/kubernetes/kubelet.conf cannot be used: client-key-data is not base64",
        "rm /etc/kubernetes/kubelet.conf",
    ),
    "kubeconfig without its context": (
        kubeconfig("super-admin.conf", another_users),
        "/etc/kubernetes/super-admin.conf cannot be used: contexts has no entry named",
        "rm /etc/kubernetes/super-admin.conf",
    ),
    "kubeconfig of an expired user": (
        expired_client,
        "/etc/kubernetes/admin.conf has a client certificate that has expired on",
        "rm /etc/kubernetes/admin.conf",
    ),
    "kubeconfig that is empty": (
        written("admin.conf", b""),
        "/etc/kubernetes/admin.conf cannot be used: not a mapping",
        "rm /etc/kubernetes/admin.conf",
    ),
    "kubeconfig that is no text": (
        written("admin.conf", b"\xff\xfe\x00"),
        "/etc/kubernetes/admin.conf is not UTF-8 text",
        "/etc/kubernetes/admin.conf",
    ),
    "kubeconfigs whose authority is lost": (
        lost_authority,
        "/etc/kubernetes/admin.conf is there, but not /etc/kubernetes/pki/ca.crt",
        "put /etc/kubernetes/pki/ca.crt back",
    ),
    "expired authority": (
        expired_authority,
        "/etc/kubernetes/pki/ca.crt has expired on",
        "/etc/kubernetes/pki/ca.crt",
    ),
    "unrelated authority": (
        unrelated_authority,
        "/etc/kubernetes/pki/apiserver.crt was not signed by /etc/kubernetes/pki/ca.crt",
        "rm /etc/kubernetes/pki/apiserver.crt",
    ),
    "authority that is none": (
        leaf_as_authority,
        "/etc/kubernetes/pki/ca.crt is not a certificate authority",
        "/etc/kubernetes/pki/ca.crt",
    ),
    "shortened key of the authority": (
        cut("pki/ca.key"),
        "/etc/kubernetes/pki/ca.key",
        "/etc/kubernetes/pki/ca.key",
    ),
    "shortened key of a leaf": (
        cut("pki/apiserver.key"),
        "/etc/kubernetes/pki/apiserver.key",
        "rm /etc/kubernetes/pki/apiserver.crt /etc/kubernetes/pki/apiserver.key",
    ),
    "shortened certificate": (
        cut("pki/front-proxy-client.crt"),
        "/etc/kubernetes/pki/front-proxy-client.crt",
        "rm /etc/kubernetes/pki/front-proxy-client.crt",
    ),
    "shortened key of service accounts": (
        cut("pki/sa.key"),
        "/etc/kubernetes/pki/sa.key",
        "/etc/kubernetes/pki/sa.key",
    ),
    "key of etcd that is empty": (
        written("pki/etcd/server.key", b""),
        "/etc/kubernetes/pki/etcd/server.key",
        "rm /etc/kubernetes/pki/etcd/server.crt",
    ),
}


@pytest.mark.parametrize(("damage", "told", "remedy"), CASES.values(), ids=CASES)
def test_it_is_named_with_its_remedy_and_nothing_is_written(
    damage: Break,
    told: str,
    remedy: str,
    finished: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = tmp_path / "root"
    shutil.copytree(finished / "root", root)
    damage(root / "etc/kubernetes")
    before = contents(root)
    capsys.readouterr()

    assert init(root, finished / "config.yaml") != 0

    # What is told names the files where they are: below the root.
    err = capsys.readouterr().err.replace(f"{root}/", "/")
    assert told in err
    assert remedy in err.partition(told)[2] or f"next: {remedy}" in err
    assert "internal error" not in err
    assert contents(root) == before


def test_the_same_tree_is_fine_when_nothing_is_broken(finished: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    shutil.copytree(finished / "root", root)

    assert init(root, finished / "config.yaml") == 0
