"""A second command on a finished control plane: what it means without a configuration, or with another."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from bootstrap.config.load import load
from bootstrap.config.overrides import Overrides
from bootstrap.errors import ConfigError
from bootstrap.model.cluster import ControlPlane
from bootstrap.model.kubeadm import Arg, ControlPlaneComponent, Patches
from bootstrap.model.layout import KUBE_SCHEDULER
from bootstrap.workflows.init import run_init
from bootstrap.workflows.plan import plan_node
from bootstrap.workflows.recorded import recorded_configuration
from tests.fakes.node import QUICK, FakeNode
from tests.golden.control_planes import FACTS, control_plane

LOUD = ControlPlaneComponent(extra_args=(Arg(name="v", value="4"),))


def described(scheduler: ControlPlaneComponent, **init: object) -> ControlPlane:
    return control_plane(
        cluster=replace(QUICK.cluster, scheduler=scheduler), init=replace(QUICK.init, **init)
    )


@pytest.fixture
def node(tmp_path: Path) -> FakeNode:
    """A finished control plane with a flag of its own."""
    made = FakeNode(tmp_path, described(LOUD, skip_phases=("upload-config",)))
    run_init(made.context())
    return made


def test_a_command_without_a_configuration_means_what_was_applied_last(node: FakeNode) -> None:
    recorded = recorded_configuration(node.files, node.described.layout)
    assert recorded is not None
    loaded = load((), Overrides(), FACTS, recorded=recorded).control_plane
    assert plan_node(node.context(described=loaded)).is_empty
    assert loaded.init.skip_phases == ()


def test_a_flag_changes_what_was_applied_last(node: FakeNode) -> None:
    recorded = recorded_configuration(node.files, node.described.layout)
    flags = Overrides(apiserver_cert_extra_sans=("cluster.example",))
    loaded = load((), flags, FACTS, recorded=recorded).control_plane
    assert loaded.cluster.api_server.cert_sans == ("cluster.example",)
    assert loaded.cluster.scheduler == LOUD


def test_init_with_another_configuration_says_what_differs_and_changes_nothing(node: FakeNode) -> None:
    before, history = node.tree(), tuple(node.engine.history)
    with pytest.raises(ConfigError) as caught:
        run_init(node.context(described=QUICK))
    assert caught.value.details == ("kube-scheduler: --v: 4 -> (absent)",)
    assert "bootstrap plan, then apply" in caught.value.remedy
    assert (node.tree(), tuple(node.engine.history)) == (before, history)


def test_init_still_repairs_what_was_removed(node: FakeNode) -> None:
    manifest = node.described.layout.manifest(KUBE_SCHEDULER)
    node.files.remove(manifest)
    run_init(node.context())
    assert node.files.exists(manifest)


def test_a_configuration_that_never_came_up_may_be_corrected(tmp_path: Path) -> None:
    node = FakeNode(tmp_path, described(LOUD, skip_phases=("control-plane/scheduler", "wait-control-plane")))
    run_init(node.context())
    run_init(node.context(described=QUICK))
    assert KUBE_SCHEDULER in node.running()


def test_a_directory_of_patches_is_found_again_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "patches").mkdir()
    monkeypatch.chdir(tmp_path)
    init = replace(QUICK.init, patches=Patches(directory="patches"))
    node = FakeNode(tmp_path / "machine", control_plane(cluster=QUICK.cluster, init=init))
    run_init(node.context())
    recorded = recorded_configuration(node.files, node.described.layout)
    assert recorded is not None
    assert f"directory: {tmp_path}/patches" in recorded.text


def test_a_fresh_machine_has_nothing_recorded(tmp_path: Path) -> None:
    node = FakeNode(tmp_path)
    assert recorded_configuration(node.files, node.described.layout) is None
