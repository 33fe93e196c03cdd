"""From the command to a control plane; and what its agent costs from then on."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.measurement import FEWEST_SAMPLES, Measurement
from tests.e2e.control_plane import ControlPlane
from tests.lab import LabNode
from tests.lab.images import REPOSITORY, prepared_engine, program_directories
from tests.lab.programs import NEWEST, PREVIOUS

IDLE_SECONDS, IDLE_SAMPLES = 60.0, 3
"""In the first of them the agent still tells the API server of what it has just done."""

TICKS = 100
"""Of /proc/PID/stat in a second: USER_HZ."""


def measure() -> Iterator[Measurement]:
    engine = prepared_engine((NEWEST, PREVIOUS))
    with LabNode("bench", engine=engine, programs=program_directories(NEWEST)) as node:
        ours, plain = [], []
        for _ in range(FEWEST_SAMPLES):
            ours.append(seconds_of_init(node))
            plain.append(seconds_of_plain_programs(node))
            node.bootstrap("reset", "--yes")
        yield Measurement(
            "`bootstrap init`, images present: to four healthy components and the configuration uploaded",
            "s",
            tuple(ours),
            "the same four programs as plain processes, same flags, PKI already there",
            tuple(plain),
            ratio=1.5,
        )
        seconds_of_init(node)
        yield from cost_of_agent(node)


def seconds_of_init(node: LabNode) -> float:
    started = time.monotonic()
    node.bootstrap("init")
    return time.monotonic() - started


def seconds_of_plain_programs(node: LabNode) -> float:
    """On the files that init left, with an empty etcd."""
    agent = node.path("/run/bootstrap/agent.pid").read_text().split()[0]
    node.run(["sh", "-c", f"kill -9 {agent}; docker rm --force $(docker ps --quiet); rm -rf /var/lib/etcd"])
    done = node.run([sys.executable, "-m", "tests.bench.plain"], environment={"PYTHONPATH": str(REPOSITORY)})
    return float(done.stdout)


def cost_of_agent(node: LabNode) -> Iterator[Measurement]:
    """Of the agent while four healthy components run and are probed."""
    ControlPlane(node).wait_healthy()
    process = agent_process(node)
    shares = tuple(idle_share(process, IDLE_SECONDS) for _ in range(IDLE_SAMPLES))
    yield Measurement("agent with four pods: resident memory", "MB", (resident_megabytes(process),), most=45)
    yield Measurement(f"the same, idle for {IDLE_SECONDS:g} s: of one core", "%", shares, most=0.5)


def idle_share(process: Path, seconds: float) -> float:
    """Per cent of one core that it uses in the time to come."""
    before = processor_seconds(process)
    time.sleep(seconds)
    return 100 * (processor_seconds(process) - before) / seconds


def agent_process(node: LabNode) -> Path:
    """Its directory in this machine's /proc."""
    (found,) = [
        Path(f"/proc/{pid}")
        for pid in node.pids()
        if b"agent\0run" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    return found


def processor_seconds(process: Path) -> float:
    fields = (process / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_megabytes(process: Path) -> float:
    for line in (process / "status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise ValueError(f"{process} is gone")
