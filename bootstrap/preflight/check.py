"""What a preflight check is: a look at the machine that yields problems.

Invariant: a check changes nothing, and one that cannot find out says so as a warning instead of failing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath

from bootstrap.apply.inventory import Inventory
from bootstrap.host.files import Files
from bootstrap.host.http import HttpClient
from bootstrap.host.machine import Machine
from bootstrap.host.network import Network
from bootstrap.model.cluster import ControlPlane
from bootstrap.model.layout import Layout
from bootstrap.model.node import NodeFacts
from bootstrap.runtime.api import ContainerRuntime


@dataclass(frozen=True, slots=True)
class Subject:
    """What is examined. ``inventory`` and ``own_pids`` tell what an earlier run made from what is foreign.

    ``own_pids()``: processes of control plane containers and of the agent at that moment; an agent of an
    earlier run may start some while the checks run. ``now`` is UTC.
    """

    control_plane: ControlPlane
    facts: NodeFacts
    files: Files
    network: Network
    http: HttpClient
    machine: Machine
    now: datetime
    runtime: Callable[[], ContainerRuntime]
    inventory: Inventory = Inventory()
    own_pids: Callable[[], frozenset[int]] = frozenset

    @property
    def layout(self) -> Layout:
        return self.control_plane.layout

    @property
    def is_real_root(self) -> bool:
        """Whether the machine itself would be changed, not a tree somewhere below it."""
        return str(self.files.root) == "/"

    @contextmanager
    def engine(self) -> Iterator[ContainerRuntime]:
        """A connection to the container engine, closed at the end."""
        runtime = self.runtime()
        try:
            yield runtime
        finally:
            runtime.close()


@dataclass(frozen=True, slots=True)
class Problem:
    """``check`` is the name to ignore it by (kubeadm's where kubeadm has it); not ``fatal``: a warning."""

    check: str
    message: str
    remedy: str = ""
    fatal: bool = True


Look = Callable[[Subject], Iterator[Problem]]


@dataclass(frozen=True, slots=True)
class Check:
    """``name`` is what its problems are called; a name with ``*`` stands for several (``Port-*``)."""

    name: str
    summary: str
    look: Look


def dashed(path: PurePosixPath) -> str:
    """A path within a check's name, as kubeadm writes it: ``-etc-kubernetes-manifests``."""
    return str(path).replace("/", "-")
