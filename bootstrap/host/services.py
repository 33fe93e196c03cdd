"""Which way the agent is kept running. Invariant: one machine has one way, the same for every command."""

from __future__ import annotations

from pathlib import Path

from bootstrap.host.agentservice import AgentHealth, AgentService
from bootstrap.host.clock import Clock
from bootstrap.host.daemon import DaemonAgentService
from bootstrap.host.files import Files
from bootstrap.host.http import HttpClient
from bootstrap.host.process import ProcessRunner
from bootstrap.host.systemd import SystemdAgentService
from bootstrap.model.layout import Layout

_SYSTEMD_RUNS = Path("/run/systemd/system")
"""Exists exactly where systemd is PID 1: sd_booted(3)."""


def choose_service(
    files: Files,
    layout: Layout,
    processes: ProcessRunner,
    http: HttpClient,
    clock: Clock,
    *,
    healthz_port: int = 10248,
    systemd: bool | None = None,
) -> AgentService:
    """systemd's where systemd is PID 1 (``systemd`` None asks the machine), else a plain daemon's."""
    health = AgentHealth(http, clock, healthz_port)
    if _SYSTEMD_RUNS.is_dir() if systemd is None else systemd:
        return SystemdAgentService(files, layout, processes, health)
    return DaemonAgentService(files, layout, health)
