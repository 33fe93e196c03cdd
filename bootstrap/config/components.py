"""KubeletConfiguration and KubeProxyConfiguration: what was given, completed as kubeadm does.

Source: cmd/kubeadm/app/componentconfigs. Invariant: a value that was given is kept, even where another is
recommended; ``deviations`` says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bootstrap.config.documents import KINDS
from bootstrap.config.problems import FieldPath
from bootstrap.model.cluster import ControlPlane

_Document = dict[str, Any]


def completed(control_plane: ControlPlane, kind: str, recommended: _Document) -> _Document:
    """The document of this kind, absent fields taken from ``recommended``; a new value each time."""
    header = {"apiVersion": KINDS[kind].api_versions[0], "kind": kind}
    return _merge({**header, **recommended}, given(control_plane, kind))


def given(control_plane: ControlPlane, kind: str) -> _Document:
    """The document as it was written, empty when there is none."""
    return next((config for config in control_plane.component_configs if config["kind"] == kind), {})


def deviations(
    written: _Document, recommended: _Document, path: FieldPath
) -> Iterator[tuple[FieldPath, Any, Any]]:
    """``(field, recommended, given)`` for every given value that is not the recommended one."""
    for key, value in recommended.items():
        actual = written.get(key)
        if isinstance(value, dict) and isinstance(actual, dict):
            yield from deviations(actual, value, (*path, key))
        elif not _is_empty(actual) and actual != value:
            yield (*path, key), value, actual


def _merge(recommended: _Document, written: _Document) -> _Document:
    merged = dict(recommended)
    for key, value in written.items():
        below = recommended.get(key)
        if isinstance(below, dict) and isinstance(value, dict):
            merged[key] = _merge(below, value)
        elif key not in recommended or not _is_empty(value):
            merged[key] = value
    return merged


def _is_empty(value: object) -> bool:
    """What Go decodes to a field's zero value, booleans apart: those are pointers in these documents."""
    return value is None or value == ""
