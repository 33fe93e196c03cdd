"""What a pod's event history says of its life."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bootstrap.agent.server import status_page
from tests.fakes.agent import IMAGE, AgentHarness, document
from tests.fakes.runtime import Program


@pytest.fixture
def harness(tmp_path: Path) -> AgentHarness:
    return AgentHarness(tmp_path)


def told(harness: AgentHarness) -> list[str]:
    """``Normal Started main x1: started`` of each event, oldest first."""
    return [
        f"{each.type} {each.reason} {each.container or 'POD'} x{each.count}: {each.message}"
        for each in harness.agent.history.since().events
    ]


def test_a_start_from_an_image_that_is_here(harness: AgentHarness) -> None:
    harness.write("web.yaml", document("web"))
    harness.settle()
    assert told(harness) == [
        "Normal Pulled main x1: image app:1 is already here",
        "Normal Created main x1: created",
        "Normal Started main x1: started",
    ]
    event = harness.agent.history.since().events[0]
    assert (event.name, event.namespace, event.uid) == ("web-n1", "default", harness.pod().uid)


@pytest.mark.parametrize(
    ("spec", "policy"),
    [
        ({"hostNetwork": False}, "ClusterFirst"),
        ({"dnsPolicy": "ClusterFirstWithHostNet"}, "ClusterFirstWithHostNet"),
        ({"hostNetwork": True}, ""),
        ({"hostNetwork": False, "dnsPolicy": "Default"}, ""),
    ],
)
def test_a_pod_that_asks_for_the_clusters_dns_is_told_that_there_is_none(
    harness: AgentHarness, spec: dict[str, object], policy: str
) -> None:
    harness.write("web.yaml", document("web", **spec))
    harness.settle()
    found = [line for line in told(harness) if "MissingClusterDNS" in line]
    assert found == (
        [
            "Warning MissingClusterDNS POD x1: no DNS server of the cluster is known (--cluster-dns):"
            f' dnsPolicy "{policy}" acts as "Default"'
        ]
        if policy
        else []
    )


def test_a_pull_that_fails_and_then_succeeds(harness: AgentHarness) -> None:
    harness.write("web.yaml", document("web", containers=[{"name": "main", "image": "late:1"}]))
    harness.settle()
    assert told(harness)[0] == "Normal Pulling main x1: pulling image late:1"
    assert told(harness)[1].startswith(
        "Warning Failed main x1: image cannot be pulled: late:1 cannot be pulled"
    )
    assert told(harness)[2].startswith("Normal BackOff main x1: back-off pulling image: ")
    harness.engine.add_image("late:1")
    harness.advance(15)
    assert [line for line in told(harness) if "Pulled" in line] == [
        "Normal Pulled main x1: image late:1 is here by now"
    ]


def test_a_crash_loop_is_one_event_for_each_wait(harness: AgentHarness) -> None:
    harness.engine.set_program("main", Program(exits_after=0.5, exit_code=1))
    harness.write("web.yaml", document("web"))
    harness.settle()
    harness.advance(70)
    waits = [line for line in told(harness) if "BackOff" in line]
    assert waits == [
        f"Warning BackOff main x1: back-off {seconds}s restarting failed container"
        for seconds in (10, 20, 40)
    ]
    assert "Normal Started main x4: started" in told(harness)


def test_a_dead_sandbox_and_a_removed_manifest(harness: AgentHarness) -> None:
    path = harness.write("web.yaml", document("web"))
    harness.settle()
    harness.engine.exit("POD", 137)
    harness.settle()
    assert "Normal Killing main x1: stopping: its sandbox is gone" in told(harness)
    assert "Normal SandboxChanged POD x1: the sandbox is made anew" in told(harness)
    path.unlink()
    harness.settle()
    harness.settle()
    assert told(harness)[-1] == "Normal Killing main x1: stopping: its manifest is gone"
    assert harness.agent.workers == {}


def test_what_cannot_be_mounted(harness: AgentHarness, tmp_path: Path) -> None:
    main = {"name": "main", "image": IMAGE, "volumeMounts": [{"name": "v", "mountPath": "/v"}]}
    volume = {"name": "v", "hostPath": {"path": str(tmp_path / "late"), "type": "File"}}
    harness.write("web.yaml", document("web", containers=[main], volumes=[volume]))
    harness.settle()
    assert told(harness) == [f"Warning FailedMount main x1: hostPath {tmp_path}/late does not exist"]


def test_an_init_container_has_its_own_field_path(harness: AgentHarness) -> None:
    harness.write("web.yaml", document("web", initContainers=[{"name": "first", "image": IMAGE}]))
    harness.settle()
    assert {event.field_path for event in harness.agent.history.since().events} == {
        "spec.initContainers{first}"
    }


def test_a_failing_probe(harness: AgentHarness) -> None:
    probe = {"httpGet": {"port": 80}, "periodSeconds": 1, "failureThreshold": 2}
    harness.write(
        "web.yaml", document("web", containers=[{"name": "main", "image": IMAGE, "livenessProbe": probe}])
    )
    harness.settle()
    harness.advance(3)
    assert "Warning Unhealthy main x4: liveness probe failed: connection refused" in told(harness)
    assert "Normal Killing main x2: stopping: liveness probe failed: connection refused" in told(harness)


def test_an_engine_that_does_not_answer_is_one_event_for_each_outage(harness: AgentHarness) -> None:
    harness.write("web.yaml", document("web"))
    harness.agent.sync()
    (worker,) = harness.agent.workers.values()
    harness.engine.answering = False
    for _ in range(3):
        worker.turn()
    assert told(harness) == ["Warning FailedSync POD x1: no engine answers"]


def test_a_pod_that_is_refused_by_its_fields(harness: AgentHarness) -> None:
    path = harness.write("web.yaml", document("web"))
    harness.settle()
    harness.write("web.yaml", document("web", serviceAccountName="x"))
    harness.write("new.yaml", document("new", serviceAccountName="x"))
    harness.settle()
    harness.settle()
    refused = [each for each in harness.agent.history.since().events if each.reason == "FailedValidation"]
    assert [(each.name, each.uid, each.count) for each in refused] == [
        ("new-n1", "", 1),
        ("web-n1", harness.pod().uid, 1),
    ]
    assert refused[1].message.startswith(f"{path}: spec.serviceAccountName: ")
    path.write_text("{")
    harness.settle()
    newest = harness.agent.history.since().events[-1]
    assert (newest.name, newest.reason, newest.uid) == ("web-n1", "FailedValidation", harness.pod().uid)


@pytest.mark.parametrize("metadata", [{}, {"name": "a/../b"}, {"name": "a", "namespace": "x/y"}, {"name": 3}])
def test_a_name_that_the_api_could_not_have_makes_no_event(
    harness: AgentHarness, metadata: dict[str, object]
) -> None:
    harness.write("web.yaml", {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": 3})
    harness.settle()
    assert harness.agent.status().problems != ()
    assert told(harness) == []


def test_the_status_socket_has_them(harness: AgentHarness) -> None:
    harness.write("web.yaml", document("web"))
    harness.settle()
    history = harness.agent.history
    page = json.loads(status_page(harness.agent.status, history.since, "/events").body)
    assert page["node"] == "n1"
    assert [event["reason"] for event in page["events"]] == ["Pulled", "Created", "Started"]
    newer = status_page(harness.agent.status, history.since, f"/events/{page['events'][1]['serial']}")
    assert [event["reason"] for event in json.loads(newer.body)["events"]] == ["Started"]
    assert status_page(harness.agent.status, history.since, "/events/x").status == 404
