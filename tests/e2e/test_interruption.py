"""``bootstrap init`` killed at ten moments on its way: run again it goes on, and ends where it should."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

from bootstrap.host.files import TEMPORARY_PREFIX
from tests.e2e.conftest import Lab
from tests.e2e.control_plane import ControlPlane, wait_until
from tests.lab import LabNode

MOMENTS = 10
LONGEST_PAUSE = 0.3
"""Seconds after a line of progress: long enough to be in the middle of what it announced."""


def kill_after(node: LabNode, lines: int, pause: float) -> str:
    """Start init, kill it after so many lines of progress and a pause; the last line it wrote."""
    init = node.start(["bootstrap", "init"])
    last = b""
    for _ in range(lines):
        last = init.stdout.readline() or last
    time.sleep(pause)
    init.send(signal.SIGKILL)
    init.end()
    return last.decode().strip()


def test_killed_ten_times_it_converges(lab: Lab) -> None:
    chance = random.Random(20)
    with lab.node() as node:
        for moment in range(MOMENTS):
            where = kill_after(node, 2 * moment + 1, chance.uniform(0, LONGEST_PAUSE))
            print(f"killed after: {where}")
            assert half_files(node) == []
        done = node.bootstrap("init")
        assert "Traceback" not in done.stderr
        ControlPlane(node).wait_healthy()
        node.bootstrap("plan")
        wait_until(lambda: len(agents(node)) == 1, "one agent runs")
        assert temporary_files(node) == []


def half_files(node: LabNode) -> list[str]:
    """Empty ones that a component or the agent would take for real; a temporary one they would not."""
    real = ("!", "-name", f"{TEMPORARY_PREFIX}*")
    return found(node, "/etc/kubernetes", *real, "-type", "f", "-size", "0")


def temporary_files(node: LabNode) -> list[str]:
    return found(node, "/etc/kubernetes", "/var/lib/bootstrap", "-name", f"{TEMPORARY_PREFIX}*")


def found(node: LabNode, *arguments: str) -> list[str]:
    return node.run(["find", *arguments], check=False).stdout.split()


def agents(node: LabNode) -> list[int]:
    return [pid for pid in node.pids() if b"agent\0run" in Path(f"/proc/{pid}/cmdline").read_bytes()]
