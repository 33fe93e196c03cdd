"""Renewal on behalf of the agent: certificates of a node in memory, and what may stand in the way."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path, PurePosixPath

import pytest
from msgspec.structs import replace

from bootstrap.agent.heldcertificates import HeldCertificates, Places, places
from bootstrap.agent.renewaltime import due
from bootstrap.host.files import DiskFullError, Files
from bootstrap.host.lock import NodeLock
from bootstrap.model.certificates import AGENT_SERVING, LEAVES, path_of
from bootstrap.model.kubeadm import Etcd, ExternalEtcd
from bootstrap.phases.serving_certificate import ensure_serving_certificate
from bootstrap.workflows.init import run_init
from bootstrap.workflows.unattended import renew_for_agent
from pki.store import parse_chain
from tests.fakes.node import QUICK, WITHOUT_A_CLUSTER, FakeNode
from tests.golden.control_planes import control_plane

FILES_ONLY = replace(QUICK.init, skip_phases=("agent-start", *WITHOUT_A_CLUSTER))
EVERYTHING = (*LEAVES, AGENT_SERVING)
PKI = QUICK.layout.pki
MONTH = timedelta(days=30)
SIGNED_BY_CA = {
    *("apiserver", "apiserver-kubelet-client", "kubelet.conf", "controller-manager.conf"),
    *("scheduler.conf", "admin.conf", "super-admin.conf"),
}


@pytest.fixture
def node(tmp_path: Path) -> FakeNode:
    """Its certificates are a month old."""
    node = FakeNode(tmp_path)
    context = node.context(described=control_plane(cluster=QUICK.cluster, init=FILES_ONLY))
    run_init(context)
    ensure_serving_certificate(context)
    node.clock.advance(MONTH.total_seconds())
    return node


class FullDisk(Files):
    def write_all(self, new: Sequence[tuple[PurePosixPath, str | bytes, int]]) -> None:
        for path, _content, _mode in new:
            if path.is_relative_to("/etc/kubernetes"):
                raise DiskFullError(f"no space left to write {path}")
        super().write_all(new)


def held(node: FakeNode) -> HeldCertificates:
    """What the agent sees of it."""
    real = node.files.real
    found = places(real(PKI), real(QUICK.layout.kubernetes), Path("/none"))
    leaves = {**found.leaves, AGENT_SERVING: real(QUICK.layout.agent_certificate)}
    return HeldCertificates(Places(leaves, found.authorities))


def test_all_are_renewed_and_the_agent_sees_all_of_them(node: FakeNode) -> None:
    before = held(node).look()
    assert set(before) == {*EVERYTHING}
    answer = renew_for_agent(node.context(), EVERYTHING)
    assert ({*answer.renewed}, answer.problems, answer.remarks) == ({*EVERYTHING}, {}, ())
    after = held(node).look()
    assert all(after[name] != before[name] for name in EVERYTHING)
    assert all(due("m1", name, each.life) > node.clock.now() + 5 * MONTH for name, each in after.items())


def test_the_period_is_the_configured_one(node: FakeNode) -> None:
    short = control_plane(cluster=replace(QUICK.cluster, certificate_validity_period="10m"), init=QUICK.init)
    renew_for_agent(node.context(described=short), EVERYTHING)
    ends = {each.life.end - node.clock.now() for each in held(node).look().values()}
    assert ends == {timedelta(minutes=10)}


def test_those_that_were_not_asked_for_stay(node: FakeNode) -> None:
    before = held(node).look()
    renew_for_agent(node.context(), ("apiserver",))
    changed = {name for name, each in held(node).look().items() if before[name] != each}
    assert changed == {"apiserver"}


def test_what_is_signed_elsewhere_is_said_and_the_rest_renewed(node: FakeNode) -> None:
    node.files.remove(PKI / "ca.key")
    answer = renew_for_agent(node.context(), EVERYTHING)
    assert set(answer.problems) == SIGNED_BY_CA
    assert all("the key of ca is not on this node" in text for text in answer.problems.values())
    assert {*answer.renewed} == {*EVERYTHING} - SIGNED_BY_CA


def test_an_authority_that_is_damaged_keeps_only_its_own_from_being_renewed(node: FakeNode) -> None:
    node.files.write(PKI / "etcd/ca.crt", "nonsense", 0o644)
    answer = renew_for_agent(node.context(), EVERYTHING)
    assert set(answer.problems) == {
        *("etcd-server", "etcd-peer", "etcd-healthcheck-client", "apiserver-etcd-client")
    }
    assert "etcd/ca.crt" in answer.problems["etcd-server"]


def test_a_damaged_certificate_is_a_problem_of_its_own(node: FakeNode) -> None:
    node.files.write(PKI / "apiserver.crt", "nonsense", 0o644)
    assert set(renew_for_agent(node.context(), EVERYTHING).problems) == {"apiserver"}


def test_what_is_not_there_or_not_made_here_is_said(node: FakeNode) -> None:
    node.files.remove(path_of("admin.conf", PKI, QUICK.layout.kubernetes))
    elsewhere = ExternalEtcd(endpoints=("https://192.0.2.20:2379",))
    described = control_plane(cluster=replace(QUICK.cluster, etcd=Etcd(external=elsewhere)), init=QUICK.init)
    answer = renew_for_agent(node.context(described=described), ("admin.conf", "apiserver-etcd-client"))
    assert "not there" in answer.problems["admin.conf"]
    assert "whoever has signed it" in answer.problems["apiserver-etcd-client"]


def test_while_a_command_changes_the_node_nothing_is_renewed(node: FakeNode) -> None:
    with NodeLock(node.files, QUICK.layout.lock, "bootstrap apply"):
        answer = renew_for_agent(node.context(), ("apiserver", AGENT_SERVING))
    assert answer.renewed == ()
    assert all("bootstrap apply" in text for text in answer.problems.values())


def test_a_full_disk_is_said_and_leaves_every_certificate_whole(node: FakeNode) -> None:
    before = held(node).look()
    answer = renew_for_agent(node.context(FullDisk(node.root)), tuple(LEAVES))
    assert answer.renewed == ()
    assert all("no space left" in text for text in answer.problems.values())
    assert held(node).look() == before


def test_without_a_finished_init_nothing_is_known_to_renew_by(tmp_path: Path) -> None:
    answer = renew_for_agent(FakeNode(tmp_path).context(), ("apiserver",))
    assert "no control plane was finished" in answer.problems["apiserver"]


def test_an_authority_that_ends_first_is_remarked_on(node: FakeNode) -> None:
    node.clock.advance(timedelta(days=3650 - 300).total_seconds())
    answer = renew_for_agent(node.context(), ("apiserver", "front-proxy-client"))
    assert [remark.partition(" ")[0] for remark in answer.remarks] == ["ca", "front-proxy-ca"]


def test_the_new_serving_certificate_is_the_clusters_and_for_root_alone(node: FakeNode) -> None:
    renew_for_agent(node.context(), (AGENT_SERVING,))
    path = QUICK.layout.agent_certificate
    pem = node.files.read_text(path)
    (ca,) = parse_chain(node.files.read_bytes(PKI / "ca.crt"))
    found = parse_chain(pem[pem.index("-----BEGIN CERT") :].encode())[0]
    assert found.issuer == ca.subject
    assert node.files.mode(path) == 0o600
