"""Environment variables of a container, and ``$(NAME)`` in its texts. Pure.

Source: third_party/forked/golang/expansion and pkg/kubelet/kubelet_pods.go. Invariant: a reference to a
variable that is not there stays as it is written.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from bootstrap.agent.identity import StaticPod
from bootstrap.errors import BootstrapError
from bootstrap.model.podspec import Container, EnvVarSource, ObjectFieldSelector, ResourceFieldSelector
from bootstrap.model.quantity import parse_quantity

_REFERENCE = re.compile(r"\$(?:\$|\(([^)]*)\))")
RESOURCES = ("cpu", "memory", "ephemeral-storage")
HUGE_PAGES = "hugepages-"

_KEYED = re.compile(r"metadata\.(labels|annotations)\['(.+)'\]")


class FieldReferenceError(BootstrapError):
    """A field of the pod is asked for that does not exist."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """What is known of the pod's and the node's network, and of the node's size (cores, bytes)."""

    pod: str
    node: str
    cores: int = 1
    memory: int = 0


def environment(pod: StaticPod, container: Container, node: str, addresses: Addresses) -> dict[str, str]:
    """Name -> value, in order; a later entry may refer to earlier ones. Raises FieldReferenceError."""
    values: dict[str, str] = {}
    for variable in container.env:
        if variable.value_from is not None:
            values[variable.name] = _from_source(variable.value_from, pod, container, node, addresses)
        else:
            values[variable.name] = expand(variable.value, values)
    return values


def expand(text: str, values: Mapping[str, str]) -> str:
    """``$(NAME)`` becomes its value, ``$$`` a dollar sign."""

    def replaced(found: re.Match[str]) -> str:
        if found[1] is None:
            return "$"
        return values.get(found[1], found[0])

    return _REFERENCE.sub(replaced, text)


def _from_source(
    source: EnvVarSource, pod: StaticPod, container: Container, node: str, addresses: Addresses
) -> str:
    if source.field_ref is not None:
        return field_value(source.field_ref, pod, node, addresses)
    if source.resource_field_ref is not None:
        name = source.resource_field_ref.container_name
        of = pod.container(name) if name else container
        return resource_value(source.resource_field_ref, of, addresses)
    return ""


def field_value(reference: ObjectFieldSelector, pod: StaticPod, node: str, addresses: Addresses) -> str:
    """A field of the pod as text. Raises FieldReferenceError."""
    path, meta = reference.field_path, pod.pod.metadata
    simple = {
        "metadata.name": pod.name,
        "metadata.namespace": pod.namespace,
        "metadata.uid": pod.uid,
        "spec.nodeName": node,
        "spec.serviceAccountName": "",
        "status.hostIP": addresses.node,
        "status.hostIPs": addresses.node,
        "status.podIP": addresses.pod,
        "status.podIPs": addresses.pod,
    }
    if path in simple:
        return simple[path]
    keyed = _KEYED.fullmatch(path)
    if keyed is None:
        raise FieldReferenceError(f"there is no field {path}")
    return (meta.labels if keyed[1] == "labels" else pod.annotations).get(keyed[2], "")


def resource_value(reference: ResourceFieldSelector, container: Container, addresses: Addresses) -> str:
    """In units of the divisor, rounded up; a limit that is not set is the node's size.

    Raises FieldReferenceError.
    """
    kind, _, name = reference.resource.partition(".")
    amounts = {"limits": container.resources.limits, "requests": container.resources.requests}
    if kind not in amounts or (name not in RESOURCES and not name.startswith(HUGE_PAGES)):
        raise FieldReferenceError(f"there is no resource {reference.resource}")
    text = amounts[kind].get(name)
    if text is None:
        whole_node = {"cpu": addresses.cores, "memory": addresses.memory}
        text = whole_node.get(name, 0) if kind == "limits" else 0
    divisor = parse_quantity(reference.divisor) or parse_quantity(1)
    return str(math.ceil(parse_quantity(text) / divisor))
