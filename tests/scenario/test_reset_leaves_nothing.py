"""``bootstrap reset`` after ``bootstrap init``, on a machine in memory."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest
from msgspec.structs import replace

from bootstrap.agent.names import NODE, POD_NAME, POD_NAMESPACE, POD_UID, SANDBOX_TYPE, TYPE
from bootstrap.errors import BootstrapError
from bootstrap.model.images import component_images
from bootstrap.phases.agent_start import launch_agent
from bootstrap.runtime.api import ContainerSpec
from bootstrap.workflows.init import run_init
from bootstrap.workflows.reset import ResetIncompleteError, run_reset
from tests.fakes.dying_files import DyingFiles, PowerCut
from tests.fakes.node import QUICK, FakeNode
from tests.fakes.runtime import FakeRuntime
from tests.golden.control_planes import control_plane

ETCD_DATA = PurePosixPath("/var/lib/etcd")


@pytest.fixture
def node(tmp_path: Path) -> FakeNode:
    return FakeNode(tmp_path)


def with_pods(node: FakeNode) -> FakeNode:
    """A node that ran for a while: etcd has data, the agent has pod directories and log links."""
    run_init(node.context())
    node.files.write(ETCD_DATA / "member/snap/db", "data", 0o600)
    node.files.write(PurePosixPath("/var/lib/bootstrap/pods/uid-etcd/etc-hosts"), "", 0o644)
    node.files.write(PurePosixPath("/var/log/pods/kube-system_etcd_uid-etcd/etcd/0.log"), "", 0o640)
    for identity in ("running", "removed-before"):
        link = PurePosixPath(f"/var/log/containers/etcd_kube-system_etcd-{identity}.log")
        node.files.write(link, "", 0o640)
    return node


def test_nothing_is_left(node: FakeNode) -> None:
    run_reset(with_pods(node).context())
    assert node.tree() == {}
    assert node.engine.containers == {}
    assert not node.agent.running
    every_machine_has = {"run", "var", "var/lib"}
    assert {str(path.relative_to(node.root)) for path in node.root.rglob("*")} <= every_machine_has
    assert "info Nothing of the control plane is left on this node." in node.reporter.lines


def test_containers_of_another_node_name_are_ours_when_init_started_them(node: FakeNode) -> None:
    """A reset that is not given init's configuration would else leave a control plane running."""
    renamed = replace(QUICK.init, node_registration=replace(QUICK.init.node_registration, name="renamed"))
    launch_agent(node.context(described=control_plane(cluster=QUICK.cluster, init=renamed)))
    labels = {
        TYPE: SANDBOX_TYPE,
        NODE: "renamed",
        POD_UID: "u",
        POD_NAME: "etcd",
        POD_NAMESPACE: "kube-system",
    }
    pause = component_images(QUICK)["pause"]
    FakeRuntime(node.engine).create(ContainerSpec(name="k8s_POD_etcd-renamed", image=pause, labels=labels))
    run_reset(node.context())
    assert node.engine.containers == {}


def test_init_works_again_afterwards(node: FakeNode) -> None:
    run_init(node.context())
    run_reset(node.context())
    run_init(node.context())
    assert len(node.running()) == 4


def test_what_others_made_stays(node: FakeNode) -> None:
    others = {
        "/etc/kubernetes/notes.txt": "mine",
        "/etc/cni/net.d/10-bridge.conf": "{}",
        "/var/lib/kubelet/pods/uid-other/etc-hosts": "",
        "/root/.kube/config": "copied",
    }
    for path, text in others.items():
        node.files.write(PurePosixPath(path), text, 0o644)
    runtime = FakeRuntime(node.engine)
    node.engine.add_image("other:1")
    runtime.create(ContainerSpec(name="database", image="other:1"))
    run_reset(with_pods(node).context())
    assert sorted(node.tree()) == sorted(others)
    assert [container.name for container in runtime.list({})] == ["database"]


def test_a_certificate_authority_the_user_provided_stays(node: FakeNode, tmp_path: Path) -> None:
    donor = FakeNode(tmp_path / "donor")
    run_init(donor.context())
    for name in ("ca.crt", "ca.key"):
        path = PurePosixPath("/etc/kubernetes/pki") / name
        node.files.write(path, donor.files.read_bytes(path), donor.files.mode(path))
    run_init(node.context())
    run_reset(node.context())
    left = [path for path in node.tree() if not path.startswith("/donor")]
    assert left == ["/etc/kubernetes/pki/ca.crt", "/etc/kubernetes/pki/ca.key"]


def test_a_data_directory_that_was_there_before_is_emptied_not_removed(node: FakeNode) -> None:
    """It is often a file system of its own."""
    node.files.make_directory(ETCD_DATA)
    run_reset(with_pods(node).context())
    assert node.files.is_directory(ETCD_DATA)
    assert node.files.list_names(ETCD_DATA) == ()


def test_running_it_again_is_fine(node: FakeNode) -> None:
    run_init(node.context())
    run_reset(node.context())
    run_reset(node.context())
    assert node.tree() == {}


def test_a_machine_that_was_never_touched_is_fine(node: FakeNode) -> None:
    run_reset(node.context())
    assert node.tree() == {}


def test_it_goes_on_where_it_was_interrupted(tmp_path: Path) -> None:
    counted = with_pods(FakeNode(tmp_path / "count"))
    files = DyingFiles(counted.root, 10_000)
    run_reset(counted.context(files))
    for life in range(0, len(files.history), 9):
        node = with_pods(FakeNode(tmp_path / str(life)))
        with pytest.raises(PowerCut):
            run_reset(node.context(DyingFiles(node.root, life)))
        run_reset(node.context())
        assert node.tree() == {}, f"after {life} effects"
        assert node.engine.containers == {}


def test_data_and_files_stay_while_containers_may_run(node: FakeNode) -> None:
    with_pods(node)
    before = node.tree()
    node.engine.go_away()
    with pytest.raises(ResetIncompleteError) as caught:
        run_reset(node.context())
    assert caught.value.details == ("no engine answers",)
    assert node.reporter.steps[-1].failed
    assert {path: before[path] for path in before if "etc/kubernetes" in path or "etcd" in path}.items() <= (
        node.tree().items()
    )
    node.engine.come_back()
    run_reset(node.context())
    assert node.engine.containers == {}
    assert node.tree() == {}


def test_two_at_a_time_are_refused(node: FakeNode) -> None:
    from bootstrap.host.lock import NodeLock

    run_init(node.context())
    context = node.context()
    with (
        NodeLock(node.files, context.layout.lock, "bootstrap init"),
        pytest.raises(BootstrapError, match="another bootstrap command"),
    ):
        run_reset(context)
