"""Every path of the kubelet's port."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bootstrap.agent.serving.commands import Commands
from bootstrap.agent.serving.forwarding import Forwarding
from bootstrap.agent.serving.pages import Knowledge, Pages
from bootstrap.agent.serving.podlogs import PodLogs
from bootstrap.agent.serving.pods import Pods
from bootstrap.agent.serving.server import Route
from bootstrap.agent.serving.streamlimit import StreamLimit
from bootstrap.agent.v1pod import JsonObject
from bootstrap.host.clock import Clock
from bootstrap.runtime.api import ContainerRuntime

UPGRADES = ("GET", "POST")
"""A WebSocket begins with GET, SPDY with POST."""


def kubelet_routes(
    agent: Knowledge,
    connect: Callable[[], ContainerRuntime],
    clock: Clock,
    certificate_directories: tuple[Path, ...],
    settings: JsonObject,
) -> tuple[Route, ...]:
    """``connect`` opens an engine connection for the length of one request; ``settings`` are told as a
    KubeletConfiguration."""
    pods, streams = Pods(agent.node.name, agent.status), StreamLimit()
    logs = PodLogs(pods, connect, clock, streams)
    commands, forwarding = Commands(pods, connect, streams), Forwarding(pods, connect, streams)
    return (
        *Pages(agent, connect, clock, certificate_directories, settings).routes(),
        Route("/containerLogs/*/*/*", logs.serve),
        # With and without the pod's UID before the container's name.
        *(
            Route(f"/{word}/*/*{tail}", serve, UPGRADES)
            for word, serve in (("exec", commands.execute), ("attach", commands.attach))
            for tail in ("/*", "/*/*")
        ),
        *(Route(f"/portForward/*/*{tail}", forwarding.serve, UPGRADES) for tail in ("", "/*")),
    )
