"""Finds what a path names among the agent's pods: a pod, one of its containers, its instances."""

from __future__ import annotations

from collections.abc import Callable

from bootstrap.agent.names import Instance, instance_of, labels_of_pod
from bootstrap.agent.serving.refusal import RefusedError
from bootstrap.agent.status import AgentStatus, ContainerStatus, PodStatus
from bootstrap.runtime.api import ContainerRuntime


class Pods:
    """The pods of this node, by the names the API has for them."""

    def __init__(self, node: str, status: Callable[[], AgentStatus]) -> None:
        self._node = node
        self._status = status

    def pod(self, namespace: str, name: str) -> PodStatus:
        """Raises RefusedError."""
        for each in self._status().pods:
            if (each.namespace, each.name) == (namespace, name):
                return each
        raise RefusedError(404, f'pod "{name}" in namespace "{namespace}" is not a pod of this node')

    def container(self, namespace: str, name: str, container: str) -> ContainerStatus:
        """Raises RefusedError."""
        for each in self.pod(namespace, name).containers:
            if each.name == container:
                return each
        raise RefusedError(404, f'container "{container}" not found in pod "{name}"')

    def instances(
        self, runtime: ContainerRuntime, namespace: str, name: str, container: str
    ) -> tuple[Instance, ...]:
        """Of a container of the pod as it is now, in whatever state."""
        uid = self.pod(namespace, name).uid
        found = map(instance_of, runtime.list(labels_of_pod(self._node, name, namespace)))
        return tuple(each for each in found if (each.uid, each.container) == (uid, container))
