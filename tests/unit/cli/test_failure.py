"""How failures are told: words for a person, one event for a program, an interruption for SIGTERM."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bootstrap.cli.failure import below_root, wants_json, wants_traceback
from bootstrap.cli.main import exit_code_of
from bootstrap.errors import ConfigError


@pytest.mark.parametrize(
    "arguments",
    [
        ["plan", "--config", "/does/not/exist", "--output", "json"],
        ["plan", "--output=json", "--config", "/does/not/exist"],
        ["init", "-ojson", "--config", "/does/not/exist"],
        ["init", "--no-such-option", "-o", "json"],
    ],
)
def test_with_output_json_a_failure_is_one_event_on_stdout_and_no_words(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code_of(arguments) == 3
    shown = capsys.readouterr()
    event = json.loads(shown.out)
    assert (event["schema"], event["event"], event["exitCode"]) == ("bootstrap/event/v1", "failed", 3)
    assert event["message"]
    assert event["remedy"]
    assert shown.err == ""


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["init", "-o", "json"], True),
        (["init", "--output=json"], True),
        (["init", "-o", "json", "-o", "text"], False),
        (["init", "--config", "json"], False),
        (["init", "-o"], False),
    ],
)
def test_json_is_wanted_where_the_last_output_option_says_so(arguments: list[str], wanted: bool) -> None:
    assert wants_json(arguments) is wanted


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [(["-v", "init"], False), (["-vv", "init"], True), (["init", "-v", "-v"], True), (["--version"], False)],
)
def test_a_traceback_is_for_two_v(arguments: list[str], wanted: bool) -> None:
    assert wants_traceback(arguments) is wanted


def test_a_mistyped_command_is_answered_with_the_one_that_was_meant(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert exit_code_of(["innit"]) == 3
    assert "Did you mean 'init'?" in capsys.readouterr().err


def test_sigterm_ends_a_command_as_ctrl_c_does(tmp_path: Path) -> None:
    fifo = tmp_path / "cluster.yaml"
    os.mkfifo(fifo)
    command = [sys.executable, "-m", "bootstrap", "plan", "--config", str(fifo)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as plan:
        # Opening succeeds once the command has opened the other end: from then on it waits for text.
        with fifo.open("w"):
            plan.send_signal(signal.SIGTERM)
            assert plan.wait(20) == 130
        assert plan.stderr is not None
        assert "error: interrupted" in plan.stderr.read().splitlines()


def test_below_a_root_a_remedy_never_means_the_files_of_this_machine(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [
        "--root",
        str(tmp_path),
        "init",
        "phase",
        "kubeconfig",
        "admin",
        "--apiserver-advertise-address",
    ]
    assert exit_code_of(["--root", str(tmp_path), "init", "phase", "certs", "ca"]) == 0
    assert exit_code_of([*command, "10.0.0.5"]) == 0
    capsys.readouterr()
    assert exit_code_of([*command, "10.0.0.6"]) == 1
    kubeconfig = tmp_path / "etc" / "kubernetes" / "admin.conf"
    told = capsys.readouterr().err
    assert f"error: {kubeconfig} points to" in told
    assert f"next: rm {kubeconfig} && bootstrap --root {tmp_path} init phase kubeconfig admin" in told


def test_below_a_root_paths_of_this_machine_stay_as_they_are(tmp_path: Path) -> None:
    root, config = tmp_path / "root", tmp_path / "cluster.yaml"
    (root / "etc").mkdir(parents=True)
    error = ConfigError(
        f"{config}:3:1: no such key, and {root}/etc/hosts", remedy="see /etc/fstab. Then go on"
    )
    shown = below_root(error, root)
    assert shown.message == error.message
    assert shown.remedy == f"see {root}/etc/fstab. Then go on"
    assert below_root(error, Path("/")) is error
