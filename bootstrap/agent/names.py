"""Names and labels of the agent's containers, and how they are read back.

They are dockershim's, so ``docker ps`` reads as people expect, with one exception: a kubelet (or cri-dockerd)
takes every container with the label ``io.kubernetes.docker.type`` for its own and kills what it does not
know. The agent's containers have ``podstrap.type`` instead. Invariant: only containers with both
``podstrap.type`` and this node's ``podstrap.node`` are the agent's; it touches no other.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bootstrap.agent.identity import StaticPod, container_hash
from bootstrap.model.podspec import Container as PodContainer
from bootstrap.runtime.api import Container

TYPE = "podstrap.type"
NODE = "podstrap.node"
MANIFEST = "podstrap.manifest"
BEGAN = "podstrap.began"
"""When the pod was first started on this node, as every container of it says (RFC 3339, UTC)."""

SANDBOX_TYPE = "podsandbox"
CONTAINER_TYPE = "container"

POD_NAME = "io.kubernetes.pod.name"
POD_NAMESPACE = "io.kubernetes.pod.namespace"
POD_UID = "io.kubernetes.pod.uid"
CONTAINER_NAME = "io.kubernetes.container.name"
SANDBOX_ID = "io.kubernetes.sandbox.id"
ATTEMPT = "annotation.io.kubernetes.container.restartCount"
HASH = "annotation.io.kubernetes.container.hash"
GRACE = "annotation.io.kubernetes.pod.terminationGracePeriod"
MESSAGE_PATH = "annotation.io.kubernetes.container.terminationMessagePath"
MESSAGE_POLICY = "annotation.io.kubernetes.container.terminationMessagePolicy"
PRE_STOP = "annotation.io.kubernetes.container.preStopHandler"
SIDECAR = "podstrap.sidecar"
"""Of an init container that runs as long as its pod: its place among the init containers."""


SANDBOX = "POD"
"""The container name of the sandbox, as in dockershim."""

DEFAULT_GRACE = 30


def container_name(pod: StaticPod, container: str, attempt: int) -> str:
    """``k8s_<container>_<pod>_<namespace>_<uid>_<attempt>``"""
    return f"k8s_{container}_{pod.name}_{pod.namespace}_{pod.uid}_{attempt}"


def owned_by(node: str) -> dict[str, str]:
    """The labels by which all containers of this node's agent are found."""
    return {TYPE: "", NODE: node}


def labels_of_pod(node: str, name: str, namespace: str) -> dict[str, str]:
    """The labels by which the containers of one pod name are found, whatever their UID."""
    return {**owned_by(node), POD_NAME: name, POD_NAMESPACE: namespace}


def sandbox_labels(pod: StaticPod, node: str, attempt: int, began: datetime) -> dict[str, str]:
    """The pod's own labels and annotations too, for people and for a mirror pod."""
    return {
        **pod.pod.metadata.labels,
        **{f"annotation.{key}": value for key, value in pod.annotations.items()},
        **_pod_labels(pod, node, attempt, began),
        TYPE: SANDBOX_TYPE,
        CONTAINER_NAME: SANDBOX,
        MANIFEST: pod.source,
    }


def container_labels(
    pod: StaticPod, container: PodContainer, node: str, attempt: int, sandbox_id: str, began: datetime
) -> dict[str, str]:
    sidecar = pod.sidecar(container.name)
    return {
        **_pod_labels(pod, node, attempt, began),
        **({} if sidecar is None else {SIDECAR: str(sidecar)}),
        TYPE: CONTAINER_TYPE,
        CONTAINER_NAME: container.name,
        SANDBOX_ID: sandbox_id,
        HASH: container_hash(container),
        MESSAGE_PATH: container.termination_message_path,
        MESSAGE_POLICY: container.termination_message_policy,
    }


def _pod_labels(pod: StaticPod, node: str, attempt: int, began: datetime) -> dict[str, str]:
    return {
        BEGAN: began.isoformat(),
        NODE: node,
        POD_NAME: pod.name,
        POD_NAMESPACE: pod.namespace,
        POD_UID: pod.uid,
        ATTEMPT: str(attempt),
        GRACE: str(pod.grace),
    }


@dataclass(frozen=True, slots=True)
class Instance:
    """One container of the engine, read back: which attempt at which container of which pod, and how it is.

    ``sandbox`` is the ID of the sandbox it was made for, "" for a sandbox itself. ``grace`` in seconds.
    ``began`` is when its pod was first started; ``sidecar`` its place among the init containers, if any.
    """

    state: Container
    uid: str
    container: str
    attempt: int
    sandbox: str
    hash: str
    grace: int
    began: datetime
    message_policy: str = ""
    sidecar: int | None = None

    @property
    def id(self) -> str:
        return self.state.id

    @property
    def is_sandbox(self) -> bool:
        return self.container == SANDBOX

    @property
    def is_running(self) -> bool:
        return self.state.status in ("running", "paused", "restarting")

    @property
    def is_stillborn(self) -> bool:
        """Created and never started: the agent was interrupted between the two."""
        return self.state.status == "created" and not self.state.error

    @property
    def is_leaving(self) -> bool:
        """The engine is about to remove it."""
        return self.state.status == "removing"

    @property
    def ended(self) -> datetime:
        """When it ended; a container that could not be started ended when it was made."""
        return self.state.finished or self.state.created


def instance_of(state: Container) -> Instance:
    """Read the labels back; one that was tampered with counts as absent."""
    labels = state.labels
    return Instance(
        state=state,
        uid=labels.get(POD_UID, ""),
        container=labels.get(CONTAINER_NAME, ""),
        attempt=_number(labels.get(ATTEMPT, ""), 0),
        sandbox=labels.get(SANDBOX_ID, ""),
        hash=labels.get(HASH, ""),
        grace=_number(labels.get(GRACE, ""), DEFAULT_GRACE),
        began=_time(labels.get(BEGAN, ""), state.created),
        message_policy=labels.get(MESSAGE_POLICY, ""),
        sidecar=_number(labels[SIDECAR], 0) if SIDECAR in labels else None,
    )


def _time(text: str, otherwise: datetime) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return otherwise
    return found if found.tzinfo else otherwise


def _number(text: str, otherwise: int) -> int:
    return int(text) if text.isdecimal() else otherwise
