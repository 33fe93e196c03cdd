"""``bootstrap apply`` from end to end, on fakes: what was fetched, written and waited for, in order."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import pytest
from msgspec.structs import replace

from bootstrap.apply import generations
from bootstrap.apply.commit import RolledBackError
from bootstrap.apply.describe import plan_lines
from bootstrap.apply.plan import Plan
from bootstrap.errors import BootstrapError, ConfigError, InterruptedByUserError, TimedOutError
from bootstrap.host.lock import NodeLock, NodeLockedError
from bootstrap.model.cluster import ControlPlane
from bootstrap.model.kubeadm import BootstrapToken, ClusterConfiguration, Etcd, ExternalEtcd
from bootstrap.model.layout import (
    COMPONENTS,
    ETCD,
    KUBE_APISERVER,
    KUBE_CONTROLLER_MANAGER,
    KUBE_SCHEDULER,
    Layout,
)
from bootstrap.phases.context import Context
from bootstrap.workflows.apply import Applied, apply_node, origin_of
from bootstrap.workflows.plan import plan_node
from tests.fakes.clock import FakeClock
from tests.fakes.dying_files import UnflushedFiles
from tests.fakes.http import FakeHttp
from tests.fakes.network import FakeNetwork
from tests.fakes.processes import FakeProcesses
from tests.fakes.reporter import RecordingReporter
from tests.fakes.services import FakeAgentService
from tests.golden.control_planes import CLUSTER, FACTS, INIT, control_plane

LAYOUT = Layout()
V136 = replace(CLUSTER, kubernetes_version="v1.36.3")
V137 = replace(CLUSTER, kubernetes_version="v1.37.2")


def _unavailable(*_arguments: object) -> NoReturn:
    raise BootstrapError("not part of this scenario")


@dataclass
class Node:
    """``history`` has fetches and waits; ``sick`` are components that do not get healthy at this version."""

    root: Path
    history: list[str] = field(default_factory=list)
    sick: dict[str, str] = field(default_factory=dict)
    impatient: str = ""
    agreed: bool = True
    reporter: RecordingReporter = field(default_factory=RecordingReporter)

    @property
    def files(self) -> UnflushedFiles:
        return UnflushedFiles(self.root)

    def context(self, cluster: ClusterConfiguration) -> Context:
        return self.context_of(control_plane(cluster))

    def context_of(self, described: ControlPlane) -> Context:
        return Context(
            control_plane=described,
            facts=FACTS,
            files=self.files,
            processes=FakeProcesses(),
            network=FakeNetwork(),
            http=FakeHttp(),
            machine=_unavailable,
            clock=FakeClock(),
            agent_service=FakeAgentService(),
            runtime=_unavailable,
            api=_unavailable,
            reporter=self.reporter,
        )

    def install(self, cluster: ClusterConfiguration) -> Applied:
        """Before anything runs: nothing to fetch or to wait for."""
        return apply_node(self.context(cluster), confirm=lambda _plan: True, fetch=None, gate=None)

    def apply(self, cluster: ClusterConfiguration) -> Applied:
        return apply_node(self.context(cluster), confirm=self._confirm, fetch=self._fetch, gate=self._gate)

    def plan(self, cluster: ClusterConfiguration) -> Plan:
        return plan_node(self.context(cluster))

    def version(self, component: str) -> str:
        """Which of the two versions a manifest is of."""
        text = self.files.read_text(LAYOUT.manifest(component))
        return next(
            version for version in ("v1.36.3", "v1.37.2", "3.6.8-0", "3.7.0-0") if f":{version}" in text
        )

    def versions(self) -> dict[str, str]:
        return {name: self.version(name) for name in COMPONENTS}

    def _confirm(self, _plan: Plan) -> bool:
        self.history.append("ask")
        return self.agreed

    def _fetch(self, context: Context) -> None:
        self.history.append(f"fetch {context.control_plane.version}, {self.version(KUBE_APISERVER)} in place")

    def _gate(self, _context: Context, component: str) -> None:
        self.history.append(f"wait for {component} {self.version(component)}")
        if component == self.impatient:
            raise InterruptedByUserError("interrupted")
        if self.sick.get(component) == self.version(component):
            raise TimedOutError(f"{component} is not healthy after 240 s", details=("log: bind: in use",))


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


UPGRADED = [
    "ask",
    "fetch v1.37.2, v1.36.3 in place",
    "wait for etcd 3.7.0-0",
    "wait for kube-apiserver v1.37.2",
    "wait for kube-controller-manager v1.37.2",
    "wait for kube-scheduler v1.37.2",
]


def test_what_was_just_applied_needs_no_change_and_no_new_generation(node: Node) -> None:
    assert node.install(V137).generation == 1
    assert node.plan(V137).is_empty
    assert node.apply(V137).generation == 1
    assert node.history == []


def test_an_upgrade_fetches_first_and_then_goes_from_component_to_component(node: Node) -> None:
    node.install(V136)
    assert node.apply(V137).generation == 2
    assert node.history == UPGRADED
    assert node.plan(V137).is_empty


def test_a_changed_setting_restarts_only_what_it_belongs_to(node: Node) -> None:
    node.install(V137)
    changed = replace(V137, networking=replace(V137.networking, dns_domain="other.local"))
    lines = list(plan_lines(node.plan(changed)))
    assert lines[0] == f"~ {LAYOUT.manifest(KUBE_APISERVER)}  (restarts kube-apiserver)"
    assert any("other.local" in line and " -> " in line for line in lines)
    node.apply(changed)
    assert [event for event in node.history if event.startswith("wait")] == [
        "wait for kube-apiserver v1.37.2"
    ]


def test_a_component_that_does_not_come_is_put_back_and_the_next_run_goes_on_from_there(node: Node) -> None:
    node.install(V136)
    node.sick = {KUBE_APISERVER: "v1.37.2"}
    with pytest.raises(RolledBackError) as caught:
        node.apply(V137)
    assert node.history[2:] == [
        "wait for etcd 3.7.0-0",
        "wait for kube-apiserver v1.37.2",
        "wait for kube-apiserver v1.36.3",
    ]
    assert "log: bind: in use" in caught.value.details
    assert node.versions() == {
        ETCD: "3.7.0-0",
        KUBE_APISERVER: "v1.36.3",
        KUBE_CONTROLLER_MANAGER: "v1.36.3",
        KUBE_SCHEDULER: "v1.36.3",
    }
    node.sick, node.history = {}, []
    assert node.apply(V137).generation == 2
    assert node.history == [event for event in UPGRADED if "etcd" not in event]


def test_after_an_interruption_the_unconfirmed_component_is_put_back_told_and_done_again(node: Node) -> None:
    node.install(V136)
    node.impatient = KUBE_CONTROLLER_MANAGER
    with pytest.raises(InterruptedByUserError):
        node.apply(V137)
    node.plan(V137)
    assert len(node.reporter.lines) == 1
    assert node.reporter.lines[0].startswith("warn an apply was interrupted: ")
    node.reporter.lines.clear()
    node.impatient, node.history = "", []
    node.apply(V137)
    assert node.reporter.lines == ["warn an interrupted change was undone: kube-controller-manager.yaml"]
    assert node.history[2:] == UPGRADED[4:]


def test_a_plan_that_is_turned_down_changes_nothing(node: Node) -> None:
    node.install(V136)
    node.agreed = False
    assert node.apply(V137).generation == 0
    assert node.history == ["ask"]
    assert node.version(KUBE_APISERVER) == "v1.36.3"


def test_a_hand_made_edit_is_shown_and_mended(node: Node) -> None:
    node.install(V137)
    path = LAYOUT.manifest(KUBE_SCHEDULER)
    node.files.write(
        path, node.files.read_text(path).replace("--leader-elect=true", "--leader-elect=false"), 0o600
    )
    (change,) = node.plan(V137).pending
    assert [(d.path.rpartition(".")[2], d.old, d.new) for d in change.differences] == [
        ("--leader-elect", "false", "true")
    ]
    assert node.apply(V137).generation == 1
    assert node.plan(V137).is_empty


def test_a_node_that_moves_to_an_external_etcd_loses_its_own_last(node: Node) -> None:
    node.install(V137)
    external = replace(
        V137, etcd=Etcd(external=ExternalEtcd(endpoints=("https://192.0.2.50:2379",), ca_file="/ca.crt"))
    )
    plan = node.plan(external)
    assert [(change.action, change.restarts) for change in plan.pending] == [
        ("update", KUBE_APISERVER),
        ("delete", ETCD),
    ]
    node.apply(external)
    assert not node.files.exists(LAYOUT.manifest(ETCD))
    assert node.plan(external).is_empty


def test_a_file_that_is_not_ours_is_reported_and_left_alone(node: Node) -> None:
    node.install(V137)
    stranger = LAYOUT.manifests / "kube-apiserver.yaml.bak"
    node.files.write(stranger, "kind: Pod\n", 0o600)
    plan = node.plan(V137)
    assert plan.is_empty
    assert plan.foreign == (stranger,)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [("v1.37.2", "v1.36.3", "cannot go back"), ("v1.35.4", "v1.37.2", "in one step")],
)
def test_a_version_that_is_no_step_is_refused_before_anything_is_written(
    node: Node, before: str, after: str, message: str
) -> None:
    node.install(replace(CLUSTER, kubernetes_version=before))
    with pytest.raises(ConfigError, match=message) as caught:
        node.apply(replace(CLUSTER, kubernetes_version=after))
    assert f"kube-apiserver is at {before}" in caught.value.details
    assert node.history == []
    assert generations.latest_number(node.files, LAYOUT) == 1


def test_while_another_command_changes_the_node_apply_waits_for_nobody(node: Node) -> None:
    with NodeLock(node.files, LAYOUT.lock, "bootstrap init"), pytest.raises(NodeLockedError, match="init"):
        node.apply(V137)


def test_no_token_and_no_key_of_a_run_is_kept_with_a_generation() -> None:
    init = replace(
        INIT, bootstrap_tokens=(BootstrapToken(token="abcdef.0123456789abcdef"),), certificate_key="c0ffee"
    )
    origin = origin_of(control_plane(V137, init))
    assert origin == origin_of(control_plane(V137))
    assert origin.versions == {"kubernetes": "v1.37.2", "etcd": "3.7.0-0"}
