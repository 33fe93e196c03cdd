"""An engine that logs to the journal, where nothing is rotated by size and no file is to be linked to."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.e2e.control_plane import wait_until
from tests.systemd.cluster import Cluster

SETTINGS = "/etc/docker/daemon.json"
MANIFEST = "/etc/kubernetes/manifests/words.yaml"


@pytest.fixture
def journal(cluster: Cluster) -> Iterator[Cluster]:
    """From here on new containers log there; those of the control plane run on all the while."""
    machine = cluster.machine
    before = machine.run(["cat", SETTINGS], check=False)
    usual = json.loads(before.stdout) if before.returncode == 0 else {}
    containers = cluster.containers()

    def set_up(reach: str, **changes: object) -> None:
        machine.run(["tee", SETTINGS], stdin=json.dumps({**usual, **changes}))
        machine.run(["systemctl", reach, "docker.service"])

    set_up("reload", **{"live-restore": True})
    set_up("restart", **{"live-restore": True, "log-driver": "journald"})
    try:
        wait_until(cluster.is_whole, "the agent knows every container")
        assert cluster.containers() == containers
        yield cluster
    finally:
        machine.run(["rm", "--force", MANIFEST])
        wait_until(lambda: cluster.containers() == containers, "only the control plane is left")
        # An engine that starts without live-restore would end what runs.
        set_up("restart", **{"live-restore": True})
        wait_until(cluster.is_whole, "the agent knows every container")
        set_up("reload", **{"live-restore": False})
        machine.run(["tee", SETTINGS], stdin=before.stdout)
        if before.returncode != 0:
            machine.run(["rm", SETTINGS])
        assert cluster.containers() == containers


def test_a_pod_runs_and_its_words_are_in_the_journal(journal: Cluster) -> None:
    machine = journal.machine
    (etcd,) = (each for each, name in journal.containers().items() if name.startswith("k8s_etcd_"))
    image = machine.docker("inspect", "--format={{.Config.Image}}", etcd).strip()
    container = {"name": "words", "image": image, "command": ["etcd", "--version"]}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "words"},
        "spec": {"restartPolicy": "Never", "hostNetwork": True, "containers": [container]},
    }
    machine.run(["tee", MANIFEST], stdin=json.dumps(pod))

    def written() -> str:
        name = machine.docker("ps", "--all", "--format={{.Names}}", "--filter=name=k8s_words_words").strip()
        return machine.run(["journalctl", "--no-pager", "--output=cat", f"CONTAINER_NAME={name}"]).stdout

    wait_until(lambda: "etcd Version" in written(), "its words are in the journal")
    wait_until(lambda: "etcd Version" in machine.kubectl("logs", f"words-{machine.name}"), "kubectl has them")
    assert machine.run(["find", "/var/log/pods", "-name", "*.log", "-path", "*_words-*"]).stdout == ""
