"""``config print`` and ``config migrate`` beside those of the real kubeadm."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from bootstrap.config.componentfields import fields_of, wrong_fields
from bootstrap.config.examine import PLACEHOLDERS
from bootstrap.config.load import load
from bootstrap.config.overrides import Overrides
from bootstrap.config.sources import Source
from bootstrap.model.version import NEWEST, KubernetesVersion
from tests.lab.programs import kubeadm
from tests.parity.configuration import read_configurations
from tests.parity.programs import bootstrap

pytestmark = pytest.mark.parity

Judges = tuple[KubernetesVersion, ...]

OLD = sorted(name for name in read_configurations() if name.startswith("v1beta3/"))

VALUES: dict[str, Any] = {
    "text": "a",
    "true or false": True,
    "a whole number": 1,
    "a number": 0.5,
    "a duration": "1m0s",
}


def theirs(version: KubernetesVersion, *words: str) -> str:
    done = subprocess.run(
        [str(kubeadm(version)), "config", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def ours(*words: str) -> str:
    done = bootstrap("config", *words)
    assert done.code == 0, done.output
    return done.output


def without_what_is_empty(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {key: without_what_is_empty(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item not in (None, {}, [])}
    return [without_what_is_empty(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("command", ["init-defaults", "join-defaults", "reset-defaults", "upgrade-defaults"])
def test_the_same_defaults_are_printed(command: str, judges: Judges) -> None:
    documents = []
    for text in (theirs(judges[0], "print", command), ours("print", command)):
        documents.append([without_what_is_empty(document) for document in yaml.safe_load_all(text)])
        for document in documents[-1]:
            if "kubernetesVersion" in document:
                document["kubernetesVersion"] = NEWEST.text  # kubeadm has a patch release of its own choice
            if document["kind"] == "JoinConfiguration":
                document["nodeRegistration"]["name"] = PLACEHOLDERS.hostname  # kubeadm takes the machine's

    assert documents[0] == documents[1]


@pytest.mark.parametrize("name", OLD)
def test_a_migrated_configuration_means_what_kubeadm_makes_of_it(
    name: str, judges: Judges, tmp_path: Path
) -> None:
    version = judges[-1]
    old = tmp_path / "old.yaml"
    old.write_text(read_configurations()[name].documents(version, ""))

    migrated = theirs(version, "migrate", "--old-config", str(old)), _migrated(old)
    their, our = (load((Source("new", text),), Overrides(), PLACEHOLDERS).control_plane for text in migrated)

    assert our.cluster == their.cluster
    assert our.init.timeouts == their.init.timeouts
    assert our.init.node_registration.kubelet_extra_args == their.init.node_registration.kubelet_extra_args
    assert our.init.skip_phases == their.init.skip_phases


def _migrated(old: Path) -> str:
    new = old.with_name("new.yaml")
    ours("migrate", "--old-config", str(old), "--new-config", str(new))
    return new.read_text()


@pytest.mark.parametrize("kind", ["KubeletConfiguration", "KubeProxyConfiguration"])
def test_every_field_we_know_of_is_one_that_kubeadm_knows(kind: str, judges: Judges, tmp_path: Path) -> None:
    versions = {
        "KubeletConfiguration": "kubelet.config.k8s.io/v1beta1",
        "KubeProxyConfiguration": "kubeproxy.config.k8s.io/v1alpha1",
    }
    for version in judges:
        document = {"apiVersion": versions[kind], "kind": kind, **_filled(fields_of(kind), version)}
        init = {
            "apiVersion": "kubeadm.k8s.io/v1beta4",
            "kind": "ClusterConfiguration",
            "kubernetesVersion": version.text,
        }
        config = tmp_path / f"{version}.yaml"
        config.write_text(yaml.safe_dump_all([init, document]))

        theirs(version, "validate", "--config", str(config))
        assert list(wrong_fields(document, version)) == []


def _filled(fields: Any, version: KubernetesVersion) -> dict[str, Any]:
    """A document with a value for every field that has a known form."""
    return {
        name: _filled(field["fields"], version) if "fields" in field else _value(field["form"])
        for name, field in fields.items()
        if version.minor_text in field.get("minors", (version.minor_text,)) and field.get("form") != "any"
    }


def _value(form: Any) -> Any:
    if isinstance(form, str):
        return VALUES[form]
    if "list" in form:
        return [_value(form["list"])] if form["list"] != "any" else []
    if "map" in form:
        return {"a": _value(form["map"])}
    return {name: _value(item) for name, item in form["fields"].items() if item != "any"}


def test_the_verdict_is_kubeadms(judges: Judges, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(read_configurations()["components/everything-of-the-node"].documents(judges[0], ""))

    assert theirs(judges[0], "validate", "--config", str(config)) == "ok\n"
    assert json.loads(ours("validate", "--config", str(config), "-o", "json"))["valid"]


def test_the_same_images_are_listed(judges: Judges, tmp_path: Path) -> None:
    for version in judges:
        for name in (
            "components/own-registry",
            "etcd/elsewhere-on-disk",
            "etcd/external",
            "defaults/minimal",
        ):
            config = tmp_path / "config.yaml"
            config.write_text(read_configurations()[name].documents(version, ""))
            lists = (
                theirs(version, "images", "list", "--config", str(config)),
                ours("images", "list", "--config", str(config)),
            )
            assert lists[0].split() == lists[1].split()


def test_a_struct_has_no_field_that_kubeadm_has_not(judges: Judges) -> None:
    """What is printed for every command goes through the structs, and through kubeadm."""
    for command in ("join", "reset", "upgrade"):
        for document in yaml.safe_load_all(theirs(judges[0], "print", f"{command}-defaults")):
            from bootstrap.model import kubeadmcommands

            struct = getattr(kubeadmcommands, document.pop("kind"))
            document.pop("apiVersion")
            assert msgspec.convert(without_what_is_empty(document), struct)
