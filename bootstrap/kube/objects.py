"""Builders of the objects this program keeps in the cluster, and the collections they live in.

Invariant: an object is complete JSON; building one asks nobody.
"""

from __future__ import annotations

from collections.abc import Mapping

from bootstrap.kube.client import JsonObject

RBAC = "rbac.authorization.k8s.io"

CLUSTER_ROLE_BINDINGS = f"/apis/{RBAC}/v1/clusterrolebindings"


def config_maps(namespace: str) -> str:
    """The path of a namespace's ConfigMaps."""
    return f"/api/v1/namespaces/{namespace}/configmaps"


def roles(namespace: str) -> str:
    return f"/apis/{RBAC}/v1/namespaces/{namespace}/roles"


def role_bindings(namespace: str) -> str:
    return f"/apis/{RBAC}/v1/namespaces/{namespace}/rolebindings"


def config_map(
    name: str, namespace: str, data: Mapping[str, str], annotations: Mapping[str, str] | None = None
) -> JsonObject:
    metadata: JsonObject = {"name": name, "namespace": namespace}
    if annotations:
        metadata["annotations"] = dict(annotations)
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": dict(data)}


def user(name: str) -> JsonObject:
    """A subject of a binding."""
    return {"apiGroup": RBAC, "kind": "User", "name": name}


def group(name: str) -> JsonObject:
    """A subject of a binding."""
    return {"apiGroup": RBAC, "kind": "Group", "name": name}


def reading_role(name: str, namespace: str, resource: str, resource_name: str) -> JsonObject:
    """A Role that may get one named object of the core API group."""
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "Role",
        "metadata": {"name": name, "namespace": namespace},
        "rules": [
            {"apiGroups": [""], "resources": [resource], "resourceNames": [resource_name], "verbs": ["get"]}
        ],
    }


def role_binding(name: str, namespace: str, subjects: list[JsonObject]) -> JsonObject:
    """Binds the Role of the same name."""
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": name, "namespace": namespace},
        "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": name},
        "subjects": subjects,
    }


def cluster_role_binding(name: str, cluster_role: str, subjects: list[JsonObject]) -> JsonObject:
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": cluster_role},
        "subjects": subjects,
    }
