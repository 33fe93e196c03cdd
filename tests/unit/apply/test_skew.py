"""Which version may follow which, by what the manifests on disk run."""

from __future__ import annotations

from pathlib import Path

import pytest

from bootstrap.apply.skew import current_versions, require_step
from bootstrap.errors import ConfigError
from bootstrap.model.layout import Layout
from bootstrap.model.version import KubernetesVersion
from tests.fakes.dying_files import UnflushedFiles

LAYOUT = Layout()


def version(text: str) -> KubernetesVersion:
    return KubernetesVersion.parse(text)


@pytest.mark.parametrize(
    ("image", "found"),
    [
        ("registry.k8s.io/kube-apiserver:v1.36.3", "v1.36.3"),
        ("mirror.example:5000/kube-apiserver:v1.36.3@sha256:00", "v1.36.3"),
        ("kube-apiserver:v1.37.0-rc.1", "v1.37.0-rc.1"),
    ],
)
def test_the_version_is_the_tag_of_the_image(tmp_path: Path, image: str, found: str) -> None:
    files = UnflushedFiles(tmp_path)
    manifest = f"kind: Pod\nspec: {{containers: [{{name: x, image: '{image}'}}]}}\n"
    files.write(LAYOUT.manifest("kube-apiserver"), manifest, 0o600)
    assert current_versions(files, LAYOUT) == {"kube-apiserver": version(found)}


@pytest.mark.parametrize(
    "manifest", ["", "{", "kind: Pod\n", "spec: {containers: []}", "spec: {containers: [{image: 'x:mine'}]}"]
)
def test_what_tells_no_version_is_not_judged(tmp_path: Path, manifest: str) -> None:
    files = UnflushedFiles(tmp_path)
    files.write(LAYOUT.manifest("kube-apiserver"), manifest, 0o600)
    assert current_versions(files, LAYOUT) == {}


@pytest.mark.parametrize(
    ("current", "target"),
    [("v1.36.3", "v1.36.3"), ("v1.36.3", "v1.36.0"), ("v1.36.3", "v1.37.2"), ("v1.37.0-rc.1", "v1.37.2")],
)
def test_a_patch_either_way_and_one_minor_up_are_steps(current: str, target: str) -> None:
    require_step({"kube-apiserver": version(current)}, version(target))


def test_on_a_fresh_node_any_version_will_do() -> None:
    require_step({}, version("v1.34.4"))


def test_an_upgrade_that_is_half_done_must_be_finished_first() -> None:
    halfway = {"kube-apiserver": version("v1.36.3"), "kube-scheduler": version("v1.35.4")}
    require_step(halfway, version("v1.36.3"))
    with pytest.raises(ConfigError, match=r"from Kubernetes 1\.35 to 1\.37") as caught:
        require_step(halfway, version("v1.37.2"))
    assert caught.value.details == ("kube-scheduler is at v1.35.4",)
    with pytest.raises(ConfigError, match="cannot go back") as caught:
        require_step(halfway, version("v1.35.4"))
    assert caught.value.details == ("kube-apiserver is at v1.36.3",)
