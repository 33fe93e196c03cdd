"""Whether a pod has come to its end, so that nothing of it may run any more. Pure.

Source: the kubelet's getPhase, podWorkers and activeDeadlineHandler. Invariant: an end is for good, until the
manifest changes or is put back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from bootstrap.agent.identity import StaticPod
from bootstrap.agent.names import Instance
from bootstrap.agent.situation import Situation
from bootstrap.model.podspec import Container, RestartPolicy


@dataclass(frozen=True, slots=True)
class Ending:
    """``why`` is for the log; ``reason`` and ``message`` are the pod's, where a kubelet gives any."""

    why: str
    reason: str = ""
    message: str = ""


def ending(situation: Situation, desired: StaticPod) -> Ending | None:
    """How the pod has ended; None for one that goes on."""
    refused = situation.refused
    if refused is not None:
        message = f"Pod was rejected: {refused.message}"
        return Ending(f"this node may not run it: {refused.message}", refused.reason, message)
    deadline = deadline_of(situation, desired)
    if deadline is not None and deadline <= situation.now:
        return Ending(
            "its activeDeadlineSeconds are over",
            "DeadlineExceeded",
            "Pod was active on the node longer than the specified deadline",
        )
    spec = desired.pod.spec
    apps = [(each, situation.newest(each.name)) for each in spec.containers]
    if all(last is None for _container, last in apps):
        for container in spec.init_containers:
            if desired.sidecar(container.name) is None and _failed_for_good(
                desired, container, situation.newest(container.name)
            ):
                return Ending(f"its init container {container.name} failed")
        return None
    if any(last is None or last.is_running or wants_start(desired, each, last) for each, last in apps):
        return None
    return Ending("its containers have finished")


def deadline_of(situation: Situation, desired: StaticPod) -> datetime | None:
    """When the pod must be over; None while it never was started, or may run for ever."""
    seconds = desired.pod.spec.active_deadline_seconds
    if seconds is None or not situation.instances:
        return None
    return situation.began + timedelta(seconds=seconds)


def restart_policy(desired: StaticPod, container: Container) -> RestartPolicy:
    """A container's own policy, else the pod's."""
    return container.restart_policy or desired.pod.spec.restart_policy


def wants_start(desired: StaticPod, container: Container, last: Instance | None) -> bool:
    """By the restart policy; ``last`` does not run."""
    policy = restart_policy(desired, container)
    if last is None or last.is_stillborn or policy == "Always":
        return True
    return policy == "OnFailure" and last.state.exit_code != 0


def _failed_for_good(desired: StaticPod, container: Container, last: Instance | None) -> bool:
    if last is None or last.is_running or last.is_stillborn or last.state.exit_code == 0:
        return False
    return restart_policy(desired, container) == "Never"
