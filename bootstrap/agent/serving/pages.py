"""The pages that are made of what the agent knows at that moment: health, pods, configuration, metrics."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Protocol

import msgspec

from bootstrap.agent.measures import Measures
from bootstrap.agent.metrics import CONTENT_TYPE, exposition
from bootstrap.agent.names import POD_NAME, POD_NAMESPACE, SANDBOX, Instance, instance_of, owned_by
from bootstrap.agent.node import Node
from bootstrap.agent.serving.metricspage import (
    api_families,
    certificate_families,
    pod_families,
    probe_families,
    process_families,
    renewal_families,
    work_families,
)
from bootstrap.agent.serving.resources import Used, resource_families, summary
from bootstrap.agent.serving.server import Route
from bootstrap.agent.status import AgentStatus
from bootstrap.agent.v1pod import JsonObject
from bootstrap.host.certificates import certificate_ends
from bootstrap.host.clock import Clock
from bootstrap.host.httpexchange import Exchange
from bootstrap.host.httpserver import Page
from bootstrap.host.machineuse import machine_use
from bootstrap.host.ownprocess import own_use
from bootstrap.runtime.api import ContainerRuntime, EngineError, EngineUnreachableError


class Knowledge(Protocol):
    """What the agent knows; thread-safe."""

    @property
    def node(self) -> Node: ...

    @property
    def measures(self) -> Measures: ...

    def status(self) -> AgentStatus: ...

    def v1_pods(self) -> list[JsonObject]:
        """Every pod of a manifest."""


class Pages:
    """``certificates``: the directories whose certificates' ends are told."""

    def __init__(
        self,
        agent: Knowledge,
        connect: Callable[[], ContainerRuntime],
        clock: Clock,
        certificates: tuple[Path, ...],
        settings: JsonObject,
    ) -> None:
        self._agent = agent
        self._connect = connect
        self._clock = clock
        self._certificates = certificates
        self._settings = settings

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("/healthz", _say_ok),
            Route("/healthz/ping", _say_ok),
            Route("/pods", self._pods),
            Route("/runningpods", self._running_pods),
            Route("/configz", self._configuration),
            Route("/metrics", self._metrics),
            Route("/metrics/probes", self._probe_metrics),
            Route("/metrics/resource", self._resource_metrics),
            Route("/stats/summary", self._summary),
        )

    def _pods(self, exchange: Exchange, _parts: tuple[str, ...]) -> None:
        exchange.reply(_json(_pod_list(self._agent.v1_pods())))

    def _running_pods(self, exchange: Exchange, _parts: tuple[str, ...]) -> None:
        """What the engine says, whatever the manifests do."""
        with closing(self._connect()) as runtime:
            found = self._running(runtime)
        pods: dict[str, JsonObject] = {}
        for instance in found:
            pod = pods.setdefault(instance.uid, _bare_pod(instance))
            if instance.container != SANDBOX:
                container = {"name": instance.container, "image": instance.state.image, "resources": {}}
                pod["spec"]["containers"].append(container)
        exchange.reply(_json(_pod_list(list(pods.values()))))

    def _configuration(self, exchange: Exchange, _parts: tuple[str, ...]) -> None:
        exchange.reply(_json({"kubeletconfig": self._settings}))

    def _metrics(self, exchange: Exchange, _parts: tuple[str, ...]) -> None:
        status = self._agent.status()
        families = (
            *pod_families(status),
            *api_families(status.api),
            *work_families(self._agent.measures),
            *certificate_families(certificate_ends(self._certificates)),
            *renewal_families(status.certificates),
            *process_families(own_use()),
        )
        exchange.reply(Page(200, exposition(families).encode(), CONTENT_TYPE))

    def _probe_metrics(self, exchange: Exchange, _parts: tuple[str, ...]) -> None:
        families = probe_families(self._agent.status(), self._agent.measures)
        exchange.reply(Page(200, exposition(families).encode(), CONTENT_TYPE))

    def _resource_metrics(self, exchange: Exchange, _parts: tuple[str, ...]) -> None:
        used, failed = self._used()
        families = resource_families(machine_use(), used, failed=failed)
        exchange.reply(Page(200, exposition(families).encode(), CONTENT_TYPE))

    def _summary(self, exchange: Exchange, _parts: tuple[str, ...]) -> None:
        used, _failed = self._used()
        name, now = self._agent.node.name, self._clock.now()
        exchange.reply(_json(summary(name, machine_use(), own_use(), used, now)))

    def _used(self) -> tuple[list[Used], bool]:
        """What each running container uses, and whether something could not be measured."""
        found, failed = [], False
        try:
            with closing(self._connect()) as runtime:
                for each in self._running(runtime):
                    # One that ended meanwhile uses nothing.
                    with suppress(EngineError):
                        found.append(Used(each, runtime.usage(each.id)))
        except EngineUnreachableError:
            failed = True
        return found, failed

    def _running(self, runtime: ContainerRuntime) -> list[Instance]:
        containers = runtime.list(owned_by(self._agent.node.name), running_only=True)
        return [instance_of(each) for each in containers]


def _say_ok(exchange: Exchange, _parts: tuple[str, ...]) -> None:
    exchange.reply(Page(200, b"ok"))


def _json(value: JsonObject) -> Page:
    return Page(200, msgspec.json.encode(value), "application/json")


def _pod_list(pods: list[JsonObject]) -> JsonObject:
    return {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": pods}


def _bare_pod(instance: Instance) -> JsonObject:
    labels = instance.state.labels
    return {
        "metadata": {
            "name": labels.get(POD_NAME, ""),
            "namespace": labels.get(POD_NAMESPACE, ""),
            "uid": instance.uid,
        },
        "spec": {"containers": []},
        "status": {},
    }
