"""How two versions of a file differ, field by field.

Invariant: no difference means the same node; key material never appears in a difference.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from difflib import SequenceMatcher
from typing import Any

import msgspec

from bootstrap.apply.fields import Value, pod_fields, tree_fields
from bootstrap.apply.secrets import fingerprint, holds_key_material, is_open_kubeconfig_field
from bootstrap.model.desired import FileKind
from bootstrap.render.documents import InvalidYamlError, load


class Difference(msgspec.Struct, frozen=True):
    """One field; None where that version does not have it.

    ``path`` is a field path (``spec.containers[etcd].image``, ``spec.containers[etcd].--data-dir``), ``line
    N`` of a text, or a word for the whole (``content``, ``formatting``, ``mode``).
    """

    path: str
    old: str | None
    new: str | None


def compare(old: str, new: str, kind: FileKind) -> tuple[Difference, ...]:
    """Empty when the two mean the same: a manifest whatever its spelling, the rest letter by letter."""
    if old == new:
        return ()
    return tuple(_COMPARISONS[kind](old, new))


def _manifest(old: str, new: str) -> Iterator[Difference]:
    before, after = _fields(old, _manifest_fields), _fields(new, _manifest_fields)
    if before is None or after is None:
        yield _whole(old, new)
        return
    yield from _changed(before, after)


def _kubeconfig(old: str, new: str) -> Iterator[Difference]:
    before, after = _fields(old, tree_fields), _fields(new, tree_fields)
    if before is None or after is None:
        yield _whole(old, new)
        return
    fields = tuple(_changed(_hidden(before), _hidden(after)))
    yield from fields or (Difference("formatting", "another spelling", "as rendered"),)


def _text(old: str, new: str) -> Iterator[Difference]:
    if holds_key_material(old) or holds_key_material(new):
        yield _whole(old, new)
        return
    before, after = old.splitlines(), new.splitlines()
    lines = tuple(_changed_lines(before, after))
    yield from lines or (Difference("formatting", "other line endings", "as rendered"),)


_COMPARISONS: Mapping[FileKind, Callable[[str, str], Iterator[Difference]]] = {
    "manifest": _manifest,
    "kubeconfig": _kubeconfig,
    "unit": _text,
    "text": _text,
}


def _manifest_fields(document: dict[str, Any]) -> dict[str, Value]:
    return pod_fields(document) if document.get("kind") == "Pod" else tree_fields(document)


def _fields(text: str, read: Callable[[dict[str, Any]], dict[str, Value]]) -> dict[str, Value] | None:
    """None when the text has not the shape of such an object: somebody wrote something else into the file."""
    try:
        document = load(text)
        return read(document) if isinstance(document, dict) else None
    except (InvalidYamlError, AttributeError, TypeError, KeyError, RecursionError):
        return None


def _changed(old: Mapping[str, Value], new: Mapping[str, Value]) -> Iterator[Difference]:
    for path in sorted(old.keys() | new.keys(), key=_natural):
        before, after = old.get(path), new.get(path)
        if before != after:
            yield Difference(path, before.shown if before else None, after.shown if after else None)


def _changed_lines(old: list[str], new: list[str]) -> Iterator[Difference]:
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    for tag, old_start, old_end, new_start, new_end in matcher.get_opcodes():
        if tag == "equal":
            continue
        for offset in range(max(old_end - old_start, new_end - new_start)):
            before = old[old_start + offset] if old_start + offset < old_end else None
            after = new[new_start + offset] if new_start + offset < new_end else None
            number = (new_start if after is not None else old_start) + offset + 1
            yield Difference(f"line {number}", before, after)


def _whole(old: str, new: str) -> Difference:
    return Difference("content", fingerprint(old), fingerprint(new))


def _hidden(fields: Mapping[str, Value]) -> dict[str, Value]:
    return {
        path: value if is_open_kubeconfig_field(path) else Value(value.meaning, fingerprint(value.shown))
        for path, value in fields.items()
    }


def _natural(path: str) -> tuple[tuple[bool, int, str], ...]:
    """Sort key in which ``x[10]`` comes after ``x[9]``."""
    return tuple(
        (part.isdigit(), int(part) if part.isdigit() else 0, part) for part in re.split(r"(\d+)", path)
    )
