"""Builds the agent's conversation with the API server.

Invariant: the agent has the identity of its kubeconfig and no other.
"""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bootstrap.agent.apievents import EventPosts
from bootstrap.agent.apipods import ApiPods
from bootstrap.agent.apithread import ApiThread, Parts
from bootstrap.agent.daemon import Agent
from bootstrap.agent.foreign import ForeignPods
from bootstrap.agent.lease import Lease
from bootstrap.agent.mirroring import Mirroring
from bootstrap.agent.podwatch import PodWatch
from bootstrap.agent.registration import Registration
from bootstrap.agent.survey import Survey
from bootstrap.agent.v1node import NodeOptions
from bootstrap.cli.agentidentity import KubeconfigIdentity
from bootstrap.errors import ConfigError
from bootstrap.host.clock import Clock
from bootstrap.host.system import room, system_info
from bootstrap.model.nodelabels import parse_labels, parse_taints


@dataclass(frozen=True, slots=True)
class Registering:
    """Whose identity is used, and what the node is registered with."""

    kubeconfig: Path
    options: NodeOptions


def registering(
    kubeconfig: str, wanted: bool | None, labels: str, taints: str, port: int
) -> Registering | None:
    """From the options: with a kubeconfig a node is registered unless it is not ``wanted``.

    Raises ConfigError for options that contradict each other or that a node may not have.
    """
    options = NodeOptions(parse_labels(labels), parse_taints(taints), port)
    if wanted and not kubeconfig:
        raise ConfigError("--register-node needs an identity", remedy="give --kubeconfig too")
    return Registering(Path(kubeconfig), options) if kubeconfig and wanted is not False else None


def talk_to_api(registering: Registering, agent: Agent, clock: Clock, stop: threading.Event) -> None:
    """On a thread of its own until ``stop`` is set."""
    wake = threading.Event()
    node, pods = agent.node, ApiPods()
    survey = Survey(system_info(), node.root, agent.engine, lambda: agent.engine_problem, room, clock)
    posts = EventPosts(node.name, clock, wake.set)
    parts = Parts(
        registration=Registration(node, registering.options, survey, clock),
        lease=Lease(node.name),
        watch=PodWatch(node.name, pods, clock, wake.set, _on_a_thread),
        pods=pods,
        mirroring=Mirroring(node, pods, agent.reports, clock),
        foreign=ForeignPods(node.name, pods, agent.history.record, clock),
        events=posts,
    )
    thread = ApiThread(node.name, parts, KubeconfigIdentity(registering.kubeconfig), clock, wake)
    agent.api = thread.status
    agent.listen(wake.set)
    agent.history.listen(posts.take)
    threading.Thread(target=thread.run, args=(stop,), name="api", daemon=True).start()


def node_address(text: str) -> str:
    """The value of --node-ip; raises ConfigError."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError as error:
        raise ConfigError(f"--node-ip: {text!r} is no IP address") from error


def _on_a_thread(target: Callable[[], None]) -> None:
    threading.Thread(target=target, name="api-watch", daemon=True).start()
