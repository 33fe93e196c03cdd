"""What has to be told to the API of a status."""

from __future__ import annotations

from typing import Any

import pytest

from bootstrap.agent.statuspatch import status_patch, with_published_times
from tests.fakes.cluster import strategic_merge

READY = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
UNREADY = {
    "type": "Ready",
    "status": "False",
    "reason": "ContainersNotReady",
    "message": "because",
    "lastTransitionTime": "2026-01-01T00:01:00Z",
}
THEIRS = {"type": "example.com/Gate", "status": "True"}
RUNNING = {"name": "a", "image": "i", "state": {"running": {}}, "lastState": {}, "restartCount": 0}
WAITING = {"name": "a", "image": "i", "state": {"waiting": {}}, "lastState": {}, "restartCount": 1}


def told(wanted: dict[str, Any], published: dict[str, Any]) -> dict[str, Any] | None:
    patch = status_patch("uid", wanted, published)
    assert patch is None or patch["metadata"] == {"uid": "uid"}
    return patch["status"] if patch else None


def test_what_is_shown_already_is_not_told() -> None:
    wanted = {"phase": "Running", "conditions": [READY], "containerStatuses": [RUNNING]}
    theirs = {**RUNNING, "volumeMounts": [], "resources": {}}
    published = {
        "phase": "Running",
        "conditions": [{**READY, "lastTransitionTime": "2020-01-01T00:00:00Z"}, THEIRS],
        "containerStatuses": [theirs],
        "qosClass": "Burstable",
        "observedGeneration": 1,
    }
    assert told(wanted, published) is None


@pytest.mark.parametrize(
    ("wanted", "published"),
    [
        ({"phase": "Running"}, {"phase": "Pending", "reason": "Unknown", "message": "gone"}),
        ({"conditions": [READY]}, {"conditions": [UNREADY, THEIRS]}),
        ({"conditions": [UNREADY]}, {"conditions": [READY]}),
        ({"podIP": "10.0.0.2", "podIPs": [{"ip": "10.0.0.2"}]}, {"podIPs": [{"ip": "10.0.0.1"}]}),
        ({}, {"podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}]}),
        ({"containerStatuses": [WAITING]}, {"containerStatuses": [RUNNING]}),
        ({"initContainerStatuses": [RUNNING]}, {}),
    ],
)
def test_nothing_differs_once_it_is_applied(wanted: dict[str, Any], published: dict[str, Any]) -> None:
    change = told(wanted, published)
    assert change is not None
    applied = strategic_merge(published, change)
    assert told(wanted, applied) is None
    if THEIRS in published.get("conditions", ()):
        assert THEIRS in applied["conditions"]


def test_a_new_agent_keeps_the_times_of_what_has_not_changed() -> None:
    now = "2026-01-01T09:00:00Z"
    wanted = {"conditions": [{**READY, "lastTransitionTime": now}, {"type": "Initialized", "status": "True"}]}
    ready, initialized = with_published_times(wanted, {"conditions": [READY]})["conditions"]
    assert ready == READY
    assert "lastTransitionTime" not in initialized
    (ready,) = with_published_times({"conditions": [READY]}, {"conditions": [UNREADY]})["conditions"]
    assert ready == READY
