"""What a phase may touch: the description of the control plane, the machine, and the way to tell a person.

Invariant: a dry run, ``--root`` and a test are a different ``Context``, never a flag a phase looks at.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from bootstrap.model.cluster import ControlPlane
from bootstrap.model.layout import Layout
from bootstrap.model.secret import Secret
from pki.pool import KeyPool

if TYPE_CHECKING:
    from bootstrap.host.agentservice import AgentService
    from bootstrap.host.clock import Clock
    from bootstrap.host.files import Files
    from bootstrap.host.http import HttpClient
    from bootstrap.host.machine import Machine
    from bootstrap.host.network import Network
    from bootstrap.host.process import ProcessRunner
    from bootstrap.kube.client import ApiClient
    from bootstrap.model.desired import DesiredFile
    from bootstrap.model.node import NodeFacts
    from bootstrap.model.report import Reporter
    from bootstrap.runtime.api import ContainerRuntime


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the command line asks for beyond the configuration; kubeadm has no field for it either.

    Whoever skips the printing of a secret finds it where it was taken from, or makes another.
    """

    upload_certs: bool = False
    skip_token_print: bool = False
    skip_certificate_key_print: bool = False
    print_manifest: bool = False


def _new_certificate_key() -> Secret:
    return Secret(os.urandom(32).hex())


@dataclass(frozen=True, slots=True)
class Context:
    """``runtime`` and ``api`` are factories: most phases need neither, and connecting may fail.

    ``api(name)`` is the client with the identity of that kubeconfig (``admin``, ``super-admin``) against the
    local endpoint, the same one whenever it is asked for: it keeps its connections, and nobody closes it.
    ``machine(paths, programs)`` examines the machine (``bootstrap.host.machine``). ``ignored_checks`` are
    preflight check names, lower case. ``keys`` makes private keys in the background, shared by the phases
    that need some. ``rights_seen`` is set once this run has found that ``admin`` may do everything,
    ``overlays_seen`` once it has looked at the site's templates (``bootstrap.phases.overlays``).
    ``new_certificate_key`` is the one of this run, should the configuration give none. ``rendered`` keeps the
    manifests once they are rendered (``bootstrap.phases.manifests``): what is written is what was looked at.
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
    wishes: Wishes = Wishes()
    rights_seen: threading.Event = field(default_factory=threading.Event)
    overlays_seen: threading.Event = field(default_factory=threading.Event)
    new_certificate_key: Secret = field(default_factory=_new_certificate_key)
    rendered: dict[bool, tuple[DesiredFile, ...]] = field(default_factory=dict)

    @property
    def layout(self) -> Layout:
        return self.control_plane.layout

    @property
    def certificate_key(self) -> Secret:
        """Encrypts the certificates that are uploaded: 64 hexadecimal digits."""
        given = self.control_plane.init.certificate_key
        return Secret(given) if given else self.new_certificate_key
