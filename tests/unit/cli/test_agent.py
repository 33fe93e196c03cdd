"""``agent status`` as a table."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from bootstrap.cli.agent import agent, status_lines
from bootstrap.errors import BootstrapError
from tests.fakes.agent import AgentHarness, document
from tests.fakes.runtime import Program


def test_the_table_says_why_something_does_not_run(tmp_path: Path) -> None:
    harness = AgentHarness(tmp_path)
    harness.engine.set_program("main_bad", Program(exits_after=0.5, exit_code=3))
    harness.write("good.yaml", document("good"))
    harness.write("bad.yaml", document("bad"))
    harness.write("typo.yaml", "{")
    harness.settle()
    harness.advance(5)
    lines = status_lines(json.loads(msgspec.json.encode(harness.agent.status())))
    assert lines[0].split() == ["POD", "CONTAINER", "STATE", "READY", "RESTARTS", "WHY"]
    assert lines[1].split()[:5] == ["default/bad-n1", "main", "waiting", "no", "1"]
    assert lines[1].endswith(
        "CrashLoopBackOff: back-off 10s restarting failed container; last exit 3 (Error)"
    )
    assert lines[2].split() == ["default/good-n1", "main", "running", "yes", "0"]
    assert lines[3].startswith(f"{harness.manifests}/typo.yaml: is not YAML")


def test_without_an_agent_it_is_said_that_none_runs_and_how_to_find_out_why(tmp_path: Path) -> None:
    arguments = ["status", "--socket", str(tmp_path / "none")]
    with pytest.raises(BootstrapError) as caught:
        CliRunner().invoke(agent, arguments, catch_exceptions=False, standalone_mode=False)
    if os.geteuid() == 0:  # anybody else is told to become root
        assert caught.value.message == "the agent does not run on this machine"
        assert caught.value.remedy.startswith("bootstrap agent logs")
    else:
        assert "sudo" in caught.value.remedy


@pytest.mark.parametrize(("started", "probe"), [(False, "startup"), (True, "readiness")])
def test_a_container_that_is_not_ready_yet_says_what_it_waits_for(started: bool, probe: str) -> None:
    container = {
        "name": "main",
        "init": False,
        "state": "running",
        "ready": False,
        "started": started,
        "restarts": 0,
        "reason": "",
        "message": "",
        "lastExit": None,
    }
    pod = {"name": "p", "namespace": "kube-system", "phase": "Running", "containers": [container]}
    lines = status_lines({"pods": [pod], "problems": [], "engine": ""})
    assert lines[1].endswith(f"its {probe} probe has not succeeded yet")


def test_a_socket_that_a_killed_agent_left_is_no_agent(tmp_path: Path) -> None:
    left = tmp_path / "agent.sock"
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(left))
    with pytest.raises(BootstrapError, match=r"does not run|cannot be asked"):
        CliRunner().invoke(
            agent, ["status", "--socket", str(left)], catch_exceptions=False, standalone_mode=False
        )
