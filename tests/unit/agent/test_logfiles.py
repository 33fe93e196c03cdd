"""Links to the containers' logs: where they lie, what they follow, what is never touched."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bootstrap.agent.logfiles import LogFiles, link_name
from bootstrap.agent.names import ATTEMPT, CONTAINER_NAME, POD_UID, Instance, instance_of
from bootstrap.runtime.api import Container

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Node:
    """A log directory, and an engine's directory with the logs of containers."""

    def __init__(self, directory: Path) -> None:
        self.root = directory / "log"
        self.engine = directory / "engine"
        self.engine.mkdir()
        self.logs = LogFiles(self.root)

    def container(self, identity: str, attempt: int = 0, *, name: str = "main", uid: str = "u1") -> Instance:
        """One whose log is there."""
        path = self.engine / f"{identity}-json.log"
        path.write_text(identity)
        labels = {POD_UID: uid, CONTAINER_NAME: name, ATTEMPT: str(attempt)}
        return instance_of(
            Container(identity, "k8s", "i", "sha256:1", labels, "running", NOW, log_path=str(path))
        )

    def keep(self, *instances: Instance) -> None:
        self.logs.keep("web-n1", "default", instances)

    def found(self) -> dict[str, str]:
        """Link, below the log directory -> what is read through it."""
        return {
            str(path.relative_to(self.root)): path.read_text() if path.exists() else "(dangling)"
            for path in sorted(self.root.rglob("*"))
            if path.is_symlink()
        }


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def test_each_container_has_two_links(node: Node) -> None:
    node.keep(node.container("aa"), node.container("bb", 3, name="side"))
    assert node.found() == {
        "containers/web-n1_default_main-aa.log": "aa",
        "containers/web-n1_default_side-bb.log": "bb",
        "pods/default_web-n1_u1/main/0.log": "aa",
        "pods/default_web-n1_u1/side/3.log": "bb",
    }
    assert os.readlink(node.root / "containers/web-n1_default_main-aa.log") == str(
        node.root / "pods/default_web-n1_u1/main/0.log"
    )


def test_links_go_with_their_container(node: Node) -> None:
    first, second = node.container("aa"), node.container("bb", 1)
    node.keep(first)
    node.keep(first, second)
    assert len(node.found()) == 4
    node.keep(second)
    assert sorted(node.found()) == [
        "containers/web-n1_default_main-bb.log",
        "pods/default_web-n1_u1/main/1.log",
    ]


def test_a_link_that_somebody_removed_or_bent_is_made_again(node: Node) -> None:
    first = node.container("aa")
    node.keep(first)
    link = node.root / "pods/default_web-n1_u1/main/0.log"
    link.unlink()
    node.keep(first)
    assert link.read_text() == "aa"
    link.unlink()
    link.symlink_to("/dev/null")
    node.keep(first)
    assert link.read_text() == "aa"


def test_a_pod_that_is_gone_leaves_nothing(node: Node) -> None:
    node.keep(node.container("aa"), node.container("bb", uid="u2"))
    node.logs.remove_pod("web-n1", "default", "u1")
    assert sorted(node.found()) == [
        "containers/web-n1_default_main-bb.log",
        "pods/default_web-n1_u2/main/0.log",
    ]
    assert not (node.root / "pods/default_web-n1_u1").exists()
    assert len(list(node.engine.iterdir())) == 2


def test_what_is_no_link_is_never_touched(node: Node) -> None:
    log = node.root / "pods/default_web-n1_u1/main/0.log"
    log.parent.mkdir(parents=True)
    log.write_text("a runtime's own")
    node.keep(node.container("aa"))
    node.logs.remove_pod("web-n1", "default", "u1")
    node.logs.sweep()
    assert log.read_text() == "a runtime's own"


def test_a_sandbox_and_a_container_that_never_started_have_no_links(node: Node) -> None:
    unstarted = Container(
        "aa", "k8s", "i", "sha256:1", {POD_UID: "u1", CONTAINER_NAME: "main"}, "created", NOW
    )
    node.keep(instance_of(unstarted), node.container("bb", name="POD"))
    assert node.found() == {}


def test_a_sweep_removes_what_leads_nowhere(node: Node) -> None:
    node.keep(node.container("aa"), node.container("bb", uid="u2"))
    (node.root / "containers/other.log").symlink_to("/nowhere")
    (node.engine / "aa-json.log").unlink()
    node.logs.sweep()
    assert sorted(node.found()) == [
        "containers/other.log",
        "containers/web-n1_default_main-bb.log",
        "pods/default_web-n1_u2/main/0.log",
    ]
    assert not (node.root / "pods/default_web-n1_u1").exists()


def test_a_directory_that_cannot_be_written_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "log").write_text("in the way")
    node = Node(tmp_path)
    first = node.container("aa")
    node.keep(first)
    node.keep(first)
    assert len(caplog.messages) == 1


def test_without_a_directory_there_are_no_links(tmp_path: Path) -> None:
    node = Node(tmp_path)
    node.logs = LogFiles(None)
    node.keep(node.container("aa"))
    node.logs.remove_pod("web-n1", "default", "u1")
    node.logs.sweep()
    assert not node.root.exists()


def test_a_long_name_is_cut_to_what_a_file_system_takes(node: Node) -> None:
    name = link_name("p" * 200, "n" * 60, node.container("aa"))
    assert (len(name), name[-4:]) == (255, ".log")
