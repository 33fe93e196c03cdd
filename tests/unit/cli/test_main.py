"""The command line as a whole: help, unknown words, exit codes, mixed installations."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bootstrap.cli.main import COMMANDS, exit_code_of


def test_help_names_every_command_and_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code_of(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in COMMANDS)
    assert "Exit codes" in shown


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_its_own_first_line(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code_of([name, "--help"]) == 0
    assert f"bootstrap {name}" in capsys.readouterr().out


def test_an_unknown_command_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code_of(["innit"]) == 3
    assert "No such command 'innit'" in capsys.readouterr().err


def test_version_as_json_has_a_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code_of(["version", "-o", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "bootstrap/version/v1"
    assert "1.37" in document["kubernetes"]["minors"]


def test_help_and_version_import_none_of_the_heavy_libraries() -> None:
    program = (
        "import sys; from bootstrap.cli.main import exit_code_of; exit_code_of(['--help']);"
        "exit_code_of(['version']);"
        "print(sorted({'docker','cryptography','jinja2','rich','yaml','msgspec'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_global_options_may_stand_before_or_after_the_subcommand(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    assert exit_code_of(["--root", str(before), "init", "phase", "certs", "ca"]) == 0
    assert exit_code_of(["init", "phase", "certs", "ca", "--root", str(after)]) == 0
    capsys.readouterr()
    for root in (before, after):
        assert (root / "etc/kubernetes/pki/ca.crt").is_file()


def test_a_wrong_command_line_has_the_shape_of_every_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code_of(["init", "phase", "bogus"]) == 3
    assert capsys.readouterr().err.splitlines() == [
        "error: No such command 'bogus'.",
        "next: bootstrap init phase --help",
    ]


@pytest.mark.parametrize("phase", ["preflight", "agent-start", "wait-control-plane", "control-plane all"])
def test_every_phase_can_be_told_the_configuration(phase: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["init", "phase", *phase.split(), "--config", "/does/not/exist"]
    assert exit_code_of(arguments) == 3
    assert "/does/not/exist does not exist" in capsys.readouterr().err
