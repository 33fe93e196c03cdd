from __future__ import annotations

from datetime import timedelta
from pathlib import Path, PurePosixPath

import pytest

from bootstrap.apply import inventory
from bootstrap.errors import BootstrapError
from bootstrap.kube.kubeconfig import parse_kubeconfig
from bootstrap.model.layout import Layout
from bootstrap.phases.kubeconfig import KUBECONFIG
from bootstrap.phases.phase import run_all, run_phase
from tests.fakes.dying_files import DyingFiles, PowerCut
from tests.unit.phases.credentials import CredentialNode

NAMES = ("admin", "super-admin", "kubelet", "controller-manager", "scheduler")
LOCAL = "https://192.0.2.10:6443"
STABLE = "https://lb.example.com:8443"


@pytest.fixture
def node(tmp_path: Path) -> CredentialNode:
    """A node that has its certificates, but no kubeconfig files."""
    node = CredentialNode(tmp_path)
    node.run("kubeconfig")
    return node


@pytest.fixture
def complete(node: CredentialNode) -> CredentialNode:
    node.run()
    return node


def test_every_file_has_its_identity(complete: CredentialNode) -> None:
    subjects = {name: complete.client_certificate(name).subject.rfc4514_string() for name in NAMES}
    assert subjects == {
        "admin": "CN=kubernetes-admin,O=kubeadm:cluster-admins",
        "super-admin": "CN=kubernetes-super-admin,O=system:masters",
        "kubelet": "CN=system:node:master,O=system:nodes",
        "controller-manager": "CN=system:kube-controller-manager",
        "scheduler": "CN=system:kube-scheduler",
    }


def test_components_of_the_node_talk_to_their_own_api_server(node: CredentialNode) -> None:
    node.with_cluster(control_plane_endpoint="lb.example.com:8443")
    run_all((KUBECONFIG,), node.context())
    assert {name: node.server(name) for name in NAMES} == {
        "admin": STABLE,
        "super-admin": STABLE,
        "kubelet": LOCAL,
        "controller-manager": LOCAL,
        "scheduler": LOCAL,
    }


@pytest.mark.parametrize(("version", "server"), [("v1.34.4", STABLE), ("v1.35.4", LOCAL)])
def test_a_kubelets_local_mode_could_be_turned_off_until_1_34(
    node: CredentialNode, version: str, server: str
) -> None:
    node.with_cluster(
        kubernetes_version=version,
        control_plane_endpoint="lb.example.com:8443",
        feature_gates={"ControlPlaneKubeletLocalMode": False},
    )
    run_all((KUBECONFIG,), node.context())
    assert node.server("kubelet") == server


def test_a_file_is_laid_out_as_kubectl_does_it(complete: CredentialNode) -> None:
    path = complete.path("admin.conf")
    assert path.stat().st_mode & 0o777 == 0o600
    text = path.read_text()
    shown = [line.split(": ")[0] if "-data: " in line else line for line in text.splitlines()]
    assert shown == [
        "apiVersion: v1",
        "clusters:",
        "- cluster:",
        "    certificate-authority-data",
        f"    server: {LOCAL}",
        "  name: kubernetes",
        "contexts:",
        "- context:",
        "    cluster: kubernetes",
        "    user: kubernetes-admin",
        "  name: kubernetes-admin@kubernetes",
        "current-context: kubernetes-admin@kubernetes",
        "kind: Config",
        "users:",
        "- name: kubernetes-admin",
        "  user:",
        "    client-certificate-data",
        "    client-key-data",
    ]
    found = parse_kubeconfig(text, "admin.conf")
    assert found.ca == complete.path("pki/ca.crt").read_text()


def test_a_second_run_changes_no_byte(complete: CredentialNode) -> None:
    before = complete.contents()
    complete.run()
    assert complete.contents() == before
    assert complete.summaries()[-1] == "kubeconfig files: 5 kept"


def test_a_client_certificate_starts_with_its_authority_and_ends_a_year_from_now(
    node: CredentialNode,
) -> None:
    made = node.clock.now()
    node.clock.advance(timedelta(days=30).total_seconds())
    run_all((KUBECONFIG,), node.context())
    certificate = node.client_certificate("admin")
    assert certificate.not_valid_before_utc == made - timedelta(minutes=5)
    assert certificate.not_valid_after_utc == made + timedelta(days=30 + 365)


def test_one_file_can_be_made_alone(node: CredentialNode) -> None:
    step = next(step for step in KUBECONFIG.steps if step.name == "scheduler")
    run_phase(step, node.context())
    assert [name for name in node.contents() if name.endswith(".conf")] == ["scheduler.conf"]
    assert "node-name" not in step.options


def test_without_an_authority_the_remedy_makes_one(tmp_path: Path) -> None:
    node = CredentialNode(tmp_path)
    with pytest.raises(BootstrapError, match=r"there is no /etc/kubernetes/pki/ca\.crt") as caught:
        run_all((KUBECONFIG,), node.context())
    assert caught.value.remedy == "bootstrap init phase certs ca"


def test_files_are_recorded_before_they_are_made(node: CredentialNode) -> None:
    with pytest.raises(PowerCut):
        run_all((KUBECONFIG,), node.context(DyingFiles(node.root, 5)))
    made = inventory.load(node.context().files, Layout()).files
    assert {PurePosixPath(f"/etc/kubernetes/{name}.conf") for name in NAMES} <= made
    node.run()
    assert all(node.path(f"{name}.conf").exists() for name in NAMES)
