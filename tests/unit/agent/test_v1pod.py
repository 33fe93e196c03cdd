"""A pod and its status as a v1 Pod: what a kubelet would say of the same."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bootstrap.agent.conditions import Condition, pod_conditions, with_times
from bootstrap.agent.identity import StaticPod, static_pod
from bootstrap.agent.node import Node
from bootstrap.agent.qos import qos_class
from bootstrap.agent.status import ContainerStatus, Exit, PodStatus
from bootstrap.agent.v1pod import v1_pod
from bootstrap.model.pod import decode_pod
from tests.fakes.agent import document

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)
NODE = Node("n1", Path("/state"), "pause:1", address="192.0.2.10")
ENDED = Exit(exit_code=2, reason="Error", started=NOW, finished=NOW + timedelta(seconds=1), id="dead")


def static(source: str = "/manifests/web.yaml", **changes: Any) -> StaticPod:
    return static_pod(decode_pod(document(**changes)).pod, "n1", source)


def status(pod: StaticPod, **changes: Any) -> PodStatus:
    values: dict[str, Any] = {"phase": "Running", "ready": True, "seen": NOW, "started": NOW, **changes}
    return PodStatus(name=pod.name, namespace=pod.namespace, uid=pod.uid, **values)


def shown(container: ContainerStatus) -> dict[str, Any]:
    pod = static()
    document = v1_pod(pod, status(pod, containers=(container,)), NODE)
    found: dict[str, Any] = document["status"]["containerStatuses"][0]
    return found


def test_metadata_has_what_a_kubelet_adds() -> None:
    pod = static(metadata={"labels": {"app": "web"}, "annotations": {"own": "kept"}})
    metadata = v1_pod(pod, status(pod), NODE)["metadata"]
    assert metadata == {
        "name": "web-n1",
        "namespace": "default",
        "uid": pod.uid,
        "labels": {"app": "web"},
        "annotations": {
            "own": "kept",
            "kubernetes.io/config.hash": pod.uid,
            "kubernetes.io/config.source": "file",
            "kubernetes.io/config.seen": "2026-01-02T03:04:05.678901000Z",
        },
    }


def test_what_only_others_act_on_is_in_the_mirror() -> None:
    mine = {"key": "mine", "operator": "Exists"}
    carried: dict[str, Any] = {
        "priority": 2000001000,
        "priorityClassName": "system-node-critical",
        "schedulerName": "mine",
        "enableServiceLinks": False,
        "automountServiceAccountToken": False,
        "tolerations": [mine],
        "affinity": {"podAffinity": {"x": []}},
        "readinessGates": [{"conditionType": "example.test/open"}],
        "topologySpreadConstraints": [{"maxSkew": 1}],
        "preemptionPolicy": "Never",
        "overhead": {"cpu": "1m"},
        "securityContext": {"fsGroupChangePolicy": "OnRootMismatch"},
    }
    pod = static(**carried)
    spec = v1_pod(pod, status(pod), NODE)["spec"]
    assert spec["tolerations"][0] == mine
    assert {key: spec[key] for key in carried if key != "tolerations"} == {
        key: value for key, value in carried.items() if key != "tolerations"
    }


def test_a_pod_from_a_file_stays_on_a_tainted_node_and_one_from_a_url_need_not() -> None:
    mine = {"key": "mine", "operator": "Exists"}
    pod = static(tolerations=[mine])
    spec = v1_pod(pod, status(pod), NODE)["spec"]
    assert spec["tolerations"] == [mine, {"operator": "Exists", "effect": "NoExecute"}]
    assert spec["nodeName"] == "n1"
    pod = static("http://192.0.2.1/pods")
    shown = v1_pod(pod, status(pod), NODE)
    assert "tolerations" not in shown["spec"]
    assert shown["metadata"]["annotations"]["kubernetes.io/config.source"] == "http"


def test_the_whole_is_plain_json_with_its_addresses_and_times() -> None:
    pod = static()
    ready = Condition(type="Ready", status="True", since=NOW)
    shown = json.loads(json.dumps(v1_pod(pod, status(pod, ip="10.0.0.7", conditions=(ready,)), NODE)))
    assert shown["kind"] == "Pod"
    assert shown["status"] == {
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-02T03:04:05Z"}],
        "hostIP": "192.0.2.10",
        "hostIPs": [{"ip": "192.0.2.10"}],
        "podIP": "10.0.0.7",
        "podIPs": [{"ip": "10.0.0.7"}],
        "startTime": "2026-01-02T03:04:05Z",
        "qosClass": "BestEffort",
    }


def test_a_running_container_tells_how_its_predecessor_ended() -> None:
    container = ContainerStatus(
        name="main",
        image="app:1",
        state="running",
        id="live",
        image_id="sha256:1",
        ready=True,
        started=True,
        restarts=3,
        since=NOW,
        last_exit=ENDED,
    )
    assert shown(container) == {
        "name": "main",
        "image": "app:1",
        "imageID": "docker://sha256:1",
        "containerID": "docker://live",
        "ready": True,
        "started": True,
        "restartCount": 3,
        "state": {"running": {"startedAt": "2026-01-02T03:04:05Z"}},
        "lastState": {
            "terminated": {
                "exitCode": 2,
                "reason": "Error",
                "startedAt": "2026-01-02T03:04:05Z",
                "finishedAt": "2026-01-02T03:04:06Z",
                "containerID": "docker://dead",
            }
        },
    }


def test_a_waiting_container_says_why_and_is_known_by_its_last_one() -> None:
    found = shown(
        ContainerStatus(
            name="main", image="app:1", state="waiting", reason="CrashLoopBackOff", last_exit=ENDED
        )
    )
    assert found["state"] == {"waiting": {"reason": "CrashLoopBackOff"}}
    assert found["lastState"]["terminated"]["exitCode"] == 2
    assert found["containerID"] == "docker://dead"


def test_an_ended_container_is_its_own_state_and_no_last_one() -> None:
    done = Exit(exit_code=0, reason="Completed", finished=NOW, id="dead")
    found = shown(ContainerStatus(name="main", image="app:1", state="terminated", id="dead", last_exit=done))
    assert found["state"]["terminated"] == {
        "exitCode": 0,
        "reason": "Completed",
        "finishedAt": "2026-01-02T03:04:05Z",
        "containerID": "docker://dead",
    }
    assert found["lastState"] == {}


def test_init_containers_are_listed_by_themselves() -> None:
    pod = static()
    init = ContainerStatus(name="setup", image="app:1", state="waiting", init=True)
    shown = v1_pod(pod, status(pod, containers=(init,)), NODE)["status"]
    assert [each["name"] for each in shown["initContainerStatuses"]] == ["setup"]
    assert "containerStatuses" not in shown


BOTH = {"cpu": "100m", "memory": "1Gi"}


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ([{}, {}], "BestEffort"),
        ([{"requests": {"cpu": "0", "ephemeral-storage": "1Gi"}}], "BestEffort"),
        ([{"requests": {"cpu": "100m"}}], "Burstable"),
        ([{"limits": BOTH}], "Guaranteed"),
        ([{"limits": BOTH, "requests": {"cpu": "0.1"}}], "Guaranteed"),
        ([{"limits": BOTH, "requests": {"cpu": "50m"}}], "Burstable"),
        ([{"limits": BOTH}, {}], "Burstable"),
        ([{"limits": {"cpu": "1"}}], "Burstable"),
    ],
)
def test_quality_of_service(resources: list[dict[str, Any]], expected: str) -> None:
    containers = [
        {"name": f"c{index}", "image": "app:1", "resources": each} for index, each in enumerate(resources)
    ]
    assert qos_class(decode_pod(document(containers=containers)).pod) == expected


def conditions(phase: str = "Running", **changes: Any) -> dict[str, Condition]:
    facts: dict[str, Any] = {"has_sandbox": True, "uninitialized": (), "unready": (), "gates": False}
    return {each.type: each for each in pod_conditions(phase, **{**facts, **changes})}


def test_a_ready_pod_meets_every_condition() -> None:
    found = conditions()
    assert {each.status for each in found.values()} == {"True"}
    assert list(found) == [
        "PodReadyToStartContainers",
        "Initialized",
        "Ready",
        "ContainersReady",
        "PodScheduled",
    ]


@pytest.mark.parametrize(
    ("phase", "facts", "type_", "reason", "message"),
    [
        ("Running", {"unready": ("a", "b")}, "Ready", "ContainersNotReady", "unready status: [a b]"),
        ("Running", {"unready": ("a",)}, "ContainersReady", "ContainersNotReady", "unready status: [a]"),
        ("Pending", {"uninitialized": ("i",)}, "Initialized", "ContainersNotInitialized", "status: [i]"),
        ("Succeeded", {"unready": ("a",)}, "Ready", "PodCompleted", ""),
        ("Failed", {"unready": ("a",)}, "ContainersReady", "PodFailed", ""),
        ("Running", {"gates": True}, "Ready", "ReadinessGatesNotReady", "readiness gate"),
    ],
)
def test_what_is_not_met_has_a_reason(
    phase: str, facts: dict[str, Any], type_: str, reason: str, message: str
) -> None:
    found = conditions(phase, **facts)[type_]
    assert (found.status, found.reason) == ("False", reason)
    assert message in found.message


def test_a_condition_keeps_its_time_until_its_status_changes() -> None:
    later = NOW + timedelta(minutes=1)
    first = with_times(pod_conditions("Running", **_FACTS, unready=("a",)), (), NOW)
    second = with_times(pod_conditions("Running", **_FACTS, unready=("b",)), first, later)
    third = with_times(pod_conditions("Running", **_FACTS, unready=()), second, later)
    assert {each.since for each in second} == {NOW}
    assert {each.type: each.since for each in third}["Ready"] == later
    assert {each.type: each.since for each in third}["PodScheduled"] == NOW


_FACTS: dict[str, Any] = {"has_sandbox": True, "uninitialized": (), "gates": False}
