"""Everything that a decision about one pod name depends on, and what its status says. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bootstrap.agent.admission import Refusal
from bootstrap.agent.identity import StaticPod
from bootstrap.agent.memory import Memory
from bootstrap.agent.names import Instance


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a running container must be stopped; ``grace`` in seconds where the cause has one of its own."""

    why: str
    grace: int | None = None


@dataclass(frozen=True, slots=True)
class Situation:
    """A pod at one moment.

    ``desired`` None: the pod has no manifest. ``pause_image`` is the sandbox's. By container ID: ``faults``;
    ``hooking``, whose postStart hook is under way; ``unstarted``, of which a startup probe or a postStart
    hook has yet to succeed; ``messages``, what the dead ones said at their end. ``refused``: why the desired
    pod may not run on this node.
    """

    desired: StaticPod | None
    instances: tuple[Instance, ...]
    now: datetime
    pause_image: str
    memory: Memory = Memory()
    faults: Mapping[str, Fault] = field(default_factory=dict)
    hooking: frozenset[str] = frozenset()
    unstarted: frozenset[str] = frozenset()
    messages: Mapping[str, str] = field(default_factory=dict)
    refused: Refusal | None = None

    @property
    def began(self) -> datetime:
        """When the desired pod was first started; now, if it never was."""
        uid = self.desired.uid if self.desired else ""
        return min((each.began for each in self.instances if each.uid == uid), default=self.now)

    def newest(self, container: str) -> Instance | None:
        """The latest attempt at a container (or at the sandbox) of the desired pod."""
        found = [each for each in self.instances if each.container == container]
        return max(found, key=lambda each: (each.attempt, each.state.created), default=None)
