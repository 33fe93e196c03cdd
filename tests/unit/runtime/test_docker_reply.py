from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bootstrap.runtime.api import EngineError
from bootstrap.runtime.docker_reply import (
    LayerTally,
    container_of,
    event_of,
    image_of,
    info_of,
    listed_image_of,
    time_of,
)
from bootstrap.runtime.reference import registry_of, split_reference


def inspection(**state: Any) -> dict[str, Any]:
    return {
        "Id": "f" * 64,
        "Name": "/k8s_etcd_etcd-m_kube-system_u_0",
        "Image": "sha256:abc",
        "Created": "2026-01-01T00:00:00.123456789Z",
        "Config": {"Image": "etcd:1", "Labels": None},
        "State": {"Status": "running", "StartedAt": "2026-01-01T00:00:01Z", "Pid": 7, **state},
        "HostConfig": {"NetworkMode": "host"},
        "NetworkSettings": {"IPAddress": "", "Networks": {"host": {"IPAddress": ""}}},
    }


def test_an_inspection_becomes_a_container() -> None:
    container = container_of(inspection(FinishedAt="0001-01-01T00:00:00Z"))
    assert container.name == "k8s_etcd_etcd-m_kube-system_u_0"
    assert container.created == datetime(2026, 1, 1, 0, 0, 0, 123456, tzinfo=UTC)
    assert (container.finished, container.pid, container.ip, dict(container.labels)) == (None, 7, "", {})


def test_nothing_has_ended_before_it_started() -> None:
    end = "2026-01-01T00:00:00.9Z"
    ended = container_of(inspection(Status="exited", FinishedAt=end))
    assert (ended.started, ended.finished) == (time_of(end), time_of(end))
    again = container_of(inspection(Status="running", FinishedAt=end))  # the end of an earlier run
    assert again.started == time_of("2026-01-01T00:00:01Z")


def test_the_address_is_the_first_that_any_network_has() -> None:
    reply = inspection()
    reply["NetworkSettings"]["Networks"] = {"a": {"IPAddress": ""}, "b": {"IPAddress": "10.1.2.3"}}
    assert container_of(reply).ip == "10.1.2.3"


def test_a_state_that_docker_does_not_have_is_an_error() -> None:
    with pytest.raises(EngineError, match="levitating"):
        container_of(inspection(Status="levitating"))


def test_times_are_utc_and_never_is_none() -> None:
    assert time_of("2026-01-01T02:00:00.5+02:00") == datetime(2026, 1, 1, 0, 0, 0, 500000, tzinfo=UTC)
    assert time_of("0001-01-01T00:00:00Z") is None
    assert time_of("") is None


def test_an_images_command_is_entrypoint_and_arguments() -> None:
    image = image_of({"Id": "sha256:a", "Config": {"Entrypoint": ["a"], "Cmd": ["b"], "User": "65535"}})
    assert (image.command, image.user, image.tags) == (("a", "b"), "65535", ())


def test_an_untagged_image_has_no_tags() -> None:
    assert listed_image_of({"Id": "sha256:a", "RepoTags": ["<none>:<none>"]}).tags == ()


def test_an_event_keeps_its_verb_alone() -> None:
    event = event_of({"Action": "exec_create: ls -l", "Actor": {"ID": "x", "Attributes": {"a": "b"}}})
    assert (event.action, event.container_id, dict(event.labels)) == ("exec_create", "x", {"a": "b"})


def test_an_engine_that_does_not_tell_the_cgroup_version_has_the_first() -> None:
    info = info_of({"ServerVersion": "19.3", "CgroupDriver": "cgroupfs"})
    assert (info.cgroup_version, info.live_restore) == (1, False)
    assert info_of({"ServerVersion": "27", "CgroupVersion": "2"}).cgroup_version == 2


def test_a_pull_counts_each_layer_once_and_a_finished_one_whole() -> None:
    tally = LayerTally()
    for line in (
        {"status": "Pulling from etcd", "id": "1"},
        {"status": "Downloading", "id": "a", "progressDetail": {"current": 10, "total": 100}},
        {"status": "Downloading", "id": "b", "progressDetail": {"current": 5, "total": 50}},
        {"status": "Downloading", "id": "a", "progressDetail": {"current": 60, "total": 100}},
    ):
        progress = tally.add(line)
    assert (progress.done, progress.total) == (65, 150)
    progress = tally.add({"status": "Download complete", "id": "a", "progressDetail": {}})
    assert (progress.done, progress.total) == (105, 150)
    progress = tally.add({"status": "Extracting", "id": "a", "progressDetail": {"current": 1, "total": 100}})
    assert (progress.done, progress.total) == (105, 150)


@pytest.mark.parametrize(
    ("reference", "repository", "tag", "registry"),
    [
        ("registry.k8s.io/etcd:3.7.0-0", "registry.k8s.io/etcd", "3.7.0-0", "registry.k8s.io"),
        ("localhost:5000/etcd", "localhost:5000/etcd", "latest", "localhost:5000"),
        ("localhost/etcd:1", "localhost/etcd", "1", "localhost"),
        ("library/busybox:1", "library/busybox", "1", "docker.io"),
        ("busybox", "busybox", "latest", "docker.io"),
    ],
)
def test_a_reference_has_a_registry_a_repository_and_a_tag(
    reference: str, repository: str, tag: str, registry: str
) -> None:
    assert split_reference(reference) == (repository, tag)
    assert registry_of(reference) == registry
