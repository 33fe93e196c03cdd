"""What the other tests here rely on: a lab node is a machine of its own and leaves no trace."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.lab import Disk, LabNetwork, LabNode
from tests.lab.ground import CGROUP, CGROUPS, PARENT, ground, remove_dead_runs

DIES_WITH_A_NODE = """
import os, signal
from tests.lab import LabNode
from tests.lab.ground import ground
with LabNode("dying") as node:
    print(ground().name, *node.pids(), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def output(*argv: str) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def machine_state() -> dict[str, object]:
    """What a node could change of this machine."""
    mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    return {
        "interfaces": sorted(os.listdir("/sys/class/net")),
        "routes": output("ip", "route"),
        "mounts": sorted(mount for mount in mounts if mount.startswith(("/etc", "/usr", "/var", "/run"))),
        "host name": os.uname().nodename,
        "/etc": sorted(str(path) for path in Path("/etc").rglob("*")),
        "/var/lib": sorted(set(os.listdir("/var/lib")) - {PARENT.name}),
        "/usr/libexec": sorted(os.listdir("/usr/libexec")),
        "/run": sorted(os.listdir("/run")),
    }


def control_groups(run: str) -> list[Path]:
    """Of nodes of that run; others may go on meanwhile."""
    return list(CGROUPS.glob(f"**/{CGROUP}/{run}/*"))


def wait_until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def test_a_node_leaves_the_machine_as_it_was() -> None:
    before, groups = machine_state(), control_groups(ground().name)
    with LabNode("passing", disks=(Disk("/var/lib/etcd", 1 << 20),)) as node:
        node.path("/etc/kubernetes").mkdir()
        node.path("/usr/libexec/changed-by-a-node").mkdir(parents=True)
        node.run(["sh", "-c", "echo 0 > /proc/sys/net/ipv4/ip_forward; sleep 1000 >/dev/null 2>&1 &"])
        assert int(node.docker("system", "info", "--format", "{{.Containers}}")) == 0
        pids = node.pids()
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
    assert machine_state() == before
    assert control_groups(ground().name) == groups
    assert not list(PARENT.glob("run-*/passing-*"))


def test_a_node_cannot_set_the_clock_it_shares_with_this_machine() -> None:
    with LabNode("m1", starts_engine=False) as node:
        done = node.run(["date", "--set=now"], check=False)
    assert "Operation not permitted" in done.stderr


def test_nodes_of_one_network_reach_each_other() -> None:
    with (
        LabNetwork() as network,
        LabNode("m1", network=network) as first,
        LabNode("m2", network=network) as second,
    ):
        listener = second.start(["python3", "-m", "http.server", "8000", "--directory", "/etc"])
        fetch = (
            f"import urllib.request as u; print(u.urlopen('http://{second.address}:8000/hostname').read())"
        )
        wait_until(lambda: first.run(["python3", "-c", fetch], check=False).returncode == 0)
        assert "m2" in first.run(["python3", "-c", fetch]).stdout
        listener.end()


def test_a_small_disk_fills_up() -> None:
    with LabNode("m1", disks=(Disk("/var/lib/etcd", 1 << 20),)) as node:
        full = node.run(["dd", "if=/dev/zero", "of=/var/lib/etcd/x", "bs=1M", "count=2"], check=False)
    assert "No space left" in full.stderr


def test_a_killed_test_run_takes_its_nodes_with_it_and_the_next_one_tidies_up() -> None:
    before = machine_state()
    dead = subprocess.run(
        [sys.executable, "-c", DIES_WITH_A_NODE],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert dead.returncode == -signal.SIGKILL
    run, *pids = dead.stdout.split()
    assert pids
    wait_until(lambda: not [pid for pid in pids if Path(f"/proc/{pid}").exists()])
    remove_dead_runs()
    assert not list(PARENT.glob("run-*/dying-*"))
    assert not control_groups(run)
    assert machine_state() == before
