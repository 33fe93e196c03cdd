"""Certificates of a node in memory, renewed; the machine may lose power at any moment."""

from __future__ import annotations

import stat
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from msgspec.structs import replace

from bootstrap.cli.certs import expiration_document, expiration_lines, outcome_lines
from bootstrap.errors import BootstrapError, ConfigError
from bootstrap.kube.kubeconfig import parse_kubeconfig
from bootstrap.model.certificates import AUTHORITIES, LEAVES
from bootstrap.model.cluster import ControlPlane
from bootstrap.model.kubeadm import APIServer
from bootstrap.render.kubeconfigs import IDENTITIES
from bootstrap.workflows.certificates import names, read_client, states
from bootstrap.workflows.init import run_init
from bootstrap.workflows.renew import ALL, renew
from pki import checks
from pki.catalog import CERTIFICATES
from pki.pem import read_private
from pki.store import parse_chain
from tests.fakes.dying_files import DyingFiles, PowerCut
from tests.fakes.node import QUICK, WITHOUT_A_CLUSTER, FakeNode
from tests.golden.control_planes import control_plane

FILES_ONLY = replace(QUICK.init, skip_phases=("agent-start", *WITHOUT_A_CLUSTER))
PKI = QUICK.layout.pki
MONTH = timedelta(days=30)


@pytest.fixture
def node(tmp_path: Path) -> FakeNode:
    """Its certificates are a month old."""
    return made(tmp_path)


def made(root: Path) -> FakeNode:
    node = FakeNode(root)
    run_init(node.context(described=control_plane(cluster=QUICK.cluster, init=FILES_ONLY)))
    node.clock.advance(MONTH.total_seconds())
    return node


def certificate(node: FakeNode, file: str) -> x509.Certificate:
    return parse_chain(node.files.read_bytes(PKI / f"{file}.crt"))[0]


def fits(node: FakeNode, file: str) -> bool:
    key = read_private(node.files.read_bytes(PKI / f"{file}.key"))
    return checks.same_key(key.public_key(), certificate(node, file).public_key())


def described(**cluster: object) -> ControlPlane:
    return control_plane(cluster=replace(QUICK.cluster, **cluster), init=QUICK.init)


def test_every_certificate_that_can_be_renewed_has_somebody_who_reads_it(node: FakeNode) -> None:
    assert set(names(node.context())) == set(LEAVES)


def test_all_get_new_keys_and_a_new_period_and_stay_what_they_were(node: FakeNode) -> None:
    before = {file: certificate(node, file) for file in ("apiserver", "etcd/peer", "front-proxy-client")}
    admin = read_client(node.context(), "admin.conf")
    outcome = renew(node.context(), ALL)
    assert set(outcome.renewed) == set(LEAVES)
    for file, old in before.items():
        new = certificate(node, file)
        assert new.subject == old.subject
        assert checks.alt_names(new) == checks.alt_names(old)
        assert new.public_key() != old.public_key()
        assert new.not_valid_after_utc == old.not_valid_after_utc + MONTH
        assert fits(node, file)
    text, found, renewed = read_client(node.context(), "admin.conf")
    assert checks.subject_of(renewed) == ("kubernetes-admin", ("kubeadm:cluster-admins",))
    assert (found.server, found.ca) == (admin[1].server, admin[1].ca)
    assert found.key != admin[1].key
    assert yaml.safe_load(text)["contexts"] == yaml.safe_load(admin[0])["contexts"]


def test_what_was_renewed_is_what_init_accepts(node: FakeNode) -> None:
    renew(node.context(), ALL)
    kept = certificate(node, "apiserver")
    run_init(node.context(described=control_plane(cluster=QUICK.cluster, init=FILES_ONLY)))
    assert certificate(node, "apiserver") == kept


def test_one_alone_leaves_the_others(node: FakeNode) -> None:
    before = certificate(node, "apiserver")
    renew(node.context(), "scheduler.conf")
    assert certificate(node, "apiserver") == before


def test_modes_stay(node: FakeNode) -> None:
    renew(node.context(), ALL)
    for path, mode in {"apiserver.key": 0o600, "apiserver.crt": 0o644}.items():
        assert stat.S_IMODE(node.files.mode(PKI / path)) == mode
    assert node.files.mode(node.described.layout.kubeconfig("admin")) == 0o600


def test_names_stay_and_those_the_configuration_asks_for_are_added(node: FakeNode) -> None:
    with_name = described(api_server=APIServer(cert_sans=("api.example.com",)))
    renew(node.context(described=with_name), "apiserver")
    renew(node.context(), "apiserver")
    assert "api.example.com" in checks.alt_names(certificate(node, "apiserver")).dns


def test_a_kubeconfig_follows_the_authority(node: FakeNode) -> None:
    """After the authority was exchanged, its certificate is what the renewed file trusts."""
    other = made(node.root / "other")
    for name in ("ca.crt", "ca.key"):
        node.files.write(PKI / name, other.files.read_bytes(PKI / name), 0o600)
    renew(node.context(), "admin.conf")
    _text, found, _certificate = read_client(node.context(), "admin.conf")
    assert found.ca == node.files.read_text(PKI / "ca.crt")


def test_a_power_cut_at_any_moment_leaves_pairs_that_fit_after_the_next_run(tmp_path: Path) -> None:
    counting = made(tmp_path / "count")
    files = DyingFiles(counting.root, 10_000)
    renew(counting.context(files), ALL)
    for life in range(0, len(files.history), 5):
        node = made(tmp_path / str(life))
        with pytest.raises(PowerCut):
            renew(node.context(DyingFiles(node.root, life)), ALL)
        run_init(node.context(described=control_plane(cluster=QUICK.cluster, init=FILES_ONLY)))
        assert all(fits(node, file) for file in ("apiserver", "etcd/server", "apiserver-etcd-client"))
        assert not node.files.exists(PKI / ".pending.json")


def test_a_change_made_meanwhile_is_not_overwritten(node: FakeNode) -> None:
    lives = 40
    files = DyingFiles(node.root, lives)
    with pytest.raises(PowerCut):
        renew(node.context(files), ALL)
    scheduler = node.described.layout.kubeconfig("scheduler")
    node.files.write(scheduler, "somebody's own", 0o600)
    with pytest.raises(BootstrapError, match="has other content now"):
        renew(node.context(), ALL)
    assert node.files.read_text(scheduler) == "somebody's own"


def test_without_the_authoritys_key_all_is_signed_elsewhere(node: FakeNode) -> None:
    node.files.remove(PKI / "ca.key")
    outcome = renew(node.context(), ALL)
    assert set(outcome.external) == {
        *("apiserver", "apiserver-kubelet-client", "admin.conf", "super-admin.conf"),
        *("controller-manager.conf", "scheduler.conf", "kubelet.conf"),
    }
    assert "etcd-server" in outcome.renewed
    with pytest.raises(BootstrapError, match="signed elsewhere") as caught:
        renew(node.context(), "apiserver")
    assert "generate-csr" in caught.value.remedy


def test_what_is_not_there_is_told_and_the_rest_renewed(node: FakeNode) -> None:
    node.files.remove(node.described.layout.kubeconfig("super-admin"))
    assert renew(node.context(), ALL).missing == ("super-admin.conf",)
    with pytest.raises(BootstrapError, match=r"no super-admin\.conf"):
        renew(node.context(), "super-admin.conf")


def test_an_expired_authority_signs_nothing(node: FakeNode) -> None:
    before = certificate(node, "etcd/server")
    node.clock.advance(timedelta(days=3651).total_seconds())
    with pytest.raises(BootstrapError, match="has expired"):
        renew(node.context(), ALL)
    assert certificate(node, "etcd/server") == before


def test_an_unknown_name_is_refused_with_those_there_are(node: FakeNode) -> None:
    with pytest.raises(ConfigError) as caught:
        renew(node.context(), "apisrver")
    assert "apiserver" in caught.value.remedy


def test_a_kubelet_that_renews_its_own_is_left_alone(node: FakeNode) -> None:
    path = node.described.layout.kubeconfig("kubelet")
    document = yaml.safe_load(node.files.read_text(path))
    document["users"][0]["user"] = {"client-certificate": "/var/lib/kubelet/pki/current.pem"}
    node.files.write(path, yaml.safe_dump(document), 0o600)
    assert "kubelet.conf" not in names(node.context())


def test_who_has_to_be_restarted_is_said_and_how(node: FakeNode) -> None:
    said = "\n".join(outcome_lines(renew(node.context(), ALL), agent_restarts=False))
    assert "Taken up without a restart by: kube-apiserver, etcd, the agent" in said
    assert "label=io.kubernetes.container.name=kube-scheduler" in said
    assert "label=io.kubernetes.container.name=kube-apiserver" not in said
    assert "Copies of admin.conf, super-admin.conf" in said


def test_an_agent_that_keeps_the_certificates_restarts_who_has_to_be(node: FakeNode) -> None:
    said = "\n".join(outcome_lines(renew(node.context(), ALL), agent_restarts=True))
    assert "Restarted by the agent, one after the other: kube-controller-manager, kube-scheduler" in said
    assert "docker stop" not in said


def test_the_agents_table_has_the_files_of_the_catalog() -> None:
    leaves = {name: leaf.path for name, leaf in LEAVES.items() if not leaf.is_kubeconfig}
    assert leaves == {spec.name: f"{spec.file}.crt" for spec in CERTIFICATES if not spec.is_authority}
    assert list(AUTHORITIES) == [f"{spec.file}.crt" for spec in CERTIFICATES if spec.is_authority]
    kubeconfigs = {leaf.path for leaf in LEAVES.values() if leaf.is_kubeconfig}
    assert kubeconfigs == {f"{identity.name}.conf" for identity in IDENTITIES}


def test_expirations_are_shown_as_kubeadm_shows_them(node: FakeNode) -> None:
    node.files.remove(PKI / "ca.key")
    node.files.remove(PKI / "etcd/peer.crt")
    node.files.remove(PKI / "etcd/peer.key")
    certificates, authorities = states(node.context())
    now = node.clock.now()
    lines = expiration_lines(certificates, authorities, now)
    assert lines[0].split() == [
        "CERTIFICATE",
        "EXPIRES",
        "RESIDUAL",
        "TIME",
        "CERTIFICATE",
        "AUTHORITY",
        "EXTERNALLY",
        "MANAGED",
    ]
    (apiserver,) = (line for line in lines if line.startswith("apiserver "))
    assert apiserver.split() == ["apiserver", "Jan", "01,", "2101", "00:00", "UTC", "335d", "ca", "yes"]
    assert "!MISSING! etcd-peer" in lines
    document = expiration_document(certificates, authorities, now)
    assert document["certificateAuthorities"][0] == {
        "name": "ca",
        "expirationDate": "2109-12-30T00:00:00Z",
        "residualTime": (3650 - 30) * 86400,
        "externallyManaged": True,
        "missing": False,
    }


def test_a_damaged_certificate_is_named(node: FakeNode) -> None:
    node.files.write(PKI / "apiserver.crt", "nonsense", 0o644)
    with pytest.raises(BootstrapError, match=r"apiserver\.crt cannot be read"):
        states(node.context())


def test_a_kubeconfig_made_by_hand_keeps_its_user(node: FakeNode) -> None:
    path = node.described.layout.kubeconfig("admin")
    text = node.files.read_text(path).replace("kubernetes-admin@kubernetes", "mine")
    node.files.write(path, text, 0o600)
    renew(node.context(), "admin.conf")
    assert parse_kubeconfig(node.files.read_text(path), "admin.conf").user == "kubernetes-admin"
    assert yaml.safe_load(node.files.read_text(path))["current-context"] == "mine"
