"""Certificates that live for minutes, and an agent that renews them; the renewing program is a fake."""

from __future__ import annotations

import json
import logging
import os
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bootstrap.agent.keeper import LONGEST_RETRY_SECONDS, LOOK_SECONDS
from bootstrap.agent.metrics import exposition
from bootstrap.agent.serving.metricspage import renewal_families, work_families
from bootstrap.agent.status import RenewalStatus
from bootstrap.cli.agentstatus import Screen, status_lines
from bootstrap.host.http import HttpReply
from tests.fakes.agent import IMAGE, document
from tests.fakes.renewal import LIFE, RenewingNode

OK, BAD = HttpReply(200, b"ok"), HttpReply(500, b"no")
MANAGER, SCHEDULER = "kube-controller-manager", "kube-scheduler"
BOTH = ("controller-manager.conf", "scheduler.conf")
EXTERNAL = "the key of ca is not on this node"


@pytest.fixture
def node(tmp_path: Path) -> RenewingNode:
    return RenewingNode(tmp_path)


def status(node: RenewingNode) -> RenewalStatus:
    found = node.agent.status().certificates
    assert found is not None
    return found


def component(node: RenewingNode, name: str, port: int = 0) -> None:
    """A static pod of the control plane; with ``port`` it is ready when that answers."""
    probe = {"httpGet": {"port": port, "host": "127.0.0.1"}, "periodSeconds": 1}
    container: dict[str, Any] = {"name": name, "image": IMAGE, **({"readinessProbe": probe} if port else {})}
    manifest = document(name, containers=[container], metadata={"namespace": "kube-system"})
    node.write(f"{name}.yaml", manifest)


def restarts(node: RenewingNode, name: str) -> int:
    return node.container(name, name).restarts


def told(node: RenewingNode, pod: str) -> list[str]:
    return [
        f"{each.type} {each.reason}: {each.message}"
        for each in node.agent.history.since().events
        if each.name == f"{pod}-n1" and each.reason.startswith("Certificate")
    ]


def test_each_is_renewed_at_its_own_moment_between_half_and_four_fifths_of_its_life(
    node: RenewingNode,
) -> None:
    names = ("apiserver", "etcd-server", "etcd-peer", "admin.conf")
    node.make(*names)
    begun = node.clock.now()
    node.settle()
    due = status(node).due
    assert set(due) == {*names}
    assert all(begun + LIFE * 0.5 <= moment <= begun + LIFE * 0.8 for moment in due.values())
    node.advance(LIFE.total_seconds() * 0.81)
    assert sorted(node.runs) == [(name,) for name in sorted(names)]
    assert status(node).last is not None


def test_it_goes_on_for_ever(node: RenewingNode) -> None:
    node.make("apiserver")
    node.advance(6 * LIFE.total_seconds(), step=5)
    assert 7 <= len(node.runs) <= 12
    assert status(node).problems == {}


def test_what_is_due_when_a_machine_wakes_up_is_renewed_at_once_and_together(node: RenewingNode) -> None:
    node.make("apiserver", "etcd-server")
    node.settle()
    node.clock.set(by=timedelta(days=3))
    node.settle()
    assert [set(each) for each in node.runs] == [{"apiserver", "etcd-server"}]


def test_a_clock_that_is_set_back_costs_nothing(node: RenewingNode) -> None:
    node.make("apiserver")
    node.clock.set(by=timedelta(days=-3))
    node.advance(LIFE.total_seconds(), step=10)
    assert node.runs == []


def test_it_looks_often_enough_to_notice_a_clock_that_was_set(node: RenewingNode) -> None:
    node.make("apiserver", life=timedelta(days=365))
    assert node.agent.keeper is not None
    assert node.agent.keeper.turn() == LOOK_SECONDS


def test_it_wakes_for_a_moment_that_is_nearer(node: RenewingNode) -> None:
    node.make("apiserver", life=timedelta(seconds=15))
    assert node.agent.keeper is not None
    assert 7.5 <= node.agent.keeper.turn() <= 12


def test_a_restarted_agent_renews_at_the_same_moment(node: RenewingNode) -> None:
    node.make("apiserver")
    node.settle()
    before = status(node).due
    node.advance(100, step=10)
    node.restart_agent()
    node.settle()
    assert status(node).due == before


def test_what_somebody_else_renewed_is_not_renewed_again(node: RenewingNode) -> None:
    node.make("apiserver")
    node.settle()
    node.advance(LIFE.total_seconds() * 0.45, step=10)
    node.make("apiserver")
    node.advance(LIFE.total_seconds() * 0.45, step=10)
    assert node.runs == []


def test_nothing_that_is_no_certificate_of_the_node_is_looked_at(node: RenewingNode) -> None:
    node.make("apiserver")
    node.place("etcd-peer").parent.mkdir(parents=True)
    node.place("etcd-peer").write_text("half a certi")
    node.place("admin.conf").write_text("users: 5")
    for name in ("ca.crt", "mine.crt"):
        (node.kubernetes / "pki" / name).write_text(node.place("apiserver").read_text())
    node.advance(LIFE.total_seconds() * 0.9, step=10)
    assert node.runs == [("apiserver",)]


# What cannot be renewed.


def test_what_fails_is_said_once_and_tried_again_more_and_more_seldom(
    node: RenewingNode, caplog: pytest.LogCaptureFixture
) -> None:
    node.make("apiserver", "etcd-server")
    node.settle()
    node.refused = {"apiserver": EXTERNAL}
    node.clock.set(by=LIFE)
    with caplog.at_level(logging.WARNING):
        node.advance(4 * LONGEST_RETRY_SECONDS, step=20)
    tries = [each for each in node.runs if "apiserver" in each]
    assert 9 <= len(tries) <= 14
    assert [record.getMessage() for record in caplog.records] == [f"not renewed: apiserver: {EXTERNAL}"]
    assert status(node).problems == {"apiserver": EXTERNAL}


def test_one_that_cannot_be_renewed_holds_no_other_up(node: RenewingNode) -> None:
    node.make("apiserver", "etcd-server")
    node.refused = {"apiserver": EXTERNAL}
    node.clock.set(by=LIFE)
    node.advance(3 * LIFE.total_seconds(), step=10)
    assert len([each for each in node.runs if "etcd-server" in each]) >= 4


def test_a_program_that_fails_as_a_whole_is_a_failure_of_each(node: RenewingNode) -> None:
    node.make("apiserver", "etcd-server")
    node.broken = "warning: old\nerror: the configuration cannot be read\nnext: bootstrap plan\n"
    node.clock.set(by=LIFE)
    node.settle()
    words = "the configuration cannot be read"
    assert status(node).problems == {"apiserver": words, "etcd-server": words}
    node.broken = ""
    node.advance(11)
    assert status(node).problems == {}
    assert set(status(node).renewed) == {"apiserver", "etcd-server"}


def test_an_agent_without_the_program_says_so(node: RenewingNode) -> None:
    node.make("apiserver")
    node.processes.uninstall("renew")
    node.clock.set(by=LIFE)
    node.settle()
    assert "not installed" in status(node).problems["apiserver"]


def test_a_program_that_changes_nothing_is_not_asked_again_and_again(node: RenewingNode) -> None:
    node.make("apiserver")
    node.processes.install("renew", lambda _names: (0, '{"renewed": ["apiserver"]}'))
    node.clock.set(by=LIFE)
    node.settle()
    assert "the same as before" in status(node).problems["apiserver"]
    asked = len(node.processes.history)
    node.advance(5)
    assert len(node.processes.history) == asked


def test_a_problem_that_somebody_solved_is_gone(node: RenewingNode) -> None:
    node.make("apiserver")
    node.refused = {"apiserver": EXTERNAL}
    node.clock.set(by=LIFE)
    node.settle()
    node.make("apiserver")
    node.settle()
    assert status(node).problems == {}


# Who reads a certificate once is restarted for it.


def test_components_are_restarted_one_at_a_time_and_only_for_their_own(node: RenewingNode) -> None:
    node.make(*BOTH, "apiserver")
    for name, port in (("kube-apiserver", 6443), (MANAGER, 10257), (SCHEDULER, 0)):
        component(node, name, port)
    node.http.serve(6443, OK)
    node.http.serve(10257, OK)
    node.advance(20)
    node.clock.set(by=LIFE)
    before = len(node.engine.history)
    node.http.serve(10257, BAD)
    node.settle()
    node.advance(3)
    assert (restarts(node, MANAGER), restarts(node, SCHEDULER)) == (1, 0)
    assert status(node).waiting == f"{SCHEDULER} is restarted once {MANAGER} is ready"
    node.http.serve(10257, OK)
    node.advance(5)
    assert (restarts(node, MANAGER), restarts(node, SCHEDULER)) == (1, 1)
    assert status(node).waiting == ""
    assert not [line for line in node.history(before) if "apiserver" in line]


def test_none_is_restarted_while_the_api_server_is_not_ready(node: RenewingNode) -> None:
    node.make("controller-manager.conf")
    component(node, "kube-apiserver", 6443)
    component(node, MANAGER)
    node.advance(5)
    node.clock.set(by=LIFE)
    node.advance(30)
    assert restarts(node, MANAGER) == 0
    node.http.serve(6443, OK)
    node.advance(3)
    assert restarts(node, MANAGER) == 1


def test_whoever_waits_for_a_restart_is_woken_when_a_pod_has_changed(node: RenewingNode) -> None:
    node.make("controller-manager.conf")
    component(node, "kube-apiserver", 6443)
    component(node, MANAGER)
    node.advance(5)
    woken: list[object] = []
    node.rouse = woken.append
    node.http.serve(6443, OK)
    node.advance(2)
    assert node.agent.keeper not in woken
    node.http.serve(6443, BAD)
    node.advance(5)
    node.make("controller-manager.conf")
    node.settle()
    woken.clear()
    node.http.serve(6443, OK)
    node.advance(2)
    assert node.agent.keeper in woken


def test_others_are_told_of_what_is_new(node: RenewingNode) -> None:
    """The conversation with the API server goes on with another certificate then."""
    told: list[str] = []
    node.make("kubelet.conf")
    node.settle()
    node.agent.listen(lambda: told.append("look"))
    node.settle()
    assert told == []
    node.clock.set(by=LIFE)
    node.settle()
    assert told == ["look"]


def test_a_restart_for_a_certificate_costs_no_wait_and_is_said(node: RenewingNode) -> None:
    node.make("scheduler.conf")
    component(node, SCHEDULER)
    node.advance(5)
    for number in range(1, 4):
        node.clock.set(by=timedelta(minutes=1))
        node.make("scheduler.conf")
        node.advance(2)
        assert (restarts(node, SCHEDULER), node.pod(SCHEDULER).ready) == (number, True)
    killing = [each for each in node.agent.history.since().events if each.reason == "Killing"]
    assert killing[0].message == "stopping: its certificate in scheduler.conf is another now"


def test_a_new_agent_finishes_what_a_killed_one_had_begun(node: RenewingNode) -> None:
    node.make("scheduler.conf")
    component(node, SCHEDULER)
    node.advance(5)
    node.make("scheduler.conf")
    node.restart_agent()
    node.settle()
    node.advance(2)
    assert restarts(node, SCHEDULER) == 1


def test_a_file_that_is_only_touched_restarts_nothing(node: RenewingNode) -> None:
    node.make("scheduler.conf")
    component(node, SCHEDULER)
    node.advance(5 * 60, step=10)
    path = node.place("scheduler.conf")
    path.write_text(path.read_text() + "# mine\n")
    os.utime(path, (node.clock.now().timestamp(),) * 2)
    node.advance(5)
    assert restarts(node, SCHEDULER) == 0


def test_a_kubeconfig_of_an_old_authority_is_as_young_as_its_file(node: RenewingNode) -> None:
    """As kubeadm makes it: it begins with the authority, and would be due as soon as it is made."""
    assert node.renewal is not None
    authority = node.renewal.places.authorities[0]
    node.make("admin.conf", begins=timedelta(days=-800))
    authority.parent.mkdir()
    shutil.copy(node.place("admin.conf").with_suffix(".pem"), authority)
    node.settle()
    assert node.runs == []
    due = status(node).due["admin.conf"] - node.clock.now()
    assert LIFE * 0.5 <= due <= LIFE * 0.8


# What is told of it.


def test_pods_that_read_a_certificate_have_an_event(node: RenewingNode) -> None:
    node.make("apiserver", "front-proxy-client", "etcd-peer", "admin.conf")
    component(node, "kube-apiserver")
    component(node, "etcd")
    node.settle()
    node.refused = {"etcd-peer": EXTERNAL}
    node.clock.set(by=LIFE)
    node.advance(600, step=20)
    assert told(node, "kube-apiserver")[0] == (
        "Normal CertificateRenewed: apiserver, front-proxy-client: a new certificate is there"
    )
    assert told(node, "etcd") == [f"Warning CertificateNotRenewed: etcd-peer: {EXTERNAL}"]


def test_remarks_of_the_program_are_logged(node: RenewingNode, caplog: pytest.LogCaptureFixture) -> None:
    node.make("apiserver")
    node.remarks = ("ca expires before what it has just signed",)
    node.clock.set(by=LIFE)
    node.settle()
    assert "ca expires before" in caplog.text


def test_renewals_are_counted_and_the_next_one_is_a_metric(node: RenewingNode) -> None:
    node.make("apiserver", "etcd-peer")
    node.refused = {"etcd-peer": EXTERNAL}
    node.clock.set(by=LIFE)
    node.settle()
    page = exposition((*work_families(node.agent.measures), *renewal_families(status(node))))
    assert 'podstrap_certificate_renewals_total{certificate="apiserver",result="renewed"} 1' in page
    assert 'podstrap_certificate_renewals_total{certificate="etcd-peer",result="failed"} 1' in page
    moment = int(status(node).due["apiserver"].timestamp())
    assert f'podstrap_certificate_renewal_timestamp_seconds{{certificate="apiserver"}} {moment}' in page


def test_the_status_tells_the_next_renewal_the_last_and_what_is_wrong(node: RenewingNode) -> None:
    def lines() -> list[str]:
        shown = json.loads(msgspec.json.encode(node.agent.status()))
        return [each for each in status_lines(shown, node.clock.now(), Screen()) if "certificate" in each]

    node.make("apiserver", life=timedelta(hours=100))
    node.settle()
    (line,) = lines()
    assert line.startswith("certificates: the next renewal is that of apiserver, in ")
    node.make("etcd-peer", "etcd-server")
    node.refused = {"etcd-peer": EXTERNAL}
    node.clock.set(by=LIFE)
    node.settle()
    assert lines()[0].endswith("; etcd-server was renewed 0s ago")
    assert lines()[1] == f"certificates: etcd-peer is not renewed: {EXTERNAL}"


def test_an_agent_that_renews_none_says_nothing_of_it(tmp_path: Path) -> None:
    class Other(RenewingNode):
        def new_agent(self) -> Any:
            self.renewal = None
            return super().new_agent()

    node = Other(tmp_path)
    assert node.agent.status().certificates is None
    assert renewal_families(None)[0].samples == ()
