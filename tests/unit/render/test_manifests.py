from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bootstrap.model.bootstrapconfig import BootstrapConfiguration, TemplateSettings
from bootstrap.model.desired import DesiredFile
from bootstrap.model.kubeadm import APIServer, Arg, EnvVar
from bootstrap.model.layout import COMPONENTS
from bootstrap.render.manifests import (
    InvalidManifestError,
    render_manifest,
    render_manifests,
    unknown_fields,
)
from bootstrap.render.patches import read_patches
from tests.golden.control_planes import CLUSTER, FACTS, control_plane, with_local_etcd

EVIL = (
    'x"\n      privileged: true',
    "it's",
    "{{ 7 * 7 }}{% raw %}",
    "a: b # c",
    "- --profiling",
    "\t&anchor *alias !!tag | >",
    "\x00\x1b\u2028\x85",
)


def _container(file: DesiredFile) -> dict[str, Any]:
    (container,) = yaml.safe_load(file.content)["spec"]["containers"]
    assert isinstance(container, dict)
    return container


def _site(tmp_path: Path, component: str, text: str) -> BootstrapConfiguration:
    (tmp_path / "manifests").mkdir()
    (tmp_path / f"manifests/{component}.yaml.j2").write_text(text)
    return BootstrapConfiguration(templates=TemplateSettings(directory=str(tmp_path)))


def test_manifests_come_in_dependency_order_for_root_only() -> None:
    files = render_manifests(control_plane(), FACTS)
    assert [file.component for file in files] == list(COMPONENTS)
    assert {(file.mode, file.kind) for file in files} == {(0o600, "manifest")}
    assert str(files[1].path) == "/etc/kubernetes/manifests/kube-apiserver.yaml"


@pytest.mark.parametrize("evil", EVIL)
def test_a_value_is_passed_on_as_it_is_and_adds_nothing(evil: str) -> None:
    settings = APIServer(extra_args=(Arg(name="x", value=evil),))
    file = render_manifest("kube-apiserver", control_plane(replace(CLUSTER, api_server=settings)), FACTS)
    container = _container(file)
    assert container["command"][-1] == f"--x={evil}"
    expected = _container(render_manifest("kube-apiserver", control_plane(), FACTS))
    assert container["command"][:-1] == expected["command"]
    assert {**container, "command": None} == {**expected, "command": None}


@settings(max_examples=40, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")))
def test_any_environment_value_survives(value: str) -> None:
    cluster = with_local_etcd(extra_envs=(EnvVar(name="X", value=value),))
    (variable,) = _container(render_manifest("etcd", control_plane(cluster), FACTS))["env"]
    assert variable.get("value", "") == value


def test_a_site_template_may_add_to_the_builtin_one(tmp_path: Path) -> None:
    site = _site(
        tmp_path,
        "kube-scheduler",
        '{% extends "builtin/manifests/kube-scheduler.yaml.j2" %}\n'
        "{% block labels %}\n{{ super() }}    team: platform\n{% endblock %}\n",
    )
    file = render_manifest("kube-scheduler", control_plane(bootstrap=site), FACTS)
    assert yaml.safe_load(file.content)["metadata"]["labels"]["team"] == "platform"
    assert "tier" in yaml.safe_load(file.content)["metadata"]["labels"]


def test_a_site_template_that_gives_no_yaml_is_named(tmp_path: Path) -> None:
    site = _site(tmp_path, "etcd", "a: ]\n")
    with pytest.raises(InvalidManifestError, match=r"etcd.yaml.j2 produces is not YAML, line 1"):
        render_manifest("etcd", control_plane(bootstrap=site), FACTS)


def test_a_site_template_that_gives_no_pod_is_named(tmp_path: Path) -> None:
    site = _site(tmp_path, "etcd", "apiVersion: v1\nkind: ConfigMap\n")
    with pytest.raises(InvalidManifestError, match=r"etcd.yaml.j2 produces cannot run: .*ConfigMap"):
        render_manifest("etcd", control_plane(bootstrap=site), FACTS)


def test_a_patch_that_breaks_the_pod_is_named_with_the_field() -> None:
    patches = read_patches({"etcd.yaml": "spec: {containers: [{name: etcdd, command: [x]}]}"})
    with pytest.raises(InvalidManifestError, match=r"patched by etcd.yaml, produces cannot run") as caught:
        render_manifest("etcd", control_plane(), FACTS, patches=patches)
    assert any("spec.containers[0]" in line for line in caught.value.details)


def test_a_misspelled_field_of_a_patch_is_found() -> None:
    patches = read_patches({"etcd.yaml": "spec: {hostPit: true}"})
    file = render_manifest("etcd", control_plane(), FACTS, patches=patches)
    assert unknown_fields(file) == ("spec.hostPit",)
