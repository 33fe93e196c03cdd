"""Kubernetes' strategic merge patch, for pods and workloads that contain a pod template.

Source: k8s.io/apimachinery/pkg/util/strategicpatch/patch.go and the ``patchStrategy`` tags of core/v1 and
apps/v1 types. Invariant: neither argument is changed; the result shares nothing with them.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

Document = dict[str, Any]

_DIRECTIVE = "$patch"
_RETAIN_KEYS = "$retainKeys"
_DELETE_PRIMITIVES = "$deleteFromPrimitiveList/"
_SET_ORDER = "$setElementOrder/"

_MERGE_KEYS: Mapping[str, str] = {
    "conditions": "type",
    "containers": "name",
    "env": "name",
    "ephemeralContainers": "name",
    "hostAliases": "ip",
    "imagePullSecrets": "name",
    "initContainers": "name",
    "ownerReferences": "uid",
    "ports": "containerPort",
    "resourceClaims": "name",
    "schedulingGates": "name",
    "topologySpreadConstraints": "topologyKey",
    "volumeDevices": "devicePath",
    "volumeMounts": "mountPath",
    "volumes": "name",
}
"""Lists of objects merged element by element, and the field that names an element. Any other list of
objects is replaced as a whole."""

_MERGED_PRIMITIVES = frozenset(("finalizers",))
"""Lists of plain values that a patch adds to."""


class PatchDirectiveError(ValueError):
    """The patch itself is wrong; the text says where and why."""


def strategic_merge(original: Document, patch: Document) -> Document:
    """``patch`` applied to ``original``; null removes a key. Raises PatchDirectiveError."""
    return _merge_mapping(copy.deepcopy(original), copy.deepcopy(patch), "")


def _merge_mapping(original: Document, patch: Document, path: str) -> Document:
    directive = patch.pop(_DIRECTIVE, None)
    if directive == "replace":
        return dict(_without_directives(patch))
    if directive == "delete":
        return {}
    if directive is not None:
        raise PatchDirectiveError(f"{path or 'patch'}: {_DIRECTIVE} cannot be {directive!r}")
    _retain_keys(original, patch, path)
    for key, value in patch.items():
        where = f"{path}.{key}" if path else key
        if key.startswith(_SET_ORDER):
            raise PatchDirectiveError(f"{where}: the order of elements cannot be patched")
        if key.startswith(_DELETE_PRIMITIVES):
            _delete_primitives(original, key.removeprefix(_DELETE_PRIMITIVES), value, where)
        elif value is None:
            original.pop(key, None)
        else:
            _merge_field(original, key, value, where)
    return original


def _merge_field(original: Document, key: str, value: Any, path: str) -> None:
    current = original.get(key)
    if isinstance(value, dict) and isinstance(current, dict):
        original[key] = _merge_mapping(current, value, path)
    elif isinstance(value, dict) and value.get(_DIRECTIVE) == "delete":
        original.pop(key, None)
    elif isinstance(value, list) and isinstance(current, list):
        original[key] = _merge_list(key, current, value, path)
    else:
        original[key] = _without_directives(value)


def _merge_list(key: str, current: list[Any], patch: list[Any], path: str) -> list[Any]:
    if key in _MERGED_PRIMITIVES:
        return [*current, *(value for value in patch if value not in current)]
    merge_key = _MERGE_KEYS.get(key)
    if merge_key is None:
        return list(_without_directives(patch))
    return _merge_elements(current, patch, merge_key, path)


def _merge_elements(current: list[Any], patch: list[Any], merge_key: str, path: str) -> list[Any]:
    replaces = False
    changes: list[Document] = []
    for element in patch:
        if not isinstance(element, dict):
            raise PatchDirectiveError(f"{path}: {element!r} is not an object")
        directive = element.get(_DIRECTIVE)
        if directive == "replace":
            replaces = True
            continue
        if merge_key not in element:
            raise PatchDirectiveError(f"{path}: an element has no {merge_key}, which says what it patches")
        if directive == "delete":
            current = [one for one in current if one.get(merge_key) != element[merge_key]]
            continue
        if directive is not None:
            raise PatchDirectiveError(f"{path}: {_DIRECTIVE} cannot be {directive!r} in a list")
        changes.append(element)
    if replaces:
        return [_without_directives(element) for element in changes]
    return _merge_changes(current, changes, merge_key, path)


def _merge_changes(
    current: list[Document], changes: list[Document], merge_key: str, path: str
) -> list[Document]:
    """Changed and new elements, in the order of the patch, among those the patch does not mention."""
    merged: dict[Any, Document] = {}
    for change in changes:
        name = change[merge_key]
        before = next((one for one in current if one.get(merge_key) == name), None)
        start = merged.get(name, before)
        where = f"{path}[{name}]"
        merged[name] = _without_directives(change) if start is None else _merge_mapping(start, change, where)
    order = [one.get(merge_key) for one in current]
    untouched = [one for one in current if one.get(merge_key) not in merged]
    return _interleaved(untouched, list(merged.values()), order, merge_key)


def _interleaved(
    untouched: list[Document], patched: list[Document], order: list[Any], merge_key: str
) -> list[Document]:
    """An untouched element goes before the first patched one that used to follow it (patch.go,
    mergeSortedSlice); so a new element comes before all untouched ones that are left."""
    result: list[Document] = []
    rest = list(untouched)
    for element in patched:
        name = element.get(merge_key)
        while rest and name in order and order.index(rest[0].get(merge_key)) < order.index(name):
            result.append(rest.pop(0))
        result.append(element)
    return [*result, *rest]


def _retain_keys(original: Document, patch: Document, path: str) -> None:
    """``$retainKeys`` lists all keys the result may have."""
    retained = patch.pop(_RETAIN_KEYS, None)
    if retained is None:
        return
    kept = {key for key, value in patch.items() if value is not None and not key.startswith("$")}
    if not isinstance(retained, list) or not kept <= set(retained):
        raise PatchDirectiveError(f"{path}: {_RETAIN_KEYS} has to list every key the patch sets")
    for key in set(original) - set(retained):
        del original[key]


def _delete_primitives(original: Document, key: str, values: Any, path: str) -> None:
    if not isinstance(values, list):
        raise PatchDirectiveError(f"{path}: the values to delete are not a list")
    if isinstance(original.get(key), list):
        original[key] = [value for value in original[key] if value not in values]


def _without_directives(value: Any) -> Any:
    """What a patch adds where there was nothing: no directives, no nulls."""
    if isinstance(value, dict):
        return {
            key: _without_directives(item)
            for key, item in value.items()
            if item is not None and not key.startswith("$") and not _has_directive(item, "delete")
        }
    if isinstance(value, list):
        return [_without_directives(item) for item in value if not _has_directive(item, "delete", "replace")]
    return value


def _has_directive(value: Any, *directives: str) -> bool:
    return isinstance(value, dict) and value.get(_DIRECTIVE) in directives
