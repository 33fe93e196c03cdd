"""The whole of ``bootstrap init`` on a machine in memory."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest
from msgspec.structs import replace

from bootstrap.apply import generations, inventory
from bootstrap.errors import ConfigError, PreflightError
from bootstrap.model.cluster import ControlPlane
from bootstrap.model.layout import COMPONENTS
from bootstrap.workflows.init import INIT, run_init
from bootstrap.workflows.initphase import run_init_phase
from tests.fakes.dying_files import DyingFiles, PowerCut
from tests.fakes.node import QUICK, WITHOUT_A_CLUSTER, FakeNode
from tests.golden.control_planes import control_plane

STRIDE = 7
"""Of the moments a power cut is tried at; odd, so that both halves of a write are hit."""

BINDINGS = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"


@pytest.fixture
def node(tmp_path: Path) -> FakeNode:
    return FakeNode(tmp_path)


def with_init(**changes: object) -> ControlPlane:
    return control_plane(cluster=QUICK.cluster, init=replace(QUICK.init, **changes))


def test_a_fresh_machine_gets_a_control_plane(node: FakeNode) -> None:
    run_init(node.context())
    assert sorted(node.running()) == sorted(COMPONENTS)
    assert node.agent.history == ["install", "start"]
    for path in (
        "/api/v1/namespaces/kube-system/configmaps/kubeadm-config",
        "/api/v1/namespaces/kube-system/configmaps/kubelet-config",
        f"{BINDINGS}/kubeadm:cluster-admins",
        f"{BINDINGS}/kubeadm:apiserver-kubelet-client",
    ):
        assert path in node.api.objects
    assert "  export KUBECONFIG=/etc/kubernetes/admin.conf" in "\n".join(node.reporter.lines)


def test_only_a_control_plane_that_was_waited_for_is_called_ready(node: FakeNode) -> None:
    run_init(node.context(described=with_init(skip_phases=("wait-control-plane",))))
    assert not any("is ready" in line for line in node.reporter.lines if line.startswith("info Your"))
    run_init(node.context())
    assert any(line.startswith("info Your control plane is ready.") for line in node.reporter.lines)


def test_what_was_applied_is_a_generation(node: FakeNode) -> None:
    run_init(node.context())
    context = node.context()
    last = generations.latest(context.files, context.layout)
    assert last is not None
    assert {file.component for file in last.files} == set(COMPONENTS)


def test_the_agent_starts_before_there_is_a_manifest(node: FakeNode) -> None:
    """It runs etcd while the other manifests are still being written."""
    context = node.context(described=with_init(skip_phases=("etcd", "control-plane", "wait-control-plane")))
    with pytest.raises(Exception, match="connection refused"):
        run_init(context)
    assert node.agent.running
    assert node.files.list_names(context.layout.manifests) == ()


def test_what_is_waited_for_longest_starts_while_the_rest_is_made(node: FakeNode) -> None:
    run_init(node.context())
    titles = [step.title for step in node.reporter.steps]
    made = [title for title in titles if title.startswith(("Making", "Writing"))]
    assert made == [
        "Making certificates of etcd",
        "Writing the manifest of etcd",
        "Making certificates",
        "Writing the manifest of kube-apiserver",
        "Making kubeconfig files",
        "Writing the manifest of kube-controller-manager",
        "Writing the manifest of kube-scheduler",
    ]


def test_a_server_that_still_makes_its_roles_is_asked_to_keep_things_meanwhile(node: FakeNode) -> None:
    node.api.ready = node.api.has_roles = False
    last = "/apis/apps/v1/namespaces/kube-system/daemonsets/kube-proxy"

    def move_on() -> None:
        node.move_on()
        node.api.ready = node.api.has_roles = last in node.api.objects

    node.api.on_request = move_on
    run_init(node.context())
    assert last in node.api.objects
    assert [
        step.summary.partition(" after ")[0] for step in node.reporter.steps if "Waiting" in step.title
    ] == [
        "control plane takes requests",
        "control plane healthy",
    ]


def test_running_it_again_changes_nothing(node: FakeNode) -> None:
    run_init(node.context())
    before, history = node.tree(), tuple(node.engine.history)
    run_init(node.context())
    assert node.tree() == before
    assert tuple(node.engine.history) == history
    assert node.agent.history == ["install", "start"]


def test_a_skipped_phase_is_not_run_and_no_generation_makes_up_for_it(node: FakeNode) -> None:
    skipped = ("control-plane/scheduler", *WITHOUT_A_CLUSTER)
    context = node.context(described=with_init(skip_phases=skipped))
    run_init(context)
    assert not node.files.exists(context.layout.manifest("kube-scheduler"))
    assert generations.latest(context.files, context.layout) is None


def test_an_unknown_phase_to_skip_is_refused_before_anything_is_written(node: FakeNode) -> None:
    with pytest.raises(ConfigError, match="no phase named nonsense"):
        run_init(node.context(described=with_init(skip_phases=("nonsense",))))
    assert node.tree() == {}


def test_a_machine_that_is_not_ready_stays_as_it_was(node: FakeNode) -> None:
    node.network.open_port(6443, "nginx", 812)
    with pytest.raises(PreflightError) as caught:
        run_init(node.context())
    assert caught.value.details == (
        "Port-6443: port 6443 is in use by nginx (pid 812); "
        "stop it (ss -ltnp 'sport = :6443' shows it), or configure another port",
    )
    assert not node.files.exists(PurePosixPath("/etc"))
    assert not node.agent.running


def test_a_phase_can_be_run_alone(node: FakeNode) -> None:
    run_init(node.context())
    context = node.context()
    (upload,) = (phase for phase in INIT if phase.name == "upload-config")
    node.api.objects.pop("/api/v1/namespaces/kube-system/configmaps/kubeadm-config")
    run_init_phase(upload, context)
    assert "/api/v1/namespaces/kube-system/configmaps/kubeadm-config" in node.api.objects


def test_a_dry_run_changes_nothing_and_says_what_would_be(node: FakeNode) -> None:
    run_init(node.context(described=with_init(dry_run=True)))
    assert node.tree() == {}
    assert node.running() == ()
    assert node.agent.history == []
    said = "\n".join(node.reporter.lines)
    for words in (
        "would create /etc/kubernetes/manifests/etcd.yaml",
        "would create /etc/kubernetes/pki/ca.key",
        "would start the agent",
        "would create /api/v1/namespaces/kube-system/configmaps/kubeadm-config",
    ):
        assert words in said
    staging = Path(said.rpartition("rm -r ")[2].strip())
    assert f"all files were written below {staging}" in said
    assert (staging / "etc/kubernetes/manifests/etcd.yaml").is_file()
    assert staging.stat().st_mode & 0o777 == 0o700


def test_a_dry_run_that_fails_leaves_nothing(node: FakeNode, temporary: Path) -> None:
    node.network.open_port(6443, "nginx", 812)
    with pytest.raises(PreflightError):
        run_init(node.context(described=with_init(dry_run=True)))
    assert list(temporary.iterdir()) == []


def test_a_dry_run_of_what_is_there_would_change_nothing(node: FakeNode) -> None:
    run_init(node.context())
    node.reporter.lines.clear()
    run_init(node.context(described=with_init(dry_run=True)))
    assert not [
        line
        for line in node.reporter.lines
        if line.startswith(("info would create /etc", "info would change"))
    ]


ON_DISK = with_init(skip_phases=WITHOUT_A_CLUSTER[1:])
"""The phases that write to the cluster write no file, so that no power cut there leaves half of one."""


def effects_of_init(root: Path) -> int:
    node = FakeNode(root)
    files = DyingFiles(root, 10_000)
    run_init(node.context(files, ON_DISK))
    return len(files.history)


def test_it_converges_after_a_power_cut_at_any_moment(tmp_path: Path) -> None:
    clean = FakeNode(tmp_path / "clean")
    run_init(clean.context(described=ON_DISK))
    expected = clean.tree()
    total = effects_of_init(tmp_path / "count")
    for life in range(0, total, STRIDE):
        node = FakeNode(tmp_path / str(life))
        with pytest.raises(PowerCut):
            run_init(node.context(DyingFiles(node.root, life), ON_DISK))
        run_init(node.context(described=ON_DISK))
        assert node.tree().keys() == expected.keys(), f"after {life} effects"
        assert {path: text for path, text in node.tree().items() if "manifests" in path} == {
            path: text for path, text in expected.items() if "manifests" in path
        }
        assert sorted(node.running()) == sorted(COMPONENTS)
        context = node.context()
        assert inventory.load(context.files, context.layout) == inventory.load(clean.files, context.layout)
