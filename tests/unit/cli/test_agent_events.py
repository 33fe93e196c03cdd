"""``agent events``: whose they are, and how they read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bootstrap.cli.agentevents import event_row, is_about

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
EVENT: dict[str, Any] = {
    "name": "web-n1",
    "namespace": "default",
    "container": "main",
    "type": "Warning",
    "reason": "BackOff",
    "message": "back-off 10s",
    "count": 1,
    "first": "2026-01-01T11:58:00Z",
    "last": "2026-01-01T11:59:30Z",
}


@pytest.mark.parametrize(
    ("pod", "found"),
    [
        ("", True),
        ("web", True),
        ("web-n1", True),
        ("default/web", True),
        ("default/", True),
        ("kube-system/web", False),
        ("we", False),
        ("n1", False),
    ],
)
def test_a_pod_is_named_with_or_without_its_node(pod: str, found: bool) -> None:
    assert is_about(EVENT, pod, "n1") is found


def test_one_line_says_when_what_and_how_often() -> None:
    assert event_row(EVENT, NOW) == ("30s", "Warning", "BackOff", "default/web-n1 main", "back-off 10s")
    assert event_row({**EVENT, "count": 4}, NOW)[0] == "30s (x4 in 2m0s)"
