"""Which component is restarted for the certificate it goes on with. Pure.

Invariants: one at a time, and none while another of the control plane is not ready, unless that one waits for
its own restart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bootstrap.agent.status import ContainerStatus, PodStatus
from bootstrap.model.layout import COMPONENTS


@dataclass(frozen=True, slots=True)
class Restart:
    """The container ``id`` of a component has read another certificate than there is now."""

    component: str
    id: str


@dataclass(frozen=True, slots=True)
class Wait:
    """A component has to be restarted, and others are not ready."""

    component: str
    others: tuple[str, ...]


def next_restart(
    pods: Mapping[str, PodStatus], written: Mapping[str, datetime], now: datetime
) -> Restart | Wait | None:
    """``pods`` are by component; ``written`` is when what a component reads once came to be.

    A file of the future says nothing: whatever is started now would be older than it again.
    """
    outdated = {
        component: container
        for component in COMPONENTS
        if component in pods and component in written and written[component] <= now
        for container in pods[component].containers
        if _is_outdated(container, written[component])
    }
    if not outdated:
        return None
    component, container = next(iter(outdated.items()))
    unready = tuple(
        each for each in COMPONENTS if each in pods and each not in outdated and not pods[each].ready
    )
    return Wait(component, unready) if unready else Restart(component, container.id)


def _is_outdated(container: ContainerStatus, written: datetime) -> bool:
    return container.state == "running" and container.since is not None and container.since < written
