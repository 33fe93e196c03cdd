"""A manifest's pod on this node: its name there, and the UID that decides whether it is the same pod.

Invariant: the UID depends on the decoded content, the node and the path alone. Comments, key order and spelt-
out defaults do not change it; neither does a newer agent, as fields at their default are no part of the
digest.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import msgspec

from bootstrap.model.podspec import Container, Pod

CONFIG_HASH = "kubernetes.io/config.hash"
CONFIG_SOURCE = "kubernetes.io/config.source"

UID_SCHEME = b"podstrap.uid/v1"
"""Part of the digest. It changes only with the rules below, as a change restarts every static pod."""


@dataclass(frozen=True, slots=True)
class StaticPod:
    """``name`` has the node's suffix; ``source`` is the path of its manifest, or its URL."""

    pod: Pod
    name: str
    uid: str
    source: str

    @property
    def origin(self) -> str:
        """``file`` or ``http``: where its manifest is."""
        return "file" if self.source.startswith("/") else "http"

    @property
    def namespace(self) -> str:
        return self.pod.metadata.namespace

    @property
    def full_name(self) -> str:
        """``name_namespace``: of all pods with it, one runs at a time."""
        return f"{self.name}_{self.namespace}"

    @property
    def grace(self) -> int:
        """Seconds its containers get to stop. A deletionGracePeriodSeconds in the manifest wins, as in a
        kubelet."""
        override = self.pod.metadata.deletion_grace_period_seconds
        return self.pod.spec.termination_grace_period_seconds if override is None else override

    @property
    def annotations(self) -> dict[str, str]:
        """The author's, and those by which a kubelet marks a static pod."""
        return {**self.pod.metadata.annotations, CONFIG_HASH: self.uid, CONFIG_SOURCE: self.origin}

    def container(self, name: str) -> Container:
        """One of its containers, init containers included; raises KeyError."""
        for each in self.pod.all_containers:
            if each.name == name:
                return each
        raise KeyError(name)

    def sidecar(self, name: str) -> int | None:
        """The place among the init containers of one that runs as long as the pod; None for any other."""
        for place, each in enumerate(self.pod.spec.init_containers):
            if each.name == name and each.restart_policy == "Always":
                return place
        return None


def static_pod(pod: Pod, node: str, source: str) -> StaticPod:
    """The pod as it runs on ``node``."""
    return StaticPod(pod, pod_name(pod.metadata.name, node), pod_uid(pod, node, source), source)


def pod_name(name: str, node: str) -> str:
    """The name that a manifest gives, as the pod has it on ``node``."""
    return f"{name}-{node.lower()}"


def pod_uid(pod: Pod, node: str, source: str) -> str:
    """32 hexadecimal digits, as a kubelet's; a UID in the manifest is taken as it is."""
    if pod.metadata.uid:
        return pod.metadata.uid
    digest = hashlib.sha256(UID_SCHEME)
    for part in (msgspec.json.encode(pod, order="sorted"), node.encode(), source.encode()):
        digest.update(b"\0" + part)
    return digest.hexdigest()[:32]


def container_hash(container: Container) -> str:
    """Changes with the container's definition: a pod with a UID of its own restarts just that container."""
    return hashlib.sha256(msgspec.json.encode(container, order="sorted")).hexdigest()[:16]
