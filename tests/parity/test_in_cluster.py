"""What the real kubeadm and podstrap make of the same fresh cluster: every object, compared by meaning.

Two releases, each with a configuration that has what the other has not.

Each has an API server and an etcd of its own, on a node of the same name, address and certificates.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
import yaml

from bootstrap.model.version import KubernetesVersion
from pki.sealing import unseal
from tests.lab import LabNode
from tests.lab.images import ProgramsMissingError, program_directories
from tests.lab.plain import running_components
from tests.lab.programs import NEWEST, PREVIOUS
from tests.parity.differences import Tally, decided_in_the_cluster
from tests.parity.facts import Facts

pytestmark = [pytest.mark.parity, pytest.mark.timeout(240)]

Json = dict[str, Any]
KEY = "5a" * 32
ONE_STACK = f"""\
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
certificateKey: "{KEY}"
bootstrapTokens:
- token: abcdef.0123456789abcdef
  description: for the lab
  ttl: 2h0m0s
- token: fedcba.0123456789abcdef
  ttl: 0s
  usages: [authentication]
  groups: ["system:bootstrappers:lab"]
nodeRegistration:
  name: m1
  taints:
  - {{key: node-role.kubernetes.io/control-plane, effect: NoSchedule}}
  - {{key: example.com/lab, value: "yes", effect: NoExecute}}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: {NEWEST.text}
controlPlaneEndpoint: api.example.com:6443
encryptionAlgorithm: ECDSA-P256
networking:
  podSubnet: 10.244.0.0/16
  serviceSubnet: 10.112.0.0/16
  dnsDomain: cluster.example
imageRepository: registry.example.com/k8s
dns: {{imageTag: v9.9.9}}
apiServer:
  extraArgs: [{{name: profiling, value: "false"}}]
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
maxPods: 50
"""
TWO_STACKS = f"""\
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
certificateKey: "{KEY}"
bootstrapTokens:
- token: abcdef.0123456789abcdef
nodeRegistration:
  name: m1
  taints: []
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: {PREVIOUS.text}
clusterName: lab
encryptionAlgorithm: ECDSA-P256
networking:
  podSubnet: 10.244.0.0/16,fd00:10:244::/56
  serviceSubnet: 10.96.0.0/16,fd00:10:96::/112
dns: {{imageRepository: registry.example.com/dns}}
controllerManager:
  extraArgs: [{{name: node-cidr-mask-size-ipv6, value: "64"}}]
scheduler:
  extraEnvs: [{{name: LAB, value: "yes"}}]
---
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
conntrack: {{maxPerCore: 0}}
"""
PATH = "/etc/cluster.yaml"
# kubeadm waits for the label of the host name, which every kubelet sets.
NODE: Json = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {"name": "m1", "labels": {"kubernetes.io/hostname": "m1"}},
    "spec": {"taints": [{"key": "example.com/mine", "effect": "NoSchedule"}]},
}
HASH = "kubeadm.kubernetes.io/component-config.hash"
KUBECTL = ("kubectl", "--kubeconfig=/etc/kubernetes/super-admin.conf")
PHASES = (
    ("upload-config", "all"),
    ("upload-certs", "--upload-certs"),
    ("mark-control-plane",),
    ("bootstrap-token",),
    ("addon", "all"),
)
KINDS = (
    *("configmaps", "secrets", "serviceaccounts", "services", "nodes", "daemonsets.apps", "deployments.apps"),
    *("roles", "rolebindings", "clusterroles", "clusterrolebindings"),
)
_OF_THE_SERVER = ("uid", "resourceVersion", "creationTimestamp", "managedFields", "generation")
_OF_THE_MOMENT = ("extension-apiserver-authentication", "legacy-service-account-token-tracking")
"""ConfigMaps of the API server itself."""


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    version: KubernetesVersion
    configuration: str


CASES = (Case("one-stack", NEWEST, ONE_STACK), Case("two-stacks", PREVIOUS, TWO_STACKS))


@dataclass(frozen=True, slots=True)
class Clusters:
    """Objects by ``kind namespace/name``, as kubeadm made them and as podstrap did."""

    case: Case
    theirs: dict[str, Json]
    ours: dict[str, Json]


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.name)
def clusters(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Clusters:
    case: Case = request.param
    if os.geteuid() != 0:
        pytest.skip("lab nodes need root")
    try:
        programs = program_directories(case.version)
    except ProgramsMissingError as error:
        pytest.skip(str(error))
    with (
        LabNode("m1", programs=programs, starts_engine=False) as ours,
        LabNode("m1", programs=programs, starts_engine=False) as theirs,
    ):
        assert ours.address == theirs.address
        for node in (ours, theirs):
            node.path(PATH).write_text(case.configuration)
        prepare(ours, None)
        prepare(theirs, ours)
        with (
            running_components(ours, tmp_path_factory.mktemp("ours")),
            running_components(theirs, tmp_path_factory.mktemp("theirs")),
        ):
            for node in (ours, theirs):
                node.run([*KUBECTL, "create", "--filename=-"], stdin=json.dumps(NODE))
            for phase in PHASES:
                theirs.run(["kubeadm", "init", "phase", *phase, "--config", PATH])
                ours.bootstrap("init", "phase", *phase, "--config", PATH)
            return Clusters(case, objects(theirs), objects(ours))


def prepare(node: LabNode, like: LabNode | None) -> None:
    """Files of a control plane, the same as another node's."""
    if like is not None:
        tar = like.run(["sh", "-c", "tar -C /etc -c kubernetes | base64"]).stdout
        node.run(["sh", "-c", "base64 --decode | tar -C /etc -x"], stdin=tar)
    else:
        for phase in ("certs", "kubeconfig", "etcd", "control-plane"):
            step = "local" if phase == "etcd" else "all"
            node.bootstrap("init", "phase", phase, step, "--config", PATH)
    hosts = node.path("/etc/hosts")
    hosts.write_text(f"{hosts.read_text()}{node.address} api.example.com\n")


def objects(node: LabNode) -> dict[str, Json]:
    listed = json.loads(node.kubectl("get", ",".join(KINDS), "--all-namespaces", "--output=json"))
    found = {}
    for item in listed["items"]:
        name = item["metadata"]["name"]
        if not any(ending in name for ending in _OF_THE_MOMENT):
            meaning = meaning_of(item)
            found[f"{item['kind']} {item['metadata'].get('namespace', '')}/{stable(name, item)}"] = meaning
    return found


def stable(name: str, item: Json) -> str:
    """The name, but for that of the token whose only purpose is to expire."""
    proxy = base64.b64encode(b"Proxy for managing TTL for the kubeadm-certs secret").decode()
    is_proxy = (item.get("data") or {}).get("description") == proxy
    return "bootstrap-token-PROXY" if is_proxy else name


def meaning_of(item: Json) -> Json:
    metadata = {key: value for key, value in item["metadata"].items() if key not in _OF_THE_SERVER}
    metadata["name"] = stable(metadata["name"], item)
    metadata["ownerReferences"] = [
        {**owner, "uid": "", "name": "PROXY"} for owner in metadata.get("ownerReferences", [])
    ]
    meaning = {key: value for key, value in item.items() if key not in ("status", "metadata")}
    data = item.get("data") or {}
    if item["kind"] == "Secret":
        meaning["data"] = {key: secret_value(item, key, value) for key, value in data.items()}
    elif item["kind"] == "ConfigMap":
        meaning["data"] = {key: text_value(value) for key, value in data.items()}
        if HASH in metadata.get("annotations", {}):
            metadata["annotations"] = {**metadata["annotations"], HASH: is_signed(metadata, data)}
    return {**meaning, "metadata": metadata}


def is_signed(metadata: Json, data: dict[str, str]) -> bool:
    """Whether the mark of a configuration no user wrote fits the text, as kubeadm's upgrade asks."""
    content = "".join(data[key] for key in sorted(data))
    digest = hashlib.sha256(content.encode()).hexdigest()
    return bool(metadata["annotations"][HASH] == f"sha256:{digest}")


def secret_value(item: Json, key: str, value: str) -> object:
    content = base64.b64decode(value)
    if item["metadata"]["name"] == "kubeadm-certs":
        return unseal(content, bytes.fromhex(KEY)).decode()
    if key == "expiration":
        # They were not made in the same second; ten minutes are far from any life a token may have.
        made = datetime.fromisoformat(item["metadata"]["creationTimestamp"])
        life = datetime.fromisoformat(content.decode()) - made
        return round(life.total_seconds() / 600)
    if stable("", item) and key in ("token-id", "token-secret"):
        return ""
    return content.decode()


def text_value(text: str) -> object:
    """A document by what it says; kubeadm also writes fields that say nothing."""
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError:
        return text
    return without_noise(document) if isinstance(document, dict) else text


def without_noise(value: Any) -> Any:
    """Zero values of Go: an absent field means the same."""
    if isinstance(value, dict):
        kept = {key: without_noise(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item not in (None, "", 0, "0", "0s", {}, [])}
    return [without_noise(item) for item in value] if isinstance(value, list) else value


def fields(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Leaves by path, so that they can be counted and named."""
    if isinstance(value, dict) and value:
        for key in sorted(value):
            yield from fields(value[key], f"{path}.{key}")
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield from fields(item, f"{path}[{index}]")
    else:
        yield path, value


def test_the_same_objects_are_there(clusters: Clusters) -> None:
    assert sorted(clusters.ours) == sorted(clusters.theirs)
    assert {name.partition(" ")[0] for name in clusters.ours} >= {"Secret", "DaemonSet", "ClusterRoleBinding"}


def test_every_object_means_the_same(clusters: Clusters, tally: Tally) -> None:
    found, decided = Tally(), decided_in_the_cluster()
    found.add(
        facts(clusters.theirs), facts(clusters.ours), clusters.case.name, clusters.case.version.text, decided
    )
    tally.absorb(found)
    assert "\n".join(map(str, found.unexplained)) == ""
    assert found.seen == set(decided)
    assert found.compared > 1000


def facts(objects_by_name: dict[str, Json]) -> Facts:
    return {name: dict(fields(item)) for name, item in objects_by_name.items()}
