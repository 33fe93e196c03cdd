"""Which pods a node may run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bootstrap.agent.admission import refusal
from bootstrap.agent.node import Node
from bootstrap.model.pod import decode_pod
from tests.fakes.agent import IMAGE, AgentHarness, document


def reason(node: Node | None = None, **spec: Any) -> str | None:
    node = node or Node("n1", Path("/state"), "pause:1", labels={"zone": "a", "cpus": "8"})
    found = refusal(decode_pod(document("web", **{"hostNetwork": False, **spec})).pod, node)
    return found.reason if found else None


@pytest.mark.parametrize(
    ("selector", "fits"),
    [
        ({}, True),
        ({"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}, True),
        ({"kubernetes.io/hostname": "n1", "zone": "a"}, True),
        ({"kubernetes.io/hostname": "n2"}, False),
        ({"gpu": ""}, False),
    ],
)
def test_a_node_selector_is_held_against_the_nodes_labels(selector: dict[str, str], fits: bool) -> None:
    assert (reason(nodeSelector=selector) is None) is fits
    assert fits or reason(nodeSelector=selector) == "NodeAffinity"


@pytest.mark.parametrize(
    ("operator", "key", "values", "fits"),
    [
        ("In", "zone", ["a", "b"], True),
        ("In", "zone", ["b"], False),
        ("In", "gpu", ["x"], False),
        ("NotIn", "zone", ["b"], True),
        ("NotIn", "gpu", ["x"], True),
        ("Exists", "zone", [], True),
        ("Exists", "gpu", [], False),
        ("DoesNotExist", "gpu", [], True),
        ("Gt", "cpus", ["4"], True),
        ("Lt", "cpus", ["4"], False),
        ("Gt", "zone", ["4"], False),
        ("Like", "zone", ["a"], False),
    ],
)
def test_a_required_affinity_too(operator: str, key: str, values: list[str], fits: bool) -> None:
    term = {"matchExpressions": [{"key": key, "operator": operator, "values": values}]}
    nowhere = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n2"]}]}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [nowhere, term]}}
    assert (reason(affinity={"nodeAffinity": required}) is None) is fits


def test_a_term_without_expressions_fits_nothing() -> None:
    required: dict[str, Any] = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{}]}}
    assert reason(affinity={"nodeAffinity": required}) == "NodeAffinity"


def test_other_affinities_are_a_schedulers_business() -> None:
    assert (
        reason(affinity={"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{}]}}) is None
    )


@pytest.mark.parametrize(
    ("name", "allowed", "refused"),
    [
        ("net.ipv4.tcp_syncookies", (), None),
        ("net/ipv4/tcp_syncookies", (), None),
        ("kernel.msgmax", (), "SysctlForbidden"),
        ("kernel.msgmax", ("kernel.msg*",), None),
        ("kernel.msgmax", ("kernel.msgmax",), None),
        ("kernel.msgmax", ("net.*",), "SysctlForbidden"),
    ],
)
def test_only_sysctls_that_are_safe_or_allowed(
    name: str, allowed: tuple[str, ...], refused: str | None
) -> None:
    node = Node("n1", Path("/state"), "pause:1", allowed_unsafe_sysctls=allowed)
    assert reason(node, securityContext={"sysctls": [{"name": name, "value": "1"}]}) == refused


@pytest.mark.parametrize(("kind", "refused"), [("RuntimeDefault", "AppArmor"), ("Unconfined", None)])
def test_a_profile_needs_apparmor(kind: str, refused: str | None) -> None:
    node = Node("n1", Path("/state"), "pause:1", has_apparmor=False)
    profile = {"appArmorProfile": {"type": kind}}
    assert reason(node, securityContext=profile) == refused
    assert reason(securityContext=profile) is None


def test_a_pod_for_another_system_is_refused() -> None:
    assert reason(os={"name": "windows"}) == "PodOSNotSupported"
    assert reason(os={"name": "linux"}) is None


def test_a_refused_pod_has_failed_and_says_why(tmp_path: Path) -> None:
    harness = AgentHarness(tmp_path)
    harness.write("web.yaml", document("web", containers=[{"name": "main", "image": IMAGE}]))
    harness.settle()
    harness.write("web.yaml", document("web", nodeSelector={"gpu": "yes"}))
    harness.settle()
    assert harness.running() == []
    assert (harness.pod().phase, harness.pod().reason) == ("Failed", "NodeAffinity")
    assert harness.pod().message.startswith("Pod was rejected: ")
    harness.settle()
    events = [each for each in harness.agent.history.since().events if each.reason == "NodeAffinity"]
    assert [(each.type, each.count) for each in events] == [("Warning", 1)]
    harness.write("web.yaml", document("web"))
    harness.settle()
    assert harness.running() == ["POD web", "main web"]
