"""Whatever of the agent's world gets SIGKILL, at any moment: it is back soon, and nothing runs twice."""

from __future__ import annotations

import itertools
import random
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import pytest

from bootstrap.agent.backoff import CRASH, Backoff, after_retry, waits_until
from bootstrap.agent.names import CONTAINER_NAME, POD_UID, SANDBOX
from bootstrap.runtime.api import Container, ContainerEvent, ContainerRuntime
from bootstrap.runtime.docker_engine import DockerEngine
from tests.e2e.agent_node import AgentNode, name_of
from tests.e2e.control_plane import wait_until
from tests.e2e.soak import either, keep, spread
from tests.lab import LabNode

CONTAINER_KILLS = either(8, 100)
PODS = tuple(f"pod{number}" for number in range(either(5, 25)))
BACK_SECONDS = 2.0
"""For 95 of 100, on top of what the back-off says."""

AGENT_KILLS = either(4, 50)
CHANGED = tuple(f"changed{number}" for number in range(6))
LEFT_ALONE = ("steady0", "steady1")

Name = tuple[str, str]


@pytest.fixture(scope="module")
def agent_node() -> Iterator[AgentNode]:
    with LabNode("kills") as made:
        agent_node = AgentNode(made)
        agent_node.start_agent()
        yield agent_node
        agent_node.close()


@pytest.fixture
def node(agent_node: AgentNode) -> Iterator[AgentNode]:
    """Empty again after each test, also after one that failed."""
    yield agent_node
    agent_node.clear()


@dataclass
class Deaths:
    """When each killed container may be expected back, by the back-off's own rules."""

    backoffs: dict[Name, Backoff]
    due: dict[Name, tuple[str, datetime]]
    late: list[float]

    def record(self, dead: Container) -> None:
        name = name_of(dead)
        assert dead.finished is not None
        before = self.backoffs.get(name)
        due = waits_until(before, dead.finished, dead.finished) or dead.finished
        self.backoffs[name] = after_retry(before, CRASH, dead.finished, due)
        self.due[name] = (dead.id, due)

    def see(self, running: dict[Name, Container]) -> None:
        for name, (dead, due) in tuple(self.due.items()):
            found = running.get(name)
            if found is not None and found.id != dead and found.started is not None:
                self.late.append((found.started - due).total_seconds())
                del self.due[name]

    def waiting(self, now: datetime) -> int:
        """How many are overdue."""
        return sum(due <= now for _, due in self.due.values())


def test_any_killed_container_comes_back_once(node: AgentNode) -> None:
    for pod in PODS:
        node.write(pod)
    node.wait_running(PODS)
    chance = random.Random(1)
    deaths = Deaths({}, {}, [])
    for _ in range(CONTAINER_KILLS):
        # They die faster than the back-off lets them come back: there are moments when all wait.
        wait_until(lambda: mains(node.running()), "something runs that can be killed", 400)
        running = node.running()
        deaths.see(running)
        victim = chance.choice(mains(running))
        node.kill(victim)
        wait_until(lambda: not node.engine.inspect(victim.id).is_running, "it is dead")  # noqa: B023
        deaths.record(node.engine.inspect(victim.id))
        wait_until(lambda: is_settled(node, deaths), "what is due is back")
    wait_until(lambda: is_settled(node, deaths) and not deaths.due, "all are back", 400)
    keep("containers killed", **spread(deaths.late))
    assert len(deaths.late) == CONTAINER_KILLS
    assert spread(deaths.late)["p95"] <= BACK_SECONDS
    counted = Counter(map(name_of, node.containers()))
    # One that runs, and one dead instance for its logs.
    assert max(counted.values()) <= 2
    assert {pod for pod, _ in counted} == set(PODS)


def mains(running: dict[Name, Container]) -> list[Container]:
    return [each for name, each in sorted(running.items()) if name[1] != SANDBOX]


def is_settled(node: AgentNode, deaths: Deaths) -> bool:
    deaths.see(node.running())
    return not deaths.waiting(node.now())


class Starts:
    """Counts the starts of each (UID, container) from now on."""

    def __init__(self, engine: ContainerRuntime) -> None:
        self.counted: Counter[Name] = Counter()
        self._engine = engine
        events = engine.events()
        threading.Thread(target=self._follow, args=(events,), daemon=True).start()

    def _follow(self, events: Iterator[ContainerEvent]) -> None:
        for event in events:
            if event.action == "start":
                self.counted[event.labels.get(POD_UID, ""), event.labels.get(CONTAINER_NAME, "")] += 1

    def close(self) -> None:
        self._engine.close()


def test_an_agent_killed_during_changes_starts_nothing_twice_and_forgets_nothing(node: AgentNode) -> None:
    for pod in LEFT_ALONE:
        node.write(pod)
    before = node.wait_running(LEFT_ALONE)
    starts = Starts(DockerEngine(str(node.node.path("/run/docker.sock"))))
    chance = random.Random(2)
    edits = itertools.count()
    wanted: dict[str, str] = {}
    for _ in range(AGENT_KILLS):
        for pod in chance.sample(CHANGED, 3):
            if pod in wanted and chance.random() < 0.3:
                node.take_away(pod)
                del wanted[pod]
            else:
                # Each version is another pod, so each may start once.
                wanted[pod] = str(next(edits))
                node.write(pod, edit=wanted[pod])
        threading.Event().wait(chance.uniform(0, 0.8))
        node.kill_agent()
        node.start_agent()
    after = node.wait_running((*LEFT_ALONE, *wanted))
    starts.close()
    assert {name: after[name].id for name in before} == {name: each.id for name, each in before.items()}
    assert {pod: node.edit_of(after[pod, SANDBOX]) for pod in wanted} == wanted
    assert [name for name, count in starts.counted.items() if count > 1] == []
    wait_until(lambda: len(node.containers()) == len(after), "nothing is left over")
    keep("agent killed", times=AGENT_KILLS, versions=next(edits), started_twice=0, left_over=0)


def test_a_dead_sandbox_costs_its_own_pod_alone(node: AgentNode) -> None:
    for pod in ("web", "other"):
        node.write(pod)
    before = node.wait_running(("web", "other"))
    node.kill(before["web", SANDBOX])
    dead = before["web", SANDBOX]
    wait_until(lambda: node.running().get(("web", SANDBOX), dead).id != dead.id, "a new sandbox runs")
    after = node.wait_running(("web", "other"))
    assert after["web", "main"].id != before["web", "main"].id
    assert {after["other", name].id for name in (SANDBOX, "main")} == {
        before["other", name].id for name in (SANDBOX, "main")
    }
