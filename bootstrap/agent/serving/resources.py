"""What the node, its pods and their containers use: ``/metrics/resource`` and ``/stats/summary``. Pure.

Source: pkg/kubelet/server/stats and stats/v1alpha1. What the engine does not tell (file systems, networks) is
left out. Invariant: a pod is the sum of its containers, its sandbox among them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bootstrap.agent.metrics import Family, Labels, Sample
from bootstrap.agent.names import POD_NAME, POD_NAMESPACE, Instance
from bootstrap.host.machineuse import MachineUse
from bootstrap.host.ownprocess import ProcessUse
from bootstrap.runtime.api import Usage

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Used:
    """What one running container uses."""

    instance: Instance
    usage: Usage

    @property
    def pod(self) -> tuple[str, str, str]:
        """Namespace, name, UID."""
        labels = self.instance.state.labels
        return labels.get(POD_NAMESPACE, ""), labels.get(POD_NAME, ""), self.instance.uid

    @property
    def labels(self) -> Labels:
        namespace, name, _uid = self.pod
        return (("container", self.instance.container), ("namespace", namespace), ("pod", name))


def resource_families(node: MachineUse, used: Iterable[Used], *, failed: bool) -> tuple[Family, ...]:
    """``failed``: something could not be measured."""
    everything = tuple(used)
    containers = tuple(each for each in everything if not each.instance.is_sandbox)
    pods = dict.fromkeys(each.pod for each in everything)
    sums = {pod: _sum(each.usage for each in everything if each.pod == pod) for pod in pods}
    return (
        _family("node_cpu_usage_seconds_total", "CPU the node used.", [Sample(node.cpu_seconds)]),
        _family("node_memory_working_set_bytes", "Working set of the node.", [Sample(node.working_set)]),
        _family(
            "container_cpu_usage_seconds_total",
            "CPU the container used.",
            [Sample(each.usage.cpu_seconds, each.labels) for each in containers],
        ),
        _family(
            "container_memory_working_set_bytes",
            "Working set of the container.",
            [Sample(each.usage.working_set, each.labels) for each in containers],
        ),
        _family(
            "container_start_time_seconds",
            "When the container started, in Unix time.",
            [Sample(started.timestamp(), each.labels) for each in containers if (started := _started(each))],
        ),
        _family(
            "pod_cpu_usage_seconds_total",
            "CPU the pod used.",
            [Sample(total.cpu_seconds, _pod_labels(pod)) for pod, total in sums.items()],
        ),
        _family(
            "pod_memory_working_set_bytes",
            "Working set of the pod.",
            [Sample(total.working_set, _pod_labels(pod)) for pod, total in sums.items()],
        ),
        _family("resource_scrape_error", "1 if something could not be measured.", [Sample(failed)]),
    )


def summary(name: str, node: MachineUse, own: ProcessUse, used: Iterable[Used], now: datetime) -> JsonObject:
    """A stats/v1alpha1 Summary."""
    pods: dict[tuple[str, str, str], list[Used]] = {}
    for each in used:
        pods.setdefault(each.pod, []).append(each)
    moment = _text(now)
    return {
        "node": {
            "nodeName": name,
            "startTime": _text(datetime.fromtimestamp(node.booted, UTC)),
            "cpu": _cpu(moment, node.cpu_seconds),
            "memory": {
                "time": moment,
                "availableBytes": node.available,
                "usageBytes": node.memory,
                "workingSetBytes": node.working_set,
            },
            "systemContainers": [
                {
                    "name": "kubelet",
                    "startTime": _text(datetime.fromtimestamp(own.started, UTC)),
                    "cpu": _cpu(moment, own.cpu_seconds),
                    "memory": {"time": moment, "rssBytes": own.resident_bytes},
                }
            ],
        },
        "pods": [_pod(pod, containers, moment) for pod, containers in pods.items()],
    }


def _pod(pod: tuple[str, str, str], members: list[Used], moment: str) -> JsonObject:
    namespace, name, uid = pod
    starts = [started for each in members if (started := _started(each))]
    return {
        "podRef": {"name": name, "namespace": namespace, "uid": uid},
        **({"startTime": _text(min(starts))} if starts else {}),
        "containers": [
            {
                "name": each.instance.container,
                **({"startTime": _text(started)} if (started := _started(each)) else {}),
                **_both(moment, each.usage),
            }
            for each in members
            if not each.instance.is_sandbox
        ],
        **_both(moment, _sum(each.usage for each in members)),
    }


def _both(moment: str, usage: Usage) -> Mapping[str, JsonObject]:
    memory = {
        "time": moment,
        "usageBytes": usage.memory,
        "workingSetBytes": usage.working_set,
        "rssBytes": usage.rss,
    }
    return {"cpu": _cpu(moment, usage.cpu_seconds), "memory": memory}


def _cpu(moment: str, seconds: float) -> JsonObject:
    return {"time": moment, "usageCoreNanoSeconds": int(seconds * 1e9)}


def _sum(usages: Iterable[Usage]) -> Usage:
    every = tuple(usages)
    return Usage(
        sum(each.cpu_seconds for each in every),
        sum(each.memory for each in every),
        sum(each.working_set for each in every),
        sum(each.rss for each in every),
    )


def _family(name: str, text: str, samples: list[Sample]) -> Family:
    return Family(name, "counter" if name.endswith("_total") else "gauge", text, tuple(samples))


def _pod_labels(pod: tuple[str, str, str]) -> Labels:
    return (("namespace", pod[0]), ("pod", pod[1]))


def _started(used: Used) -> datetime | None:
    return used.instance.state.started


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
