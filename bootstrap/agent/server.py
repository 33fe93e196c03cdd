"""What the agent answers: ``/healthz`` for anybody on the node, its status and events for root. Pure."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from bootstrap.agent.history import EventList
from bootstrap.agent.status import AgentStatus
from bootstrap.host.httpserver import Page


def health_page(path: str) -> Page:
    """``ok``, as a kubelet says it: the process answers, whatever its pods do."""
    return Page(200, b"ok") if path == "/healthz" else Page(404, b"404 page not found\n")


def status_page(status: Callable[[], AgentStatus], events: Callable[[int], EventList], path: str) -> Page:
    """``/status``, ``/events`` and ``/events/SERIAL`` (those after it) as JSON, and ``/healthz``."""
    if path == "/status":
        return _json_page(status())
    name, _, serial = path.removeprefix("/").partition("/")
    if name == "events" and (serial or "0").isdecimal():
        return _json_page(events(int(serial or "0")))
    return health_page(path)


def _json_page(value: AgentStatus | EventList) -> Page:
    return Page(200, msgspec.json.encode(value) + b"\n", "application/json")
