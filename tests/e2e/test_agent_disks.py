"""Disks that are full or read-only: one pod waits and says why, the others run, and it goes on by itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.agent_node import MANIFESTS, AgentNode
from tests.e2e.control_plane import wait_until
from tests.lab import Disk, LabNode

STATE = "/var/lib/bootstrap"
LOGS = "/var/log/pods"
SIZE = 512 * 1024


@pytest.fixture(scope="module")
def node() -> Iterator[AgentNode]:
    disks = (Disk(STATE, SIZE), Disk("/srv/small", SIZE), Disk(LOGS, SIZE))
    with LabNode("disks", disks=disks) as made:
        agent_node = AgentNode(made)
        agent_node.start_agent()
        yield agent_node
        agent_node.close()


def fill(directory: Path) -> Path:
    """A file that takes all the room there is."""
    path = directory / "filler"
    with path.open("wb", buffering=0) as stream:
        try:
            while stream.write(b"\0" * 4096):
                pass
        except OSError:
            pass
    return path


def status_of(node: AgentNode, pod: str) -> dict[str, Any]:
    found = [each for each in node.status()["pods"] if each["name"].startswith(pod)]
    return dict(found[0]["containers"][0]) if found else {"reason": "", "message": ""}


def test_a_full_disk_of_the_agent_is_said_and_waited_for(node: AgentNode) -> None:
    node.write("early")
    early = node.wait_running(("early",))
    filler = fill(node.node.path(STATE))
    node.write("late")
    wait_until(lambda: status_of(node, "late")["reason"] == "FailedMount", "the agent says why")
    assert "No space left" in status_of(node, "late")["message"]
    # What runs needs no room, and neither does its restart when its files are there.
    assert node.running()["early", "main"].id == early["early", "main"].id
    filler.unlink()
    node.wait_running(("early", "late"), 30)
    node.clear()


def test_a_full_disk_for_links_to_logs_is_said_and_keeps_nothing_from_running(node: AgentNode) -> None:
    directory = node.node.path(LOGS)
    wait_until(lambda: not any(directory.iterdir()), "no link is left")
    # A link needs no room on a tmpfs, but a place among its files.
    node.node.run(["mount", "-o", "remount,nr_inodes=1", LOGS])
    node.write("web")
    node.wait_running(("web",))
    wait_until(lambda: "links to container logs" in node.log.read_text(), "the agent says it")
    node.node.run(["mount", "-o", "remount,nr_inodes=1000", LOGS])
    node.kill(node.running()["web", "main"])
    # Seen from outside, where it leads is not there.
    wait_until(
        lambda: "1.log" in {link.name for link in directory.glob("*/main/*")}, "the next one has its link"
    )
    node.clear()
    assert node.log.read_text().count("links to container logs") == 1


def test_a_full_empty_dir_is_the_pods_own_affair(node: AgentNode) -> None:
    volume = {"name": "v", "emptyDir": {"medium": "Memory", "sizeLimit": "64Ki"}}
    node.write("full", volumes=[volume], containers=[mounting(node, "v", "/v")])
    running = node.wait_running(("full",))
    fill(Path(f"{node.node.root}/proc/{running['full', 'main'].pid}/root/v"))
    node.kill(running["full", "main"])
    old = running["full", "main"].id
    wait_until(lambda: any(each.id != old for each in mains(node)), "it runs again on its full volume")
    node.clear()
    pods = node.node.path(f"{STATE}/pods")
    wait_until(lambda: not any(pods.iterdir()), "its volume is gone")


def mounting(node: AgentNode, volume: str, path: str) -> dict[str, Any]:
    main: dict[str, Any] = node.manifest("any")["spec"]["containers"][0]
    return {**main, "volumeMounts": [{"name": volume, "mountPath": path}]}


def mains(node: AgentNode) -> list[Any]:
    return [each for (_, name), each in node.running().items() if name == "main"]


def test_a_read_only_directory_is_said_and_waited_for(node: AgentNode) -> None:
    node.node.run(["mount", "-o", "remount,ro", "/srv/small"])
    source = {"path": "/srv/small/made", "type": "DirectoryOrCreate"}
    volumes = [{"name": "v", "hostPath": source}]
    node.write("needs", volumes=volumes, containers=[mounting(node, "v", "/v")])
    node.write("other")
    wait_until(lambda: status_of(node, "needs")["reason"] == "FailedMount", "the agent says why")
    assert "Read-only file system" in status_of(node, "needs")["message"]
    wait_until(lambda: ("other", "main") in node.running(), "the other pod runs")
    node.node.run(["mount", "-o", "remount,rw", "/srv/small"])
    node.wait_running(("needs", "other"), 30)
    node.clear()


def test_a_manifest_directory_that_cannot_be_written_is_read_all_the_same(node: AgentNode) -> None:
    node.write("web")
    before = node.wait_running(("web",))
    node.node.run(["mount", "--bind", MANIFESTS, MANIFESTS])
    node.node.run(["mount", "-o", "remount,bind,ro", MANIFESTS])
    try:
        node.kill(before["web", "main"])
        old = before["web", "main"].id
        wait_until(lambda: any(each.id != old for each in mains(node)), "it runs again")
    finally:
        node.node.run(["umount", MANIFESTS])
    node.clear()
