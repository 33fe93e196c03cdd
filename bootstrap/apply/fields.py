"""A document as a flat mapping from field path to value: what can be compared without looking at spelling.

Invariant: two documents have the same fields exactly when they mean the same; lists whose order has no
meaning are keyed by what identifies their items.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bootstrap.apply import argv
from bootstrap.apply.defaults import with_defaults
from bootstrap.model.quantity import parse_quantity

Object = dict[str, Any]

KEYS: Mapping[str, tuple[str, ...]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "volumes": ("name",),
    "volumeMounts": ("mountPath",),
    "volumeDevices": ("devicePath",),
    "env": ("name",),
    "ports": ("containerPort", "protocol"),
    "hostAliases": ("ip",),
    "imagePullSecrets": ("name",),
    "clusters": ("name",),
    "users": ("name",),
    "contexts": ("name",),
}
"""List -> the fields that identify an item (the merge keys of the API, and of a kubeconfig)."""

ORDERED = frozenset({"initContainers"})
"""Keyed lists whose order means something all the same."""

SETS = frozenset({"add", "drop", "supplementalGroups"})
TEXT_MAPS = frozenset({"labels", "annotations", "nodeSelector"})
"""Maps in which an empty value is a value."""

QUANTITY_MAPS = frozenset({"limits", "requests", "overhead"})
QUANTITIES = frozenset({"sizeLimit", "divisor"})

FALSE_BY_DEFAULT = frozenset(
    {"hostNetwork", "hostPID", "hostIPC", "privileged", "readOnly", "stdin", "stdinOnce", "tty", "optional"}
)


@dataclass(frozen=True, slots=True)
class Value:
    """``meaning`` is compared, ``shown`` is what a person reads."""

    meaning: object
    shown: str = field(compare=False)


def pod_fields(pod: Object) -> dict[str, Value]:
    """The fields of a Pod, defaults spelled out, command lines as flags; the argument is changed."""
    with_defaults(pod)
    found: dict[str, Value] = {}
    for path, container in _containers(pod["spec"]):
        command, args = _words(container.pop("command", None)), _words(container.pop("args", None))
        for name, values in argv.fields(command, args):
            found[f"{path}.{name}"] = Value(values, ", ".join(values))
    return found | dict(_flatten(pod, ""))


def tree_fields(document: Any) -> dict[str, Value]:
    """The fields of any document, as they are written."""
    return dict(_flatten(document, ""))


def _containers(spec: Object) -> Iterator[tuple[str, Object]]:
    for name in ("initContainers", "containers"):
        for label, container in _labelled(name, spec.get(name) or []):
            if isinstance(container, dict):
                yield f"spec.{name}[{label}]", container


def _words(given: Any) -> list[str]:
    return [str(word) for word in given] if isinstance(given, list) else []


def _flatten(node: Any, path: str) -> Iterator[tuple[str, Value]]:
    name = path.rpartition(".")[2]
    if isinstance(node, dict):
        for key, child in node.items():
            below = f"{path}.{key}" if path else str(key)
            if name in QUANTITY_MAPS or key in QUANTITIES:
                yield from _leaf(below, child, as_quantity=True)
            elif name in TEXT_MAPS:
                yield below, Value(("str", str(child)), str(child))
            elif not (key in FALSE_BY_DEFAULT and child is False):
                yield from _flatten(child, below)
    elif isinstance(node, list):
        yield from _flatten_list(node, path, name)
    else:
        yield from _leaf(path, node)


def _flatten_list(items: list[Any], path: str, name: str) -> Iterator[tuple[str, Value]]:
    if name in SETS:
        items = sorted(items, key=str)
    labelled = tuple(_labelled(name, items))
    for label, item in labelled:
        here = f"{path}[{label}]"
        if label == _label(name, item):
            # The key is in the path; an item may have nothing else.
            yield here, Value(True, "present")
            item = {key: child for key, child in item.items() if key not in KEYS[name]}
        yield from _flatten(item, here)
    if name in ORDERED and len(labelled) > 1:
        order = tuple(label for label, _item in labelled)
        yield f"{path} order", Value(order, ", ".join(order))


def _leaf(path: str, value: Any, *, as_quantity: bool = False) -> Iterator[tuple[str, Value]]:
    if value is None or value == "":
        return
    shown = str(value).lower() if isinstance(value, bool) else str(value)
    yield path, Value(_number(value) if as_quantity else (type(value).__name__, value), shown)


def _number(value: Any) -> object:
    """What a quantity amounts to; the text itself when it is none."""
    try:
        return parse_quantity(value)
    except ValueError:
        return str(value)


def _labelled(name: str, items: list[Any]) -> Iterator[tuple[str, Any]]:
    """Items with what identifies them, or with their index where that is missing, repeated or not enough."""
    labels = [_label(name, item) for item in items]
    if None in labels or len(set(labels)) < len(labels) or (name == "env" and _refers(items)):
        labels = [str(index) for index in range(len(items))]
    for label, item in zip(labels, items, strict=True):
        yield str(label), item


def _label(name: str, item: Any) -> str | None:
    keys = KEYS.get(name)
    if keys is None or not isinstance(item, dict) or any(key not in item for key in keys):
        return None
    return "/".join(str(item[key]) for key in keys)


def _refers(variables: list[Any]) -> bool:
    """Whether a variable uses an earlier one, so that their order has a meaning."""
    return any("$(" in str(item.get("value", "")) for item in variables if isinstance(item, dict))
