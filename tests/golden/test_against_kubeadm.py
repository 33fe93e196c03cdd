"""Manifests compared by meaning with those of a real kubeadm, named by the variable ``KUBEADM``.

It judges the cases of its own minor; without the variable the tests are skipped.
"""

from __future__ import annotations

import dataclasses
import os
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from bootstrap.model.node import HOST_CA_DIRECTORIES
from bootstrap.render.manifests import render_manifests
from bootstrap.render.patches import read_patches
from tests.golden.manifest_cases import CASES, Case

KUBEADM = os.environ.get("KUBEADM", "")

pytestmark = pytest.mark.skipif(not KUBEADM, reason="KUBEADM names no kubeadm to compare with")

NOT_COMPARED = {"external-ca"}
"""kubeadm asks for certificates and kubeconfigs to be there before it believes in an external CA."""

API_VERSION = "kubeadm.k8s.io/v1beta4"


def _kubeadm(*arguments: str, environment: dict[str, str] | None = None) -> str:
    done = subprocess.run([KUBEADM, *arguments], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _configuration(case: Case, directory: Path) -> Path:
    init = msgspec.to_builtins(case.control_plane.init)
    init["nodeRegistration"]["criSocket"] = "unix:///var/run/cri.sock"
    if case.patches:
        init["patches"] = {"directory": str(directory / "patches")}
    cluster = msgspec.to_builtins(case.control_plane.cluster)
    documents = (
        {**init, "apiVersion": API_VERSION, "kind": "InitConfiguration"},
        {**cluster, "apiVersion": API_VERSION, "kind": "ClusterConfiguration"},
    )
    path = directory / "config.yaml"
    path.write_text(yaml.safe_dump_all(documents))
    return path


def _theirs(case: Case, directory: Path) -> dict[str, Any]:
    (directory / "patches").mkdir()
    for name, text in case.patches.items():
        (directory / "patches" / name).write_text(text)
    out = directory / "out"
    out.mkdir()
    own = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    environment = {**own, **dict(case.facts.proxy_environment), "KUBEADM_INIT_DRYRUN_DIR": str(out)}
    options = ("--config", str(_configuration(case, directory)), "--dry-run")
    _kubeadm("init", "phase", "control-plane", "all", *options, environment=environment)
    if case.control_plane.local_etcd:
        _kubeadm("init", "phase", "etcd", "local", *options, environment=environment)
    return {path.stem: _comparable(path.read_text()) for path in out.glob("*.yaml")}


def _ours(case: Case) -> dict[str, Any]:
    here = frozenset(path for path in HOST_CA_DIRECTORIES if Path(path).exists())
    files = render_manifests(
        case.control_plane,
        dataclasses.replace(case.facts, existing_paths=here),
        patches=read_patches(case.patches),
    )
    return {file.path.stem: _comparable(file.content) for file in files}


def _comparable(manifest: str) -> dict[str, Any]:
    pod: dict[str, Any] = yaml.safe_load(manifest)
    for container in pod["spec"]["containers"]:
        container.setdefault("resources", {})  # a round trip through Go's types adds it
    return pod


@pytest.mark.parametrize("name", sorted(set(CASES) - NOT_COMPARED))
def test_kubeadm_renders_the_same(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    judge = _kubeadm("version", "-o", "short").strip()
    if not judge.startswith(f"v{case.control_plane.version.minor_text}."):
        pytest.skip(f"{judge} does not judge {case.control_plane.version}")
    assert _ours(case) == _theirs(case, tmp_path)
