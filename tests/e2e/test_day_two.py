"""The real kubeadm and kubectl on a control plane that podstrap made, and what podstrap does there later."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from bootstrap.model.layout import COMPONENTS, ETCD, KUBE_APISERVER, KUBE_CONTROLLER_MANAGER, KUBE_SCHEDULER
from pki.clients import client_profile
from pki.csr import request_pem
from pki.keys import generate
from tests.e2e.conftest import Lab
from tests.e2e.control_plane import ControlPlane, Json, wait_until
from tests.e2e.served import serial
from tests.lab import LabNode
from tests.lab.programs import NEWEST

PKI = "/etc/kubernetes/pki"
SHARED = ("ca.crt", "ca.key", "etcd/ca.key", "front-proxy-ca.key", "sa.key", "sa.pub")


@pytest.fixture(scope="module")
def joiner(lab: Lab, newest: ControlPlane) -> Iterator[LabNode]:
    """A machine that wants to join; it has kubeadm and no container engine."""
    with lab.node("w1", network=newest.node.network, starts_engine=False) as node:
        yield node


@pytest.fixture(scope="module")
def join(newest: ControlPlane) -> tuple[str, ...]:
    """What to type, but for ``kubeadm join``."""
    return tuple(newest.node.bootstrap("token", "create", "--print-join-command").stdout.split()[2:])


def kubeadm(node: LabNode, *arguments: str) -> str:
    return node.run(["kubeadm", *arguments]).stdout


def documents(text: str) -> list[Any]:
    """JSON documents that follow each other."""
    decoder, found, position = json.JSONDecoder(), [], 0
    while text[position:].strip():
        position += len(text[position:]) - len(text[position:].lstrip())
        document, position = decoder.raw_decode(text, position)
        found.append(document)
    return found


def test_kubeadm_lists_the_same_tokens(newest: ControlPlane) -> None:
    newest.node.bootstrap("token", "create", "--ttl", "2h", "--description", "for the lab")
    listing = ("token", "list", "-o", "json")
    ours, theirs = newest.node.bootstrap(*listing).stdout, kubeadm(newest.node, *listing)
    assert documents(ours) == documents(theirs)
    assert "for the lab" in theirs


def test_kubeadm_deletes_ours_and_we_delete_theirs(newest: ControlPlane) -> None:
    ours = newest.node.bootstrap("token", "create").stdout.strip()
    theirs = kubeadm(newest.node, "token", "create").strip()
    kubeadm(newest.node, "token", "delete", ours)
    newest.node.bootstrap("token", "delete", theirs)
    left = kubeadm(newest.node, "token", "list")
    assert ours not in left
    assert theirs not in left


def test_kubeadm_finds_the_same_expirations(newest: ControlPlane) -> None:
    checking = ("certs", "check-expiration", "-o", "json")
    ours = json.loads(newest.node.bootstrap(*checking).stdout)
    theirs = json.loads(kubeadm(newest.node, *checking))
    for kind in ("certificates", "certificateAuthorities"):
        found = [_without_residue(entry) for entry in ours[kind] if entry["name"] != "kubelet.conf"]
        assert found == [_without_residue(entry) for entry in theirs[kind]]


def _without_residue(entry: Json) -> Json:
    return {name: value for name, value in entry.items() if name != "residualTime"}


def test_kubeadm_lists_the_same_images(newest: ControlPlane) -> None:
    config = "/etc/images.yaml"
    newest.node.path(config).write_text(
        "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n"
        f"kubernetesVersion: {NEWEST.text}\nimageRepository: registry.example.com/k8s\n"
    )
    theirs = kubeadm(newest.node, "config", "images", "list", "--config", config).splitlines()
    ours = newest.node.bootstrap("images", "list", "--config", config, "-o", "json").stdout
    assert [entry["reference"] for entry in json.loads(ours)] == theirs


def test_kubeadm_plans_an_upgrade(newest: ControlPlane) -> None:
    """Every check of the cluster's health passes; that of a Job is left out where no node takes pods."""
    newest.kubectl("cordon", newest.node.name)
    try:
        planned = newest.node.run(["kubeadm", "upgrade", "plan", NEWEST.text])
    finally:
        newest.kubectl("uncordon", newest.node.name)
    assert "was skipped because there are no schedulable Nodes" in planned.stderr
    assert "[upgrade] Running cluster health checks" in planned.stdout


def test_the_node_is_marked_as_a_control_plane(newest: ControlPlane) -> None:
    node = newest.get("node", newest.node.name)
    assert node["metadata"]["labels"]["node-role.kubernetes.io/control-plane"] == ""
    taints = {taint["key"] for taint in node["spec"]["taints"]}
    assert "node-role.kubernetes.io/control-plane" in taints


def test_kubeadm_joins_up_to_the_start_of_the_kubelet(
    newest: ControlPlane, joiner: LabNode, join: tuple[str, ...]
) -> None:
    """Discovery by token and pin, what a token may read, and the kubelet's configuration."""
    options = ("--ignore-preflight-errors=all", "--skip-phases=kubelet-wait-bootstrap")
    said = kubeadm(joiner, "join", *join, *options)
    assert "[kubelet-start] Starting the kubelet" in said
    assert joiner.path(f"{PKI}/ca.crt").read_text() == newest.node.path(f"{PKI}/ca.crt").read_text()
    assert "clusterDomain: cluster.local" in joiner.path("/var/lib/kubelet/config.yaml").read_text()


def test_a_token_gets_its_holder_a_nodes_certificate(
    newest: ControlPlane, joiner: LabNode, join: tuple[str, ...]
) -> None:
    """As a kubelet asks for it: the request is approved without anybody, and signed."""
    request = request_pem(client_profile("system:node:w1", "system:nodes"), generate("ECDSA-P256"))
    body = {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"name": "w1"},
        "spec": {
            "request": base64.b64encode(request.encode()).decode(),
            "signerName": "kubernetes.io/kube-apiserver-client-kubelet",
            "usages": ["digital signature", "client auth"],
        },
    }
    with_token = ("kubectl", f"--server=https://{join[0]}", f"--token={join[2]}")
    authority = f"--certificate-authority={PKI}/ca.crt"
    joiner.run(
        [*with_token, authority, "create", "--filename=-"],
        stdin=json.dumps(body),
        environment={"KUBECONFIG": "/dev/null"},
    )
    try:
        wait_until(
            lambda: newest.get("csr", "w1")["status"].get("certificate"), "the request is approved and signed"
        )
    finally:
        newest.kubectl("delete", "csr", "w1")


def test_kubeadm_opens_the_uploaded_certificates(
    newest: ControlPlane, joiner: LabNode, join: tuple[str, ...]
) -> None:
    uploading = newest.node.bootstrap("init", "phase", "upload-certs", "--upload-certs")
    key = uploading.stdout.strip()
    assert key not in uploading.stderr
    phase = ("join", "phase", "control-plane-prepare", "download-certs")
    kubeadm(joiner, *phase, *join, "--control-plane", "--certificate-key", key)
    for name in SHARED:
        path = f"{PKI}/{name}"
        assert joiner.path(path).read_bytes() == newest.node.path(path).read_bytes(), name


def test_a_user_is_who_the_kubeconfig_says(newest: ControlPlane) -> None:
    made = newest.node.bootstrap("kubeconfig", "user", "--client-name", "jane", "--org", "dev,ops").stdout
    newest.node.path("/etc/jane.conf").write_text(made)
    review = newest.kubectl("--kubeconfig=/etc/jane.conf", "auth", "whoami", "--output=json")
    user = json.loads(review)["status"]["userInfo"]
    assert (user["username"], user["groups"][:2]) == ("jane", ["dev", "ops"])


def test_renewed_certificates_are_taken_up_and_who_reads_them_once_is_restarted(newest: ControlPlane) -> None:
    before = {component: newest.containers(component) for component in COMPONENTS}
    shown = {port: serial(newest.node, port) for port in (6443, 2379)}
    said = newest.node.bootstrap("certs", "renew", "all").stdout
    assert "Restarted by the agent, one after the other: kube-controller-manager, kube-scheduler" in said
    for port, old in shown.items():
        wait_until(lambda: serial(newest.node, port) != old, f"another certificate on {port}")  # noqa: B023
    for component in (KUBE_CONTROLLER_MANAGER, KUBE_SCHEDULER):
        wait_until(
            lambda: newest.containers(component) not in ([], before[component]),  # noqa: B023
            f"the agent starts {component} again",
        )
    newest.wait_healthy()
    assert newest.kubectl("get", "--raw=/readyz") == "ok"
    for component in (ETCD, KUBE_APISERVER):
        assert newest.containers(component) == before[component]


def test_init_finds_nothing_to_change_after_all_that(newest: ControlPlane) -> None:
    before = newest.everything_running()
    newest.node.bootstrap("init", "--skip-token-print")
    assert newest.everything_running() == before
