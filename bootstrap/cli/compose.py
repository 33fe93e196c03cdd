"""The one place that builds real adapters. Invariant: it composes; it never decides what the program does."""

from __future__ import annotations

import dataclasses
import functools
import os
import sys
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from bootstrap.cli.console import reporter_for
from bootstrap.cli.late import late
from bootstrap.cli.main import GlobalOptions
from bootstrap.config.load import load
from bootstrap.config.overrides import Overrides
from bootstrap.config.sources import read_sources
from bootstrap.host.clock import SystemClock
from bootstrap.host.facts import gather
from bootstrap.host.files import Files
from bootstrap.host.network import SystemNetwork
from bootstrap.model.cluster import ControlPlane
from bootstrap.model.layout import Layout
from bootstrap.phases.context import Context, Wishes
from pki.pool import KeyPool

if TYPE_CHECKING:
    from bootstrap.config.sources import Source
    from bootstrap.host.agentservice import AgentService
    from bootstrap.host.http import HttpClient
    from bootstrap.host.machine import Machine
    from bootstrap.host.process import ProcessRunner
    from bootstrap.kube.client import ApiClient
    from bootstrap.runtime.api import ContainerRuntime


def open_context(
    options: GlobalOptions,
    *,
    config: tuple[str, ...] = (),
    overrides: Overrides | None = None,
    output: str = "text",
    wishes: Wishes = Wishes(),  # noqa: B008 - a frozen value
    keys: KeyPool | None = None,
) -> Context:
    """Everything a workflow touches, for this machine and this description of a control plane.

    Without ``config`` it is what was applied last, so that no command leads back to defaults by accident.
    Warnings about the description are reported at once. With ``--root`` nothing but files is real: what is
    written there is for another machine. Raises ConfigError.
    """
    overrides = overrides or Overrides()
    reporter = reporter_for(output, color=options.color)
    network, files = SystemNetwork(), Files(options.root)
    facts = gather(Files(Path("/")), network, os.environ)
    recorded = None if config else _recorded(files)
    loaded = load(read_sources(config, sys.stdin.buffer), overrides, facts, recorded=recorded)
    for warning in loaded.warnings:
        reporter.warn(warning)
    control_plane = loaded.control_plane
    processes, http = late(_open_processes), late(_open_http)
    context = Context(
        control_plane=control_plane,
        facts=facts,
        files=files,
        processes=processes,
        network=network,
        http=http,
        machine=_examine_machine,
        clock=SystemClock(),
        agent_service=late(lambda: _choose_service(files, control_plane, processes, http)),
        runtime=lambda: open_runtime(str(control_plane.layout.docker_socket)),
        api=functools.cache(lambda identity: open_api(files, control_plane, identity)),
        reporter=reporter,
        ignored_checks=frozenset(
            check.lower() for check in control_plane.init.node_registration.ignore_preflight_errors
        ),
        wishes=wishes,
        keys=keys or KeyPool(),
    )
    if options.root == Path("/"):
        return context
    from bootstrap.workflows.rehearsal import offline

    return offline(context, files)


def _recorded(files: Files) -> Source | None:
    from bootstrap.workflows.recorded import recorded_configuration

    return recorded_configuration(files, Layout())


def _open_processes() -> ProcessRunner:
    from bootstrap.host.process import SystemProcesses

    return SystemProcesses()


def _open_http() -> HttpClient:
    from bootstrap.host.http import SystemHttp

    return SystemHttp()


def _examine_machine(paths: tuple[PurePosixPath, ...], programs: tuple[str, ...]) -> Machine:
    from bootstrap.host.machine import examine_machine

    return examine_machine(paths, programs)


def _choose_service(
    files: Files, control_plane: ControlPlane, processes: ProcessRunner, http: HttpClient
) -> AgentService:
    from bootstrap.host.services import choose_service

    port = control_plane.bootstrap.agent.healthz_port
    return choose_service(files, control_plane.layout, processes, http, SystemClock(), healthz_port=port)


def open_runtime(socket: str) -> ContainerRuntime:
    """A connection to the Docker Engine, for one thread."""
    from bootstrap.runtime.docker_engine import DockerEngine

    return DockerEngine(socket)


def open_api(files: Files, control_plane: ControlPlane, identity: str) -> ApiClient:
    """A client with the identity of that kubeconfig, speaking to this node's own API server."""
    from bootstrap.kube.https import HttpsApiClient
    from bootstrap.kube.kubeconfig import parse_kubeconfig

    path = control_plane.layout.kubeconfig(identity)
    kubeconfig = parse_kubeconfig(files.read_text(path), str(path))
    return HttpsApiClient(dataclasses.replace(kubeconfig, server=control_plane.local_endpoint))
