"""Builders of the objects this program keeps in the cluster, and the collections they live in.

Invariant: an object is complete JSON; building one asks nobody.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence

from bootstrap.kube.client import JsonObject

RBAC = "rbac.authorization.k8s.io"
SYSTEM = "kube-system"
PUBLIC = "kube-public"

CLUSTER_ROLE_BINDINGS = f"/apis/{RBAC}/v1/clusterrolebindings"
NODES = "/api/v1/nodes"
PODS = "/api/v1/pods"
NODE_LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"

_PLURALS = {"s": "ses", "y": "ies"}
"""How the last letter of a kind's name changes in the name of its resource; otherwise an s is added."""


def collection_of(body: JsonObject) -> str:
    """The path of the collection an object belongs to.

    The name of its resource is the kind's in the plural, as it is for all that add-ons are made of.
    """
    group, metadata = body["apiVersion"], body["metadata"]
    root = f"/apis/{group}" if "/" in group else f"/api/{group}"
    namespace = metadata.get("namespace")
    return f"{root}/{f'namespaces/{namespace}/' if namespace else ''}{_plural(body['kind'].lower())}"


def pods(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/pods"


def events(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/events"


def path_of(body: JsonObject) -> str:
    """The path of an object."""
    return f"{collection_of(body)}/{body['metadata']['name']}"


def secrets(namespace: str) -> str:
    """The path of a namespace's Secrets."""
    return f"/api/v1/namespaces/{namespace}/secrets"


def config_map(
    name: str, namespace: str, data: Mapping[str, str], annotations: Mapping[str, str] | None = None
) -> JsonObject:
    metadata: JsonObject = {"name": name, "namespace": namespace}
    if annotations:
        metadata["annotations"] = dict(annotations)
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": dict(data)}


def deletion(uid: str) -> JsonObject:
    """DeleteOptions: at once, and only what has this UID."""
    return {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "gracePeriodSeconds": 0,
        "preconditions": {"uid": uid},
    }


def secret(
    name: str,
    namespace: str,
    data: Mapping[str, bytes],
    kind: str = "Opaque",
    owners: Sequence[JsonObject] = (),
) -> JsonObject:
    """``kind`` is the Secret's type; ``owners`` are objects as the server returned them."""
    metadata: JsonObject = {"name": name, "namespace": namespace}
    if owners:
        metadata["ownerReferences"] = [owner_reference(owner) for owner in owners]
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata,
        "type": kind,
        "data": {key: base64.b64encode(value).decode() for key, value in data.items()},
    }


def owner_reference(owner: JsonObject) -> JsonObject:
    """Makes the garbage collector remove what carries it once ``owner`` is gone."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


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


def cluster_role(name: str, rules: list[JsonObject]) -> JsonObject:
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name},
        "rules": rules,
    }


def cluster_role_binding(name: str, cluster_role: str, subjects: list[JsonObject]) -> JsonObject:
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": cluster_role},
        "subjects": subjects,
    }


def _plural(word: str) -> str:
    return f"{word[:-1]}{_PLURALS.get(word[-1], f'{word[-1]}s')}"
