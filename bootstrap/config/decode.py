"""A document's nodes to a frozen value, by the types msgspec knows of.

Invariant: decoding never stops at a problem. What is wrong is reported and replaced by the field's default,
so that everything else can still be checked.
"""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from bootstrap.config import misplaced
from bootstrap.config.nodes import Entry, Mapping, Node, Scalar, Sequence
from bootstrap.config.plain import NOT_PLAIN, plain
from bootstrap.config.problems import FieldPath, Position, Problems, did_you_mean

T = TypeVar("T", bound=msgspec.Struct)

_ABSENT: Any = object()
"""The field keeps its default: it was not given, or what was given is a problem already reported."""

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_TRUE = frozenset({"true", "yes", "on", "y"})
_TYPE_KEYS = ("apiVersion", "kind")


def describe(path: FieldPath) -> str:
    """``networking.podSubnet``, ``apiServer.extraArgs[0].value``; the kind alone for the document itself."""
    kind, *steps = path
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return text.removeprefix(".") or str(kind)


class Decoder:
    """Decodes documents; ``positions`` afterwards says where each given value stands."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self.positions: dict[FieldPath, Position] = {}

    def document(self, node: Mapping, struct: type[T], kind: str) -> T:
        """The value of a document; its ``apiVersion`` and ``kind`` have been looked at by the caller."""
        entries = tuple(entry for entry in node.entries if entry.key not in _TYPE_KEYS)
        info = inspect.type_info(struct)
        value = self._struct(Mapping(node.at, entries), info, (kind,))
        return struct() if value is _ABSENT else value

    def _value(self, node: Node, info: inspect.Type, path: FieldPath) -> Any:
        self.positions[path] = node.at
        if isinstance(info, inspect.UnionType):
            info = next(part for part in info.types if not isinstance(part, inspect.NoneType))
        if isinstance(node, Scalar) and node.tag == "null":
            return _ABSENT
        match info:
            case inspect.StructType():
                return self._struct(node, info, path)
            case inspect.VarTupleType():
                return self._list(node, info, path)
            case inspect.DictType():
                return self._dict(node, info, path)
            case inspect.AnyType():
                value = plain(node, self._problems)
                return _ABSENT if value is NOT_PLAIN else value
            case _:
                return self._scalar(node, info, path)

    def _struct(self, node: Node, info: inspect.Type, path: FieldPath) -> Any:
        assert isinstance(info, inspect.StructType)
        if not isinstance(node, Mapping):
            return self._wrong(node, path, "a mapping")
        fields = {field.encode_name: field for field in info.fields}
        given: dict[str, Any] = {}
        for entry in node.entries:
            field = fields.get(entry.key)
            if field is None:
                self._unknown(entry, info, path)
                continue
            value = self._value(entry.value, field.type, (*path, entry.key))
            if value is not _ABSENT:
                given[field.name] = value
        missing = [field for field in info.fields if field.required and field.name not in given]
        for field in missing:
            if (*path, field.encode_name) not in self.positions or _is_null(node.get(field.encode_name)):
                self._problems.add(node.at, f"{describe((*path, field.encode_name))} is required")
        return _ABSENT if missing else info.cls(**given)

    def _unknown(self, entry: Entry, info: inspect.StructType, path: FieldPath) -> None:
        names = [field.encode_name for field in info.fields]
        hint = did_you_mean(entry.key, names) or misplaced.hint(entry.key, path)
        self._problems.add(entry.at, f'unknown field "{entry.key}" in {describe(path)}{hint}')

    def _list(self, node: Node, info: inspect.VarTupleType, path: FieldPath) -> Any:
        if not isinstance(node, Sequence):
            return self._wrong(node, path, misplaced.list_of_arguments(path) or "a list")
        values = tuple(
            self._item(item, info.item_type, (*path, index)) for index, item in enumerate(node.items)
        )
        # Without one item the indexes of the others would no longer say where they are in the file.
        return _ABSENT if _ABSENT in values else values

    def _item(self, node: Node, info: inspect.Type, path: FieldPath) -> Any:
        if _is_null(node):
            self._problems.add(node.at, f"{describe(path)} is empty")
        return self._value(node, info, path)

    def _dict(self, node: Node, info: inspect.DictType, path: FieldPath) -> Any:
        if not isinstance(node, Mapping):
            return self._wrong(node, path, "a mapping")
        values: dict[str, Any] = {}
        for entry in node.entries:
            if entry.tag != "str":
                self._problems.add(
                    entry.at, f'a key in {describe(path)} must be text; quote it: "{entry.key}"'
                )
                continue
            value = self._value(entry.value, info.value_type, (*path, entry.key))
            if value is not _ABSENT:
                values[entry.key] = value
        return values

    def _scalar(self, node: Node, info: inspect.Type, path: FieldPath) -> Any:
        if not isinstance(node, Scalar):
            return self._wrong(node, path, _NAMES[type(info)])
        match info:
            case inspect.BoolType():
                return (
                    node.text.lower() in _TRUE
                    if node.tag == "bool"
                    else self._wrong(node, path, "true or false")
                )
            case inspect.IntType():
                if node.tag == "int" and _INTEGER.fullmatch(node.text):
                    return int(node.text)
                return self._wrong(node, path, "a whole number")
            case inspect.LiteralType():
                return self._literal(node, info, path)
            case _:
                return node.text if is_text(node) else self._unquoted(node, path)

    def _literal(self, node: Scalar, info: inspect.LiteralType, path: FieldPath) -> Any:
        if not is_text(node):
            return self._unquoted(node, path)
        choices = [str(value) for value in info.values]
        if node.text in choices:
            return node.text
        offered = [choice for choice in choices if choice]
        listed = ", ".join(f'"{choice}"' for choice in offered)
        hint = did_you_mean(node.text, offered)
        self._problems.add(node.at, f'{describe(path)} must be one of {listed}, not "{node.text}"{hint}')
        return _ABSENT

    def _unquoted(self, node: Scalar, path: FieldPath) -> Any:
        kind = {"bool": "a boolean", "int": "a number", "float": "a number"}[node.tag]
        self._problems.add(
            node.at,
            f'{describe(path)} must be text, but {node.text} is {kind}; quote it: "{node.text}"',
        )
        return _ABSENT

    def _wrong(self, node: Node, path: FieldPath, expected: str) -> Any:
        self._problems.add(node.at, f"{describe(path)} must be {expected}, not {_shown(node)}")
        return _ABSENT


_NAMES: dict[type[inspect.Type], str] = {
    inspect.StrType: "text",
    inspect.LiteralType: "text",
    inspect.IntType: "a whole number",
    inspect.BoolType: "true or false",
}


def is_text(node: Scalar) -> bool:
    """Whether kubeadm takes a scalar for text: YAML 1.1's dates and base-60 numbers are text to it."""
    return node.tag in {"str", "timestamp", "value"} or (node.tag in {"int", "float"} and ":" in node.text)


def _is_null(node: Node | None) -> bool:
    return isinstance(node, Scalar) and node.tag == "null"


def _shown(node: Node) -> str:
    match node:
        case Mapping():
            return "a mapping"
        case Sequence():
            return "a list"
        case Scalar():
            return f'"{node.text}"' if is_text(node) else node.text
