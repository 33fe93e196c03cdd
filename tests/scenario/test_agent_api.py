"""The agent and an API server: what it shows there, and that nothing on the node waits for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bootstrap.agent.v1node import NodeOptions
from bootstrap.model.nodelabels import Taint
from tests.fakes.agent import document
from tests.fakes.agentapi import ROOM, ApiHarness
from tests.fakes.runtime import Program

CONTROL_PLANE = Taint("node-role.kubernetes.io/control-plane", "NoSchedule")


@pytest.fixture
def lab(tmp_path: Path) -> ApiHarness:
    return ApiHarness(tmp_path)


def shown(lab: ApiHarness, **changes: Any) -> ApiHarness:
    """With the pod ``web`` running, and shown."""
    lab.agent.write("web.yaml", document(**changes))
    lab.settle()
    return lab


def condition(body: dict[str, Any], kind: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in body["status"]["conditions"] if each["type"] == kind)
    return found


# The node.


def test_the_node_is_registered_with_what_it_is(tmp_path: Path) -> None:
    options = NodeOptions({"zone": "a"}, (CONTROL_PLANE,), port=10250)
    lab = ApiHarness(tmp_path, options)
    lab.settle()
    node = lab.cluster.node()
    assert node["metadata"]["labels"] == {
        "kubernetes.io/hostname": "n1",
        "kubernetes.io/os": "linux",
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "beta.kubernetes.io/arch": "amd64",
        "podstrap/static-pods-only": "",
        "zone": "a",
    }
    assert node["spec"]["taints"] == [
        {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"},
        {"key": "podstrap/static-pods-only", "effect": "NoSchedule"},
    ]
    status = node["status"]
    assert status["addresses"] == [
        {"type": "InternalIP", "address": "192.0.2.10"},
        {"type": "Hostname", "address": "n1"},
    ]
    assert status["capacity"]["hugepages-2Mi"] == "8Mi"
    assert status["capacity"]["pods"] == "110"
    assert status["daemonEndpoints"] == {"kubeletEndpoint": {"Port": 10250}}
    assert status["nodeInfo"]["kubeletVersion"] == "v1.37.0+podstrap"
    assert status["nodeInfo"]["containerRuntimeVersion"] == "docker://20.10.24"
    assert {name for image in status["images"] for name in image["names"]} == {"app:1", "pause:1"}
    assert [each["type"] for each in status["conditions"]] == [
        "MemoryPressure",
        "DiskPressure",
        "PIDPressure",
        "Ready",
    ]
    assert condition(node, "Ready")["reason"] == "KubeletReady"


def test_a_server_that_starts_hears_of_the_node_and_of_pods_once_it_is_ready(lab: ApiHarness) -> None:
    lab.agent.write("web.yaml", document())
    lab.agent.settle()
    lab.cluster.ready = False
    lab.advance(5)
    assert lab.cluster.node()
    assert not lab.cluster.pods()
    lab.cluster.ready = True
    lab.advance(2)
    assert lab.cluster.mirror()


def test_a_server_that_never_gets_ready_hears_of_pods_all_the_same(lab: ApiHarness) -> None:
    lab.agent.write("web.yaml", document())
    lab.agent.settle()
    lab.cluster.ready = False
    lab.advance(40)
    assert lab.cluster.mirror()


def test_a_server_that_has_not_made_its_roles_has_the_node_all_the_same(lab: ApiHarness) -> None:
    lab.cluster.has_roles = False
    lab.settle()
    assert lab.cluster.node()["status"]["nodeInfo"]["kubeletVersion"] == "v0.0.0+podstrap"
    lab.cluster.has_roles = True
    lab.advance(15)
    assert lab.cluster.node()["status"]["nodeInfo"]["kubeletVersion"] == "v1.37.0+podstrap"


def test_the_lease_is_renewed_every_ten_seconds(lab: ApiHarness) -> None:
    lab.settle()
    first = lab.cluster.lease()
    lab.advance(21)
    second = lab.cluster.lease()
    assert second["spec"]["holderIdentity"] == "n1"
    assert second["metadata"]["ownerReferences"][0]["uid"] == lab.cluster.node()["metadata"]["uid"]
    assert second["spec"]["renewTime"] > first["spec"]["renewTime"]
    assert sum("leases" in line for line in lab.cluster.history) == 3


def test_a_node_that_stays_the_same_is_told_every_five_minutes(lab: ApiHarness) -> None:
    lab.settle()
    before = len(lab.cluster.history)
    lab.advance(280)
    assert not [line for line in lab.cluster.history[before:] if "nodes/n1" in line]
    lab.advance(40)
    told = [line for line in lab.cluster.history[before:] if "nodes/n1" in line]
    assert told == ["patch /api/v1/nodes/n1/status"]


def test_a_disk_that_fills_up_and_an_engine_that_is_gone_are_told_soon(lab: ApiHarness) -> None:
    shown(lab)
    since = condition(lab.cluster.node(), "DiskPressure")["lastTransitionTime"]
    lab.clock.advance(60)
    lab.room = replace(ROOM, disk_available=ROOM.disk // 20)
    lab.thread.step()
    full = condition(lab.cluster.node(), "DiskPressure")
    assert (full["status"], full["message"]) == ("True", "kubelet has disk pressure")
    assert full["lastTransitionTime"] > since
    lab.agent.engine.answering = False
    for worker in lab.agent.agent.workers.values():
        worker.turn()
    lab.clock.advance(10)
    lab.thread.step()
    ready = condition(lab.cluster.node(), "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "KubeletNotReady")
    assert "container runtime is down" in ready["message"]


def test_pids_that_run_out_are_told(lab: ApiHarness) -> None:
    shown(lab)
    enough = condition(lab.cluster.node(), "PIDPressure")
    assert (enough["status"], enough["reason"]) == ("False", "KubeletHasSufficientPID")
    lab.clock.advance(60)
    lab.room = replace(ROOM, pids_free=ROOM.pids // 20 - 1)
    lab.thread.step()
    short = condition(lab.cluster.node(), "PIDPressure")
    assert (short["status"], short["reason"]) == ("True", "KubeletHasInsufficientPID")
    assert short["message"] == "kubelet has insufficient PID available"


def test_a_node_that_is_there_already_is_taken_over_without_its_taints(lab: ApiHarness) -> None:
    lab.settle()
    del lab.cluster.node()["metadata"]["labels"]["kubernetes.io/os"]
    uid = lab.cluster.node()["metadata"]["uid"]
    lab.restart()
    lab.settle()
    assert lab.cluster.node()["metadata"]["uid"] == uid
    assert lab.cluster.node()["metadata"]["labels"]["kubernetes.io/os"] == "linux"
    assert lab.thread.status().problem == ""


def test_a_node_that_a_kubelet_serves_is_left_to_it(lab: ApiHarness) -> None:
    lab.settle()
    lab.cluster.node()["status"]["nodeInfo"]["kubeletVersion"] = "v1.37.0"
    lab.restart()
    before = len(lab.cluster.history)
    shown(lab)
    assert lab.cluster.history[before:] == []
    assert "a kubelet serves node n1" in lab.thread.status().problem
    lab.clock.advance(60)
    lab.settle()
    assert "web-n1" in lab.cluster.pods()


def test_another_certificate_is_used_at_once_and_not_when_the_old_one_is_refused(lab: ApiHarness) -> None:
    shown(lab)
    watches, asked = lab.cluster.watches, len(lab.cluster.history)
    lab.changed = True
    lab.talk()
    assert not lab.changed
    assert lab.thread.status().connected
    assert lab.cluster.watches > watches
    assert lab.changes(asked) == []


def test_a_node_that_was_deleted_is_registered_again_with_the_next_connection(lab: ApiHarness) -> None:
    shown(lab)
    lab.cluster.delete_node()
    lab.advance(30)
    assert lab.cluster.pods() == {}
    assert lab.agent.running() == ["POD web", "main web"]
    lab.cluster.answering = False
    lab.advance(30)
    lab.cluster.answering = True
    lab.advance(5)
    assert list(lab.cluster.pods()) == ["web-n1"]
    assert (
        lab.cluster.mirror()["metadata"]["ownerReferences"][0]["uid"] == lab.cluster.node()["metadata"]["uid"]
    )


# Mirror pods.


def test_a_static_pod_is_shown_as_it_is(lab: ApiHarness) -> None:
    shown(lab, metadata={"labels": {"app": "static"}})
    mirror = lab.cluster.mirror()
    annotations = mirror["metadata"]["annotations"]
    assert annotations["kubernetes.io/config.mirror"] == annotations["kubernetes.io/config.hash"]
    assert annotations["kubernetes.io/config.hash"] == lab.agent.pod().uid
    assert mirror["metadata"]["labels"] == {"app": "static"}
    assert mirror["status"]["phase"] == "Running"
    assert condition(mirror, "Ready")["status"] == "True"
    assert mirror["status"]["containerStatuses"][0]["state"]["running"]
    assert lab.changes() == ["create web", "patch web"]


def test_what_does_not_change_is_not_told_again(lab: ApiHarness) -> None:
    shown(lab)
    before = len(lab.cluster.history)
    lab.advance(200)
    lab.restart()
    lab.settle()
    assert [line for line in lab.cluster.history[before:] if "pods" in line] == []


def test_a_container_that_ends_is_told_with_how_it_ended(lab: ApiHarness) -> None:
    lab.agent.engine.set_program("main", Program(exits_after=45, exit_code=3))
    shown(lab)
    since = condition(lab.cluster.mirror(), "Ready")["lastTransitionTime"]
    lab.advance(46)
    (container,) = lab.cluster.mirror()["status"]["containerStatuses"]
    assert container["restartCount"] == 1
    assert container["lastState"]["terminated"]["exitCode"] == 3
    assert condition(lab.cluster.mirror(), "Ready")["lastTransitionTime"] == since
    lab.advance(45)
    (container,) = lab.cluster.mirror()["status"]["containerStatuses"]
    assert container["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert lab.cluster.mirror()["status"]["phase"] == "Running"
    assert condition(lab.cluster.mirror(), "Ready")["lastTransitionTime"] > since


@pytest.mark.parametrize("force", [False, True])
def test_kubectl_delete_stops_nothing_and_does_not_keep_the_mirror_away(lab: ApiHarness, force: bool) -> None:
    shown(lab)
    uid, engine = lab.cluster.mirror()["metadata"]["uid"], len(lab.agent.engine.history)
    lab.cluster.delete_pod("web-n1", force=force)
    lab.talk()
    mirror = lab.cluster.mirror()
    assert mirror["metadata"]["uid"] != uid
    assert "deletionTimestamp" not in mirror["metadata"]
    assert mirror["status"]["phase"] == "Running"
    assert len(lab.agent.engine.history) == engine


def test_another_version_has_another_mirror(lab: ApiHarness) -> None:
    shown(lab)
    old = lab.cluster.mirror()["metadata"]
    shown(lab, metadata={"labels": {"a": "b"}})
    new = lab.cluster.mirror()["metadata"]
    assert new["annotations"]["kubernetes.io/config.hash"] != old["annotations"]["kubernetes.io/config.hash"]
    assert new["uid"] != old["uid"]
    assert lab.changes() == ["create web", "patch web", "delete web", "create web", "patch web"]


def test_the_mirror_stays_running_until_the_last_container_is_gone(lab: ApiHarness) -> None:
    shown(lab)
    (lab.agent.manifests / "web.yaml").unlink()
    lab.agent.agent.sync()
    (worker,) = lab.agent.agent.workers.values()
    worker.step()
    lab.talk()
    assert lab.cluster.mirror()["status"]["phase"] == "Running"
    lab.settle()
    assert lab.cluster.pods() == {}
    lab.agent.write("web.yaml", document())
    lab.settle()
    assert lab.cluster.mirror()["status"]["phase"] == "Running"


def test_an_earlier_version_is_shown_until_it_is_gone(lab: ApiHarness) -> None:
    shown(lab)
    lab.agent.write("web.yaml", document(metadata={"labels": {"a": "b"}}))
    lab.agent.agent.sync()
    (worker,) = lab.agent.agent.workers.values()
    worker.step()
    lab.talk()
    assert lab.cluster.mirror()["metadata"]["labels"] == {}
    lab.settle()
    assert lab.cluster.mirror()["metadata"]["labels"] == {"a": "b"}


def test_the_mirror_of_a_pod_that_vanished_while_no_agent_ran_goes(lab: ApiHarness) -> None:
    shown(lab)
    (lab.agent.manifests / "web.yaml").unlink()
    lab.restart()
    lab.agent.agent.sync()
    lab.talk()
    assert list(lab.cluster.pods()) == ["web-n1"]
    lab.settle()
    lab.settle()
    assert lab.cluster.pods() == {}
    assert lab.agent.running() == []


def test_a_namespace_that_comes_later_brings_its_mirror(lab: ApiHarness) -> None:
    lab.agent.write("web.yaml", document(metadata={"namespace": "late"}))
    lab.settle()
    assert lab.cluster.pods() == {}
    assert "late" in lab.thread.status().unmirrored["web-n1_late"]
    lab.cluster.add("/api/v1/namespaces/late", {"metadata": {"name": "late"}})
    lab.advance(3)
    assert list(lab.cluster.pods()) == ["web-n1"]
    assert lab.thread.status().unmirrored == {}


def test_a_mirror_that_is_refused_is_tried_again_seldom_and_delays_no_other(lab: ApiHarness) -> None:
    lab.cluster.add("/api/v1/namespaces/closed", {"metadata": {"name": "closed"}})
    lab.cluster.refuses["closed"] = "violates PodSecurity"
    lab.agent.write("a.yaml", document("a", metadata={"namespace": "closed"}))
    lab.agent.write("b.yaml", document("b"))
    lab.settle()
    assert list(lab.cluster.pods()) == ["b-n1"]
    lab.advance(300)
    assert sum("a-n1" in path for path in lab.cluster.attempts) < 15
    assert "violates PodSecurity" in lab.thread.status().unmirrored["a-n1_closed"]
    assert {"POD a", "main a"} <= set(lab.agent.running())


def test_a_pod_that_has_ended_is_not_shown_again_once_its_mirror_was_deleted(lab: ApiHarness) -> None:
    lab.agent.engine.set_program("main", Program(exits_after=5))
    shown(lab, restartPolicy="Never")
    lab.advance(10)
    assert lab.cluster.mirror()["status"]["phase"] == "Succeeded"
    assert condition(lab.cluster.mirror(), "Ready")["reason"] == "PodCompleted"
    lab.cluster.delete_pod("web-n1")
    lab.advance(5)
    assert lab.cluster.pods() == {}


def test_what_the_node_controller_wrote_while_the_node_was_away_is_put_right(lab: ApiHarness) -> None:
    shown(lab)
    path = "/api/v1/namespaces/default/pods/web-n1"
    body = lab.cluster.objects[path]
    condition(body, "Ready").update(status="False", reason="NodeStatusUnknown")
    body["status"]["conditions"].append({"type": "Theirs", "status": "True"})
    lab.cluster.store(path, body)
    lab.talk()
    assert condition(lab.cluster.mirror(), "Ready")["status"] == "True"
    assert condition(lab.cluster.mirror(), "Theirs")["status"] == "True"


# An API server that is not there.


def test_a_server_that_is_not_there_is_tried_often_at_first_then_every_second_or_two(lab: ApiHarness) -> None:
    lab.cluster.answering = False
    asked: list[str] = []
    lab.cluster.on_request = lambda: asked.append("")
    pauses = [lab.thread.step() for _ in range(50)]
    assert len(asked) == 50
    assert all(pause <= 0.25 for pause in pauses[:40])
    assert all(1.4 < pause <= 2.0 for pause in pauses[44:])
    assert lab.thread.status().problem == "connection refused"


def test_an_outage_delays_nothing_here_and_ends_with_the_truth(lab: ApiHarness) -> None:
    shown(lab)
    lab.cluster.answering = False
    lab.advance(5)
    (lab.agent.manifests / "web.yaml").unlink()
    lab.agent.write("new.yaml", document("new"))
    lab.advance(5)
    assert lab.agent.running() == ["POD new", "main new"]
    lab.advance(3600)
    lab.cluster.forget()
    lab.cluster.answering = True
    lab.advance(5)
    assert list(lab.cluster.pods()) == ["new-n1"]
    assert lab.cluster.mirror("new")["status"]["phase"] == "Running"
    assert lab.thread.status().connected


def test_a_watch_that_lost_its_place_lists_again(lab: ApiHarness) -> None:
    shown(lab)
    lab.cluster.delete_pod("web-n1", force=True)
    lab.cluster.forget()
    lab.advance(5)
    assert list(lab.cluster.pods()) == ["web-n1"]


# Pods that are not the agent's.


def test_a_pod_that_is_bound_here_is_told_that_nobody_runs_it(lab: ApiHarness) -> None:
    lab.settle()
    lab.cluster.bind("daemon")
    lab.talk()
    pod = lab.cluster.pods()["daemon"]
    assert pod["status"]["phase"] == "Pending"
    assert pod["status"]["reason"] == "StaticPodsOnly"
    assert condition(pod, "Ready")["status"] == "False"
    assert condition(pod, "PodScheduled")["status"] == "True"
    assert lab.thread.status().foreign == ("default/daemon",)
    (event,) = [each for each in lab.cluster.events() if each["reason"] == "StaticPodsOnly"]
    assert event["involvedObject"]["uid"] == pod["metadata"]["uid"]
    before = len(lab.cluster.history)
    lab.advance(120)
    assert [line for line in lab.cluster.history[before:] if "daemon" in line] == []


def test_such_a_pod_does_not_hang_in_its_deletion(lab: ApiHarness) -> None:
    lab.settle()
    lab.cluster.bind("daemon")
    lab.cluster.bind("held", finalizers=["example.com/held"])
    lab.talk()
    lab.cluster.delete_pod("daemon")
    lab.cluster.delete_pod("held")
    lab.advance(3)
    assert list(lab.cluster.pods()) == ["held"]
    before = len(lab.cluster.history)
    lab.advance(300)
    assert len([line for line in lab.cluster.history[before:] if "held" in line]) < 12


# Events.


def test_what_happened_before_the_server_was_there_is_told_when_it_is(lab: ApiHarness) -> None:
    lab.cluster.answering = False
    shown_when = lab.clock.now()
    lab.agent.write("web.yaml", document())
    lab.agent.settle()
    lab.thread.step()
    lab.clock.advance(60)
    lab.cluster.answering = True
    lab.settle()
    reasons = [event["reason"] for event in lab.cluster.events()]
    assert {"Created", "Started"} <= set(reasons)
    started = next(event for event in lab.cluster.events() if event["reason"] == "Started")
    assert started["involvedObject"]["uid"] == lab.agent.pod().uid
    assert started["involvedObject"]["fieldPath"] == "spec.containers{main}"
    assert started["firstTimestamp"] == shown_when.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_what_happens_again_is_counted_in_one_event(lab: ApiHarness) -> None:
    lab.agent.engine.set_program("main", Program(exits_after=1, exit_code=1))
    shown(lab)
    lab.advance(400)
    (started,) = [event for event in lab.cluster.events() if event["reason"] == "Started"]
    assert started["count"] > 3
    assert started["lastTimestamp"] > started["firstTimestamp"]
