"""What the agent answers: ``/healthz`` for anybody on the node, its full status for root. Pure."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from bootstrap.agent.status import AgentStatus
from bootstrap.host.httpserver import Page


def health_page(path: str) -> Page:
    """``ok``, as a kubelet says it: the process answers, whatever its pods do."""
    return Page(200, b"ok") if path == "/healthz" else Page(404, b"404 page not found\n")


def status_page(status: Callable[[], AgentStatus], path: str) -> Page:
    """``/status`` as JSON, and ``/healthz``."""
    if path == "/status":
        return Page(200, msgspec.json.encode(status()) + b"\n", "application/json")
    return health_page(path)
