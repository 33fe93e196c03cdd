"""Reboots and power cuts: the control plane is back without a person, with everything it acknowledged.

Power is cut by killing every process of the machine at one instant. What the kernel had not written yet is
not lost by that; what a lost page cache does is for tests/unit and real machines.
"""

from __future__ import annotations

import json
import math
import os
import statistics
import time
import uuid

from tests.lab.images import REPOSITORY
from tests.systemd.cluster import Cluster

ROUNDS = int(os.environ.get("REBOOTS", "2"))
MEANINGFUL_ROUNDS = 10
"""From then on the boots are compared with a first start; of a few, on a busy machine, that says nothing."""
WRITES = 5
BOOT_SECONDS = 60.0
FIRST_STARTS = 1.5
"""What a boot may take, in first starts: no certificates to make, but systemd and the engine to start."""
REPORT = REPOSITORY / "build" / "reboots.json"
SLOWEST = REPOSITORY / "build" / "slowest-boot.log"
"""What the machine logged, with the engine's and the agent's words, in the boot that took longest."""


def test_the_control_plane_survives_reboots_and_power_cuts(cluster: Cluster) -> None:
    took: dict[str, list[float]] = {"power cut": [], "reboot": []}
    slowest = 0.0
    for number in range(ROUNDS):
        told = {f"round-{number}-{each}": str(uuid.uuid4()) for each in range(WRITES)}
        known = cluster.recall()
        for key, value in told.items():
            cluster.remember(key, value)
        kind = "reboot" if number % 3 == 1 else "power cut"
        if kind == "reboot":
            cluster.machine.shut_down()
        else:
            cluster.machine.power_off()
        started = time.monotonic()
        cluster.machine.power_on()
        cluster.wait_answering()
        seconds = time.monotonic() - started
        took[kind].append(seconds)
        if seconds > slowest:
            slowest = seconds
            keep_journal(cluster, seconds)
        assert cluster.recall() == known | told
        cluster.wait_ready()
        cluster.machine.wait_booted()
    write_report(took, cluster.first_start)
    every = [seconds for kind in took.values() for seconds in kind]
    assert max(every) <= BOOT_SECONDS
    if ROUNDS >= MEANINGFUL_ROUNDS:
        assert p95(every) <= FIRST_STARTS * cluster.first_start


def keep_journal(cluster: Cluster, seconds: float) -> None:
    journal = cluster.machine.run(["journalctl", "--boot", "--no-pager", "--output=short-precise"])
    SLOWEST.parent.mkdir(exist_ok=True)
    SLOWEST.write_text(f"{seconds:.1f} s\n{journal.stdout}")


def p95(seconds: list[float]) -> float:
    return sorted(seconds)[math.ceil(0.95 * len(seconds)) - 1]


def write_report(took: dict[str, list[float]], first_start: float) -> None:
    """Seconds from power-on to /readyz, for docs/reliability.md."""
    report = {"first start": round(first_start, 2)} | {
        kind: {
            "times": len(seconds),
            "p50": round(statistics.median(seconds), 2),
            "longest": round(max(seconds), 2),
            "p95": round(p95(seconds), 2),
        }
        for kind, seconds in took.items()
        if seconds
    }
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps(report))
