"""The agent with ``--register-node=false`` and a real kubelet of the same node, each with its own runtime."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from bootstrap.agent.apipods import CONFIG_MIRROR
from bootstrap.model.layout import COMPONENTS, KUBE_SCHEDULER
from tests.e2e.conftest import Lab
from tests.e2e.control_plane import ControlPlane, Json, wait_until
from tests.lab.kubelet import RealKubelet

CONFIG = """\
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
nodeRegistration:
  kubeletExtraArgs:
  - name: register-node
    value: "false"
"""


@dataclass(frozen=True, slots=True)
class Shared:
    """A machine with both."""

    cluster: ControlPlane
    kubelet: RealKubelet
    image: str


@pytest.fixture(scope="module")
def shared(lab: Lab) -> Iterator[Shared]:
    with lab.node() as node:
        node.path("/etc/cluster.yaml").write_text(CONFIG)
        node.bootstrap("init", "--config", "/etc/cluster.yaml")
        form = "{{.Repository}}:{{.Tag}}"
        pause = node.docker("images", "--format", form, "registry.k8s.io/pause").split()[0]
        image = node.docker("images", "--format", form, "podstrap.test/probe-target").split()[0]
        with RealKubelet(node, pause=pause, images=(image,)) as kubelet:
            yield Shared(ControlPlane(node), kubelet, image)


def pod(name: str, image: str) -> Json:
    """On the host's network, as there is no other, and bound to the node, which no network makes NotReady."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "nodeName": "m1",
            "hostNetwork": True,
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 2,
            "tolerations": [{"operator": "Exists"}],
            "containers": [
                {
                    "name": "main",
                    "image": image,
                    "args": ["serve:8099", "forever"],
                    "readinessProbe": {"httpGet": {"port": 8099}, "periodSeconds": 1},
                }
            ],
        },
    }


def test_the_kubelet_runs_the_apis_pods_and_the_agent_its_own(shared: Shared) -> None:
    cluster = shared.cluster
    before = cluster.everything_running()
    cluster.create(pod("theirs", shared.image))

    def is_ready() -> bool:
        found = cluster.get("pod", "theirs")
        conditions = {each["type"]: each["status"] for each in found["status"].get("conditions", ())}
        return conditions.get("Ready") == "True"

    wait_until(is_ready, f"the kubelet's pod is ready\n{shared.kubelet.log()[-3000:]}")
    assert cluster.everything_running() == before
    node = cluster.get("node", "m1")
    assert "podstrap" not in node["status"]["nodeInfo"]["kubeletVersion"]
    assert "podstrap/static-pods-only" not in {each["key"] for each in node["spec"].get("taints", ())}
    pods = cluster.get("pods", "--all-namespaces")["items"]
    assert not [each for each in pods if CONFIG_MIRROR in each["metadata"].get("annotations", {})]


def test_each_mends_and_removes_its_own(shared: Shared) -> None:
    cluster = shared.cluster
    (scheduler,) = cluster.containers(KUBE_SCHEDULER)

    def theirs() -> list[str]:
        chosen = 'labels."io.kubernetes.pod.name"==theirs'
        return sorted(shared.kubelet.ctr("containers", "list", "--quiet", chosen).split())

    before = theirs()
    assert before
    cluster.node.docker("kill", scheduler)
    cluster.wait_healthy()
    assert theirs() == before
    ours = cluster.everything_running()
    cluster.kubectl("delete", "pod", "theirs")
    wait_until(lambda: not theirs(), "the kubelet's pod is gone")
    assert cluster.everything_running() == ours
    status = json.loads(cluster.node.bootstrap("agent", "status", "--output=json").stdout)
    assert status["api"] is None
    assert len(status["pods"]) == len(COMPONENTS)
