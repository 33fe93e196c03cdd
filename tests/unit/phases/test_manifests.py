from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest
import yaml
from msgspec.structs import replace

from bootstrap.apply import inventory
from bootstrap.errors import BootstrapError, ConfigError
from bootstrap.host.files import Files
from bootstrap.model.bootstrapconfig import BootstrapConfiguration, TemplateSettings
from bootstrap.model.cluster import ControlPlane
from bootstrap.model.kubeadm import Etcd, ExternalEtcd, InitConfiguration, Patches
from bootstrap.model.layout import COMPONENTS
from bootstrap.phases.context import Context
from bootstrap.phases.control_plane import CONTROL_PLANE
from bootstrap.phases.etcd import ETCD
from bootstrap.phases.manifests import desired_manifests
from bootstrap.phases.phase import run_all
from bootstrap.render.engine import TemplateFailedError
from bootstrap.render.patches import PatchError
from tests.fakes.clock import FakeClock
from tests.fakes.http import FakeHttp
from tests.fakes.network import FakeNetwork
from tests.fakes.processes import FakeProcesses
from tests.fakes.reporter import RecordingReporter
from tests.fakes.services import FakeAgentService
from tests.golden.control_planes import CLUSTER, FACTS, INIT, control_plane

PHASES = (ETCD, CONTROL_PLANE)


def _unavailable(*_arguments: object) -> NoReturn:
    raise BootstrapError("manifests need no container engine, API server or machine")


@dataclass
class Node:
    """A node below a directory of its own."""

    root: Path
    reporter: RecordingReporter

    def context(self, described: ControlPlane) -> Context:
        return Context(
            control_plane=described,
            facts=FACTS,
            files=Files(self.root),
            processes=FakeProcesses(),
            network=FakeNetwork(),
            http=FakeHttp(),
            machine=_unavailable,
            clock=FakeClock(),
            agent_service=FakeAgentService(),
            runtime=_unavailable,
            api=_unavailable,
            reporter=self.reporter,
        )

    def run(self, described: ControlPlane) -> None:
        run_all(PHASES, self.context(described))

    @property
    def manifests(self) -> Path:
        return self.root / "etc/kubernetes/manifests"

    def names(self) -> list[str]:
        return sorted(path.name for path in self.manifests.glob("*")) if self.manifests.exists() else []


@pytest.fixture
def node(tmp_path: Path) -> Node:
    root = tmp_path / "node"
    root.mkdir()
    return Node(root, RecordingReporter())


@pytest.fixture
def patched(tmp_path: Path) -> Callable[..., ControlPlane]:
    """A control plane whose patches directory has the given files."""

    def make(**texts: str) -> ControlPlane:
        directory = tmp_path / "patches"
        for name, text in texts.items():
            path = directory / name.replace("_slash_", "/").replace("_dot_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        init: InitConfiguration = replace(INIT, patches=Patches(directory=str(directory)))
        return control_plane(init=init)

    return make


def test_the_phases_write_all_four_manifests_for_root_only(node: Node) -> None:
    node.run(control_plane())
    assert node.names() == sorted(f"{name}.yaml" for name in COMPONENTS)
    assert {path.stat().st_mode & 0o777 for path in node.manifests.iterdir()} == {0o600}
    assert node.manifests.stat().st_mode & 0o777 == 0o700


def test_etcd_gets_a_data_directory_of_its_own(node: Node) -> None:
    node.run(control_plane())
    assert (node.root / "var/lib/etcd").stat().st_mode & 0o777 == 0o700


def test_what_was_made_is_recorded_for_reset(node: Node) -> None:
    context = node.context(control_plane())
    node.run(control_plane())
    recorded = inventory.load(context.files, context.layout)
    assert {context.layout.manifest(name) for name in COMPONENTS} <= recorded.files
    assert {context.layout.etcd_data, context.layout.manifests} <= recorded.directories


def test_running_again_changes_nothing_not_even_the_spelling(node: Node) -> None:
    node.run(control_plane())
    respelled = yaml.safe_dump(yaml.safe_load((node.manifests / "etcd.yaml").read_text()), indent=4)
    (node.manifests / "etcd.yaml").write_text(respelled)
    again = Node(node.root, RecordingReporter())
    again.run(control_plane())
    assert (node.manifests / "etcd.yaml").read_text() == respelled
    assert [step.summary for step in again.reporter.steps] == [f"{name}: unchanged" for name in COMPONENTS]


def test_one_step_writes_one_manifest(node: Node) -> None:
    run_all(
        (CONTROL_PLANE,),
        node.context(control_plane()),
        ("control-plane/apiserver", "control-plane/scheduler"),
    )
    assert node.names() == ["kube-controller-manager.yaml"]


def test_an_external_etcd_is_skipped_with_the_reason(node: Node) -> None:
    external = Etcd(external=ExternalEtcd(endpoints=("https://10.0.0.1:2379",)))
    node.run(control_plane(replace(CLUSTER, etcd=external)))
    assert "etcd.yaml" not in node.names()
    assert not (node.root / "var/lib/etcd").exists()
    assert any("skipped, etcd is external (https://10.0.0.1:2379)" in line for line in node.reporter.lines)


@pytest.mark.parametrize(
    ("present", "flag"),
    [
        ((), "--cluster-signing-key-file=/etc/kubernetes/pki/ca.key"),
        (("ca.crt", "ca.key"), "--cluster-signing-key-file=/etc/kubernetes/pki/ca.key"),
        (("ca.crt",), "--cluster-signing-key-file="),
    ],
)
def test_the_ca_is_external_when_its_key_is_not_here(node: Node, present: tuple[str, ...], flag: str) -> None:
    pki = node.root / "etc/kubernetes/pki"
    pki.mkdir(parents=True)
    for name in present:
        (pki / name).write_text("")
    files = {file.component: file.content for file in desired_manifests(node.context(control_plane()))}
    assert f"    - {flag}" in files["kube-controller-manager"].splitlines()


def test_nothing_is_written_when_one_template_fails(node: Node, tmp_path: Path) -> None:
    site = tmp_path / "site/manifests"
    site.mkdir(parents=True)
    (site / "kube-scheduler.yaml.j2").write_text("{{ nothing }}")
    settings = BootstrapConfiguration(templates=TemplateSettings(directory=str(site.parent)))
    with pytest.raises(TemplateFailedError, match="kube-scheduler"):
        node.run(control_plane(bootstrap=settings))
    assert node.names() == []


def test_patches_of_subdirectories_apply_in_the_order_of_their_paths(
    node: Node, patched: Callable[..., ControlPlane]
) -> None:
    first = "metadata: {labels: {order: first, one: '1'}}"
    node.run(patched(a_slash_etcd_dot_yaml=first, etcd0_dot_yaml="metadata: {labels: {order: second}}"))
    labels = yaml.safe_load((node.manifests / "etcd.yaml").read_text())["metadata"]["labels"]
    assert (labels["order"], labels["one"]) == ("second", "1")


def test_ignored_patches_and_unknown_fields_are_told_once(
    node: Node, patched: Callable[..., ControlPlane]
) -> None:
    node.run(patched(README_dot_md="x", etcd_dot_yaml="spec: {hostPit: true}"))
    warnings = [line for line in node.reporter.lines if line.startswith("warn")]
    assert len(warnings) == 2
    assert "spec.hostPit is no known field" in warnings[0]
    assert "README.md is ignored" in warnings[1]


def test_a_feature_gate_that_is_not_honoured_is_told_once(node: Node) -> None:
    node.run(control_plane(replace(CLUSTER, feature_gates={"RootlessControlPlane": True})))
    warnings = [line for line in node.reporter.lines if line.startswith("warn")]
    assert warnings == ["warn feature gate RootlessControlPlane is ignored: the components run as root"]


def test_a_bad_patch_stops_before_anything_is_written(
    node: Node, patched: Callable[..., ControlPlane]
) -> None:
    bad = patched(**{"kube-scheduler+json_dot_yaml": "[{op: remove, path: /nothing}]"})
    with pytest.raises(PatchError, match=r"kube-scheduler\+json\.yaml"):
        node.run(bad)
    assert node.names() == []


def test_a_patches_directory_that_does_not_exist_is_an_error(node: Node) -> None:
    init = replace(INIT, patches=Patches(directory="/nowhere"))
    with pytest.raises(ConfigError, match="/nowhere does not exist"):
        node.run(control_plane(init=init))
