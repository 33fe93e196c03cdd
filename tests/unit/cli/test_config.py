"""``bootstrap config``: what it prints, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from bootstrap.cli.main import exit_code_of

OLD = """\
apiVersion: kubeadm.k8s.io/v1beta3
kind: ClusterConfiguration
kubernetesVersion: v1.36.3
apiServer: {timeoutForControlPlane: 45s, extraArgs: {v: "4", audit-log-path: /a}}
---
apiVersion: kubeadm.k8s.io/v1beta3
kind: JoinConfiguration
nodeRegistration: {kubeletExtraArgs: {v: "2"}}
discovery:
  timeout: 2m
  bootstrapToken: {token: abcdef.0123456789abcdef, apiServerEndpoint: "a.example:6443", unsafeSkipCAVerification: true}
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
maxPods: 50
---
apiVersion: bootstrap/v1alpha1
kind: BootstrapConfiguration
images: {sources: [present]}
"""  # noqa: E501

JOIN = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\n"
RESET = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ResetConfiguration\n"
UPGRADE = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: UpgradeConfiguration\n"
CLUSTER = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n"

BY_TOKEN = "token: abcdef.0123456789abcdef, apiServerEndpoint: 'a:6443', unsafeSkipCAVerification: true"


def run(*arguments: str) -> int:
    return exit_code_of(["config", *arguments])


def written(directory: Path, text: str) -> str:
    path = directory / "cluster.yaml"
    path.write_text(text)
    return str(path)


def documents(text: str) -> dict[str, Any]:
    return {document["kind"]: document for document in yaml.safe_load_all(text)}


@pytest.mark.parametrize("command", ["init-defaults", "join-defaults", "reset-defaults", "upgrade-defaults"])
def test_what_is_printed_is_valid(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("print", command) == 0
    assert run("validate", "--config", written(tmp_path, capsys.readouterr().out)) == 0
    assert capsys.readouterr() == ("the configuration is valid\n", "")


def test_more_documents_can_be_printed(capsys: pytest.CaptureFixture[str]) -> None:
    kinds = "KubeletConfiguration,BootstrapConfiguration"
    assert run("print", "init-defaults", "--component-configs", kinds) == 0

    shown = documents(capsys.readouterr().out)
    assert list(shown)[2:] == kinds.split(",")
    assert shown["KubeletConfiguration"]["clusterDNS"] == ["10.96.0.10"]


def test_a_kind_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("print", "init-defaults", "--component-configs", "Kubelet") == 3
    assert "KubeProxyConfiguration" in capsys.readouterr().err


def test_migration_keeps_every_document_and_adds_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("migrate", "--old-config", written(tmp_path, OLD)) == 0

    out, err = capsys.readouterr()
    assert documents(out) == {
        "InitConfiguration": {
            "apiVersion": "kubeadm.k8s.io/v1beta4",
            "kind": "InitConfiguration",
            "timeouts": {"controlPlaneComponentHealthCheck": "45s"},
        },
        "ClusterConfiguration": {
            "apiVersion": "kubeadm.k8s.io/v1beta4",
            "kind": "ClusterConfiguration",
            "kubernetesVersion": "v1.36.3",
            "apiServer": {
                "extraArgs": [{"name": "audit-log-path", "value": "/a"}, {"name": "v", "value": "4"}]
            },
        },
        "JoinConfiguration": {
            "apiVersion": "kubeadm.k8s.io/v1beta4",
            "kind": "JoinConfiguration",
            "nodeRegistration": {"kubeletExtraArgs": [{"name": "v", "value": "2"}]},
            "discovery": {
                "bootstrapToken": {
                    "token": "abcdef.0123456789abcdef",
                    "apiServerEndpoint": "a.example:6443",
                    "unsafeSkipCAVerification": True,
                }
            },
            "timeouts": {"discovery": "2m"},
        },
        "BootstrapConfiguration": {
            "apiVersion": "bootstrap/v1alpha1",
            "kind": "BootstrapConfiguration",
            "images": {"sources": ["present"]},
        },
        "KubeletConfiguration": {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "maxPods": 50,
        },
    }
    assert "v1beta3 is deprecated" in err


def test_a_migrated_configuration_is_for_root_alone_and_needs_no_migration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new = tmp_path / "new.yaml"
    assert run("migrate", "--old-config", written(tmp_path, OLD), "--new-config", str(new)) == 0
    assert new.stat().st_mode & 0o777 == 0o600

    capsys.readouterr()
    assert run("migrate", "--old-config", str(new)) == 0
    assert capsys.readouterr() == (new.read_text(), "")


def test_what_is_not_valid_is_not_migrated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new = tmp_path / "new.yaml"
    bad = written(tmp_path, f"{CLUSTER}clusterNam: a\n")

    assert run("migrate", "--old-config", bad, "--new-config", str(new)) == 3
    assert 'did you mean "clusterName"?' in capsys.readouterr().err
    assert not new.exists()


def test_a_verdict_for_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, f"{CLUSTER}certificatesDir: pki\ncertificateValidityPeriod: 9000h\n")

    assert run("validate", "--config", path, "--output", "json") == 3
    assert json.loads(capsys.readouterr().out) == {
        "schema": "bootstrap/validation/v1",
        "valid": False,
        "errors": [
            {
                "where": f"{path}:3:18",
                "message": 'certificatesDir must be an absolute path, not "pki"',
                "file": path,
                "line": 3,
                "column": 18,
            }
        ],
        "warnings": [
            {
                "where": f"{path}:4:28",
                "message": "certificateValidityPeriod is longer than the recommended year",
                "file": path,
                "line": 4,
                "column": 28,
            }
        ],
    }


def test_a_file_that_is_not_there_is_a_verdict_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("validate", "--config", str(tmp_path / "none"), "-o", "json") == 3
    (error,) = json.loads(capsys.readouterr().out)["errors"]
    assert error["where"] == "--config"
    assert "does not exist" in error["message"]


def test_warnings_count_when_they_are_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, f"{CLUSTER}certificateValidityPeriod: 9000h\n")

    assert run("validate", "--config", path) == 0
    assert run("validate", "--config", path, "--strict") == 3
    assert run("validate", "--config", path, "--strict", "-o", "json") == 3
    capsys.readouterr()


@pytest.mark.parametrize("subnet", ["fd01::/112", "fd01::/112,10.96.0.0/16"])
def test_an_address_that_only_the_node_knows_is_no_contradiction(subnet: str, tmp_path: Path) -> None:
    path = written(tmp_path, f"{CLUSTER}networking: {{serviceSubnet: '{subnet}'}}\n")

    assert run("validate", "--config", path) == 0


OTHER_COMMANDS = {
    "neither token nor file": (
        f"{JOIN}discovery: {{}}",
        "3:12: discovery must have bootstrapToken or file",
    ),
    "token and file": (
        f"{JOIN}discovery: {{bootstrapToken: {{{BY_TOKEN}}}, file: {{kubeConfigPath: /a}}}}",
        "3:12: discovery must have only one of bootstrapToken and file",
    ),
    "token of the wrong form": (
        f"{JOIN}discovery: {{bootstrapToken: {{{BY_TOKEN.replace('abcdef.', 'abcde.')}}}}}",
        "3:37: discovery.bootstrapToken.token must have the form [a-z0-9]{6}.[a-z0-9]{16}",
    ),
    "endpoint without port": (
        f"{JOIN}discovery: {{bootstrapToken: {{{BY_TOKEN.replace(':6443', '')}}}}}",
        '3:81: discovery.bootstrapToken.apiServerEndpoint must be HOST:PORT, not "a"',
    ),
    "trust in anybody": (
        f"{JOIN}discovery: {{bootstrapToken: {{{BY_TOKEN.replace('true', 'false')}}}}}",
        "3:29: discovery.bootstrapToken.caCertHashes must name the cluster's CA, or"
        " unsafeSkipCAVerification must be true to trust any",
    ),
    "hash of the wrong form": (
        f"{JOIN}discovery: {{bootstrapToken: {{{BY_TOKEN}, caCertHashes: [md5:ab]}}}}",
        "3:138: discovery.bootstrapToken.caCertHashes[0] must be sha256: and 64 hexadecimal digits,"
        ' not "md5:ab"',
    ),
    "kubeconfig without TLS": (
        f"{JOIN}discovery: {{file: {{kubeConfigPath: 'http://a.example/c'}}}}",
        "3:36: discovery.file.kubeConfigPath must be an absolute path or an https:// URL,"
        ' not "http://a.example/c"',
    ),
    "TLS token": (
        f"{JOIN}discovery: {{file: {{kubeConfigPath: /a}}, tlsBootstrapToken: a.b}}",
        "3:60: discovery.tlsBootstrapToken must have the form [a-z0-9]{6}.[a-z0-9]{16}",
    ),
    "CA path": (
        f"{JOIN}discovery: {{file: {{kubeConfigPath: /a}}}}\ncaCertPath: ca.crt",
        '4:13: caCertPath must be an absolute path that ends in .crt, not "ca.crt"',
    ),
    "address of a joining control plane": (
        f"{JOIN}discovery: {{file: {{kubeConfigPath: /a}}}}\n"
        "controlPlane: {localAPIEndpoint: {advertiseAddress: a}}",
        '4:53: controlPlane.localAPIEndpoint.advertiseAddress must be an IP address, not "a"',
    ),
    "certificate key of a joining control plane": (
        f"{JOIN}discovery: {{file: {{kubeConfigPath: /a}}}}\ncontrolPlane: {{certificateKey: ab}}",
        "4:32: controlPlane.certificateKey must be 32 bytes in hexadecimal (64 digits), not 2 characters",
    ),
    "unknown field": (
        f"{JOIN}discovery: {{file: {{kubeConfigPath: /a}}}}\ncontrolplane: {{}}",
        '4:1: unknown field "controlplane" in JoinConfiguration; did you mean "controlPlane"?',
    ),
    "unmount flag": (
        f"{RESET}unmountFlags: [MNT_FORC]",
        '3:16: unmountFlags[0] must be one of "MNT_DETACH", "MNT_EXPIRE", "MNT_FORCE", "UMOUNT_NOFOLLOW",'
        ' not "MNT_FORC"; did you mean "MNT_FORCE"?',
    ),
    "reset's directory": (
        f"{RESET}certificatesDir: pki",
        '3:18: certificatesDir must be an absolute path, not "pki"',
    ),
    "reset's checks": (
        f"{RESET}ignorePreflightErrors: [all, Swap]",
        '3:24: ignorePreflightErrors must not name single checks beside "all"',
    ),
    "upgrade's timeout": (
        f"{UPGRADE}timeouts: {{upgradeManifests: 5}}",
        '3:30: timeouts.upgradeManifests must be text, but 5 is a number; quote it: "5"',
    ),
    "upgrade's pull policy": (
        f"{UPGRADE}apply: {{imagePullPolicy: Often}}",
        '3:26: apply.imagePullPolicy must be one of "Always", "IfNotPresent", "Never", not "Often"',
    ),
}


@pytest.mark.parametrize(("text", "problem"), OTHER_COMMANDS.values(), ids=OTHER_COMMANDS)
def test_documents_of_other_commands_are_checked(
    text: str, problem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, text)

    assert run("validate", "--config", path, "-o", "json") == 3
    found = json.loads(capsys.readouterr().out)["errors"]
    assert [f"{error['where']}: {error['message']}" for error in found] == [f"{path}:{problem}"]


def test_images_are_listed_in_three_forms(capsys: pytest.CaptureFixture[str]) -> None:
    options = ("images", "list", "--kubernetes-version", "v1.37.2", "--image-repository", "r.example")
    assert run(*options) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "r.example/kube-apiserver:v1.37.2"

    assert run(*options, "-o", "json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document == {
        "apiVersion": "output.kubeadm.k8s.io/v1alpha3",
        "kind": "Images",
        "images": lines,
    }
    assert run(*options, "-o", "yaml") == 0
    assert yaml.safe_load(capsys.readouterr().out) == document
