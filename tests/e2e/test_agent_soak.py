"""Churn for a long time: in the end the agent holds no more memory, files and threads than at first."""

from __future__ import annotations

import itertools
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench.bring_up import resident_megabytes
from tests.e2e.agent_node import AgentNode
from tests.e2e.control_plane import wait_until
from tests.e2e.soak import either, keep
from tests.lab import LabNode

SECONDS = either(12, 1800)
WARM_UP_SECONDS = either(4, 300)
"""Caches fill and arenas grow at first."""

GROWTH_MEGABYTES = either(6, 2)
PODS = tuple(f"pod{number}" for number in range(8))


@pytest.fixture
def node() -> Iterator[AgentNode]:
    with LabNode("soak") as made:
        agent_node = AgentNode(made)
        agent_node.start_agent()
        yield agent_node
        agent_node.close()


def test_churn_leaves_memory_files_and_threads_as_they_were(node: AgentNode) -> None:
    chance = random.Random(4)
    edits = itertools.count()
    for pod in PODS:
        node.write(pod, edit=str(next(edits)))
    node.wait_running(PODS)
    churn(node, chance, edits, WARM_UP_SECONDS)
    first = held(node)
    churn(node, chance, edits, SECONDS - WARM_UP_SECONDS)
    last = held(node)
    keep("churn", seconds=SECONDS, edits=next(edits), at_first=first, at_last=last)
    assert last["megabytes"] <= first["megabytes"] + GROWTH_MEGABYTES
    assert last["files"] <= first["files"] + 1
    assert last["threads"] <= first["threads"] + 1


def churn(node: AgentNode, chance: random.Random, edits: Iterator[int], seconds: float) -> None:
    """Edits, removals, kills, and things people ask the agent, one after the other; then all pods run."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        pod = chance.choice(PODS)
        match chance.randrange(4):
            case 0:
                node.write(pod, edit=str(next(edits)))
            case 1:
                (node.manifests / f"{pod}.json").unlink(missing_ok=True)
            case 2:
                (node.manifests / f"{pod}.json").write_text("{half")
            case 3:
                victims = [each for (_, name), each in node.running().items() if name == "main"]
                if victims:
                    node.kill(chance.choice(victims))
        node.status()
        time.sleep(0.2)
    for pod in PODS:
        node.write(pod, edit=str(next(edits)))
    node.wait_running(PODS, 120)


def held(node: AgentNode) -> dict[str, float]:
    """What the process holds once it has nothing to do: threads that idle leave after ten seconds."""
    assert node.agent is not None
    process = Path(f"/proc/{node.agent.pid}")
    smallest: dict[str, float] = {}

    def is_quiet() -> bool:
        now = {"threads": len(os.listdir(process / "task")), "files": len(os.listdir(process / "fd"))}
        calm = bool(smallest) and all(now[key] == smallest[key] for key in now)
        smallest.update(now)
        time.sleep(either(1, 15))
        return calm

    wait_until(is_quiet, "threads and files no longer change")
    return {**smallest, "megabytes": round(resident_megabytes(process), 1)}
