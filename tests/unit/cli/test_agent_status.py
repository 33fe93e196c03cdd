"""``agent status`` as people see it."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest

from bootstrap.cli.agentstatus import Screen, age, container_why, pod_word, status_lines
from tests.fakes.agent import AgentHarness, document
from tests.fakes.agentapi import ApiHarness
from tests.fakes.clock import FakeClock
from tests.fakes.runtime import Program


@pytest.fixture
def harness(tmp_path: Path) -> AgentHarness:
    """A pod that runs, one that crashes, one that waits for its image, and a file that is none."""
    harness = AgentHarness(tmp_path)
    harness.engine.set_program("main_bad", Program(exits_after=0.5, exit_code=3))
    harness.write("good.yaml", document("good"))
    harness.write("bad.yaml", document("bad"))
    harness.write("late.yaml", document("late", containers=[{"name": "main", "image": "late:1"}]))
    harness.write("typo.yaml", "{")
    harness.settle()
    harness.advance(5)
    return harness


def lines(harness: AgentHarness, screen: Screen | None = None) -> list[str]:
    status = json.loads(msgspec.json.encode(harness.agent.status()))
    return status_lines(status, harness.clock.now(), screen or Screen())


def test_each_pod_has_a_line_and_below_it_why_it_does_not_run(harness: AgentHarness) -> None:
    assert [" ".join(line.split()) for line in lines(harness)[:6]] == [
        "POD READY STATUS RESTARTS AGE IP",
        "default/bad-n1 0/1 CrashLoopBackOff 1 (3s ago) 5s 192.0.2.10",
        "main: CrashLoopBackOff: back-off 10s restarting failed container; last exit 3 (Error)",
        "default/good-n1 1/1 Running 0 5s 192.0.2.10",
        "default/late-n1 0/1 ImagePullBackOff 0 5s 192.0.2.10",
        "main: ImagePullBackOff: late:1 cannot be pulled: not found",
    ]
    assert lines(harness)[6].startswith(f"{harness.manifests}/typo.yaml: is not YAML")


@pytest.mark.parametrize("width", [28, 32, 40, 50, 60, 80, 120])
def test_the_lines_fit_the_terminal(harness: AgentHarness, width: int) -> None:
    table = [line for line in lines(harness, Screen(width)) if str(harness.manifests) not in line]
    assert max(len(line) for line in table) <= width
    assert "CrashLoopBackOff" in " ".join(table)


def test_a_narrow_terminal_loses_columns_then_the_node_s_name_then_the_table(harness: AgentHarness) -> None:
    def heading(width: int) -> list[str]:
        return lines(harness, Screen(width))[0].split()

    assert heading(60) == ["POD", "READY", "STATUS", "RESTARTS", "AGE"]
    assert heading(40) == ["POD", "READY", "STATUS"]
    assert lines(harness, Screen(40))[1].split()[0] == "default/bad"
    assert lines(harness, Screen(30))[:2] == ["default/bad", "    0/1  CrashLoopBackOff"]


def test_colours_change_nothing_but_the_colour(harness: AgentHarness) -> None:
    colored = lines(harness, Screen(80, color=True))
    assert [click.unstyle(line) for line in colored] == lines(harness, Screen(80))
    assert click.style("CrashLoopBackOff", fg="red") in colored[1]
    assert click.style("Running", fg="green") in colored[4]


def container(**fields: Any) -> dict[str, Any]:
    plain = {"name": "c", "init": False, "state": "running", "ready": True, "started": True, "restarts": 0}
    return {**plain, "reason": "", "message": "", "lastExit": None, **fields}


ENDED = {"exitCode": 1, "reason": "Error", "finished": None}


@pytest.mark.parametrize(
    ("containers", "word"),
    [
        ([container()], "Running"),
        ([container(), container(state="waiting", reason="ErrImagePull")], "ErrImagePull"),
        ([container(), container(state="terminated", reason="Error", lastExit=ENDED)], "Error"),
        (
            [container(init=True, ready=False), container(state="waiting", reason="PodInitializing")],
            "Init:0/1",
        ),
        ([container(init=True), container(init=True, ready=False), container()], "Init:1/2"),
        ([container(init=True, sidecar=True, ready=False), container()], "Running"),
        (
            [container(init=True, ready=False, state="waiting", reason="CrashLoopBackOff")],
            "Init:CrashLoopBackOff",
        ),
    ],
)
def test_one_word_is_chosen_as_kubectl_does(containers: list[dict[str, Any]], word: str) -> None:
    assert pod_word({"phase": "Running", "containers": containers}) == word


def test_a_pod_that_failed_as_a_whole_says_its_own_reason() -> None:
    assert pod_word({"phase": "Failed", "reason": "DeadlineExceeded", "containers": []}) == "DeadlineExceeded"
    assert pod_word({"phase": "Terminating", "containers": []}) == "Terminating"


@pytest.mark.parametrize(("started", "probe"), [(False, "startup"), (True, "readiness")])
def test_a_container_that_is_not_ready_yet_says_what_it_waits_for(started: bool, probe: str) -> None:
    why = container_why(container(ready=False, started=started))
    assert why == f"its {probe} probe has not succeeded yet"


def test_an_init_container_that_runs_has_no_probe_to_wait_for() -> None:
    assert container_why(container(init=True, ready=False)) == "it has not done its work yet"
    sidecar = container(init=True, sidecar=True, ready=False)
    assert container_why(sidecar) == "its readiness probe has not succeeded yet"


def test_a_container_that_has_done_its_work_needs_no_reason() -> None:
    done = container(state="terminated", ready=False, reason="Completed", lastExit={**ENDED, "exitCode": 0})
    assert container_why(done) == ""


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(seconds=-3), "0s"),
        (timedelta(seconds=119), "119s"),
        (timedelta(seconds=192), "3m12s"),
        (timedelta(minutes=59), "59m"),
        (timedelta(hours=2, minutes=5), "2h5m"),
        (timedelta(days=4, hours=3), "4d3h"),
    ],
)
def test_an_age_has_the_precision_its_size_deserves(span: timedelta, text: str) -> None:
    now = FakeClock().now()
    assert age((now - span).isoformat(), now) == text


def test_what_the_api_server_does_not_show_is_said(tmp_path: Path) -> None:
    lab = ApiHarness(tmp_path)
    lab.agent.write("far.yaml", document("far", metadata={"namespace": "far"}))
    lab.settle()
    lab.cluster.bind("daemon")
    lab.talk()
    lab.agent.agent.api = lab.thread.status
    assert lines(lab.agent)[2:] == [
        'API server: far/far-n1 is not shown there as it is: namespaces "far" not found',
        "API server: default/daemon was bound to this node, and nobody runs it",
    ]
    lab.cluster.answering = False
    lab.clock.advance(10)
    lab.thread.step()
    assert "API server: connection refused" in lines(lab.agent)
