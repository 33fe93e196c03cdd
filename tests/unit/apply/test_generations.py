"""Generations: what is kept of an apply, what never is, and how many."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

import pytest

from bootstrap.apply import generations
from bootstrap.apply.commit import commit
from bootstrap.apply.generations import KEPT, Origin, digest_of
from bootstrap.apply.plan import make_plan
from bootstrap.errors import BootstrapError
from bootstrap.host.files import Files
from bootstrap.model.desired import DesiredFile
from bootstrap.model.layout import Layout
from tests.fakes.clock import FakeClock
from tests.fakes.dying_files import UnflushedFiles

LAYOUT = Layout()
MANIFEST = DesiredFile(LAYOUT.manifest("etcd"), "kind: Pod\nspec: {}\n", 0o600, "manifest", "etcd")
KUBECONFIG = DesiredFile(
    LAYOUT.kubeconfig("admin"), "users: [{user: {client-key-data: U0VDUkVU}}]\n", 0o600, "kubeconfig"
)
ENCRYPTION = DesiredFile(
    PurePosixPath("/etc/kubernetes/encryption.yaml"), "keys:\n- name: k\n  secret: U0VDUkVU\n", 0o600
)
NOW = datetime(2026, 5, 6, 7, 8, 9, tzinfo=UTC)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return UnflushedFiles(tmp_path)


def keep(files: Files, *desired: DesiredFile, config: str = "a: 1\n") -> int:
    origin = Origin(config, {"kubernetes": "v1.37.2"})
    return commit(make_plan(desired, files), files, LAYOUT, clock=FakeClock(NOW), origin=origin)


def test_a_generation_has_config_versions_time_and_every_file(files: Files) -> None:
    keep(files, MANIFEST, KUBECONFIG)
    found = generations.latest(files, LAYOUT)
    assert found is not None
    assert (found.number, found.time) == (1, NOW)
    assert found.origin == Origin("a: 1\n", {"kubernetes": "v1.37.2"})
    kubeconfig, manifest = found.files
    assert manifest.as_desired == MANIFEST
    assert manifest.digest == digest_of(MANIFEST.content)
    assert (kubeconfig.path, kubeconfig.text) == (KUBECONFIG.path, None)


def test_key_material_is_in_no_generation(files: Files) -> None:
    keep(files, MANIFEST, KUBECONFIG, ENCRYPTION)
    kept = list(files.walk(LAYOUT.generations))
    assert any("etcd.yaml" in path.name for path in kept)
    assert not [path for path in kept if "U0VDUkVU" in files.read_text(path)]


def test_generations_are_for_root_only(files: Files) -> None:
    keep(files, MANIFEST)
    assert files.mode(LAYOUT.generations) == 0o700
    assert {files.mode(path) for path in files.walk(LAYOUT.generations)} == {0o600}


def test_the_same_again_is_no_new_generation_but_another_config_is(files: Files) -> None:
    assert keep(files, MANIFEST) == 1
    assert keep(files, MANIFEST) == 1
    assert keep(files, MANIFEST, config="a: 2\n") == 2
    assert [generation.origin.config for generation in generations.list_all(files, LAYOUT)] == [
        "a: 1\n",
        "a: 2\n",
    ]


def test_only_the_last_ones_are_kept_and_numbers_go_on(files: Files) -> None:
    for turn in range(KEPT + 3):
        keep(files, MANIFEST, config=f"a: {turn}\n")
    assert generations.numbers(files, LAYOUT) == tuple(range(4, KEPT + 4))


def test_what_is_not_there_or_damaged_is_said_so(files: Files) -> None:
    assert generations.latest(files, LAYOUT) is None
    keep(files, MANIFEST)
    with pytest.raises(BootstrapError, match="no generation 7") as caught:
        generations.load(files, LAYOUT, 7)
    assert caught.value.remedy == "generations: 1"
    files.write(LAYOUT.generations / "0001" / "generation.json", "{}", 0o600)
    with pytest.raises(BootstrapError, match="generation 1 is damaged"):
        generations.load(files, LAYOUT, 1)


def test_the_images_of_all_kept_generations_are_known(files: Files) -> None:
    for version in (1, 2):
        containers = f"  - image: registry.k8s.io/etcd:{version}\n  - name: x\n    image: 'y:{version}'\n"
        text = f"spec:\n  containers:\n{containers}"
        path = PurePosixPath("/etc/kubernetes/manifests/etcd.yaml")
        keep(files, DesiredFile(path, text, 0o600, "manifest", "etcd"))
    assert generations.images(files, LAYOUT) == {
        "registry.k8s.io/etcd:1",
        "registry.k8s.io/etcd:2",
        "y:1",
        "y:2",
    }
