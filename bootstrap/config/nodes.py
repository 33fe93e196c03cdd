"""YAML text to documents whose every node knows its line and column.

YAML is read as kubeadm reads it (YAML 1.1 with merge keys). Invariant: a mapping that leaves here has no key
twice and no merge keys, and walking a document visits at most ``MOST_NODES`` nodes, however aliases nest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec
import yaml

from bootstrap.config.problems import Position, Problems
from bootstrap.config.sources import Source

MOST_NODES = 50_000
"""A thousand times a real configuration; an alias bomb has billions."""

DEEPEST = 100
"""Levels of nesting; also what an alias that contains itself runs into."""

_TAG = "tag:yaml.org,2002:"

GO_SCALARS: tuple[tuple[str, re.Pattern[str], str], ...] = (
    (f"{_TAG}bool", re.compile(r"^[yYnN]$"), "yYnN"),
    (f"{_TAG}int", re.compile(r"^[-+]?0o[0-7_]+$"), "-+0"),
    (f"{_TAG}float", re.compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$"), "-+.0123456789"),
)
"""What Kubernetes' YAML library takes for more than text beside what PyYAML does (go-yaml v2, resolve.go)."""


class _Loader(yaml.CSafeLoader):
    """Reads scalars as kubeadm does."""


for _tag, _pattern, _first in GO_SCALARS:
    _Loader.add_implicit_resolver(_tag, _pattern, list(_first))


class Scalar(msgspec.Struct, frozen=True):
    """``tag`` is what YAML 1.1 takes the text for: str, int, float, bool, null, timestamp."""

    at: Position
    text: str
    tag: str


class Sequence(msgspec.Struct, frozen=True):
    at: Position
    items: tuple[Node, ...]


class Entry(msgspec.Struct, frozen=True):
    """One key of a mapping; ``at`` is the key's own position."""

    at: Position
    key: str
    tag: str
    value: Node


class Mapping(msgspec.Struct, frozen=True):
    at: Position
    entries: tuple[Entry, ...]

    def get(self, key: str) -> Node | None:
        return next((entry.value for entry in self.entries if entry.key == key), None)


Node = Scalar | Sequence | Mapping


class _UnreadableError(Exception):
    """Stops the walk of one document; carries the problem's place and text."""

    def __init__(self, at: Position, text: str) -> None:
        super().__init__(text)
        self.at = at
        self.text = text


def read_documents(source: Source, problems: Problems) -> tuple[Node, ...]:
    """The documents of a text, empty ones left out; what cannot be read is added to ``problems``.

    A syntax error hides what follows it in the same text, never what came before.
    """
    documents: list[Node] = []
    try:
        for root in yaml.compose_all(source.text, Loader=_Loader):
            documents.extend(_document(source.name, root, problems))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problems.add(_position(source.name, mark), f"not YAML: {error.problem or error.context}")
    except yaml.reader.ReaderError as error:
        problems.add(_position_of_offset(source, error.position), f"not YAML: {error.reason}")
    return tuple(documents)


def _document(file: str, root: yaml.Node | None, problems: Problems) -> Iterator[Node]:
    if root is None or root.tag == f"{_TAG}null":
        return
    try:
        yield _Walk(file, problems).node(root, 0)
    except _UnreadableError as stop:
        problems.add(stop.at, stop.text)


def _position(file: str, mark: yaml.Mark | None) -> Position:
    return Position(file, mark.line + 1, mark.column + 1) if mark else Position(file, 1, 1)


def _position_of_offset(source: Source, offset: int) -> Position:
    before = source.text[:offset]
    return Position(source.name, before.count("\n") + 1, len(before) - before.rfind("\n"))


class _Walk:
    """Turns one composed document into our nodes, counting as it goes."""

    def __init__(self, file: str, problems: Problems) -> None:
        self._file = file
        self._problems = problems
        self._visited = 0

    def node(self, node: yaml.Node, depth: int) -> Node:
        at = _position(self._file, node.start_mark)
        self._visited += 1
        if self._visited > MOST_NODES:
            raise _UnreadableError(
                at, f"the document grows beyond {MOST_NODES} values when its aliases are expanded"
            )
        if depth > DEEPEST:
            raise _UnreadableError(
                at, f"nested more than {DEEPEST} levels deep, or an alias that contains itself"
            )
        if isinstance(node, yaml.MappingNode):
            return Mapping(at, self._entries(node, depth))
        if isinstance(node, yaml.SequenceNode):
            return Sequence(at, tuple(self.node(item, depth + 1) for item in node.value))
        return self._scalar(node, at)

    def _scalar(self, node: yaml.Node, at: Position) -> Scalar:
        tag = node.tag.removeprefix(_TAG)
        if tag == node.tag or tag == "binary":
            self._problems.add(at, f"the tag {node.tag.replace(_TAG, '!!')} means nothing here; remove it")
            tag = "str"
        return Scalar(at, node.value, tag)

    def _entries(self, node: yaml.MappingNode, depth: int) -> tuple[Entry, ...]:
        own: dict[str, Entry] = {}
        merged: dict[str, Entry] = {}
        for key, value in node.value:
            if key.tag == f"{_TAG}merge":
                for entry in self._merged(value, depth):
                    merged.setdefault(entry.key, entry)
                continue
            entry = self._entry(key, value, depth)
            first = own.setdefault(entry.key, entry)
            if first is not entry:
                self._problems.add(entry.at, f'"{entry.key}" is given twice (first on line {first.at.line})')
        return tuple({**merged, **own}.values())

    def _entry(self, key: yaml.Node, value: yaml.Node, depth: int) -> Entry:
        at = _position(self._file, key.start_mark)
        if not isinstance(key, yaml.ScalarNode):
            raise _UnreadableError(at, "a key must be text; quote it if it holds braces or brackets")
        return Entry(at, key.value, key.tag.removeprefix(_TAG), self.node(value, depth + 1))

    def _merged(self, value: yaml.Node, depth: int) -> Iterator[Entry]:
        merged = self.node(value, depth + 1)
        for source in merged.items if isinstance(merged, Sequence) else (merged,):
            if not isinstance(source, Mapping):
                raise _UnreadableError(source.at, "<< can only merge mappings")
            yield from source.entries
