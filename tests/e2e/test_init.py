"""``bootstrap init`` on a fresh machine: a control plane that does what a control plane is for."""

from __future__ import annotations

import json

import pytest

from bootstrap.model.layout import COMPONENTS
from tests.e2e.control_plane import ControlPlane, Json, wait_until
from tests.lab.programs import NEWEST

LABELS = {"app": "web"}
DEPLOYMENT: Json = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {
        "replicas": 1,
        "selector": {"matchLabels": LABELS},
        "template": {
            "metadata": {"labels": LABELS},
            "spec": {"containers": [{"name": "web", "image": "registry.k8s.io/pause:3.10.2"}]},
        },
    },
}
NODE: Json = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "worker"}}
ROOM = {"cpu": "1", "memory": "1Gi", "pods": "10"}
READY: Json = {
    "status": {
        "capacity": ROOM,
        "allocatable": ROOM,
        "conditions": [{"type": "Ready", "status": "True", "reason": "Test"}],
    }
}


@pytest.mark.parametrize("component", COMPONENTS)
def test_each_component_runs_once_from_its_image_and_is_healthy(newest: ControlPlane, component: str) -> None:
    assert newest.is_healthy(component)
    expected = "etcd:" if component == "etcd" else f"{component}:{NEWEST.text}"
    assert expected in newest.image(component)


def test_the_api_server_is_ready_in_every_detail(newest: ControlPlane) -> None:
    lines = newest.kubectl("get", "--raw=/readyz?verbose").splitlines()
    assert lines[-1] == "readyz check passed"
    assert all(line.startswith("[+]") for line in lines[:-1])


def test_the_server_is_of_the_release_that_was_asked_for(newest: ControlPlane) -> None:
    assert newest.kubectl("get", "--raw=/version").count(f'"gitVersion": "{NEWEST.text}"') == 1


def test_a_deployment_gets_a_replica_set_and_its_pod_a_node(newest: ControlPlane) -> None:
    newest.create(NODE)
    patch = f"--patch={json.dumps(READY)}"
    newest.kubectl("patch", "node", "worker", "--subresource=status", "--type=merge", patch)
    newest.create(DEPLOYMENT)
    try:
        wait_until(lambda: newest.get("replicasets")["items"], "the Deployment has a ReplicaSet")
        wait_until(
            lambda: [pod["spec"].get("nodeName") for pod in newest.get("pods")["items"]] == ["worker"],
            "the pod is bound to the node",
        )
    finally:
        newest.kubectl("delete", "deployment", "web")
        newest.kubectl("delete", "pods", "--all", "--force", "--grace-period=0")
        newest.kubectl("delete", "node", "worker")


def test_kube_proxy_is_rolled_out_and_waits_for_no_pod_here(newest: ControlPlane) -> None:
    newest.kubectl("rollout", "status", "daemonset/kube-proxy", "--namespace=kube-system", "--timeout=60s")
    status = newest.get("daemonset", "kube-proxy", "--namespace=kube-system")["status"]
    assert status["desiredNumberScheduled"] == 0


def test_the_configuration_is_kept_in_the_cluster(newest: ControlPlane) -> None:
    data = newest.get("configmap", "kubeadm-config", "--namespace=kube-system")["data"]
    assert f"kubernetesVersion: {NEWEST.text}" in data["ClusterConfiguration"]


def test_a_second_init_and_a_plan_change_nothing(newest: ControlPlane) -> None:
    before = newest.everything_running()
    newest.node.bootstrap("init")
    newest.node.bootstrap("plan")
    assert newest.everything_running() == before


def test_nothing_secret_can_be_read_by_others(newest: ControlPlane) -> None:
    secret = ["-name", "*.key", "-o", "-name", "*.conf"]
    readable = ["find", "/etc/kubernetes", "(", *secret, ")", "-perm", "/077"]
    assert newest.node.run(readable).stdout == ""
