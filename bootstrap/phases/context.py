"""What a phase may touch: the description of the control plane, the machine, and the way to tell a person.

Invariant: a dry run, ``--root`` and a test are a different ``Context``, never a flag a phase looks at.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from bootstrap.host.agentservice import AgentService
from bootstrap.host.clock import Clock
from bootstrap.host.files import Files
from bootstrap.host.http import HttpClient
from bootstrap.host.machine import Machine
from bootstrap.host.network import Network
from bootstrap.host.process import ProcessRunner
from bootstrap.kube.client import ApiClient
from bootstrap.model.cluster import ControlPlane
from bootstrap.model.layout import Layout
from bootstrap.model.node import NodeFacts
from bootstrap.model.report import Reporter
from bootstrap.runtime.api import ContainerRuntime
from pki.pool import KeyPool


@dataclass(frozen=True, slots=True)
class Context:
    """``runtime`` and ``api`` are factories: most phases need neither, and connecting may fail.

    ``api(name)`` is a client with the identity of that kubeconfig (``admin``, ``super-admin``) against the
    local endpoint. ``machine(paths, programs)`` examines the machine (``bootstrap.host.machine``).
    ``ignored_checks`` are preflight check names, lower case. ``keys`` makes private keys in the background,
    shared by the phases that need some.
    """

    control_plane: ControlPlane
    facts: NodeFacts
    files: Files
    processes: ProcessRunner
    network: Network
    http: HttpClient
    machine: Callable[[tuple[PurePosixPath, ...], tuple[str, ...]], Machine]
    clock: Clock
    agent_service: AgentService
    runtime: Callable[[], ContainerRuntime]
    api: Callable[[str], ApiClient]
    reporter: Reporter
    ignored_checks: frozenset[str] = frozenset()
    keys: KeyPool = field(default_factory=KeyPool)

    @property
    def layout(self) -> Layout:
        return self.control_plane.layout
