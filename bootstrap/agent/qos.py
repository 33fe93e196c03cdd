"""The quality of service class of a pod. Pure. Source: pkg/apis/core/v1/helper/qos."""

from __future__ import annotations

from typing import Literal

from bootstrap.model.podspec import Container, Pod, Quantities
from bootstrap.model.quantity import parse_quantity

QosClass = Literal["Guaranteed", "Burstable", "BestEffort"]

_COUNTED = ("cpu", "memory")


def qos_class(pod: Pod) -> QosClass:
    """By the requests and limits of all containers, with the API's defaults applied."""
    containers = pod.all_containers
    if not any(_counted(each.resources.requests) or _counted(each.resources.limits) for each in containers):
        return "BestEffort"
    return "Guaranteed" if all(_is_guaranteed(each) for each in containers) else "Burstable"


def _is_guaranteed(container: Container) -> bool:
    """Both resources are limited, and as much of each is asked for."""
    limits = _counted(container.resources.limits)
    return len(limits) == len(_COUNTED) and _counted(container.resources.requests) == limits


def _counted(quantities: Quantities) -> dict[str, object]:
    """The resources that count, without zeros: "0" asks for nothing."""
    return {
        name: amount
        for name in _COUNTED
        if name in quantities and (amount := parse_quantity(quantities[name])) > 0
    }
