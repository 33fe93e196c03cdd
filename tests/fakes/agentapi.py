"""An agent with an API server: ``settle`` brings both to rest, with no threads and on the same clock."""

from __future__ import annotations

import threading
from pathlib import Path

from bootstrap.agent.apievents import EventPosts
from bootstrap.agent.apipods import ApiPods
from bootstrap.agent.apithread import ApiThread, Parts
from bootstrap.agent.foreign import ForeignPods
from bootstrap.agent.lease import Lease
from bootstrap.agent.mirroring import Mirroring
from bootstrap.agent.podwatch import PAUSE_SECONDS, PodWatch
from bootstrap.agent.registration import Registration
from bootstrap.agent.survey import Survey
from bootstrap.agent.v1node import NodeOptions
from bootstrap.host.system import Room, SystemInfo
from tests.fakes.agent import AgentHarness
from tests.fakes.cluster import FakeCluster, NodeClient

GIB = 1 << 30
ROOM = Room(
    memory_available=8 * GIB,
    disk=100 * GIB,
    disk_available=50 * GIB,
    inodes=1000,
    inodes_free=900,
    pids=1000,
    pids_free=900,
)
MOST_STEPS = 20


class ApiHarness:
    """``agent`` is the node, ``cluster`` the API server; ``room`` is what the machine has left.

    ``changed``: somebody has given the node another kubeconfig.
    """

    def __init__(self, directory: Path, options: NodeOptions | None = None) -> None:
        self.agent = AgentHarness(directory)
        self.clock = self.agent.clock
        self.cluster = FakeCluster(self.clock)
        self.options = options or NodeOptions()
        self.room = ROOM
        self.changed = False
        self.thread = self.new_thread()

    def new_thread(self) -> ApiThread:
        agent = self.agent.agent
        node, pods, wake = agent.node, ApiPods(), threading.Event()
        system = SystemInfo("machine", "uuid", "boot", "6.1", "Debian 12", "amd64", ((2048, 4),))
        survey = Survey(
            system, node.root, agent.engine, lambda: agent.engine_problem, lambda _path: self.room, self.clock
        )
        posts = EventPosts(node.name, self.clock, wake.set)
        agent.history.listen(posts.take)
        parts = Parts(
            registration=Registration(node, self.options, survey, self.clock),
            lease=Lease(node.name),
            watch=PodWatch(node.name, pods, self.clock, wake.set, lambda read: read()),
            pods=pods,
            mirroring=Mirroring(node, pods, agent.reports, self.clock),
            foreign=ForeignPods(node.name, pods, agent.history.record, self.clock),
            events=posts,
        )
        return ApiThread(node.name, parts, self, self.clock, wake)

    def connect(self) -> NodeClient:
        """As the identity that the node has now."""
        self.changed = False
        return NodeClient(self.cluster)

    def has_changed(self) -> bool:
        return self.changed

    def restart(self) -> None:
        """The agent is killed, and started again."""
        self.agent.restart_agent()
        self.thread = self.new_thread()

    def settle(self) -> None:
        """The node comes to rest, then what is told to the API of it."""
        self.agent.settle()
        self.agent.agent.resync()
        self.talk()

    def talk(self) -> None:
        """Until nothing has changed for so long that a watch which ended has been begun again."""
        changed = self.clock.monotonic()
        for _ in range(MOST_STEPS):
            before = len(self._told())
            pause = self.thread.step()
            if len(self._told()) > before:
                changed = self.clock.monotonic()
            if self.clock.monotonic() > changed + PAUSE_SECONDS:
                return
            self.clock.advance(min(PAUSE_SECONDS, max(pause, 0.01)))
        raise AssertionError(f"the API thread does not come to rest: {self.cluster.history[-10:]}")

    def _told(self) -> list[str]:
        return [line for line in self.cluster.history if "/leases/" not in line]

    def advance(self, seconds: float) -> None:
        """Let time pass, in steps of a second or a few when it is long."""
        end = self.clock.monotonic() + seconds
        step = max(1.0, seconds / 30)
        while self.clock.monotonic() < end:
            self.agent.advance(min(step, end - self.clock.monotonic()), step=step)
            self.thread.step()

    def changes(self, since: int = 0) -> list[str]:
        """What happened to pods: ``create web``, ``patch web``, ``delete web``."""
        found = []
        for line in self.cluster.history[since:]:
            verb, path = line.split()
            if "/pods/" in path:
                name = path.removesuffix("/status").rpartition("/")[2]
                found.append(f"{verb} {name.removesuffix('-n1')}")
        return found
