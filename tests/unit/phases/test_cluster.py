"""Objects that are brought about in a cluster that may have them, or others of their name, already."""

from __future__ import annotations

from pathlib import Path

import pytest

from bootstrap.kube import objects
from bootstrap.kube.client import ApiError, JsonObject
from bootstrap.phases.cluster import Wanted, admin_client, bring_about, covers, kept
from tests.fakes.node import FakeNode

BODY = objects.config_map("settings", "default", {"color": "blue"})
PATH = objects.path_of(BODY)


@pytest.fixture
def node(tmp_path: Path) -> FakeNode:
    made = FakeNode(tmp_path)
    made.api.on_request = lambda: None
    for name in ("admin", "super-admin"):
        made.files.write(made.described.layout.kubeconfig(name), "", 0o600)
    return made


def ensure(node: FakeNode, *wanted: Wanted) -> tuple[JsonObject, ...]:
    context = node.context()
    with admin_client(context) as api:
        node.api.history.clear()
        return bring_about(context, api, wanted)


def test_what_is_missing_is_made(node: FakeNode) -> None:
    (made,) = ensure(node, Wanted(BODY))
    assert node.api.history == [f"create {PATH}"]
    assert made["metadata"]["uid"]


def test_what_is_as_wanted_is_not_written_again(node: FakeNode) -> None:
    ensure(node, Wanted(BODY))
    node.api.objects[PATH]["metadata"]["annotations"] = {"by": "somebody else"}
    ensure(node, Wanted(BODY))
    assert node.api.history == []


def test_what_differs_is_replaced(node: FakeNode) -> None:
    node.api.add(PATH, objects.config_map("settings", "default", {"color": "red"}))
    (now,) = ensure(node, Wanted(BODY))
    assert now["data"] == {"color": "blue"}
    assert node.api.history == [f"replace {PATH}"]


def test_what_belongs_to_its_users_is_kept(node: FakeNode) -> None:
    node.api.add(PATH, objects.config_map("settings", "default", {"color": "red"}))
    (now,) = ensure(node, Wanted(BODY, kept))
    assert now["data"] == {"color": "red"}
    assert node.api.history == []


def test_a_refusal_that_is_about_something_else_is_told(node: FakeNode) -> None:
    node.api.refused[PATH] = ApiError("spec is invalid", status=422)
    with pytest.raises(ApiError, match="spec is invalid"):
        ensure(node, Wanted(BODY))


def test_a_service_whose_address_is_its_own_is_found(node: FakeNode) -> None:
    """A server refuses the address of a Service before it notices that the Service is there."""
    node.api.add(PATH, objects.config_map("settings", "default", {"color": "red"}))
    node.api.refused[PATH] = ApiError("provided IP is already allocated", status=422)
    (now,) = ensure(node, Wanted(BODY))
    assert now["data"] == {"color": "blue"}


@pytest.mark.parametrize(
    ("current", "wanted", "expected"),
    [
        ({"a": 1, "b": 2}, {"a": 1}, True),
        ({"a": 1}, {"a": 2}, False),
        ({}, {"a": 1}, False),
        ([{"a": 1, "b": 2}], [{"a": 1}], True),
        ([1, 2], [1], False),
        ({"a": {"b": [1]}}, {"a": {"b": [1]}}, True),
        ({"a": None}, {"a": {}}, False),
    ],
)
def test_additions_to_mappings_do_not_count(current: object, wanted: object, expected: bool) -> None:
    assert covers(current, wanted) is expected


@pytest.mark.parametrize(
    ("api_version", "kind", "namespace", "expected"),
    [
        ("v1", "Secret", "a", "/api/v1/namespaces/a/secrets"),
        ("apps/v1", "DaemonSet", "a", "/apis/apps/v1/namespaces/a/daemonsets"),
        (f"{objects.RBAC}/v1", "ClusterRole", "", "/apis/rbac.authorization.k8s.io/v1/clusterroles"),
        (
            "networking.k8s.io/v1",
            "NetworkPolicy",
            "a",
            "/apis/networking.k8s.io/v1/namespaces/a/networkpolicies",
        ),
        ("networking.k8s.io/v1", "Ingress", "a", "/apis/networking.k8s.io/v1/namespaces/a/ingresses"),
    ],
)
def test_where_objects_live(api_version: str, kind: str, namespace: str, expected: str) -> None:
    metadata = {"name": "x", **({"namespace": namespace} if namespace else {})}
    assert objects.collection_of({"apiVersion": api_version, "kind": kind, "metadata": metadata}) == expected
