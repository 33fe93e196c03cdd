"""Asking an agent that does not answer."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from bootstrap.cli.agent import agent
from bootstrap.errors import BootstrapError


def test_without_an_agent_it_is_said_that_none_runs_and_how_to_find_out_why(tmp_path: Path) -> None:
    arguments = ["status", "--socket", str(tmp_path / "none")]
    with pytest.raises(BootstrapError) as caught:
        CliRunner().invoke(agent, arguments, catch_exceptions=False, standalone_mode=False)
    if os.geteuid() == 0:  # anybody else is told to become root
        assert caught.value.message == "the agent does not run on this machine"
        assert caught.value.remedy.startswith("bootstrap agent logs")
    else:
        assert "sudo" in caught.value.remedy


def test_a_socket_that_a_killed_agent_left_is_no_agent(tmp_path: Path) -> None:
    left = tmp_path / "agent.sock"
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(left))
    with pytest.raises(BootstrapError, match=r"does not run|cannot be asked"):
        CliRunner().invoke(
            agent, ["status", "--socket", str(left)], catch_exceptions=False, standalone_mode=False
        )
