"""A plan in words and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bootstrap.apply.describe import plan_document, plan_lines
from bootstrap.apply.plan import Plan, make_plan
from bootstrap.host.files import Files
from bootstrap.model.desired import DesiredFile
from bootstrap.model.layout import Layout
from tests.fakes.dying_files import UnflushedFiles
from tests.unit.apply.manifests import api_server, container

LAYOUT = Layout()
API_SERVER = LAYOUT.manifest("kube-apiserver")


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """An API server that changes, a new kubeconfig, a scheduler that goes, a file of somebody else."""
    files: Files = UnflushedFiles(tmp_path)
    scheduler = DesiredFile(
        LAYOUT.manifest("kube-scheduler"), "kind: Pod\n", 0o600, "manifest", "kube-scheduler"
    )
    files.write(scheduler.path, scheduler.content, 0o600)
    files.write(API_SERVER, api_server(), 0o644)
    files.write(LAYOUT.manifests / "other.yaml", "kind: Pod\n", 0o600)
    text = api_server(
        lambda pod: (
            container(pod)["command"].append("--profiling=false"),
            container(pod).update(image="registry.k8s.io/kube-apiserver:v1.37.2"),
        )
    )
    desired = (
        DesiredFile(API_SERVER, text, 0o600, "manifest", "kube-apiserver"),
        DesiredFile(LAYOUT.kubeconfig("admin"), "kind: Config\n", 0o600, "kubeconfig"),
    )
    return make_plan(desired, files, applied=(scheduler,))


def test_a_person_reads_signs_fields_and_a_sum(plan: Plan) -> None:
    assert list(plan_lines(plan)) == [
        "+ /etc/kubernetes/admin.conf",
        "~ /etc/kubernetes/manifests/kube-apiserver.yaml  (restarts kube-apiserver)",
        "    --profiling: (absent) -> false",
        "    image: registry.k8s.io/kube-apiserver:v1.36.3 -> registry.k8s.io/kube-apiserver:v1.37.2",
        "    mode: 0644 -> 0600",
        "- /etc/kubernetes/manifests/kube-scheduler.yaml  (stops kube-scheduler)",
        "? /etc/kubernetes/manifests/other.yaml  (not ours: it is run as it is, and left alone)",
        "Plan: 1 to create, 1 to update, 1 to delete; it touches kube-apiserver, kube-scheduler.",
    ]


def test_a_program_reads_the_same(plan: Plan) -> None:
    document = json.loads(json.dumps(plan_document(plan)))
    assert document == {
        "schema": "bootstrap/plan/v1",
        "empty": False,
        "summary": {"create": 1, "update": 1, "delete": 1},
        "restarts": ["kube-apiserver", "kube-scheduler"],
        "changes": [
            {
                "action": "create",
                "path": "/etc/kubernetes/admin.conf",
                "kind": "kubeconfig",
                "mode": "0600",
                "component": None,
                "restarts": None,
                "differences": [],
            },
            {
                "action": "update",
                "path": "/etc/kubernetes/manifests/kube-apiserver.yaml",
                "kind": "manifest",
                "mode": "0600",
                "component": "kube-apiserver",
                "restarts": "kube-apiserver",
                "differences": [
                    {
                        "path": "spec.containers[kube-apiserver].--profiling",
                        "old": None,
                        "new": "false",
                    },
                    {
                        "path": "spec.containers[kube-apiserver].image",
                        "old": "registry.k8s.io/kube-apiserver:v1.36.3",
                        "new": "registry.k8s.io/kube-apiserver:v1.37.2",
                    },
                    {"path": "mode", "old": "0644", "new": "0600"},
                ],
            },
            {
                "action": "delete",
                "path": "/etc/kubernetes/manifests/kube-scheduler.yaml",
                "kind": "manifest",
                "mode": "0600",
                "component": "kube-scheduler",
                "restarts": "kube-scheduler",
                "differences": [],
            },
        ],
        "unchanged": [],
        "foreign": ["/etc/kubernetes/manifests/other.yaml"],
    }


def test_an_empty_plan_says_so(tmp_path: Path) -> None:
    assert list(plan_lines(make_plan((), UnflushedFiles(tmp_path)))) == [
        "No changes: the node is as its configuration says."
    ]
