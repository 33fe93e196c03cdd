"""The journal of a commit: what is about to be replaced, with the old and the new content beside it.

Invariant: the journal appears only after everything it names is staged on disk, and disappears only when
nothing is left to do; so whoever finds one can always finish it or undo it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any, Literal

import msgspec

from bootstrap.errors import BootstrapError
from bootstrap.host.files import Files
from bootstrap.model.layout import Layout

SCHEMA = "bootstrap/journal/v1"


class Entry(msgspec.Struct, frozen=True):
    """One file. A mode of None means that there is no such version: the commit creates or deletes it."""

    path: str
    component: str | None
    old_mode: int | None
    new_mode: int | None


class Journal(msgspec.Struct, frozen=True):
    """``settled`` entries, counted from the first, are for good; with ``gated`` the others are put back by a
    recovery, without it they are brought about. ``generation`` 0 means that none is recorded."""

    entries: tuple[Entry, ...]
    gated: bool = False
    settled: int = 0
    generation: int = 0

    @property
    def unsettled(self) -> tuple[tuple[int, Entry], ...]:
        """Index and entry of what is not for good yet."""
        return tuple(enumerate(self.entries))[self.settled :]

    def settle(self, count: int) -> Journal:
        return msgspec.structs.replace(self, settled=self.settled + count)


def staging(layout: Layout) -> PurePosixPath:
    """Where content waits; it may hold kubeconfigs, so it is for root only."""
    return layout.state / "staging"


def staged_generation(layout: Layout) -> PurePosixPath:
    """The generation that will be there once the commit is done."""
    return staging(layout) / "generation"


def staged(layout: Layout, index: int, version: Literal["old", "new"]) -> PurePosixPath:
    """The content of entry ``index`` before or after the commit."""
    return staging(layout) / f"{index:04d}.{version}"


def save(files: Files, layout: Layout, journal: Journal) -> None:
    files.write(
        layout.journal, json.dumps({"schema": SCHEMA, **msgspec.to_builtins(journal)}, indent=1) + "\n", 0o600
    )


def load(files: Files, layout: Layout) -> Journal | None:
    """None when no commit was interrupted. Raises BootstrapError when the journal cannot be understood."""
    try:
        document: dict[str, Any] = json.loads(files.read_text(layout.journal))
        if document.pop("schema") != SCHEMA:
            raise ValueError("written by another version")
        entries = tuple(Entry(**entry) for entry in document.pop("entries"))
        return Journal(entries, **document)
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BootstrapError(
            f"the journal of an interrupted change, {layout.journal}, cannot be understood: {error}",
            remedy=f"compare the files in {staging(layout)} with those in {layout.kubernetes}, then remove "
            f"{layout.journal}",
        ) from error


def bring(
    files: Files, layout: Layout, entries: Iterable[tuple[int, Entry]], version: Literal["old", "new"]
) -> tuple[PurePosixPath, ...]:
    """Make these files their old or their new selves; the paths that were not so already."""
    return tuple(
        PurePosixPath(entry.path)
        for index, entry in entries
        if _bring_one(files, layout, index, entry, version)
    )


def _bring_one(
    files: Files, layout: Layout, index: int, entry: Entry, version: Literal["old", "new"]
) -> bool:
    path = PurePosixPath(entry.path)
    mode = entry.old_mode if version == "old" else entry.new_mode
    if mode is None:
        present = files.exists(path)
        files.remove(path)
        return present
    content = files.read_bytes(staged(layout, index, version))
    if files.exists(path) and files.read_bytes(path) == content and files.mode(path) == mode:
        return False
    files.write(path, content, mode)
    return True
