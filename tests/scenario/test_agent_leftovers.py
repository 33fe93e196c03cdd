"""What pods leave on disk, and that it goes with them, also when they went while no agent ran."""

from __future__ import annotations

from pathlib import Path

import pytest

from bootstrap.agent.plan import Rest
from bootstrap.host.system import Room
from tests.fakes.agent import IMAGE, AgentHarness, document


@pytest.fixture
def harness(tmp_path: Path) -> AgentHarness:
    return AgentHarness(tmp_path)


def with_volume(name: str) -> dict[str, object]:
    main = {"name": "main", "image": IMAGE, "volumeMounts": [{"name": "v", "mountPath": "/v"}]}
    return document(name, containers=[main], volumes=[{"name": "v", "emptyDir": {}}])


def pods_on_disk(harness: AgentHarness) -> list[str]:
    return sorted(path.name for path in (harness.root / "pods").iterdir())


def leave(harness: AgentHarness, uid: str) -> Path:
    """A directory as a pod leaves it that went while no agent ran."""
    volume = harness.root / "pods" / uid / "volumes" / "kubernetes.io~empty-dir" / "v"
    volume.mkdir(parents=True)
    (volume / "data").write_text("x")
    return volume


def test_a_new_agent_removes_what_a_pod_left_that_nobody_knows(harness: AgentHarness) -> None:
    harness.write("web.yaml", with_volume("web"))
    harness.settle()
    uid = harness.pod().uid
    leave(harness, "gone")
    harness.restart_agent()
    harness.settle()
    assert pods_on_disk(harness) == [uid]


def test_it_keeps_what_belongs_to_a_container_without_a_manifest_until_that_is_gone(
    harness: AgentHarness,
) -> None:
    path = harness.write("web.yaml", with_volume("web"))
    harness.settle()
    path.write_text("{")
    leave(harness, "gone")
    harness.restart_agent()
    harness.settle()
    assert len(pods_on_disk(harness)) == 2  # the bad manifest may be that of the other one, too
    path.unlink()
    harness.settle()
    harness.settle()
    assert pods_on_disk(harness) == []


def test_a_changed_pod_does_not_wait_until_what_the_old_one_left_is_removed(harness: AgentHarness) -> None:
    harness.write("web.yaml", with_volume("web"))
    harness.settle()
    old = harness.pod().uid
    harness.write("web.yaml", {**with_volume("web"), "metadata": {"name": "web", "labels": {"edit": "1"}}})
    harness.agent.sync()
    (worker,) = harness.agent.workers.values()
    while not isinstance(worker.step(), Rest):
        last = pods_on_disk(harness)
    assert old in last
    new = harness.pod().uid
    assert new != old
    assert pods_on_disk(harness) == [new]


def test_each_look_at_all_containers_ends_with_giving_memory_back(harness: AgentHarness) -> None:
    harness.agent.turn()
    assert harness.given_back == 1


def test_nothing_is_swept_before_the_manifests_were_listed(harness: AgentHarness) -> None:
    leave(harness, "gone")
    aside = harness.manifests.rename(harness.manifests.with_name("aside"))
    harness.restart_agent()
    harness.settle()
    assert pods_on_disk(harness) == ["gone"]
    aside.rename(harness.manifests)
    harness.settle()
    assert pods_on_disk(harness) == []


def test_an_image_that_was_pulled_goes_when_its_disk_is_full_and_nothing_names_it(
    harness: AgentHarness,
) -> None:
    harness.room = Room(0, disk=100, disk_available=10, inodes=1, inodes_free=1, pids=1, pids_free=1)
    for name in ("old", "new"):
        harness.engine.publish(f"{name}:1")
        harness.write("web.yaml", document("web", containers=[{"name": "main", "image": f"{name}:1"}]))
        harness.settle()
        harness.settle()
    harness.restart_agent()
    harness.settle()
    harness.advance(130)
    harness.agent.collector.turn()
    tags = sorted(tag for image in harness.engine.local_images.values() for tag in image.tags)
    assert tags == [IMAGE, "new:1", "pause:1"]


def test_links_to_logs_follow_the_containers(harness: AgentHarness) -> None:
    path = harness.write("web.yaml", document("web"))
    harness.settle()
    pods, containers = harness.logs / "pods", harness.logs / "containers"
    directory = pods / f"default_web-n1_{harness.pod().uid}" / "main"
    assert [link.name for link in directory.iterdir()] == ["0.log"]
    for _ in range(3):
        harness.engine.exit("main", 1)
        harness.advance(45)
    assert sorted(link.name for link in directory.iterdir()) == ["2.log", "3.log"]
    assert len(list(containers.iterdir())) == 2
    path.unlink()
    harness.settle()
    harness.settle()
    assert (list(pods.iterdir()), list(containers.iterdir())) == ([], [])
