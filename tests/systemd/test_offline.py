"""From a bundle alone: no registry, no package index; and a newer podstrap over an older one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.control_plane import wait_until
from tests.lab import LabNode
from tests.lab.bundle import bundle_of, newer_tree
from tests.lab.machine import Machine
from tests.systemd.cluster import UNIT, Cluster

NEWER = "99.0.0"
LOOK_UP = "import socket, sys; socket.create_connection((sys.argv[1], 443), timeout=2)"


def test_the_machine_reaches_no_registry(cluster: Cluster) -> None:
    assert cluster.machine.run(["python3", "-c", LOOK_UP, "registry.k8s.io"], check=False).returncode != 0


def test_the_machine_cannot_set_the_clock_it_shares_with_this_one(cluster: Cluster) -> None:
    done = cluster.machine.run(["date", "--set=now"], check=False)
    assert "Operation not permitted" in done.stderr


def test_init_from_the_bundle_made_a_control_plane(cluster: Cluster) -> None:
    cluster.wait_ready()
    assert cluster.machine.kubectl("get", "--raw=/readyz") == "ok"


def test_the_same_bundle_again_changes_nothing(cluster: Cluster) -> None:
    before, agent = cluster.containers(), cluster.agent_pid()
    cluster.machine.run(["/media/bundle/install.sh"])
    assert (cluster.containers(), cluster.agent_pid()) == (before, agent)


def test_a_newer_podstrap_restarts_the_agent_and_no_container(
    cluster: Cluster, media: Path, tmp_path: Path
) -> None:
    archives = tuple((media / "bundle" / "images").iterdir())
    bundle_of(newer_tree(tmp_path, NEWER), media / "newer", archives)
    before, agent = cluster.containers(), cluster.agent_pid()
    cluster.machine.run(["/media/newer/install.sh"])
    wait_until(lambda: cluster.status().get("version") == NEWER, "the agent is the newer one")
    assert cluster.agent_pid() != agent
    assert cluster.machine.property(UNIT, "NRestarts") == "0"
    cluster.machine.bootstrap("init")
    wait_until(cluster.is_whole, "the agent knows every container")
    assert cluster.containers() == before


def test_an_interrupted_installation_is_finished_by_the_next(cluster: Cluster) -> None:
    cluster.machine.run(["rm", "/opt/podstrap/installed-from", "/opt/podstrap/agent-knows"])
    cluster.machine.run(["sh", "-c", "rm -r /opt/podstrap/lib/python3*/site-packages/pip"])
    before = cluster.containers()
    cluster.machine.run(["/media/bundle/install.sh"])
    wait_until(cluster.is_whole, "the agent knows every container")
    assert cluster.containers() == before


@pytest.fixture
def bare(host: LabNode, media: Path) -> Machine:
    """Never started: what is tried on it ends before anything is changed."""
    return Machine("bare", host, number=1, mounts={media: "/media"})


def test_what_is_missing_is_said_and_nothing_is_installed(bare: Machine) -> None:
    with bare as machine:
        machine.run(["cp", "-r", "/media/bundle/install.sh", "/media/bundle/wheels", "/root/"])
        damaged = machine.run(["/root/install.sh"], check=False)
        assert damaged.returncode == 1
        assert "error: the bundle is damaged" in damaged.stderr
        machine.run(["systemctl", "stop", "docker.socket", "docker.service"])
        no_engine = machine.run(["/media/bundle/install.sh"], check=False)
        assert no_engine.returncode == 1
        assert "error: no Docker Engine answers on this machine" in no_engine.stderr
        machine.run(["cp", "/media/bundle/install.sh", "/tmp/"])
        unprivileged = machine.run(["runuser", "-u", "nobody", "--", "/tmp/install.sh"], check=False)
        assert "next: run it as root" in unprivileged.stderr
