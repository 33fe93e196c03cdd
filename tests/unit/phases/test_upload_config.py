from __future__ import annotations

import hashlib
from dataclasses import replace as changed
from pathlib import Path

import pytest
import yaml

from bootstrap.errors import BootstrapError
from bootstrap.kube.client import ApiUnreachableError
from bootstrap.phases.phase import run_all
from bootstrap.phases.upload_config import UPLOAD_CONFIG
from tests.fakes.api import FakeApiServer
from tests.fakes.node import FakeNode

SYSTEM = "/api/v1/namespaces/kube-system/configmaps"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
READERS = [
    ("Group", "system:bootstrappers:kubeadm:default-node-token"),
    ("Group", "system:nodes"),
]


@pytest.fixture
def node(tmp_path: Path) -> FakeNode:
    """A node whose API server runs, with kubeconfigs."""
    made = FakeNode(tmp_path)
    made.api.on_request = lambda: None
    for name in ("admin", "super-admin"):
        made.files.write(made.described.layout.kubeconfig(name), "", 0o600)
    return made


def upload(node: FakeNode) -> None:
    run_all((UPLOAD_CONFIG,), node.context())


def test_the_configuration_is_kept_where_kubeadm_looks_for_it(node: FakeNode) -> None:
    upload(node)
    stored = node.api.objects[f"{SYSTEM}/kubeadm-config"]["data"]
    document = yaml.safe_load(stored["ClusterConfiguration"])
    assert (document["kind"], document["kubernetesVersion"]) == ("ClusterConfiguration", "v1.37.2")
    kubelet = node.api.objects[f"{SYSTEM}/kubelet-config"]
    assert yaml.safe_load(kubelet["data"]["kubelet"])["kind"] == "KubeletConfiguration"


def test_a_kubelet_configuration_nobody_wrote_is_signed_as_kubeadm_signs_it(node: FakeNode) -> None:
    upload(node)
    stored = node.api.objects[f"{SYSTEM}/kubelet-config"]
    digest = hashlib.sha256(stored["data"]["kubelet"].encode()).hexdigest()
    annotation = stored["metadata"]["annotations"]["kubeadm.kubernetes.io/component-config.hash"]
    assert annotation == f"sha256:{digest}"


def test_one_that_a_user_wrote_is_not_signed(node: FakeNode) -> None:
    written = {"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration", "maxPods": 50}
    node.described = changed(node.described, component_configs=(written,))
    upload(node)
    stored = node.api.objects[f"{SYSTEM}/kubelet-config"]
    assert "annotations" not in stored["metadata"]
    assert yaml.safe_load(stored["data"]["kubelet"])["maxPods"] == 50


@pytest.mark.parametrize(
    ("name", "config_map"),
    [("kubeadm:nodes-kubeadm-config", "kubeadm-config"), ("kubeadm:kubelet-config", "kubelet-config")],
)
def test_nodes_and_joining_nodes_may_read_it(node: FakeNode, name: str, config_map: str) -> None:
    upload(node)
    role = node.api.objects[f"{RBAC}/namespaces/kube-system/roles/{name}"]
    assert role["rules"] == [
        {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": [config_map], "verbs": ["get"]}
    ]
    binding = node.api.objects[f"{RBAC}/namespaces/kube-system/rolebindings/{name}"]
    assert binding["roleRef"]["name"] == name
    assert sorted((one["kind"], one["name"]) for one in binding["subjects"]) == READERS


def test_the_administrator_gets_his_rights_from_the_super_administrator(node: FakeNode) -> None:
    upload(node)
    bindings = f"{RBAC}/clusterrolebindings"
    assert node.api.history[0] == f"create {bindings}/kubeadm:cluster-admins"
    assert node.api.objects[f"{bindings}/kubeadm:cluster-admins"]["roleRef"]["name"] == "cluster-admin"
    kubelet_client = node.api.objects[f"{bindings}/kubeadm:apiserver-kubelet-client"]
    assert kubelet_client["roleRef"]["name"] == "system:kubelet-api-admin"
    assert kubelet_client["subjects"][0]["name"] == "kube-apiserver-kubelet-client"


def test_without_the_super_administrators_file_it_says_how_to_get_it(node: FakeNode) -> None:
    node.files.remove(node.described.layout.kubeconfig("super-admin"))
    with pytest.raises(BootstrapError) as caught:
        upload(node)
    assert caught.value.remedy.startswith("bootstrap init phase kubeconfig super-admin")


def test_once_there_are_rights_the_super_administrators_file_is_not_needed(node: FakeNode) -> None:
    upload(node)
    node.files.remove(node.described.layout.kubeconfig("super-admin"))
    upload(node)


def test_a_second_run_brings_changed_objects_back(node: FakeNode) -> None:
    upload(node)
    wanted = node.api.objects[f"{SYSTEM}/kubeadm-config"]["data"]
    node.api.objects[f"{SYSTEM}/kubeadm-config"]["data"] = {}
    upload(node)
    assert node.api.objects[f"{SYSTEM}/kubeadm-config"]["data"] == wanted


def test_a_server_that_is_still_making_its_namespaces_is_waited_for(tmp_path: Path, node: FakeNode) -> None:
    node.api = FakeApiServer(namespaces=())

    def make_namespace() -> None:
        if node.clock.monotonic() > 2:
            path = "/api/v1/namespaces/kube-system"
            node.api.objects.setdefault(path, {"metadata": {"name": "kube-system"}})

    node.api.on_request = make_namespace
    upload(node)
    assert f"{SYSTEM}/kubelet-config" in node.api.objects
    assert max(node.clock.waits) <= 0.1


def test_a_server_that_stays_away_is_given_up_on(node: FakeNode) -> None:
    node.api.answering = False
    with pytest.raises(ApiUnreachableError):
        upload(node)
    assert 60 <= node.clock.monotonic() < 61


def test_it_needs_the_administrators_kubeconfig(node: FakeNode) -> None:
    node.files.remove(node.described.layout.kubeconfig("admin"))
    with pytest.raises(BootstrapError) as caught:
        upload(node)
    assert caught.value.remedy == "bootstrap init phase kubeconfig admin"
