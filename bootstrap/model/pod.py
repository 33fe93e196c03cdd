"""A manifest's document -> ``Pod``: decoding, the API's defaults, and what is refused.

Invariant: an unknown field is left aside and reported, as a kubelet would ignore it; a known field this
program cannot honour refuses the pod, with the field's path. Nothing is half-honoured in silence.
"""

from __future__ import annotations

import re
import threading
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec

from bootstrap.errors import BootstrapError
from bootstrap.model.podfields import INERT, REFUSED, UNREMARKABLE
from bootstrap.model.podrules import problems_of
from bootstrap.model.podspec import Container, Pod, ResourceRequirements


class PodRejectedError(BootstrapError):
    """The document is not a pod that can be run; ``details`` is one line (path: reason) for each problem."""


_CONVERTING = threading.Lock()
"""msgspec learns a type at its first use, and two threads that teach it the same one crash the process."""


@dataclass(frozen=True, slots=True)
class DecodedPod:
    """``ignored`` are the paths of the fields nobody knows, e.g. ``spec.containers[0].comand``.

    ``inert`` are lines (path: reason) for those that are known and change nothing.
    """

    pod: Pod
    ignored: tuple[str, ...] = ()
    inert: tuple[str, ...] = ()


def decode_pod(document: object) -> DecodedPod:
    """Decode a YAML or JSON document (already parsed), with the API's defaults applied.

    Raises PodRejectedError with all that is wrong: types, refused fields, and the API's validation rules.
    """
    if not isinstance(document, Mapping):
        raise PodRejectedError("the document is not a Pod: it is not a mapping")
    if document.get("apiVersion") != "v1" or document.get("kind") != "Pod":
        found = f"{document.get('apiVersion')} {document.get('kind')}"
        raise PodRejectedError(f"the document is not a v1 Pod but a {found!r}")
    plain = _without_nulls(document)
    fields = _judge_fields(plain)
    if fields.refused:
        raise _rejection(plain, fields.refused)
    try:
        with _CONVERTING:
            pod = msgspec.convert(plain, Pod)
    except msgspec.ValidationError as error:
        raise _rejection(plain, (_located(str(error)),)) from error
    pod = with_defaults(pod)
    problems = problems_of(pod)
    if problems:
        raise _rejection(plain, problems)
    return DecodedPod(pod, fields.unknown, fields.inert)


def with_defaults(pod: Pod) -> Pod:
    """The API's defaults that depend on other fields. Source: apis/core/v1/defaults.go."""
    spec = msgspec.structs.replace(
        pod.spec,
        containers=tuple(_container_defaults(each, pod.spec.host_network) for each in pod.spec.containers),
        init_containers=tuple(
            _container_defaults(each, pod.spec.host_network) for each in pod.spec.init_containers
        ),
    )
    return msgspec.structs.replace(pod, spec=spec)


def default_pull_policy(image: str) -> typing.Literal["Always", "IfNotPresent"]:
    """Always for ``:latest`` or no tag; a digest counts as a fixed version."""
    last = image.rpartition("/")[2]
    if "@" in last:
        return "IfNotPresent"
    tag = last.partition(":")[2]
    return "Always" if tag in ("", "latest") else "IfNotPresent"


def _container_defaults(container: Container, host_network: bool) -> Container:
    resources = container.resources
    ports = tuple(
        msgspec.structs.replace(port, host_port=port.container_port)
        if host_network and not port.host_port
        else port
        for port in container.ports
    )
    return msgspec.structs.replace(
        container,
        image_pull_policy=container.image_pull_policy or default_pull_policy(container.image),
        ports=ports,
        resources=ResourceRequirements(
            limits=resources.limits,
            requests={**resources.limits, **resources.requests},
        ),
    )


def _without_nulls(value: Any) -> Any:
    """A null means "not set" in the API's JSON."""
    if isinstance(value, Mapping):
        return {key: _without_nulls(each) for key, each in value.items() if each is not None}
    if isinstance(value, list | tuple):
        return [_without_nulls(each) for each in value]
    return value


@dataclass(frozen=True, slots=True)
class _Judged:
    """Fields that are not simply honoured: paths, with a reason where there is one."""

    refused: tuple[str, ...]
    inert: tuple[str, ...]
    unknown: tuple[str, ...]


def _judge_fields(document: Mapping[str, Any]) -> _Judged:
    """What is to be said of the fields that are there."""
    refused: list[str] = []
    inert: list[str] = []
    unknown: list[str] = []
    for path, value, known in _fields(document, Pod, ""):
        general = re.sub(r"\[\d+\]", "[]", path).replace("spec.initContainers[]", "spec.containers[]")
        if general in REFUSED:
            if value not in ("", []):
                refused.append(f"{path}: {REFUSED[general]}")
        elif general in INERT:
            inert.append(f"{path}: {INERT[general]}")
        elif not known and general not in UNREMARKABLE:
            unknown.append(path)
    return _Judged(tuple(refused), tuple(inert), tuple(unknown))


def _fields(value: Any, kind: Any, path: str) -> Iterator[tuple[str, Any, bool]]:
    """Every field of the document with its path, and whether the model knows it."""
    struct = _struct_in(kind)
    if struct is None:
        return
    if isinstance(value, list):
        for index, each in enumerate(value):
            yield from _fields(each, struct, f"{path}[{index}]")
    elif isinstance(value, Mapping):
        known = _types_of(struct)
        for name, each in value.items():
            here = f"{path}.{name}" if path else str(name)
            yield here, each, name in known
            if name in known:
                yield from _fields(each, known[name], here)


@cache
def _types_of(struct: type[msgspec.Struct]) -> dict[str, Any]:
    hints = typing.get_type_hints(struct)
    return {
        wire: hints[field]
        for field, wire in zip(struct.__struct_fields__, struct.__struct_encode_fields__, strict=True)
    }


def _struct_in(kind: Any) -> type[msgspec.Struct] | None:
    """The struct inside ``T``, ``T | None`` or ``tuple[T, ...]``."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return kind
    if isinstance(kind, types.UnionType) or typing.get_origin(kind) in (tuple, typing.Union):
        return next((found for each in typing.get_args(kind) if (found := _struct_in(each))), None)
    return None


def _located(message: str) -> str:
    """msgspec's message with its path in front: ``spec.containers[0].name: expected `str`, got `int```."""
    reason, _, path = message.partition(" - at `$.")
    return f"{path.rstrip('`') or 'document'}: {reason[:1].lower()}{reason[1:]}"


def _rejection(document: Mapping[str, Any], problems: tuple[str, ...]) -> PodRejectedError:
    metadata = document.get("metadata")
    name = metadata.get("name") if isinstance(metadata, Mapping) else None
    return PodRejectedError(
        f"pod {name or '(no name)'} is refused: {problems[0]}",
        remedy="correct the manifest",
        details=problems,
    )
