"""Requests and limits as Docker's numbers. Pure. Source: pkg/kubelet/cm/helpers_linux.go, qos/policy.go."""

from __future__ import annotations

from dataclasses import dataclass

from bootstrap.model.podspec import Container, Pod
from bootstrap.model.quantity import thousandths, whole

SHARES_PER_CPU = 1024
MINIMUM_SHARES = 2
QUOTA_PERIOD_MICROSECONDS = 100_000
MINIMUM_QUOTA_MICROSECONDS = 1000

CRITICAL_OOM_SCORE = -997
"""Every static pod is critical, whatever its requests: the kernel takes others first."""

SANDBOX_OOM_SCORE = -998


@dataclass(frozen=True, slots=True)
class EngineResources:
    """As ``ContainerSpec`` has them; ``cpu_quota`` in microseconds of each 100 ms, ``memory`` in bytes."""

    cpu_shares: int
    cpu_quota: int
    memory: int


def pod_memory_limit(pod: Pod) -> int:
    """Bytes all containers that run together may use; 0 when one of them has no limit."""
    sidecars = [each for each in pod.spec.init_containers if each.restart_policy == "Always"]
    limits = [whole(each.resources.limits.get("memory", 0)) for each in (*sidecars, *pod.spec.containers)]
    return sum(limits) if all(limits) else 0


def engine_resources(container: Container) -> EngineResources:
    """What the engine is asked to enforce for one container."""
    limits, requests = container.resources.limits, container.resources.requests
    limit = thousandths(limits.get("cpu", 0))
    request = thousandths(requests.get("cpu", 0)) or limit
    quota = 0
    if limit:
        quota = max(MINIMUM_QUOTA_MICROSECONDS, limit * QUOTA_PERIOD_MICROSECONDS // 1000)
    return EngineResources(
        cpu_shares=max(MINIMUM_SHARES, request * SHARES_PER_CPU // 1000),
        cpu_quota=quota,
        memory=whole(limits.get("memory", 0)),
    )
