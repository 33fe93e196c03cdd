"""Termination messages, from what a container wrote to what its status says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.agent import IMAGE, AgentHarness, document
from tests.fakes.runtime import FakeContainer


@pytest.fixture
def harness(tmp_path: Path) -> AgentHarness:
    return AgentHarness(tmp_path)


def started(harness: AgentHarness, count: int = 1, **container: object) -> FakeContainer:
    containers = [{"name": name, "image": IMAGE, **container} for name in ("main", "a", "b", "c")[:count]]
    harness.write("web.yaml", document("web", containers=containers))
    harness.settle()
    return next(held for held in harness.engine.containers.values() if "_main_" in held.spec.name)


def message_file(held: FakeContainer, target: str = "/dev/termination-log") -> Path:
    return Path(next(mount.source for mount in held.spec.mounts if mount.target == target))


def last_message(harness: AgentHarness, code: int) -> str:
    harness.engine.exit("main", code)
    harness.settle()
    last = harness.container().last_exit
    assert last is not None
    return last.message


def test_what_a_container_wrote_is_in_its_status(harness: AgentHarness) -> None:
    held = started(harness, terminationMessagePath="/last/words")
    message_file(held, "/last/words").write_text("out of cheese\n")
    assert last_message(harness, 1) == "out of cheese\n"
    last = harness.container().last_exit
    assert last is not None
    assert (last.id, last.started) == (held.state.id, held.state.started)
    assert harness.container().image_id == held.state.image_id


def test_a_later_attempt_begins_with_an_empty_file(harness: AgentHarness) -> None:
    message_file(started(harness)).write_text("first")
    assert last_message(harness, 1) == "first"
    assert last_message(harness, 1) == ""


def test_only_the_end_of_a_long_message_is_kept(harness: AgentHarness) -> None:
    message_file(started(harness)).write_bytes(b"x" * 10_000_000 + b"end")
    message = last_message(harness, 1)
    assert len(message) == 4096
    assert message.endswith("end")


def test_the_containers_of_a_pod_share_the_space(harness: AgentHarness) -> None:
    message_file(started(harness, 4)).write_bytes(b"x" * 4096)
    assert len(last_message(harness, 1)) == 3072


@pytest.mark.parametrize(
    ("policy", "code", "written", "message"),
    [
        ("FallbackToLogsOnError", 1, "", "printed\n"),
        ("FallbackToLogsOnError", 1, "written", "written"),
        ("FallbackToLogsOnError", 0, "", ""),
        ("File", 1, "", ""),
    ],
)
def test_the_log_stands_in_for_an_empty_file_if_asked_to(
    harness: AgentHarness, policy: str, code: int, written: str, message: str
) -> None:
    held = started(harness, terminationMessagePolicy=policy)
    message_file(held).write_text(written)
    harness.engine.write_log("_main_", b"printed\n")
    assert last_message(harness, code) == message


def test_of_a_log_only_the_end_is_taken(harness: AgentHarness) -> None:
    started(harness, terminationMessagePolicy="FallbackToLogsOnError")
    harness.engine.write_log("_main_", b"early\n" * 100 + b"late\n" * 80)
    assert last_message(harness, 1) == "late\n" * 80


def test_a_new_agent_knows_the_message_too(harness: AgentHarness) -> None:
    message_file(started(harness)).write_text("words")
    last_message(harness, 1)
    harness.restart_agent()
    harness.settle()
    last = harness.container().last_exit
    assert last is not None
    assert last.message == "words"
