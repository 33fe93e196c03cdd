"""Making room on the engine's disk: which images go, and which never."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bootstrap.agent.connections import Connections
from bootstrap.agent.imagecollector import ImageCollector, Thresholds, percent_used
from bootstrap.agent.pulledimages import FILE_NAME, PulledImages
from bootstrap.host.system import Room
from bootstrap.runtime.api import ContainerSpec
from tests.fakes.clock import FakeClock
from tests.fakes.runtime import FakeEngine, FakeRuntime

FIXED = 60
"""Percent of the disk that is in use without images; each of these takes ten."""


class Node:
    """An engine whose disk fills with images ``a:1``, ``b:1``, ..., pulled in this order by the agent."""

    def __init__(self, directory: Path, images: str = "abc") -> None:
        self.clock = FakeClock()
        self.engine = FakeEngine(self.clock)
        self.pulled = PulledImages(directory, self.clock)
        self.protected: set[str] | None = set()
        for name in images:
            self.pull(f"{name}:1")
        self.clock.advance(600)

    def pull(self, reference: str) -> None:
        self.engine.add_image(reference)
        self.pulled.pulled(reference)
        self.clock.advance(1)

    def room(self, _root: Path) -> Room:
        free = 100 - FIXED - 10 * len(self.engine.local_images)
        return Room(0, disk=100, disk_available=free, inodes=1, inodes_free=1, pids=1, pids_free=1)

    def collect(self, thresholds: Thresholds = Thresholds()) -> list[str]:  # noqa: B008
        """The images that are left."""
        connections = Connections(lambda: FakeRuntime(self.engine))
        collector = ImageCollector(
            connections, self.clock, self.pulled, lambda: self.protected, self.room, thresholds
        )
        assert collector.turn() == 300
        return sorted(tag for image in self.engine.local_images.values() for tag in image.tags)


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def test_what_was_needed_longest_ago_goes_until_there_is_room(node: Node) -> None:
    node.pulled.needed("a:1")
    assert node.collect() == ["a:1", "c:1"]
    assert sorted(node.pulled.all()) == ["a:1", "c:1"]


def test_below_the_threshold_nothing_goes(tmp_path: Path) -> None:
    assert Node(tmp_path, "ab").collect() == ["a:1", "b:1"]
    assert Node(tmp_path, "abc").collect(Thresholds(95, 80)) == ["a:1", "b:1", "c:1"]
    assert Node(tmp_path, "abc").collect(Thresholds(100, 0)) == ["a:1", "b:1", "c:1"]


def test_an_image_that_came_another_way_is_never_removed(tmp_path: Path) -> None:
    node = Node(tmp_path, "")
    for name in "abcd":
        node.engine.add_image(f"{name}:1")
    assert node.collect(Thresholds(85, 0)) == ["a:1", "b:1", "c:1", "d:1"]


def test_a_running_and_a_dead_container_keep_their_images(node: Node) -> None:
    runtime = FakeRuntime(node.engine)
    for name in "ab":
        runtime.start(runtime.create(ContainerSpec(name=name, image=f"{name}:1")))
    runtime.stop("a", 1)
    assert node.collect(Thresholds(85, 0)) == ["a:1", "b:1"]


def test_what_a_manifest_names_stays(node: Node) -> None:
    node.protected = {"a:1", "b:1", "not-here:1"}
    assert node.collect(Thresholds(85, 0)) == ["a:1", "b:1"]


def test_nothing_goes_before_the_manifests_are_known(node: Node) -> None:
    node.protected = None
    assert node.collect(Thresholds(85, 0)) == ["a:1", "b:1", "c:1"]


def test_a_new_image_is_given_two_minutes(node: Node) -> None:
    node.pull("d:1")
    assert node.collect(Thresholds(85, 0)) == ["d:1"]
    node.pull("e:1")
    node.pull("f:1")
    node.clock.advance(timedelta(minutes=2).total_seconds())
    assert node.collect(Thresholds(85, 0)) == []


def test_an_image_that_somebody_gave_another_name_stays(node: Node) -> None:
    FakeRuntime(node.engine).tag("a:1", "mine:1")
    assert node.collect(Thresholds(85, 0)) == ["a:1", "mine:1"]


def test_an_image_that_is_gone_is_forgotten(node: Node) -> None:
    FakeRuntime(node.engine).remove_image("c:1")
    node.pull("d:1")
    node.collect()
    assert "c:1" not in node.pulled.all()


def test_an_engine_that_does_not_answer_is_asked_again(node: Node) -> None:
    node.engine.answering = False
    node.collect()
    node.engine.answering = True
    assert node.collect(Thresholds(85, 0)) == []


def test_the_record_outlives_the_agent(tmp_path: Path) -> None:
    clock = FakeClock()
    first = PulledImages(tmp_path, clock)
    first.pulled("a:1")
    first.needed("loaded:1")
    assert PulledImages(tmp_path, clock).all() == {"a:1": clock.now()}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a:1": 3}', '{"a:1": "yesterday"}'])
def test_a_damaged_record_is_an_empty_one(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE_NAME).write_text(text)
    assert PulledImages(tmp_path, FakeClock()).all() == {}


def test_a_record_that_cannot_be_written_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    images = PulledImages(tmp_path / "file", FakeClock())
    images.pulled("a:1")
    assert list(images.all().values()) == [datetime.fromisoformat("2026-01-01T00:00:00+00:00")]


def test_what_may_not_be_written_counts_as_used() -> None:
    assert percent_used(Room(0, 1000, 150, 1, 1, 1, 1)) == 85
    assert percent_used(Room(0, 0, 0, 1, 1, 1, 1)) == 0
