"""The bytes of a manifest -> the pods in it.

Invariant: what is refused is refused with a reason that a person can act on; nothing is guessed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bootstrap.agent.identity import StaticPod, pod_name, static_pod
from bootstrap.agent.status import ManifestProblem
from bootstrap.errors import BootstrapError
from bootstrap.model.pod import DecodedPod, PodRejectedError, decode_pod

MAX_BYTES = 10 * 1024 * 1024
"""The kubelet's own limit."""

LONGEST_NAME = 253
MAX_VALUES = 100_000
"""Of a document, with its aliases followed: a pod has hundreds."""


_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")


class ManifestError(BootstrapError):
    """A manifest cannot be used."""


class RefusedPodError(PodRejectedError):
    """The pod of a manifest is refused.

    ``pod`` (with the node's suffix) and ``namespace`` are what it calls itself, "" unless the API could, too.
    """

    def __init__(self, error: PodRejectedError, document: object, node: str) -> None:
        super().__init__(error.message, remedy=error.remedy, details=error.details)
        name, namespace = name_of(document)
        is_named = _NAME.fullmatch(name) and _NAME.fullmatch(namespace) and "." not in namespace
        self.pod = pod_name(name, node) if is_named else ""
        self.namespace = namespace if is_named else ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """A pod, and remarks on its content."""

    pod: StaticPod
    remarks: tuple[str, ...] = ()


def refuse_oversize(data: bytes) -> None:
    """Raises ManifestError."""
    if len(data) > MAX_BYTES:
        raise ManifestError(f"is larger than {MAX_BYTES // 1024 // 1024} MiB")


def manifest_of(document: object, node: str, source: str) -> Manifest:
    """Raises RefusedPodError for what is not a usable pod."""
    try:
        decoded = decode_pod(document)
        pod = static_pod(decoded.pod, node, source)
        if len(pod.name) > LONGEST_NAME:
            raise PodRejectedError(f"metadata.name: {pod.name} is longer than {LONGEST_NAME} characters")
    except PodRejectedError as error:
        raise RefusedPodError(error, document, node) from error
    return Manifest(pod, remarks_on(decoded))


def name_of(document: object) -> tuple[str, str]:
    """(name, namespace) as a document says them, however bad the rest; "" for no name."""
    metadata = document.get("metadata") if isinstance(document, Mapping) else None
    if not isinstance(metadata, Mapping):
        return "", "default"
    name, namespace = metadata.get("name"), metadata.get("namespace")
    return name if isinstance(name, str) else "", namespace if isinstance(namespace, str) else "default"


def problem_of(path: str, error: BootstrapError, kept: tuple[StaticPod, ...]) -> ManifestProblem:
    """What is wrong with a manifest, whose last good pods are ``kept``."""
    pod = getattr(error, "pod", "") or (kept[0].name if len(kept) == 1 else "")
    namespace = getattr(error, "namespace", "") or (kept[0].namespace if pod and kept else "")
    uid = next((each.uid for each in kept if (each.name, each.namespace) == (pod, namespace)), "")
    return ManifestProblem(
        path=path,
        message="; ".join(error.details) or error.message,
        kept=bool(kept),
        pod=pod,
        namespace=namespace if pod else "",
        uid=uid,
    )


def remarks_on(decoded: DecodedPod) -> tuple[str, ...]:
    """What is to be said of a manifest that is run."""
    unknown = ", ".join(decoded.ignored)
    remarks = (f"unknown fields are ignored: {unknown}",) if unknown else ()
    return (*remarks, *(f"without effect: {line}" for line in decoded.inert))


def listed_documents(document: object) -> tuple[object, ...] | None:
    """The pods of a ``v1`` PodList, whose items need not repeat their kind; None for anything else.

    Raises ManifestError for a list that is none.
    """
    if not isinstance(document, Mapping) or document.get("kind") != "PodList":
        return None
    items = document.get("items") or []
    if document.get("apiVersion") != "v1" or not isinstance(items, list):
        raise ManifestError("is not a v1 PodList")
    return tuple(
        {"apiVersion": "v1", "kind": "Pod", **item} if isinstance(item, Mapping) else item for item in items
    )


def parse_document(data: bytes) -> object:
    """The first document of a YAML (or JSON) text. Raises ManifestError."""
    try:
        return _parsed(data)
    except RecursionError as error:
        raise ManifestError("is nested too deeply") from error


def _parsed(data: bytes) -> object:
    import yaml

    if not data.strip():
        raise ManifestError("is empty")
    if data.lstrip().startswith(b"{"):
        try:
            return json.loads(data)
        except ValueError:
            # YAML's flow style begins the same way; if it is neither, YAML's message is the better one.
            pass
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(data)
    try:
        return _plain(loader.get_data(), iter(range(MAX_VALUES))) if loader.check_data() else None
    except yaml.YAMLError as error:
        raise ManifestError(f"is not YAML: {_one_line(str(error))}") from error
    except ValueError as error:
        raise ManifestError(f"is not YAML: {error}") from error
    finally:
        loader.dispose()


def _plain(value: Any, budget: Iterator[int]) -> Any:
    """YAML's dates back to text, as Kubernetes' own YAML reader knows none.

    ``budget`` runs out when aliases of aliases make a small text large.
    """
    if next(budget, None) is None:
        raise ManifestError(f"has more than {MAX_VALUES} values, aliases followed")
    if isinstance(value, Mapping):
        return {str(key): _plain(each, budget) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each, budget) for each in value]
    return value.isoformat() if hasattr(value, "isoformat") else value


def _one_line(text: str) -> str:
    return " ".join(text.split())
