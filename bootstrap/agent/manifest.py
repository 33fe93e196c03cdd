"""The bytes of a manifest -> the pods in it.

Invariant: what is refused is refused with a reason that a person can act on; nothing is guessed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bootstrap.agent.identity import StaticPod, static_pod
from bootstrap.errors import BootstrapError
from bootstrap.model.pod import DecodedPod, PodRejectedError, decode_pod

MAX_BYTES = 10 * 1024 * 1024
"""The kubelet's own limit."""

LONGEST_NAME = 253
MAX_VALUES = 100_000
"""Of a document, with its aliases followed: a pod has hundreds."""


class ManifestError(BootstrapError):
    """A manifest cannot be used."""


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
    """Raises PodRejectedError for what is not a usable pod."""
    decoded = decode_pod(document)
    pod = static_pod(decoded.pod, node, source)
    if len(pod.name) > LONGEST_NAME:
        raise PodRejectedError(f"metadata.name: {pod.name} is longer than {LONGEST_NAME} characters")
    return Manifest(pod, remarks_on(decoded))


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


def reason_of(error: BootstrapError) -> str:
    """All that is wrong with a manifest, on one line."""
    return "; ".join(error.details) or error.message


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
