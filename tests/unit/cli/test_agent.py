"""``agent status`` as a table."""

from __future__ import annotations

import json
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


def test_without_an_agent_the_next_step_is_its_log(tmp_path: Path) -> None:
    arguments = ["status", "--socket", str(tmp_path / "none")]
    with pytest.raises(BootstrapError) as caught:
        CliRunner().invoke(agent, arguments, catch_exceptions=False, standalone_mode=False)
    assert caught.value.remedy == "bootstrap agent logs"
