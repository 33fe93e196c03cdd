"""The agent as a service of systemd: it says how it is, comes back, and takes no pod with it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from bootstrap.render.units import WATCHDOG_SECONDS
from tests.e2e.control_plane import wait_until
from tests.lab.images import REPOSITORY
from tests.systemd.cluster import UNIT, Cluster

DOCUMENT = REPOSITORY / "docs" / "systemd.md"
MANIFEST = "/etc/kubernetes/manifests/memory.yaml"
POD_WITH_MEMORY = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "memory", "namespace": "default"},
    "spec": {
        "containers": [
            {
                "name": "memory",
                "image": "registry.k8s.io/pause:3.10.2",
                "imagePullPolicy": "Never",
                "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
            }
        ],
        "volumes": [{"name": "scratch", "emptyDir": {"medium": "Memory"}}],
    },
}
BRIEF = """
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
certificateValidityPeriod: 4s
"""
SHORT_WATCHDOG = f"/run/systemd/system/{UNIT}.d/short-watchdog.conf"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Type", "notify"),
        ("WatchdogUSec", f"{WATCHDOG_SECONDS}s"),
        ("Restart", "always"),
        ("UnitFileState", "enabled"),
        ("ActiveState", "active"),
        ("NRestarts", "0"),
    ],
)
def test_the_unit_runs_as_it_says(cluster: Cluster, name: str, value: str) -> None:
    if name == "NRestarts":
        cluster.machine.run(["systemctl", "restart", UNIT])
    assert cluster.machine.property(UNIT, name) == value


def test_it_starts_after_the_engine(cluster: Cluster) -> None:
    assert "docker.service" in cluster.machine.property(UNIT, "After").split()


def test_systemd_finds_nothing_wrong_with_the_unit(cluster: Cluster) -> None:
    done = cluster.machine.run(["systemd-analyze", "verify", UNIT], check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_its_exposure_is_what_the_document_says(cluster: Cluster) -> None:
    said = cluster.machine.run(["systemd-analyze", "security", "--no-pager", UNIT]).stdout
    (score,) = re.findall(r"Overall exposure level for \S+ (\d+\.\d)", said)
    assert f"exposure level {score}" in DOCUMENT.read_text()


def test_the_status_says_how_many_pods_run(cluster: Cluster) -> None:
    cluster.wait_ready()
    wait_until(
        lambda: "4 pods running" in cluster.machine.run(["systemctl", "status", "--no-pager", UNIT]).stdout,
        "systemctl status says that 4 pods run",
    )


def test_what_it_logs_is_in_the_journal(cluster: Cluster) -> None:
    logged = cluster.machine.run(["journalctl", "--no-pager", f"--unit={UNIT}", "--output=cat"]).stdout
    assert "started container etcd" in logged
    assert "started container etcd" in cluster.machine.bootstrap("agent", "logs", "--lines=100000").stdout


def test_a_killed_agent_is_started_again_and_no_pod_is_touched(cluster: Cluster) -> None:
    before, old = cluster.containers(), cluster.agent_pid()
    cluster.machine.run(["kill", "-KILL", str(old)])
    wait_until(lambda: cluster.agent_pid() not in (0, old), "systemd started another agent")
    wait_until(cluster.is_whole, "the agent knows every container")
    assert cluster.containers() == before


def test_it_renews_certificates_with_what_its_unit_lets_it_do(cluster: Cluster) -> None:
    """One that lives for seconds is followed by one that lives as the control plane's configuration says."""
    cluster.machine.run(["tee", "/run/brief.yaml"], stdin=BRIEF)
    cluster.machine.bootstrap("certs", "renew", "super-admin.conf", "--config=/run/brief.yaml")
    wait_until(lambda: residual_seconds(cluster, "super-admin.conf") > 300 * 86400, "the agent renews it")


def residual_seconds(cluster: Cluster, name: str) -> int:
    listed = json.loads(cluster.machine.bootstrap("certs", "check-expiration", "-o", "json").stdout)
    return next(int(each["residualTime"]) for each in listed["certificates"] if each["name"] == name)


def test_an_agent_that_hangs_is_replaced(cluster: Cluster) -> None:
    set_watchdog(cluster, seconds=3)
    before, old = cluster.containers(), cluster.agent_pid()
    cluster.machine.run(["kill", "-STOP", str(old)])
    wait_until(lambda: cluster.agent_pid() not in (0, old), "the watchdog had the agent replaced")
    set_watchdog(cluster, seconds=0)
    wait_until(cluster.is_whole, "the agent knows every container")
    assert cluster.containers() == before


def set_watchdog(cluster: Cluster, seconds: int) -> None:
    """So that a test need not wait as long as the unit does; 0 goes back to the unit's."""
    if seconds:
        cluster.machine.run(["mkdir", "-p", str(Path(SHORT_WATCHDOG).parent)])
        cluster.machine.run(["tee", SHORT_WATCHDOG], stdin=f"[Service]\nWatchdogSec={seconds}\n")
    else:
        cluster.machine.run(["rm", SHORT_WATCHDOG])
    cluster.machine.run(["systemctl", "daemon-reload"])
    cluster.machine.run(["systemctl", "restart", UNIT])


def test_a_stopped_agent_leaves_no_process_and_the_pods_go_on(cluster: Cluster) -> None:
    before = cluster.containers()
    cluster.machine.run(["systemctl", "stop", UNIT])
    assert cluster.machine.property(UNIT, "Result") == "success"
    assert cluster.agent_processes() == []
    assert cluster.containers() == before
    assert cluster.machine.kubectl("get", "--raw=/readyz") == "ok"
    cluster.machine.run(["systemctl", "start", UNIT])
    wait_until(cluster.is_whole, "the agent knows every container")
    assert cluster.containers() == before


def test_a_volume_in_memory_is_seen_by_the_engine(cluster: Cluster) -> None:
    cluster.machine.run(["tee", MANIFEST], stdin=json.dumps(POD_WITH_MEMORY))
    try:
        wait_until(lambda: "memory" in running_pods(cluster), "the pod runs")
        assert re.search(r"tmpfs +/var/lib/\S+empty-dir/scratch\n", mounts(cluster))
    finally:
        cluster.machine.run(["rm", MANIFEST])
    wait_until(lambda: "memory" not in running_pods(cluster), "the pod is gone")
    wait_until(lambda: "scratch" not in mounts(cluster), "its volume is unmounted")


def running_pods(cluster: Cluster) -> str:
    return " ".join(name for name in cluster.containers().values() if not name.startswith("k8s_POD_"))


def mounts(cluster: Cluster) -> str:
    """As the machine and its engine see them, one a line."""
    return cluster.machine.run(["findmnt", "--list", "--noheadings", "--output=FSTYPE,TARGET"]).stdout
