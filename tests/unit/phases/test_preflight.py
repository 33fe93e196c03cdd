from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bootstrap.errors import PreflightError
from bootstrap.host.machine import RunningProgram
from bootstrap.phases.phase import run_phase
from bootstrap.phases.preflight import PREFLIGHT
from bootstrap.workflows.init import run_init
from tests.fakes.node import FakeNode


@pytest.fixture
def node(tmp_path: Path) -> FakeNode:
    return FakeNode(tmp_path)


def test_all_problems_are_one_error_and_warnings_are_said(node: FakeNode) -> None:
    node.have(cpus=1, memory=512, swap=("/dev/vda2",))
    with pytest.raises(PreflightError) as caught:
        run_phase(PREFLIGHT, node.context())
    assert [line.partition(":")[0] for line in caught.value.details] == ["NumCPU", "Mem"]
    assert any(line.startswith("warn Swap: ") for line in node.reporter.lines)


def test_an_ignored_check_only_warns(node: FakeNode) -> None:
    node.have(cpus=1)
    run_phase(PREFLIGHT, replace(node.context(), ignored_checks=frozenset({"numcpu"})))
    assert any(line.startswith("warn NumCPU: ") for line in node.reporter.lines)


def test_missing_images_are_obtained(node: FakeNode) -> None:
    for reference in list(node.engine.local_images.values()):
        node.engine.publish(reference.tags[0])
    node.engine.local_images.clear()
    run_phase(PREFLIGHT, node.context())
    assert len(node.engine.local_images) == 5


def test_an_image_that_cannot_be_had_is_a_preflight_failure(node: FakeNode) -> None:
    node.engine.local_images.clear()
    with pytest.raises(PreflightError) as caught:
        run_phase(PREFLIGHT, node.context())
    assert any("kube-apiserver" in line for line in caught.value.details)
    run_phase(PREFLIGHT, replace(node.context(), ignored_checks=frozenset({"imagepull"})))


def test_what_runs_of_ours_holds_no_port(node: FakeNode) -> None:
    run_init(node.context())
    argv = ("python", "-m", "bootstrap", "agent", "run", "--manifests", "/etc/kubernetes/manifests")
    node.have(processes=(RunningProgram(55, "python", argv),))
    node.network.open_port(10248, "python", 55)
    run_phase(PREFLIGHT, node.context())


def test_an_agent_our_service_does_not_know_of_is_another_one(node: FakeNode) -> None:
    argv = ("python", "-m", "bootstrap", "agent", "run", "--manifests", "/etc/kubernetes/manifests")
    node.have(processes=(RunningProgram(55, "python", argv),))
    with pytest.raises(PreflightError) as caught:
        run_phase(PREFLIGHT, node.context())
    assert caught.value.details[0].startswith("Service-Kubelet: python (pid 55)")
