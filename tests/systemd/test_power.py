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

ROUNDS = int(os.environ.get("REBOOTS", "3"))
WRITES = 5
FIRST_STARTS = 1.5
"""What a boot may take, in first starts: no certificates to make, but systemd and the engine to start."""
REPORT = REPOSITORY / "build" / "reboots.json"


def test_the_control_plane_survives_reboots_and_power_cuts(cluster: Cluster) -> None:
    took: dict[str, list[float]] = {"power cut": [], "reboot": []}
    for number in range(ROUNDS):
        told = {f"round-{number}-{each}": str(uuid.uuid4()) for each in range(WRITES)}
        known = cluster.recall()
        for key, value in told.items():
            cluster.remember(key, value)
        kind = "reboot" if number % 3 == 2 else "power cut"
        if kind == "reboot":
            cluster.machine.shut_down()
        else:
            cluster.machine.power_off()
        started = time.monotonic()
        cluster.machine.power_on()
        cluster.wait_answering()
        took[kind].append(time.monotonic() - started)
        assert cluster.recall() == known | told
        cluster.wait_ready()
        cluster.machine.wait_booted()
    write_report(took, cluster.first_start)
    every = [seconds for kind in took.values() for seconds in kind]
    assert statistics.median(every) <= FIRST_STARTS * cluster.first_start


def write_report(took: dict[str, list[float]], first_start: float) -> None:
    """Seconds from power-on to /readyz, for docs/reliability.md."""
    report = {"first start": round(first_start, 2)} | {
        kind: {
            "times": len(seconds),
            "p50": round(statistics.median(seconds), 2),
            "longest": round(max(seconds), 2),
            "p95": round(sorted(seconds)[math.ceil(0.95 * len(seconds)) - 1], 2),
        }
        for kind, seconds in took.items()
        if seconds
    }
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps(report))
