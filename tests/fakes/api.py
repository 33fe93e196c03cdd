"""An API server in memory: objects by path, with the refusals a real one gives.

``FakeApiServer`` is the server, ``client(NAME)`` a connection with the identity of that kubeconfig. As in a
fresh cluster, ``super-admin`` may do everything and ``admin`` nothing until the ClusterRoleBinding
``kubeadm:cluster-admins`` exists; a namespaced object is refused until its namespace exists.
"""

from __future__ import annotations

import copy
import itertools
import re
from collections.abc import Callable, Mapping
from typing import Any

from bootstrap.kube.client import (
    ApiUnreachableError,
    ConflictError,
    ForbiddenError,
    JsonObject,
    NotFoundError,
)
from bootstrap.kube.objects import CLUSTER_ROLE_BINDINGS

_COLLECTION = re.compile(r"^(?:/api/v1|/apis/[^/]+/[^/]+)(?:/namespaces/[^/]+)?/[^/]+$")
_NAMESPACE = re.compile(r"^(?:/api/v1|/apis/[^/]+/[^/]+)/namespaces/([^/]+)/")


class FakeApiServer:
    """``objects`` by full path; ``history`` has every change: "create PATH", "replace PATH", ...

    ``refused`` has what the making of an object of that path is answered with. ``on_request`` is called
    before each request: a test may let the world move on there.
    """

    def __init__(self, namespaces: tuple[str, ...] = ("default", "kube-system", "kube-public")) -> None:
        self.answering = True
        self.ready = True
        self.has_roles = True
        self.on_request: Callable[[], None] = lambda: None
        self.objects: dict[str, JsonObject] = {}
        self.history: list[str] = []
        self.refused: dict[str, Exception] = {}
        self._versions = itertools.count(1)
        for name in namespaces:
            self.add(f"/api/v1/namespaces/{name}", {"kind": "Namespace", "metadata": {"name": name}})

    def add(self, path: str, body: JsonObject) -> JsonObject:
        """Store an object as the server does: with a uid and a resourceVersion."""
        stored = copy.deepcopy(body)
        version = str(next(self._versions))
        stored["metadata"] = {
            "uid": f"uid-{version}",
            **stored.get("metadata", {}),
            "resourceVersion": version,
        }
        self.objects[path] = stored
        return copy.deepcopy(stored)

    def client(self, name: str) -> FakeApiClient:
        return FakeApiClient(self, name)

    def may(self, name: str) -> bool:
        bound = f"{CLUSTER_ROLE_BINDINGS}/kubeadm:cluster-admins" in self.objects
        return name == "super-admin" or (name == "admin" and bound)


class FakeApiClient:
    """One connection; requests come one after the other, so that histories are the same every time."""

    parallel = 1

    def __init__(self, server: FakeApiServer, name: str) -> None:
        self.server = server
        self.name = name
        self.closed = False

    def get(self, path: str, query: Mapping[str, str] = {}) -> JsonObject:
        self._enter()
        found = self.server.objects.get(path)
        if found is not None:
            return copy.deepcopy(found)
        if _COLLECTION.match(path):
            return {"kind": "List", "items": self._collection(path)}
        raise NotFoundError(f"{path} not found", status=404)

    def get_text(self, path: str, query: Mapping[str, str] = {}) -> str:
        self.server.on_request()
        if not self.server.answering:
            raise ApiUnreachableError("connection refused")
        if not self.server.has_roles and self.name != "super-admin":
            raise ForbiddenError(f'User "{self.name}" cannot get path "{path}"', status=403)
        if not self.server.ready and "exclude=poststarthook/rbac/bootstrap-roles" not in path:
            raise ApiUnreachableError("[-]poststarthook/rbac/bootstrap-roles failed: not finished")
        return "ok"

    def create(self, path: str, body: JsonObject) -> JsonObject:
        self._enter()
        self._require_namespace(path)
        target = f"{path}/{body['metadata']['name']}"
        if target in self.server.refused:
            raise self.server.refused[target]
        if target in self.server.objects:
            raise ConflictError(f"{target} already exists", status=409)
        self.server.history.append(f"create {target}")
        return self.server.add(target, body)

    def replace(self, path: str, body: JsonObject) -> JsonObject:
        self._enter()
        current = self._existing(path)
        wanted = body["metadata"].get("resourceVersion")
        if wanted not in (None, current["metadata"]["resourceVersion"]):
            raise ConflictError(f"{path} has been modified", status=409)
        self.server.history.append(f"replace {path}")
        return self.server.add(path, _with_uid(body, current))

    def patch(
        self, path: str, body: object, content_type: str = "application/strategic-merge-patch+json"
    ) -> JsonObject:
        self._enter()
        current = self._existing(path.removesuffix("/status"))
        self.server.history.append(f"patch {path}")
        return self.server.add(path.removesuffix("/status"), _merged(current, body))

    def delete(self, path: str, body: JsonObject | None = None) -> None:
        self._enter()
        self._existing(path)
        self.server.history.append(f"delete {path}")
        del self.server.objects[path]

    def close(self) -> None:
        self.closed = True

    def _enter(self) -> None:
        assert not self.closed, "used after close"
        self.server.on_request()
        if not self.server.answering:
            raise ApiUnreachableError("connection refused")
        if not self.server.may(self.name):
            raise ForbiddenError(f"User {self.name} cannot do this", status=403)

    def _require_namespace(self, path: str) -> None:
        found = _NAMESPACE.match(f"{path}/")
        if found and f"/api/v1/namespaces/{found.group(1)}" not in self.server.objects:
            raise NotFoundError(f'namespaces "{found.group(1)}" not found', status=404)

    def _existing(self, path: str) -> JsonObject:
        found = self.server.objects.get(path)
        if found is None:
            raise NotFoundError(f"{path} not found", status=404)
        return found

    def _collection(self, path: str) -> list[JsonObject]:
        return [
            copy.deepcopy(body) for key, body in self.server.objects.items() if key.rpartition("/")[0] == path
        ]


def _with_uid(body: JsonObject, current: JsonObject) -> JsonObject:
    return {**body, "metadata": {**body["metadata"], "uid": current["metadata"]["uid"]}}


def _merged(current: JsonObject, change: Any) -> JsonObject:
    """RFC 7386: what a strategic merge does to mappings and scalars; lists are replaced."""
    result = copy.deepcopy(current)
    for key, value in change.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            result[key] = _merged(result.get(key) or {}, value)
        else:
            result[key] = copy.deepcopy(value)
    return result
