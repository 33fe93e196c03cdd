"""What every ``ContainerRuntime`` does, asked of the fake and of a real Docker Engine alike."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bootstrap.runtime.api import (
    ContainerEvent,
    EngineError,
    ExecRequest,
    LogQuery,
    LogStream,
    Mount,
    NameConflictError,
    NoSuchContainerError,
    NoSuchImageError,
    PortBinding,
    PullFailedError,
    Session,
)
from tests.contract.conftest import Subject, wait_until
from tests.fixtures.probe_image import PROGRAM

UNKNOWN = "f" * 64


def test_an_engine_tells_its_version_and_cgroup_driver(subject: Subject) -> None:
    info = subject.runtime.info()
    assert info.version
    assert info.cgroup_driver in ("cgroupfs", "systemd")
    assert info.cgroup_version in (1, 2)


def test_a_created_container_has_not_started(subject: Subject) -> None:
    spec = subject.spec("forever", labels={"a": "1"})
    container = subject.runtime.inspect(subject.runtime.create(spec))
    assert (container.status, container.is_running) == ("created", False)
    assert (container.started, container.finished, container.pid) == (None, None, 0)
    assert (container.name, container.image) == (spec.name, subject.image)
    assert dict(container.labels) == spec.labels
    assert (container.log_path, container.resolv_conf_path) == ("", "")


def test_a_started_container_has_a_process_and_a_start_time(subject: Subject) -> None:
    container = subject.runtime.inspect(subject.run("forever"))
    assert container.is_running
    assert container.pid > 0
    assert container.ip
    assert container.log_path.endswith(f"{container.id}-json.log")
    assert container.resolv_conf_path.endswith("resolv.conf")
    assert container.network_namespace.startswith("/var/run/docker/netns/")
    assert container.finished is None
    assert container.started is not None
    assert timedelta(0) <= container.started - container.created < timedelta(minutes=1)
    assert container.started.tzinfo is not None


def test_starting_a_running_container_changes_nothing(subject: Subject) -> None:
    container_id = subject.run("forever")
    before = subject.runtime.inspect(container_id)
    subject.runtime.start(container_id)
    assert subject.runtime.inspect(container_id) == before


def test_an_ended_program_leaves_its_exit_code_and_time(subject: Subject) -> None:
    container = subject.wait_until_exited(subject.run("exit:3"))
    assert container.exit_code == 3
    assert container.finished is not None
    assert container.pid == 0
    assert not container.oom_killed


def test_an_ended_container_can_be_started_again(subject: Subject) -> None:
    container_id = subject.run("print:once", "exit:0")
    subject.wait_until_exited(container_id)
    subject.runtime.start(container_id)
    subject.wait_until_exited(container_id)
    assert subject.runtime.logs(container_id) == b"once\nonce\n"


def test_a_name_is_taken_until_its_container_is_removed(subject: Subject) -> None:
    spec = subject.spec("forever")
    holder = subject.runtime.create(spec)
    with pytest.raises(NameConflictError) as caught:
        subject.runtime.create(spec)
    assert caught.value.holder == holder
    subject.runtime.remove(holder)
    assert subject.runtime.create(spec) != holder


def test_a_container_of_an_absent_image_cannot_be_created(subject: Subject) -> None:
    spec = replace(subject.spec("forever"), image="podstrap.test/nowhere:1")
    with pytest.raises(NoSuchImageError):
        subject.runtime.create(spec)


def test_a_mount_needs_its_source(subject: Subject, there: Path) -> None:
    subject.runtime.create(subject.spec("forever", mounts=(Mount(str(there), "/there", read_only=True),)))
    missing = Mount(str(there.with_name("missing")), "/missing")
    with pytest.raises(EngineError, match="does not exist"):
        subject.runtime.create(subject.spec("forever", mounts=(missing,)))


def test_an_absent_container_is_told_apart(subject: Subject) -> None:
    for ask in (subject.runtime.inspect, subject.runtime.start, subject.runtime.logs):
        with pytest.raises(NoSuchContainerError):
            ask(UNKNOWN)
    with pytest.raises(NoSuchContainerError):
        subject.runtime.execute(UNKNOWN, (PROGRAM,), 5)


def test_a_program_that_is_not_in_the_image_does_not_start(subject: Subject) -> None:
    container_id = subject.runtime.create(subject.spec(entrypoint=("/nowhere",)))
    with pytest.raises(EngineError, match="no such file"):
        subject.runtime.start(container_id)
    container = subject.runtime.inspect(container_id)
    assert not container.is_running
    assert container.exit_code != 0
    assert container.error


def test_a_host_port_is_given_once(subject: Subject) -> None:
    port = (PortBinding(8080, 18979, host_ip="127.0.0.1"),)
    subject.run("forever", ports=port)
    second = subject.runtime.create(subject.spec("forever", ports=port))
    with pytest.raises(EngineError, match="already allocated"):
        subject.runtime.start(second)


def test_a_container_joins_the_network_of_a_running_one_only(subject: Subject) -> None:
    sandbox = subject.run("forever")
    member = subject.runtime.create(subject.spec("forever", network_mode=f"container:{sandbox}"))
    subject.runtime.start(member)
    assert subject.runtime.inspect(member).network_mode == f"container:{sandbox}"
    assert subject.runtime.inspect(member).ip == ""
    subject.runtime.stop(member, 5)
    subject.runtime.stop(sandbox, 5)
    with pytest.raises(EngineError, match="non running container"):
        subject.runtime.start(member)


def test_a_stop_signal_ends_the_program_its_own_way(subject: Subject) -> None:
    container_id = subject.run("print:listening", "forever")
    wait_until(lambda: b"listening" in subject.runtime.logs(container_id))
    subject.runtime.stop(container_id, 20)
    assert subject.runtime.inspect(container_id).exit_code == 0
    assert subject.runtime.inspect(container_id).status == "exited"


def test_a_program_that_ignores_the_stop_signal_is_killed(subject: Subject) -> None:
    container_id = subject.run("stubborn", "print:deaf", "sleep:60s", "forever")
    while b"deaf" not in subject.runtime.logs(container_id):
        pass
    subject.runtime.stop(container_id, 1)
    assert subject.runtime.inspect(container_id).exit_code == 137


def test_stopping_and_removing_what_is_not_there_is_nothing(subject: Subject) -> None:
    container_id = subject.run("exit:0")
    subject.wait_until_exited(container_id)
    subject.runtime.stop(container_id, 1)
    subject.runtime.remove(container_id)
    subject.runtime.remove(container_id)
    subject.runtime.stop(container_id, 1)
    with pytest.raises(NoSuchContainerError):
        subject.runtime.inspect(container_id)


def test_a_running_container_can_be_removed(subject: Subject) -> None:
    container_id = subject.run("forever")
    subject.runtime.remove(container_id)
    assert subject.runtime.list(subject.labels) == ()


def test_a_listing_is_by_labels_newest_first(subject: Subject) -> None:
    first = subject.run("forever", labels={"pod": "a", "kind": "x"})
    second = subject.runtime.create(subject.spec("forever", labels={"pod": "a", "kind": "y"}))
    subject.run("forever", labels={"pod": "b"})

    def ids(labels: dict[str, str], *, running_only: bool = False) -> list[str]:
        listed = subject.runtime.list({**subject.labels, **labels}, running_only=running_only)
        return [container.id for container in listed]

    assert ids({"pod": "a"}) == [second, first]
    assert ids({"kind": ""}) == [second, first]
    assert ids({"pod": "a", "kind": "x"}) == [first]
    assert ids({"pod": "a"}, running_only=True) == [first]
    assert ids({"pod": "c"}) == []


def test_a_listing_says_what_an_inspection_says(subject: Subject) -> None:
    container_id = subject.run("exit:4")
    container = subject.wait_until_exited(container_id)
    assert subject.runtime.list(subject.labels) == (container,)


def test_logs_are_both_streams_or_their_end(subject: Subject) -> None:
    container_id = subject.run("print:one", "fail:two", "print:three")
    subject.wait_until_exited(container_id)
    assert sorted(subject.runtime.logs(container_id).splitlines()) == [b"one", b"three", b"two"]
    assert len(subject.runtime.logs(container_id, tail=1).splitlines()) == 1
    assert subject.runtime.logs(container_id, tail=0) == b""


def test_the_environment_reaches_the_program(subject: Subject) -> None:
    container_id = subject.run("env:COLOUR", environment=("COLOUR=red and $BLUE",))
    subject.wait_until_exited(container_id)
    assert subject.runtime.logs(container_id) == b"red and $BLUE\n"


def test_a_program_executed_inside_gives_its_code_and_output(subject: Subject) -> None:
    container_id = subject.run("forever")
    result = subject.runtime.execute(container_id, (PROGRAM, "print:inside", "exit:7"), 20)
    assert (result.exit_code, result.output) == (7, b"inside\n")


def test_a_program_that_is_not_there_fails_when_executed(subject: Subject) -> None:
    result = subject.runtime.execute(subject.run("forever"), ("/nowhere",), 20)
    assert result.exit_code in (126, 127)
    assert b"no such file" in result.output


def test_a_long_execution_runs_out_of_time(subject: Subject) -> None:
    with pytest.raises(TimeoutError):
        subject.runtime.execute(subject.run("forever"), (PROGRAM, "forever"), 0.3)


def test_output_of_an_execution_is_cut(subject: Subject) -> None:
    steps = ["print:" + "x" * 1000] * 20
    result = subject.runtime.execute(subject.run("forever"), (PROGRAM, *steps, "exit:2"), 20)
    assert (len(result.output), result.exit_code) == (10 * 1024, 2)


def test_nothing_is_executed_in_a_container_that_does_not_run(subject: Subject) -> None:
    with pytest.raises(EngineError, match="is not running"):
        subject.runtime.execute(subject.runtime.create(subject.spec("forever")), (PROGRAM,), 5)


def test_events_tell_the_life_of_a_container(subject: Subject) -> None:
    watcher = subject.connect()
    events = watcher.events()
    container_id = subject.run("forever", labels={"pod": "a"})
    subject.runtime.stop(container_id, 5)
    subject.runtime.remove(container_id)
    seen: list[ContainerEvent] = []
    while not seen or seen[-1].action != "destroy":
        event = next(events)
        if event.container_id == container_id:
            seen.append(event)
    watcher.close()
    assert [event.action for event in seen] == ["create", "start", "die", "stop", "destroy"]
    assert all(event.labels["pod"] == "a" for event in seen)


def test_closing_a_connection_ends_its_events(subject: Subject) -> None:
    watcher = subject.connect()
    events = watcher.events()
    thread = threading.Thread(target=lambda: list(events))
    thread.start()
    watcher.close()
    thread.join(20)
    assert not thread.is_alive()


def test_an_image_is_found_by_tag_and_id(subject: Subject) -> None:
    image = subject.runtime.image(subject.image)
    assert image is not None
    assert subject.image in image.tags
    assert image.command == (PROGRAM,)
    assert subject.runtime.image(image.id) == image
    assert subject.runtime.image("podstrap.test/nowhere:1") is None
    assert subject.image in [tag for each in subject.runtime.images() for tag in each.tags]


def test_a_tag_is_one_more_name(subject: Subject) -> None:
    subject.runtime.tag(subject.image, "podstrap.test/other:2")
    other = subject.runtime.image("podstrap.test/other:2")
    subject.runtime.remove_image("podstrap.test/other:2")
    subject.runtime.remove_image("podstrap.test/other:2")
    original = subject.runtime.image(subject.image)
    assert other is not None
    assert original is not None
    assert other.id == original.id
    assert subject.runtime.image("podstrap.test/other:2") is None
    with pytest.raises(NoSuchImageError):
        subject.runtime.tag("podstrap.test/nowhere:1", "podstrap.test/other:2")


def test_an_image_is_pulled_once_its_registry_has_it(subject: Subject) -> None:
    with subject.registry() as registry:
        reference = registry.reference("pulled")
        with pytest.raises(PullFailedError) as caught:
            list(subject.runtime.pull(reference))
        assert caught.value.message.startswith(f"{reference} cannot be pulled: ")
        assert subject.runtime.image(reference) is None
        registry.publish("pulled")
        progress = list(subject.runtime.pull(reference))
        image = subject.runtime.image(reference)
        assert image is not None
        assert reference in image.tags
        assert progress
        assert all(each.done <= each.total for each in progress)
        subject.runtime.remove_image(reference)
        assert subject.runtime.image(reference) is None


def test_saved_images_come_back_with_their_tags(subject: Subject, tmp_path: Path) -> None:
    names = ("podstrap.test/first:1", "podstrap.test/second:2")
    for name in names:
        subject.runtime.tag(subject.image, name)
    archive = tmp_path / "images.tar"
    subject.runtime.save(names, archive)
    for name in names:
        subject.runtime.remove_image(name)
    loaded = subject.runtime.load(archive)
    present = [subject.runtime.image(name) is not None for name in names]
    for name in names:
        subject.runtime.remove_image(name)
    assert sorted(loaded) == sorted(names)
    assert present == [True, True]
    assert list(tmp_path.iterdir()) == [archive]


def test_an_absent_image_is_not_saved(subject: Subject, tmp_path: Path) -> None:
    with pytest.raises(NoSuchImageError):
        subject.runtime.save(("podstrap.test/nowhere:1",), tmp_path / "images.tar")
    assert list(tmp_path.iterdir()) == []


def test_summaries_are_of_the_containers_that_a_listing_has(subject: Subject) -> None:
    subject.wait_until_exited(subject.run("exit:0"))
    subject.run("forever", labels={"a": "1"})
    subject.runtime.create(subject.spec("forever"))
    listed = subject.runtime.list(subject.labels)
    found = subject.runtime.summaries(subject.labels)
    assert {(each.id, each.status) for each in found} == {(each.id, each.status) for each in listed}
    assert {each.status for each in found} == {"exited", "running", "created"}
    assert all(dict(each.labels).items() >= subject.labels.items() for each in found)


def read_all(stream: LogStream) -> bytes:
    pieces = []
    while piece := stream.read():
        pieces.append(piece)
    return b"".join(pieces)


def output_of(session: Session) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    while (piece := session.read()) is not None:
        found[piece[0]] = found.get(piece[0], b"") + piece[1]
    return found


def test_a_log_is_read_to_its_end(subject: Subject) -> None:
    container_id = subject.run("print:one", "print:two", "print:three")
    subject.wait_until_exited(container_id)
    assert read_all(subject.runtime.read_logs(container_id, LogQuery())) == b"one\ntwo\nthree\n"
    assert read_all(subject.runtime.read_logs(container_id, LogQuery(tail=1))) == b"three\n"
    assert read_all(subject.runtime.read_logs(container_id, LogQuery(tail=0))) == b""
    assert read_all(subject.runtime.read_logs(container_id, LogQuery(stdout=False))) == b""
    with pytest.raises(NoSuchContainerError):
        subject.runtime.read_logs(UNKNOWN, LogQuery())


def test_a_log_from_a_time_on_with_times(subject: Subject) -> None:
    container_id = subject.run("print:one")
    container = subject.wait_until_exited(container_id)
    begun = container.created - timedelta(seconds=5)
    line = read_all(subject.runtime.read_logs(container_id, LogQuery(since=begun, timestamps=True)))
    assert re.fullmatch(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z one\n", line)
    later = container.created + timedelta(minutes=5)
    assert read_all(subject.runtime.read_logs(container_id, LogQuery(since=later))) == b""


def test_a_followed_log_ends_with_the_container(subject: Subject) -> None:
    container_id = subject.run("print:one", "forever")
    stream = subject.connect().read_logs(container_id, LogQuery(follow=True))
    assert stream.read() == b"one\n"
    subject.runtime.stop(container_id, 5)
    # Whatever its last words are.
    read_all(stream)
    assert stream.read() == b""


def test_a_followed_log_can_be_closed(subject: Subject) -> None:
    stream = subject.connect().read_logs(subject.run("print:one", "forever"), LogQuery(follow=True))
    assert stream.read() == b"one\n"
    closing = threading.Timer(0.05, stream.close)
    closing.start()
    assert stream.read() == b""
    closing.join()


def test_a_session_has_output_and_an_exit_code(subject: Subject) -> None:
    request = ExecRequest((PROGRAM, "print:inside", "exit:7"))
    session = subject.runtime.open_exec(subject.run("forever"), request)
    assert output_of(session) == {"stdout": b"inside\n"}
    assert session.exit_code() == 7


def test_a_session_passes_input_on(subject: Subject) -> None:
    request = ExecRequest((PROGRAM, "copy"), stdin=True)
    session = subject.connect().open_exec(subject.run("forever"), request)
    session.write(b"over ")
    session.write(b"there")
    session.close_input()
    assert output_of(session) == {"stdout": b"over there"}
    assert session.exit_code() == 0


def test_a_session_with_a_terminal_has_a_size(subject: Subject) -> None:
    request = ExecRequest((PROGRAM, "print:ready", "copy"), stdin=True, tty=True)
    session = subject.connect().open_exec(subject.run("forever"), request)
    assert session.read() is not None
    session.resize(100, 40)
    session.close()
    while session.read() is not None:
        pass


def test_attached_one_sees_what_is_printed_from_now_on(subject: Subject) -> None:
    container_id = subject.run("print:before", "copy", stdin=True)
    wait_until(lambda: subject.runtime.logs(container_id) == b"before\n")
    session = subject.connect().attach(container_id, stdin=True)
    session.write(b"after\n")
    assert session.read() == ("stdout", b"after\n")
    session.close()
    assert session.read() is None


def test_no_session_is_opened_in_a_container_that_does_not_run(subject: Subject) -> None:
    stopped = subject.runtime.create(subject.spec("forever"))
    with pytest.raises(EngineError):
        subject.runtime.open_exec(stopped, ExecRequest((PROGRAM,)))


def test_a_running_container_uses_memory_and_a_stopped_one_nothing(subject: Subject) -> None:
    container_id = subject.run("forever")
    usage = subject.runtime.usage(container_id)
    assert usage.cpu_seconds >= 0
    assert 0 < usage.working_set <= usage.memory
    subject.runtime.stop(container_id, 5)
    with pytest.raises(EngineError):
        subject.runtime.usage(container_id)
    with pytest.raises(NoSuchContainerError):
        subject.runtime.usage(UNKNOWN)
