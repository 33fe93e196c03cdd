"""What a pod's status keeps from one look to the next, and what a new agent knows of it again."""

from __future__ import annotations

from pathlib import Path

from tests.fakes.agent import AgentHarness, document
from tests.fakes.runtime import Program


def ready_since(harness: AgentHarness) -> object:
    return next(each.since for each in harness.pod().conditions if each.type == "Ready")


def test_times_stay_while_nothing_changes_and_move_with_what_does(tmp_path: Path) -> None:
    harness = AgentHarness(tmp_path)
    harness.engine.set_program("main", Program(exits_after=45, exit_code=1))
    harness.write("web.yaml", document())
    harness.settle()
    first, ready = harness.pod(), ready_since(harness)
    assert first.seen is not None
    harness.advance(30)
    assert (harness.pod().seen, ready_since(harness)) == (first.seen, ready)
    harness.advance(65)
    assert not harness.pod().ready
    assert (harness.pod().seen, harness.pod().started) == (first.seen, first.started)
    assert ready_since(harness) != ready


def test_a_new_agent_sees_the_pod_anew_and_knows_how_old_it_is(tmp_path: Path) -> None:
    harness = AgentHarness(tmp_path)
    harness.write("web.yaml", document())
    harness.settle()
    before = harness.pod()
    harness.clock.advance(100)
    harness.restart_agent()
    harness.settle()
    after = harness.pod()
    assert after.seen != before.seen
    assert before.started is not None
    assert after.started == before.started


def test_an_earlier_version_is_named_until_it_is_gone(tmp_path: Path) -> None:
    harness = AgentHarness(tmp_path)
    harness.write("web.yaml", document())
    harness.settle()
    old = harness.pod().uid
    harness.write("web.yaml", document(metadata={"labels": {"a": "b"}}))
    harness.agent.sync()
    (worker,) = harness.agent.workers.values()
    worker.step()
    assert harness.pod().leaving == (old,)
    harness.settle()
    assert harness.pod().leaving == ()
