"""An API server as the agent of a node meets it: pods with their life cycle, a watch, and NodeRestriction.

``FakeCluster`` is the server, with what administrators and controllers do to it; ``NodeClient`` a connection
of ``system:node:n1``. A watch hands out what has happened and then ends, as a server may do at any time, so
that a test needs no threads. ``tests/e2e/test_static_pods.py`` asks a real one for the same.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from typing import Any

from bootstrap.host.clock import Clock
from bootstrap.kube.client import ApiError, ConflictError, ForbiddenError, JsonObject
from bootstrap.kube.objects import NODE_LEASES, NODES, PODS
from tests.fakes.api import FakeApiClient, FakeApiServer

NODE = "n1"
MIRROR = "kubernetes.io/config.mirror"
MERGE_KEYS = {"conditions": "type", "addresses": "type", "podIPs": "ip", "hostIPs": "ip"}


class FakeCluster(FakeApiServer):
    """``refuses`` are namespaces in which no pod may be created, with the reason; ``attempts`` are the paths
    of everything that somebody wanted to create."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(("default", "kube-node-lease"))
        self.clock = clock
        self.version = "v1.37.0"
        self.refuses: dict[str, str] = {}
        self.attempts: list[str] = []
        self.pod_events: list[tuple[int, str, JsonObject]] = []
        self.oldest_version = 0
        self.watches = 0

    def may(self, name: str) -> bool:
        return name == "kubelet" or super().may(name)

    def store(self, path: str, body: JsonObject) -> JsonObject:
        kind = "MODIFIED" if path in self.objects else "ADDED"
        stored = self.add(path, body)
        self._happened(path, kind, stored)
        return stored

    def remove(self, path: str) -> None:
        self._happened(path, "DELETED", self.objects.pop(path))

    def pods(self) -> dict[str, JsonObject]:
        """By name."""
        return {body["metadata"]["name"]: body for path, body in self.objects.items() if is_pod(path)}

    def mirror(self, name: str = "web") -> JsonObject:
        return self.pods()[f"{name}-{NODE}"]

    def node(self) -> JsonObject:
        return self.objects[f"{NODES}/{NODE}"]

    def lease(self) -> JsonObject:
        return self.objects[f"{NODE_LEASES}/{NODE}"]

    def events(self) -> list[JsonObject]:
        return [body for path, body in self.objects.items() if "/events/" in path]

    def bind(self, name: str, **metadata: Any) -> None:
        """A pod that a controller made and the scheduler (or its author) put on this node."""
        condition = {"type": "PodScheduled", "status": "True"}
        self.store(
            f"/api/v1/namespaces/default/pods/{name}",
            {
                "metadata": {"name": name, "namespace": "default", **metadata},
                "spec": {"nodeName": NODE, "containers": [{"name": "main", "image": "app:1"}]},
                "status": {"phase": "Pending", "conditions": [condition], "qosClass": "BestEffort"},
            },
        )

    def delete_pod(self, name: str, *, force: bool = False) -> None:
        """kubectl delete pod: gracefully, so that the node has to finish it."""
        path = f"/api/v1/namespaces/default/pods/{name}"
        if force:
            self.remove(path)
            return
        body = copy.deepcopy(self.objects[path])
        body["metadata"]["deletionTimestamp"] = self.clock.now().isoformat()
        self.store(path, body)

    def delete_node(self) -> None:
        """And what the garbage collector does then."""
        del self.objects[f"{NODES}/{NODE}"]
        for path in [path for path in self.objects if is_pod(path)]:
            self.remove(path)

    def forget(self) -> None:
        """What a watch could still be told of is compacted away."""
        self.pod_events.clear()
        self.oldest_version = self.latest

    @property
    def latest(self) -> int:
        return max((int(body["metadata"]["resourceVersion"]) for body in self.objects.values()), default=0)

    def _happened(self, path: str, kind: str, body: JsonObject) -> None:
        if is_pod(path):
            stored = copy.deepcopy(body)
            if kind == "DELETED":
                # A deletion is a change of its own.
                marker = self.add("/marker", {})
                stored["metadata"]["resourceVersion"] = marker["metadata"]["resourceVersion"]
            self.pod_events.append((int(stored["metadata"]["resourceVersion"]), kind, stored))


class NodeClient(FakeApiClient):
    """What NodeRestriction (plugin/pkg/admission/noderestriction) and the pod API let a node do."""

    server: FakeCluster

    def __init__(self, server: FakeCluster) -> None:
        super().__init__(server, "kubelet")

    def get(self, path: str, query: Mapping[str, str] = {}) -> JsonObject:
        if path == "/version":
            self._enter()
            _refuse(not self.server.has_roles, 'cannot get path "/version"')
            return {"gitVersion": self.server.version}
        return super().get(path, query)

    def get_bytes(self, path: str, query: Mapping[str, str] = {}) -> bytes:
        self._enter()
        assert (path, query["fieldSelector"]) == (PODS, f"spec.nodeName={NODE}")
        listed = {
            "metadata": {"resourceVersion": str(self.server.latest)},
            "items": [body for body in self.server.pods().values() if body["spec"]["nodeName"] == NODE],
        }
        return json.dumps(listed).encode()

    def watch(self, path: str, query: Mapping[str, str], silence: float) -> FakeLines:
        self._enter()
        assert (path, query["fieldSelector"]) == (PODS, f"spec.nodeName={NODE}")
        self.server.watches += 1
        since = int(query["resourceVersion"])
        if since < self.server.oldest_version:
            raise ApiError("too old resource version", status=410)
        return FakeLines(
            [
                json.dumps({"type": kind, "object": body}).encode()
                for version, kind, body in self.server.pod_events
                if version > since
            ]
        )

    def create(self, path: str, body: JsonObject) -> JsonObject:
        self._enter()
        target = f"{path}/{body['metadata']['name']}"
        self.server.attempts.append(target)
        self._require_namespace(path)
        body = copy.deepcopy(body)
        if path == NODES:
            _refuse(body["metadata"]["name"] != NODE, "is not allowed to modify node")
            _refuse(
                any("node-role" in key for key in body["metadata"]["labels"]), "is not allowed to set labels"
            )
        if is_pod(f"{path}/x"):
            self._admit_mirror(body)
            body["metadata"].pop("uid", None)
            body["status"] = {"phase": "Pending", "qosClass": "BestEffort"}
        if target in self.server.objects:
            raise ConflictError(f"{target} already exists", status=409)
        self.server.history.append(f"create {target}")
        return self.server.store(target, body)

    def patch(
        self, path: str, body: object, content_type: str = "application/strategic-merge-patch+json"
    ) -> JsonObject:
        self._enter()
        assert isinstance(body, dict)
        resource = path.removesuffix("/status")
        current = self._existing(resource)
        uid = body.get("metadata", {}).get("uid")
        if uid not in (None, current["metadata"]["uid"]):
            raise ConflictError("the UID in the precondition does not match", status=409)
        if is_pod(resource):
            _refuse(path == resource, "may only update the status of pods")
            _refuse("qosClass" in body["status"], "qosClass is immutable")
        _refuse(
            resource.startswith(NODES) and "taints" in body.get("spec", {}), "is not allowed to modify taints"
        )
        self.server.history.append(f"patch {path}")
        change = {"status": body["status"]} if path != resource else body
        return self.server.store(resource, strategic_merge(current, change))

    def delete(self, path: str, body: JsonObject | None = None) -> None:
        self._enter()
        current = self._existing(path)
        assert body is not None
        assert body["gracePeriodSeconds"] == 0
        if body["preconditions"]["uid"] != current["metadata"]["uid"]:
            raise ConflictError("the UID in the precondition does not match", status=409)
        self.server.history.append(f"delete {path}")
        if not current["metadata"].get("finalizers"):
            self.server.remove(path)

    def close(self) -> None:
        """A client may be used again after it was closed, as the real one."""

    def _admit_mirror(self, body: JsonObject) -> None:
        metadata, namespace = body["metadata"], body["metadata"]["namespace"]
        _refuse(namespace in self.server.refuses, self.server.refuses.get(namespace, ""))
        _refuse(MIRROR not in metadata["annotations"], "can only create mirror pods")
        _refuse(body["spec"].get("nodeName") != NODE, "can only create pods for itself")
        owner = {"apiVersion": "v1", "kind": "Node", "name": NODE, "controller": True}
        found = self.server.objects.get(f"{NODES}/{NODE}")
        _refuse(found is None, "node not found")
        assert found is not None
        owner["uid"] = found["metadata"]["uid"]
        _refuse(metadata.get("ownerReferences") != [owner], "must have one owner, its own node")


class FakeLines:
    """What has happened, then the end."""

    def __init__(self, lines: list[bytes]) -> None:
        self._lines = lines

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._lines)

    def close(self) -> None:
        self._lines = []


def is_pod(path: str) -> bool:
    return path.startswith("/api/v1/namespaces/") and path.split("/")[5:6] == ["pods"]


def strategic_merge(current: Any, change: Any) -> Any:
    """Mappings merge, null removes, lists replace, but for those with a merge key."""
    result = copy.deepcopy(current)
    for key, value in change.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            result[key] = strategic_merge(result.get(key) or {}, value)
        elif key in MERGE_KEYS and isinstance(value, list):
            result[key] = _merged_list(result.get(key) or [], value, MERGE_KEYS[key])
        else:
            result[key] = copy.deepcopy(value)
    return result


def _merged_list(current: list[JsonObject], change: list[JsonObject], key: str) -> list[JsonObject]:
    if {"$patch": "replace"} in change:
        return [each for each in change if "$patch" not in each]
    merged = {each[key]: each for each in current}
    for each in change:
        merged[each[key]] = strategic_merge(merged.get(each[key], {}), each)
    return list(merged.values())


def _refuse(condition: bool, why: str) -> None:
    if condition:
        raise ForbiddenError(f'node "{NODE}" {why}', status=403)
