"""``bootstrap plan`` and ``bootstrap apply`` as a person or a script meets them, below a root."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import bootstrap
from bootstrap.cli.main import exit_code_of

CONFIG = """\
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint: {advertiseAddress: 192.0.2.10}
nodeRegistration: {name: master}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: VERSION
"""

Run = Callable[..., int]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a subcommand with a configuration of this version; its input is no terminal."""

    def command(*words: str, version: str = "v1.37.2") -> int:
        config = tmp_path / "cluster.yaml"
        config.write_text(CONFIG.replace("VERSION", version))
        return exit_code_of(["--root", str(tmp_path / "root"), *words, "--config", str(config)])

    return command


def test_plan_exits_2_when_there_are_changes_and_0_when_there_are_none(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("plan") == 2
    assert "+ /etc/kubernetes/manifests/etcd.yaml  (starts etcd)" in capsys.readouterr().out
    assert run("apply", "--yes") == 0
    assert "Kept as generation 1." in capsys.readouterr().out
    assert run("plan") == 0
    assert "No changes" in capsys.readouterr().out
    assert run("apply", "--yes") == 0
    assert capsys.readouterr().out.splitlines() == ["No changes: the node is as its configuration says."]


def test_plan_writes_nothing(run: Run, tmp_path: Path) -> None:
    assert run("plan") == 2
    assert not (tmp_path / "root").exists()


def test_apply_without_a_terminal_wants_yes_and_changes_nothing(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("apply") == 3
    assert f"next: bootstrap --root {tmp_path}/root apply --yes" in capsys.readouterr().err
    assert not (tmp_path / "root/etc").exists()


@pytest.mark.parametrize(("answer", "code", "manifests"), [("n", 1, 0), ("y", 0, 4)])
def test_apply_asks_on_a_terminal(run: Run, tmp_path: Path, answer: str, code: int, manifests: int) -> None:
    run("plan")  # writes the configuration
    ours, theirs = os.openpty()
    os.write(ours, f"{answer}\n".encode())
    done = subprocess.run(
        [sys.executable, "-m", "bootstrap", "--root", "root", "apply", "--config", tmp_path / "cluster.yaml"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(bootstrap.__file__).parents[1])},
        stdin=theirs,
        capture_output=True,
        text=True,
        check=False,
    )
    os.close(ours)
    os.close(theirs)
    assert "Apply these changes?" in done.stderr
    assert done.returncode == code
    assert len(list((tmp_path / "root").glob("etc/kubernetes/manifests/*.yaml"))) == manifests


def test_json_is_one_document_a_line_each_with_its_schema(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("plan", "-o", "json") == 2
    (plan,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert plan["schema"] == "bootstrap/plan/v1"
    assert plan["summary"] == {"create": 4, "update": 0, "delete": 0}
    assert run("apply", "--yes", "-o", "json") == 0
    documents = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert documents[0] == plan
    assert documents[-1] == {"schema": "bootstrap/applied/v1", "generation": 1}


def test_a_version_that_is_no_step_is_a_configuration_error(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("apply", "--yes", version="v1.35.4") == 0
    assert run("plan", version="v1.37.2") == 3
    assert "set kubernetesVersion to a 1.36 release" in capsys.readouterr().err
