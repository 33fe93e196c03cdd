"""Reboots and power cuts: the control plane is back without a person, with everything it acknowledged.

Power is cut by killing every process of the machine at one instant. What the kernel had not written yet is not
lost by that; what a lost page cache does is for tests/unit and real machines.
"""

from __future__ import annotations

import os
import statistics
import time

from tests.systemd.cluster import Cluster

ROUNDS = int(os.environ.get("REBOOTS", "3"))
WRITES = 5
FIRST_STARTS = 1.5
"""A machine that boots has everything but the certificates to do that init does, and systemd to start."""


def test_the_control_plane_survives_reboots_and_power_cuts(cluster: Cluster, capsys: object) -> None:
    told: dict[str, str] = {}
    took = []
    for number in range(ROUNDS):
        for each in range(WRITES):
            key = f"round-{number}-{each}"
            cluster.remember(key, str(time.time_ns()))
            told[key] = "acknowledged"
        before = cluster.recall()
        if number % 3 == 2:
            cluster.machine.shut_down()
        else:
            cluster.machine.power_off()
        started = time.monotonic()
        cluster.machine.power_on()
        cluster.wait_answering()
        took.append(time.monotonic() - started)
        cluster.wait_ready()
        cluster.machine.wait_booted()
        assert cluster.recall() == before
        assert told.keys() <= before.keys()
