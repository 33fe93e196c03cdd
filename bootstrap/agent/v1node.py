"""The Node object of this agent. Pure.

Source: pkg/kubelet/kubelet_node_status.go, nodestatus/setters.go, and eviction/api/types.go (thresholds).
Invariant: two statuses differ only by what changed on the machine; heartbeats are left out of the comparison.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bootstrap.agent.features import DECLARED_FEATURES
from bootstrap.agent.node import Node
from bootstrap.agent.v1pod import v1_time
from bootstrap.host.system import Room, SystemInfo
from bootstrap.model.nodelabels import STATIC_PODS_ONLY, Taint
from bootstrap.runtime.api import Image

JsonObject = dict[str, Any]

PODS = 110
MEBIBYTE = 1 << 20
MEMORY_KEPT = 100 * MEBIBYTE
DISK_KEPT, INODES_KEPT = 0.10, 0.05
"""A kubelet's hard eviction thresholds: below them it reports pressure, and none of it is for pods."""

PIDS_KEPT = 0.05
"""A kubelet has no threshold for PIDs unless it is told one, and then never says that they run out."""

IMAGES_SHOWN = 50
UNKNOWN = "v0.0.0"
OURS = "+podstrap"
"""Ends the version of each kubelet that is this agent."""

READY = ("KubeletReady", "kubelet is posting ready status")


@dataclass(frozen=True, slots=True)
class NodeOptions:
    """How the node wants to be registered; ``port`` is where the agent answers as a kubelet, 0 nowhere."""

    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()
    port: int = 0


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """What the status is made of. ``version`` is that of the API server, whose conventions are followed.

    ``problem``: why containers cannot be run at the moment, "" when they can.
    """

    system: SystemInfo
    room: Room
    version: str
    engine_version: str
    images: tuple[Image, ...] = ()
    problem: str = ""


def node_object(node: Node, options: NodeOptions, facts: NodeFacts, now: datetime) -> JsonObject:
    """The object to create, its status included."""
    taints = dict.fromkeys((*options.taints, STATIC_PODS_ONLY))
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": node.name,
            "labels": node_labels(node, options, facts.system),
            "annotations": {"volumes.kubernetes.io/controller-managed-attach-detach": "true"},
        },
        "spec": {"taints": [_taint(each) for each in taints]},
        "status": node_status(node, options, facts, (), now),
    }


def node_labels(node: Node, options: NodeOptions, system: SystemInfo) -> dict[str, str]:
    """What a kubelet sets, that this is none, and what was asked for."""
    own = {"os": "linux", "arch": system.architecture}
    return {
        **{f"{domain}/{key}": value for key, value in own.items() for domain in _DOMAINS},
        "kubernetes.io/hostname": node.name,
        STATIC_PODS_ONLY.key: "",
        **options.labels,
    }


def node_status(
    node: Node, options: NodeOptions, facts: NodeFacts, known: Iterable[JsonObject], now: datetime
) -> JsonObject:
    """``known`` are the conditions that the API shows; they keep the time of their last transition."""
    status = {
        "addresses": [
            *([{"type": "InternalIP", "address": node.address}] if node.address else []),
            {"type": "Hostname", "address": node.name},
        ],
        "capacity": _capacity(node, facts),
        "allocatable": _allocatable(node, facts),
        "conditions": [_timed(each, known, now) for each in _conditions(facts)],
        "nodeInfo": _node_info(facts),
        "images": [_image(each) for each in _largest(facts.images)],
    }
    if options.port:
        status["daemonEndpoints"] = {"kubeletEndpoint": {"Port": options.port}}
        status["declaredFeatures"] = list(DECLARED_FEATURES)
    return status


def differs(new: JsonObject, old: JsonObject) -> bool:
    """Whether anything but the heartbeats is another."""
    return _without_heartbeats(new) != _without_heartbeats(old)


def is_ours(node: JsonObject) -> bool:
    """Whether this agent, and no kubelet, wrote the node's status."""
    return OURS in str(_at(node, "status", "nodeInfo", "kubeletVersion"))


def kubelet_version(server_version: str) -> str:
    """A semantic version: that of the API server, and by its build metadata whose kubelet it is."""
    return f"{server_version.partition('+')[0] or UNKNOWN}{OURS}"


_DOMAINS = ("kubernetes.io", "beta.kubernetes.io")


def _taint(taint: Taint) -> JsonObject:
    value = {"value": taint.value} if taint.value else {}
    return {"key": taint.key, **value, "effect": taint.effect}


def _capacity(node: Node, facts: NodeFacts) -> dict[str, str]:
    return {
        "cpu": str(node.cores),
        "memory": f"{node.memory // 1024}Ki",
        "ephemeral-storage": f"{facts.room.disk // 1024}Ki",
        "pods": str(PODS),
        **_huge_pages(facts.system),
    }


def _allocatable(node: Node, facts: NodeFacts) -> dict[str, str]:
    huge = sum(size * count for size, count in facts.system.huge_pages) * 1024
    return {
        **_capacity(node, facts),
        "memory": f"{max(0, node.memory - huge - MEMORY_KEPT) // 1024}Ki",
        "ephemeral-storage": str(int(facts.room.disk * (1 - DISK_KEPT))),
    }


def _huge_pages(system: SystemInfo) -> dict[str, str]:
    return {f"hugepages-{_binary(size)}": _binary(size * count) for size, count in system.huge_pages}


def _binary(kibibytes: int) -> str:
    """In the largest unit that needs no fraction."""
    for unit in ("Ki", "Mi"):
        if not kibibytes or kibibytes % 1024:
            return f"{kibibytes}{unit}" if kibibytes else "0"
        kibibytes //= 1024
    return f"{kibibytes}Gi"


def _conditions(facts: NodeFacts) -> list[JsonObject]:
    room = facts.room
    memory_short = room.memory_available < MEMORY_KEPT
    pids_short = room.pids_free < PIDS_KEPT * room.pids
    disk_short = room.disk_available < DISK_KEPT * room.disk or room.inodes_free < INODES_KEPT * room.inodes
    return [
        _pressure(
            "Memory", memory_short, "InsufficientMemory", "SufficientMemory", "sufficient memory available"
        ),
        _pressure("Disk", disk_short, "DiskPressure", "NoDiskPressure", "no disk pressure"),
        _pressure("PID", pids_short, "InsufficientPID", "SufficientPID", "sufficient PID available"),
        _condition("Ready", False, "KubeletNotReady", f"container runtime is down: {facts.problem}")
        if facts.problem
        else _condition("Ready", True, *READY),
    ]


def _pressure(kind: str, present: bool, bad: str, good: str, words: str) -> JsonObject:
    if present:
        missing = words.replace("sufficient", "insufficient").replace("no disk", "disk")
        return _condition(f"{kind}Pressure", True, f"KubeletHas{bad}", f"kubelet has {missing}")
    return _condition(f"{kind}Pressure", False, f"KubeletHas{good}", f"kubelet has {words}")


def _condition(kind: str, holds: bool, reason: str, message: str) -> JsonObject:
    return {"type": kind, "status": "True" if holds else "False", "reason": reason, "message": message}


def _timed(condition: JsonObject, known: Iterable[JsonObject], now: datetime) -> JsonObject:
    since = next(
        (
            each.get("lastTransitionTime")
            for each in known
            if (each.get("type"), each.get("status")) == (condition["type"], condition["status"])
        ),
        None,
    )
    stamp = v1_time(now)
    return {**condition, "lastHeartbeatTime": stamp, "lastTransitionTime": since or stamp}


def _node_info(facts: NodeFacts) -> dict[str, str]:
    system = facts.system
    return {
        "machineID": system.machine_id,
        "systemUUID": system.system_uuid,
        "bootID": system.boot_id,
        "kernelVersion": system.kernel,
        "osImage": system.os_image,
        "containerRuntimeVersion": f"docker://{facts.engine_version}",
        "kubeletVersion": kubelet_version(facts.version),
        "kubeProxyVersion": "",
        "operatingSystem": "linux",
        "architecture": system.architecture,
    }


def _largest(images: tuple[Image, ...]) -> list[Image]:
    return sorted(images, key=lambda image: (-image.size, image.id))[:IMAGES_SHOWN]


def _image(image: Image) -> JsonObject:
    return {"names": [*image.digests, *image.tags], "sizeBytes": image.size}


def _without_heartbeats(status: JsonObject) -> JsonObject:
    conditions = [
        {key: value for key, value in each.items() if key != "lastHeartbeatTime"}
        for each in status.get("conditions") or ()
    ]
    return {**status, "conditions": conditions}


def _at(value: Any, *path: str) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value
