"""What is stored in the cluster, against what kubeadm 1.37.2 stores for the same file.

The expected files are the ConfigMaps of ``kubeadm init phase upload-config all --dry-run`` and ``kubeadm init
phase addon kube-proxy --print-manifest``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from bootstrap.config.dump import dump_cluster_configuration
from bootstrap.config.kubelet import kubelet_configuration
from bootstrap.config.kubeproxy import kube_proxy_configuration
from tests.unit.config.cases import control_plane, load_text

DIRECTORY = Path(__file__).parent / "kubeadm"
NAMES = ("defaults", "everything", "external-etcd")


def text(name: str) -> str:
    return (DIRECTORY / f"{name}.yaml").read_text()


def without_zero_values(value: Any) -> Any:
    """kubeadm writes every field of the Go types; a zero in them means the component's default."""
    if isinstance(value, dict):
        pruned = {key: without_zero_values(item) for key, item in value.items() if key != "logging"}
        return {key: item for key, item in pruned.items() if item not in (None, "", "0s", 0, {}, [])}
    return value


@pytest.mark.parametrize("name", NAMES)
def test_the_cluster_configuration_is_kubeadms_byte_for_byte(name: str) -> None:
    assert dump_cluster_configuration(control_plane(text(name))) == text(f"{name}.cluster")


@pytest.mark.parametrize("name", NAMES)
def test_the_kubelet_configuration_says_what_kubeadms_says(name: str) -> None:
    ours = kubelet_configuration(control_plane(text(name)))

    assert without_zero_values(ours) == without_zero_values(yaml.safe_load(text(f"{name}.kubelet")))


@pytest.mark.parametrize("name", NAMES)
def test_the_kube_proxy_configuration_says_what_kubeadms_says(name: str) -> None:
    ours = kube_proxy_configuration(control_plane(text(name)))

    assert without_zero_values(ours) == without_zero_values(yaml.safe_load(text(f"{name}.kube-proxy")))


def test_values_given_for_the_components_are_kept_with_a_warning() -> None:
    _, *warnings = load_text(text("everything")).warnings

    assert warnings == [
        "cluster.yaml:42:13: clusterDNS is 10.97.0.11; 10.97.0.10 is recommended",
        "cluster.yaml:44:39: authentication.anonymous.enabled is true; false is recommended",
    ]
