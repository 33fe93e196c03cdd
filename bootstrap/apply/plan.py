"""What would change on the node: desired files compared with the disk, as a value.

Invariant: making a plan writes nothing, and a plan made right after its commit is empty.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Literal

import msgspec

from bootstrap.apply.diff import Difference, compare
from bootstrap.host.files import Files
from bootstrap.model.desired import DesiredFile
from bootstrap.model.layout import COMPONENTS

Action = Literal["create", "update", "delete", "none"]

_BEFORE_COMPONENTS = -1


class Change(msgspec.Struct, frozen=True):
    """One file and what becomes of it.

    ``file`` is the file as it will be: where only the mode differs, or nothing does, its content is the text
    that is on disk, so that a different spelling of the same manifest never restarts a container. For a
    deletion it is the file as it was. ``restarts``: the component whose containers are replaced, started or
    stopped by it.
    """

    action: Action
    file: DesiredFile
    differences: tuple[Difference, ...] = ()
    restarts: str | None = None


class Plan(msgspec.Struct, frozen=True):
    """``changes`` has every file, unchanged ones too, in the order in which they are applied.

    ``foreign`` are files beside the manifests that nobody asked for: reported, never touched.
    """

    changes: tuple[Change, ...]
    foreign: tuple[PurePosixPath, ...] = ()

    @property
    def pending(self) -> tuple[Change, ...]:
        """The changes that do something."""
        return tuple(change for change in self.changes if change.action != "none")

    @property
    def is_empty(self) -> bool:
        return not self.pending

    @property
    def restarts(self) -> tuple[str, ...]:
        """Components touched, each once, in order."""
        return tuple(dict.fromkeys(change.restarts for change in self.pending if change.restarts))


def make_plan(desired: Iterable[DesiredFile], files: Files, *, applied: Iterable[DesiredFile] = ()) -> Plan:
    """Compare with the disk.

    ``applied`` are the files of the last generation: those no longer desired are deleted. Without it nothing
    is, so a phase may plan its own files only. Raises FileAccessError when a file cannot be read.
    """
    wanted = {file.path: file for file in desired}
    changes = [_change(file, files) for file in wanted.values()]
    changes += [
        Change("delete", file, (), file.component)
        for file in applied
        if file.path not in wanted and files.exists(file.path)
    ]
    return Plan(tuple(sorted(changes, key=_order)), _foreign(wanted, changes, files))


def _change(file: DesiredFile, files: Files) -> Change:
    try:
        current = files.read_text(file.path)
        mode = files.mode(file.path)
    except FileNotFoundError:
        return Change("create", file, (), file.component)
    differences = compare(current, file.content, file.kind)
    kept = file if differences else msgspec.structs.replace(file, content=current)
    restarts = file.component if differences else None
    if mode != file.mode:
        differences = (*differences, Difference("mode", f"{mode:04o}", f"{file.mode:04o}"))
    return Change("update" if differences else "none", kept, differences, restarts)


def _order(change: Change) -> tuple[bool, int, bool, str]:
    """Dependencies first: what a component reads before its manifest; deletions last, dependents first."""
    component = change.file.component
    if component is None:
        rank = _BEFORE_COMPONENTS
    else:
        rank = COMPONENTS.index(component) if component in COMPONENTS else len(COMPONENTS)
    deletes = change.action == "delete"
    is_manifest = change.file.kind == "manifest"
    return (deletes, -rank if deletes else rank, is_manifest != deletes, str(change.file.path))


def _foreign(
    wanted: dict[PurePosixPath, DesiredFile], changes: Iterable[Change], files: Files
) -> tuple[PurePosixPath, ...]:
    directories = dict.fromkeys(file.path.parent for file in wanted.values() if file.kind == "manifest")
    ours = {change.file.path for change in changes}
    return tuple(
        directory / name
        for directory in directories
        for name in files.list_names(directory)
        if not name.startswith(".")
        and directory / name not in ours
        and name.removesuffix(".yaml") not in COMPONENTS
        and not files.is_directory(directory / name)
    )
