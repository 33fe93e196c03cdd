"""What a rule yields."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import msgspec

from bootstrap.config.formats import is_certificate_name, is_image_repository
from bootstrap.config.problems import FieldPath
from bootstrap.model.cluster import ControlPlane
from bootstrap.model.kubeadm import EnvVar


class Fault(msgspec.Struct, frozen=True):
    """``text`` goes on from the field's name: ``must be an absolute path, not "pki"``.

    ``against``: the other field of a contradiction, whose place is shown when ``path`` is a default.
    """

    path: FieldPath
    text: str
    is_warning: bool = False
    against: FieldPath = ()


_API_REFERENCES = frozenset({"configMapKeyRef", "secretKeyRef"})
_SOURCES = _API_REFERENCES | {"fieldRef", "resourceFieldRef", "fileKeyRef"}
"""What an environment variable may come from (core/v1, EnvVarSource)."""

Rule = Callable[[ControlPlane], Iterable[Fault]]


def absolute_path(path: FieldPath, value: str) -> Iterator[Fault]:
    if not value.startswith("/"):
        yield Fault(path, f'must be an absolute path, not "{value}"')


def certificate_names(path: FieldPath, values: Iterable[str]) -> Iterator[Fault]:
    for index, value in enumerate(values):
        if not is_certificate_name(value):
            yield Fault(
                (*path, index),
                f'must be a lower case DNS name, a wildcard name or an IP address, not "{value}"',
            )


def image_repository(path: FieldPath, value: str) -> Iterator[Fault]:
    if not is_image_repository(value):
        yield Fault(path, f'must be an image repository such as registry.example.com/k8s, not "{value}"')


def variables(path: FieldPath, given: Iterable[EnvVar]) -> Iterator[Fault]:
    """A static pod may not refer to API objects: a kubelet refuses the whole pod."""
    for index, variable in enumerate(given):
        if not variable.name:
            yield Fault((*path, index, "name"), "must not be empty")
        source = variable.value_from
        if source is None:
            continue
        place = (*path, index, "valueFrom")
        if len(source) != 1 or not _SOURCES.issuperset(source):
            yield Fault(place, f"must have exactly one of {', '.join(sorted(_SOURCES - _API_REFERENCES))}")
        for reference in _API_REFERENCES.intersection(source):
            yield Fault(
                place, f"must not have {reference}: a static pod cannot read API objects; write the value"
            )


def arguments(path: FieldPath, names: Iterable[str]) -> Iterator[Fault]:
    """Names of extraArgs: set, and without the dashes a command line has."""
    for index, name in enumerate(names):
        if not name:
            yield Fault((*path, index, "name"), "must not be empty")
        elif name.startswith("-"):
            yield Fault(
                (*path, index, "name"),
                f'must be a flag without its dashes: "{name.lstrip("-")}", not "{name}"',
            )
