"""Mirror pods: what the API must be told so that it shows each static pod, as a pure decision.

Source: pkg/kubelet/pod/mirror_client.go and kubelet.go (tryReconcileMirrorPods). Invariants: a mirror has no
authority, so nothing here looks at more of it than whose mirror it is and which status it shows; it stays as
it is as long as anything of the pod it shows is there.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from bootstrap.agent.apipods import CONFIG_MIRROR, BoundPod
from bootstrap.agent.identity import StaticPod
from bootstrap.agent.node import Node
from bootstrap.agent.status import PodReport, PodStatus
from bootstrap.agent.statuspatch import status_patch, with_published_times
from bootstrap.agent.v1pod import JsonObject, v1_definition, v1_status

ENDED = frozenset({"Succeeded", "Failed"})


@dataclass(frozen=True, slots=True)
class Create:
    """POST this pod."""

    body: JsonObject


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete this one, at once, if it is still this one."""

    mirror: BoundPod


@dataclass(frozen=True, slots=True)
class Publish:
    """PATCH the mirror's status."""

    mirror: BoundPod
    body: JsonObject


def mirror_pod(pod: StaticPod, status: PodStatus, node: Node, node_uid: str) -> JsonObject:
    """The object to create: NodeRestriction lets a node create no other."""
    body = v1_definition(pod, status, node)
    metadata = body["metadata"]
    # The server gives it a UID of its own.
    del metadata["uid"]
    metadata["annotations"][CONFIG_MIRROR] = pod.uid
    owner = {"apiVersion": "v1", "kind": "Node", "name": node.name, "uid": node_uid, "controller": True}
    metadata["ownerReferences"] = [owner]
    return body


def next_step(
    report: PodReport, mirror: BoundPod | None, node: Node, node_uid: str, *, was_shown: bool
) -> Create | Delete | Publish | None:
    """One step for a pod of this node. ``was_shown``: a mirror of this very pod has been there before."""
    pod, status = report.pod, report.status
    if mirror is not None and (pod is None or mirror.mirrors != pod.uid or mirror.leaving):
        return None if _is_there(mirror.mirrors, report) else Delete(mirror)
    if pod is None:
        return None
    if mirror is None:
        if status.phase in ENDED and was_shown:
            return None
        return Create(mirror_pod(pod, status, node, node_uid))
    published = msgspec.json.decode(mirror.status)
    wanted = with_published_times(v1_status(pod, status, node), published)
    patch = status_patch(mirror.uid, wanted, published)
    return Publish(mirror, patch) if patch else None


def _is_there(uid: str, report: PodReport) -> bool:
    """Whether containers of an unwanted version are there. The wanted one is shown anew at once."""
    return uid in report.status.leaving and (report.pod is None or uid != report.pod.uid)
