"""Where a key that is unknown here would be right: elsewhere in the documents, or under a newer name.

Invariant: a hint is only given when there is one answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from msgspec import inspect

from bootstrap.config.problems import FieldPath
from bootstrap.model.bootstrapconfig import BootstrapConfiguration
from bootstrap.model.kubeadm import ClusterConfiguration, InitConfiguration

_DOCUMENTS = (InitConfiguration, ClusterConfiguration, BootstrapConfiguration)

_RENAMED = {
    "timeoutForControlPlane": "timeouts.controlPlaneComponentHealthCheck in InitConfiguration",
    "useHyperKubeImage": "nothing: hyperkube is gone",
    "apiEndpoint": "localAPIEndpoint in InitConfiguration",
}
"""Fields of older kubeadm.k8s.io versions and what v1beta4 has instead."""

_ARGUMENTS = frozenset({"extraArgs", "kubeletExtraArgs"})


def hint(key: str, path: FieldPath) -> str:
    """``; it belongs in networking``, or nothing."""
    if key in _RENAMED:
        return f"; v1beta4 has {_RENAMED[key]}"
    homes = _homes().get(key, ())
    if len(homes) != 1:
        return ""
    kind, *steps = homes[0]
    if kind == path[0]:
        return f"; it belongs in {'.'.join(steps) or kind}"
    return f"; it belongs in {'.'.join(steps)} of {kind}" if steps else f"; it belongs in {kind}"


def list_of_arguments(path: FieldPath) -> str:
    """What v1beta4 wants where v1beta3 had a mapping of flags, nothing for other fields."""
    return "a list of name and value pairs (v1beta3 had a mapping)" if path[-1] in _ARGUMENTS else ""


@cache
def _homes() -> dict[str, tuple[tuple[str, ...], ...]]:
    found: dict[str, tuple[tuple[str, ...], ...]] = {}
    for document in _DOCUMENTS:
        for key, home in _fields(inspect.type_info(document), (document.__name__,)):
            found[key] = (*found.get(key, ()), home)
    return found


def _fields(info: inspect.Type, home: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every key with the mapping it lives in; the items of lists are left out."""
    if isinstance(info, inspect.UnionType):
        for part in info.types:
            yield from _fields(part, home)
    if isinstance(info, inspect.StructType):
        for field in info.fields:
            yield field.encode_name, home
            yield from _fields(field.type, (*home, field.encode_name))
