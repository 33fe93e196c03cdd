"""The pods that the API has for this node, kept up to date by a list and a watch.

Invariant: of a pod only what the agent needs is kept; everything else of it is not even decoded.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from bootstrap.errors import TransientError

CONFIG_MIRROR = "kubernetes.io/config.mirror"


class WatchExpiredError(TransientError):
    """The server no longer knows what happened since that version: list again."""


@dataclass(frozen=True, slots=True)
class BoundPod:
    """``mirrors`` is the UID of the static pod it shows, "" for a pod that is nobody's mirror.

    ``leaving``: somebody has asked for its deletion. ``status`` is its JSON.
    """

    namespace: str
    name: str
    uid: str
    mirrors: str = ""
    leaving: bool = False
    status: bytes = b"{}"

    @property
    def full_name(self) -> str:
        return f"{self.name}_{self.namespace}"


class _Metadata(msgspec.Struct, rename="camel"):
    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    deletion_timestamp: str | None = None
    annotations: dict[str, str] = {}


class _Object(msgspec.Struct):
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)
    status: msgspec.Raw = msgspec.Raw(b"{}")


class _List(msgspec.Struct):
    metadata: _Metadata
    items: list[_Object] = []


class _Event(msgspec.Struct):
    type: str
    object: _Object


_POD = msgspec.json.Decoder(_Object)
_LIST = msgspec.json.Decoder(_List)
_EVENT = msgspec.json.Decoder(_Event)


def decode_pod(data: bytes) -> BoundPod:
    """One v1 Pod."""
    return _bound(_POD.decode(data))


class ApiPods:
    """By full name; safe to use from several threads."""

    def __init__(self) -> None:
        self.version = ""
        self._lock = threading.Lock()
        self._pods: dict[str, BoundPod] = {}

    def replace(self, data: bytes) -> None:
        """What a list answered is all there is."""
        listed = _LIST.decode(data)
        with self._lock:
            self.version = listed.metadata.resource_version
            self._pods = {pod.full_name: pod for pod in map(_bound, listed.items)}

    def apply(self, line: bytes) -> bool:
        """One event of a watch; whether a pod changed by it. Raises WatchExpiredError."""
        event = _EVENT.decode(line)
        if event.type == "ERROR":
            raise WatchExpiredError("the API server ended the watch on the pods of this node")
        with self._lock:
            self.version = event.object.metadata.resource_version
            if event.type == "BOOKMARK":
                return False
            pod = _bound(event.object)
            if event.type == "DELETED":
                self._pods.pop(pod.full_name, None)
            else:
                self._pods[pod.full_name] = pod
        return True

    def put(self, pod: BoundPod) -> None:
        """What the server answered to a change, ahead of the watch."""
        with self._lock:
            self._pods[pod.full_name] = pod

    def drop(self, pod: BoundPod) -> None:
        """It was deleted; one that has taken its name since stays."""
        with self._lock:
            found = self._pods.get(pod.full_name)
            if found is not None and found.uid == pod.uid:
                del self._pods[pod.full_name]

    def get(self, full_name: str) -> BoundPod | None:
        with self._lock:
            return self._pods.get(full_name)

    def all(self) -> Iterable[BoundPod]:
        with self._lock:
            return tuple(self._pods.values())


def _bound(pod: _Object) -> BoundPod:
    meta = pod.metadata
    return BoundPod(
        meta.namespace,
        meta.name,
        meta.uid,
        meta.annotations.get(CONFIG_MIRROR, ""),
        meta.deletion_timestamp is not None,
        bytes(pod.status),
    )
