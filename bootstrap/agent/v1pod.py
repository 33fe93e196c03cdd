"""A static pod and what is known of it as a v1 Pod, as the API and ``/pods`` show it. Pure.

Source: pkg/kubelet/kubelet_pods.go (generateAPIPodStatus, convertToAPIContainerStatuses) and
pkg/kubelet/config/common.go (applyDefaults). Invariant: the pod's UID here is the static one, and two values
made of the same pod and status are equal.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from bootstrap.agent.conditions import Condition
from bootstrap.agent.identity import StaticPod
from bootstrap.agent.node import Node
from bootstrap.agent.qos import qos_class
from bootstrap.agent.status import ContainerStatus, Exit, PodStatus

JsonObject = dict[str, Any]

CONFIG_SEEN = "kubernetes.io/config.seen"

STAYS_ON_A_TAINTED_NODE: JsonObject = {"operator": "Exists", "effect": "NoExecute"}
"""What a kubelet adds to pods from files (and not to those from a URL)."""


def v1_pod(pod: StaticPod, status: PodStatus, node: Node) -> JsonObject:
    """The whole Pod; ``status`` is the pod's own."""
    return {**v1_definition(pod, status, node), "status": v1_status(pod, status, node)}


def v1_definition(pod: StaticPod, status: PodStatus, node: Node) -> JsonObject:
    """Metadata and spec, with what a kubelet adds to them."""
    meta = pod.pod.metadata
    spec = msgspec.to_builtins(pod.pod.spec)
    spec["nodeName"] = node.name
    if pod.origin == "file":
        spec["tolerations"] = [*(spec.get("tolerations") or ()), STAYS_ON_A_TAINTED_NODE]
    annotations = pod.annotations
    if status.seen is not None:
        annotations[CONFIG_SEEN] = status.seen.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")
    metadata = {
        "name": pod.name,
        "namespace": pod.namespace,
        "uid": pod.uid,
        "labels": dict(meta.labels),
        "annotations": annotations,
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def v1_status(pod: StaticPod, status: PodStatus, node: Node) -> JsonObject:
    """The status of the pod; a field that says nothing is not there."""
    found: JsonObject = {
        "phase": status.phase,
        "reason": status.reason,
        "message": status.message,
        "conditions": [_condition(each) for each in status.conditions],
        "hostIP": node.address,
        "hostIPs": _addresses(node.address),
        "podIP": status.ip,
        "podIPs": _addresses(status.ip),
        "startTime": v1_time(status.started),
        "initContainerStatuses": [_container(each) for each in status.containers if each.init],
        "containerStatuses": [_container(each) for each in status.containers if not each.init],
        "qosClass": qos_class(pod.pod),
    }
    return _saying(found)


def v1_time(moment: datetime | None) -> str:
    """As metav1.Time: whole seconds, UTC; "" for None."""
    return "" if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _condition(condition: Condition) -> JsonObject:
    return _saying(
        {
            "type": condition.type,
            "status": condition.status,
            "lastTransitionTime": v1_time(condition.since),
            "reason": condition.reason,
            "message": condition.message,
        }
    )


def _container(container: ContainerStatus) -> JsonObject:
    ended = container.state == "terminated"
    last = None if ended else container.last_exit
    return {
        "name": container.name,
        "image": container.image,
        "imageID": f"docker://{container.image_id}" if container.image_id else "",
        "containerID": _container_id(container.id or (last.id if last else "")),
        "ready": container.ready,
        "started": container.started,
        "restartCount": container.restarts,
        "state": _state(container),
        "lastState": {"terminated": _terminated(last)} if last else {},
    }


def _state(container: ContainerStatus) -> JsonObject:
    if container.state == "running":
        return {"running": _saying({"startedAt": v1_time(container.since)})}
    if container.state == "terminated" and container.last_exit is not None:
        return {"terminated": _terminated(container.last_exit)}
    return {"waiting": _saying({"reason": container.reason, "message": container.message})}


def _terminated(ended: Exit) -> JsonObject:
    return {
        "exitCode": ended.exit_code,
        **_saying(
            {
                "reason": ended.reason,
                "message": ended.message,
                "startedAt": v1_time(ended.started),
                "finishedAt": v1_time(ended.finished),
                "containerID": _container_id(ended.id),
            }
        ),
    }


def _container_id(identity: str) -> str:
    return f"docker://{identity}" if identity else ""


def _addresses(address: str) -> list[JsonObject]:
    return [{"ip": address}] if address else []


def _saying(fields: JsonObject) -> JsonObject:
    """Without the fields that are empty, as Go's ``omitempty`` leaves them out."""
    return {key: value for key, value in fields.items() if value not in ("", [], {}, None)}
