"""``--root`` and ``--dry-run``: files are written somewhere else, and this machine is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from bootstrap.host.files import Files
from bootstrap.model.layout import COMPONENTS
from bootstrap.phases.context import Context
from bootstrap.workflows.init import run_init, stage_init
from bootstrap.workflows.rehearsal import offline
from bootstrap.workflows.reset import run_reset
from tests.fakes.node import QUICK, FakeNode
from tests.golden.control_planes import control_plane


@pytest.fixture
def node(tmp_path: Path) -> FakeNode:
    """A machine whose control plane runs."""
    made = FakeNode(tmp_path / "machine")
    run_init(made.context())
    made.reporter.lines.clear()
    made.engine.history.clear()
    return made


@pytest.fixture
def elsewhere(node: FakeNode, tmp_path: Path) -> Context:
    return offline(node.context(), Files(tmp_path / "elsewhere"))


def test_init_with_root_says_what_was_written_and_that_nothing_was_started(
    node: FakeNode, elsewhere: Context
) -> None:
    stage_init(elsewhere)
    said = "\n".join(node.reporter.lines)
    assert f"Written below {elsewhere.files.root}" in said
    assert "nothing was started" in said
    assert "is ready" not in said
    assert "healthy" not in said
    assert all(elsewhere.files.exists(elsewhere.layout.manifest(each)) for each in COMPONENTS)
    assert elsewhere.files.exists(elsewhere.layout.kubeconfig("admin"))


def test_init_with_root_writes_where_this_machine_is_not_ready(node: FakeNode, elsewhere: Context) -> None:
    node.have(user_id=1000, memory=100)
    stage_init(elsewhere)
    assert elsewhere.files.exists(elsewhere.layout.manifest("etcd"))


def test_reset_with_root_leaves_the_containers_of_this_machine_alone(
    node: FakeNode, elsewhere: Context
) -> None:
    """They have the labels of a node of the same name."""
    stage_init(elsewhere)
    run_reset(elsewhere)
    assert sorted(node.running()) == sorted(COMPONENTS)
    assert node.engine.history == []
    assert tuple(elsewhere.files.walk(elsewhere.layout.kubernetes)) == ()
    assert node.agent.running


def test_a_dry_run_claims_no_health_and_changes_nothing(node: FakeNode) -> None:
    before = node.tree()
    rehearsed = control_plane(cluster=QUICK.cluster, init=replace(QUICK.init, dry_run=True))
    run_init(node.context(described=rehearsed))
    said = "\n".join(node.reporter.lines)
    assert "nothing was changed" in said
    assert "healthy" not in said
    assert node.tree() == before
    assert node.engine.history == []
