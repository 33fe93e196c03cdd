"""Nodes to plain JSON values, for documents and fields that are carried along without being understood.

Invariant: the result can be written as JSON; what cannot (infinity, a key that is no text) is a problem.
"""

from __future__ import annotations

import math
from typing import Any

from bootstrap.config.nodes import Mapping, Node, Scalar, Sequence
from bootstrap.config.problems import Problems

NOT_PLAIN: Any = object()

_TRUE = frozenset({"true", "yes", "on", "y"})


def plain(node: Node, problems: Problems) -> Any:
    """dict, list, str, int, float, bool or None; ``NOT_PLAIN`` when a problem was added instead."""
    match node:
        case Mapping():
            values = {entry.key: plain(entry.value, problems) for entry in node.entries}
            return {key: value for key, value in values.items() if value is not NOT_PLAIN}
        case Sequence():
            return [value for item in node.items if (value := plain(item, problems)) is not NOT_PLAIN]
        case Scalar():
            return _scalar(node, problems)


def _scalar(node: Scalar, problems: Problems) -> Any:
    if node.tag == "null":
        return None
    if node.tag == "bool":
        return node.text.lower() in _TRUE
    if node.tag in {"int", "float"} and ":" not in node.text:
        number = _number(node)
        if number is not None and math.isfinite(number):
            return number
        problems.add(node.at, f"{node.text} is not a number that JSON can hold")
        return NOT_PLAIN
    return node.text


def _number(node: Scalar) -> int | float | None:
    """YAML 1.1 numbers: underscores, and 0x, 0b and a bare leading 0 as in C."""
    text = node.text.replace("_", "").lower()
    digits = text.lstrip("+-")
    try:
        if node.tag == "float":
            return float(text)
        octal = len(digits) > 1 and digits.isdigit() and digits.startswith("0")
        return int(text, 8) if octal else int(text, 0)
    except ValueError:
        return None
