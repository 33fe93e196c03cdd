"""A directory that is edited in every way there is, fast; then quiet: what runs is what it says."""

from __future__ import annotations

import itertools
import json
import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bootstrap.agent.filesource import is_backup
from bootstrap.agent.names import SANDBOX
from tests.e2e.agent_node import EDIT, AgentNode
from tests.e2e.control_plane import wait_until
from tests.e2e.soak import either, keep
from tests.lab import LabNode

EDITS = either(150, 1000)
WITHIN_SECONDS = either(9, 60)
FILES = tuple(f"pod{number:02}.json" for number in range(20))
OVERFLOW_TOUCHES = 20_000
"""More than the 16384 events that the kernel keeps for a watch nobody reads."""

RELIST = "--file-check-frequency=5s"
"""Instead of 20 s: edits of a link's target are seen only then, and the test waits for it."""


@pytest.fixture
def node() -> Iterator[AgentNode]:
    with LabNode("edits") as made:
        agent_node = AgentNode(made, RELIST)
        agent_node.start_agent()
        yield agent_node
        agent_node.close()


class Editor:
    """Edits ``directory`` at random; every content it writes whole is another version of a pod."""

    def __init__(self, node: AgentNode, seed: int) -> None:
        self.directory = node.manifests
        self.chance = random.Random(seed)
        self._node = node
        self._numbers = itertools.count()
        self._targets = self.directory.parent / "targets"
        self._targets.mkdir()
        self._ways: tuple[Callable[[Path], None], ...] = (
            self._create,
            self._rename_over,
            self._truncate_and_write,
            self._write_half,
            self._remove,
            self._chmod,
            self._touch,
            self._link,
            self._swap,
            self._leave_a_backup,
            self._replace_directory,
        )

    def edit(self) -> None:
        way = self.chance.choice(self._ways)
        if way == self._replace_directory and self.chance.random() < 0.8:
            way = self._create
        way(self.directory / self.chance.choice(FILES))

    def _content(self, path: Path) -> str:
        manifest = self._node.manifest(path.stem, edit=str(next(self._numbers)))
        manifest["spec"]["terminationGracePeriodSeconds"] = 1
        return json.dumps(manifest)

    def _create(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        path.write_text(self._content(path))

    def _rename_over(self, path: Path) -> None:
        partial = path.with_name(f".{path.name}.partial")
        partial.write_text(self._content(path))
        partial.rename(path)

    def _truncate_and_write(self, path: Path) -> None:
        content = self._content(path)
        with path.open("w") as stream:
            for part in (content[:40], content[40:]):
                stream.write(part)
                stream.flush()
                time.sleep(self.chance.uniform(0, 0.01))

    def _write_half(self, path: Path) -> None:
        path.write_text(self._content(path)[:60])

    def _remove(self, path: Path) -> None:
        path.unlink(missing_ok=True)

    def _chmod(self, path: Path) -> None:
        if path.exists():
            path.chmod(self.chance.choice((0o000, 0o600, 0o644)))

    def _touch(self, path: Path) -> None:
        if path.exists():
            os.utime(path)

    def _link(self, path: Path) -> None:
        """Another target, put in place by a rename."""
        target = self._targets / f"{path.stem}-{next(self._numbers)}"
        target.write_text(self._content(path))
        link = path.with_name(f".{path.name}.link")
        link.symlink_to(Path("..") / "targets" / target.name)
        link.rename(path)

    def _swap(self, path: Path) -> None:
        """Two files change places."""
        other = self.directory / self.chance.choice(FILES)
        if path.exists() and other.exists() and path != other:
            between = path.with_name(".between")
            path.rename(between)
            other.rename(path)
            between.rename(other)

    def _leave_a_backup(self, path: Path) -> None:
        if path.exists():
            shutil.copyfile(path, path.with_name(f"{path.name}.bak"))

    def _replace_directory(self, _path: Path) -> None:
        """A copy takes the directory's place; for a moment there is none."""
        copy = self.directory.with_name("manifests.new")
        shutil.copytree(self.directory, copy, symlinks=True)
        gone = self.directory.with_name("manifests.old")
        self.directory.rename(gone)
        copy.rename(self.directory)
        shutil.rmtree(gone)


def wanted(directory: Path) -> tuple[dict[str, str], set[str]]:
    """Pod -> version, and the pods of files that cannot be read, whose last good version may run."""
    pods: dict[str, str] = {}
    broken = set()
    for path in sorted(directory.iterdir()):
        if path.name.startswith(".") or is_backup(path.name):
            continue
        try:
            meta = json.loads(path.read_text())["metadata"]
        except ValueError:
            broken.add(path.name)
            continue
        pods.setdefault(meta["name"], meta["labels"][EDIT])
    return pods, broken


def run_as_said(node: AgentNode) -> bool:
    pods, broken = wanted(node.manifests)
    running = node.running()
    versions = {pod: node.edit_of(each) for (pod, name), each in running.items() if name == SANDBOX}
    if {pod for pod, _ in running} != {pod for pod, name in running if name == "main"}:
        return False
    surplus = versions.keys() - pods.keys()
    return versions.items() >= pods.items() and len(surplus) <= len(broken)


def test_after_many_edits_in_every_way_what_runs_is_what_the_directory_says(node: AgentNode) -> None:
    editor = Editor(node, seed=3)
    begun = time.monotonic()
    for number in range(EDITS):
        editor.edit()
        time.sleep(max(0.0, begun + WITHIN_SECONDS * number / EDITS - time.monotonic()))
    took = time.monotonic() - begun
    seconds = wait_until(lambda: run_as_said(node), "what runs is what the directory says", 120)
    keep("edits", edits=EDITS, within_s=round(took, 1), quiet_after_s=round(seconds, 1))


def test_more_changes_than_the_kernel_tells_of_are_seen_all_the_same(node: AgentNode) -> None:
    for pod in ("web", "db"):
        node.write(pod)
    node.wait_running(("web", "db"))
    assert node.agent is not None
    node.agent.send(signal.SIGSTOP)
    files = [node.manifests / "web.json", node.manifests / "db.json"]
    # Two in turn: the kernel tells of the same change of the same file only once.
    for path in itertools.islice(itertools.cycle(files), OVERFLOW_TOUCHES):
        os.utime(path)
    node.write("web", edit="after-the-overflow")
    node.take_away("db")
    node.agent.send(signal.SIGCONT)
    node.wait_running(("web",))
    wait_until(lambda: run_as_said(node), "what runs is what the directory says", 30)
