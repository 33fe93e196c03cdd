"""The conditions of a pod, in the kubelet's words. Pure.

Source: pkg/kubelet/status/generate.go. Invariant: a condition's ``since`` changes with its status alone, so
whoever reads it learns how long the pod has been as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

import msgspec

ConditionType = Literal[
    "PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled", "DisruptionTarget"
]
Truth = Literal["True", "False"]


class Condition(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """``since`` is when it got its present status."""

    type: ConditionType
    status: Truth
    reason: str = ""
    message: str = ""
    since: datetime | None = None


def pod_conditions(
    phase: str, *, has_sandbox: bool, uninitialized: tuple[str, ...], unready: tuple[str, ...], gates: bool
) -> tuple[Condition, ...]:
    """``uninitialized`` and ``unready`` are names of init and of other containers.

    ``gates``: the pod has readiness gates. Nobody can open those of a static pod, so it is never ready.
    """
    containers = _containers_ready(phase, unready)
    return (
        Condition(type="PodReadyToStartContainers", status="True" if has_sandbox else "False"),
        _initialized(phase, uninitialized),
        _ready(containers, gates),
        containers,
        Condition(type="PodScheduled", status="True"),
    )


def with_times(new: Iterable[Condition], old: Iterable[Condition], now: datetime) -> tuple[Condition, ...]:
    """``new`` with the time each of them got its status: that of ``old`` while it is the same."""
    known = {each.type: each for each in old}
    return tuple(msgspec.structs.replace(each, since=_since(each, known.get(each.type), now)) for each in new)


def _since(new: Condition, old: Condition | None, now: datetime) -> datetime:
    return old.since if old is not None and old.since is not None and old.status == new.status else now


def _initialized(phase: str, uninitialized: tuple[str, ...]) -> Condition:
    if phase == "Succeeded":
        return Condition(type="Initialized", status="True", reason="PodCompleted")
    if not uninitialized:
        return Condition(type="Initialized", status="True")
    message = f"containers with incomplete status: [{' '.join(uninitialized)}]"
    return Condition(type="Initialized", status="False", reason="ContainersNotInitialized", message=message)


def _containers_ready(phase: str, unready: tuple[str, ...]) -> Condition:
    if phase == "Succeeded":
        return Condition(type="ContainersReady", status="False", reason="PodCompleted")
    if phase == "Failed":
        return Condition(type="ContainersReady", status="False", reason="PodFailed")
    if not unready:
        return Condition(type="ContainersReady", status="True")
    message = f"containers with unready status: [{' '.join(unready)}]"
    return Condition(type="ContainersReady", status="False", reason="ContainersNotReady", message=message)


def _ready(containers: Condition, gates: bool) -> Condition:
    if containers.status == "True" and gates:
        message = "corresponding condition of pod readiness gate does not exist."
        return Condition(type="Ready", status="False", reason="ReadinessGatesNotReady", message=message)
    return msgspec.structs.replace(containers, type="Ready")
