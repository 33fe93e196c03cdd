"""What this program made on the node: ``bootstrap reset`` removes that and nothing else.

Invariant: a path is recorded before it is made, so a crash never leaves something of ours unrecorded; what
existed before us is never recorded.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import PurePosixPath

import msgspec

from bootstrap.errors import BootstrapError
from bootstrap.host.files import Files
from bootstrap.model.layout import Layout

SCHEMA = "bootstrap/inventory/v1"


class Inventory(msgspec.Struct, frozen=True):
    """Paths that were made, or were about to be; some may be gone again.

    ``nodes``: names under which the agent was started, which its containers bear as a label.
    """

    files: frozenset[PurePosixPath] = frozenset()
    directories: frozenset[PurePosixPath] = frozenset()
    nodes: frozenset[str] = frozenset()


def record(
    files: Files,
    layout: Layout,
    paths: Iterable[PurePosixPath] = (),
    *,
    directories: Iterable[PurePosixPath] = (),
    nodes: Iterable[str] = (),
) -> None:
    """Note files and directories that are about to be made, with those above them that do not exist yet.

    A path that exists already is left out: it is somebody else's, or recorded already. ``nodes``: names under
    which pods are about to be run. Raises DiskFullError or FileAccessError.
    """
    new_files = frozenset(path for path in paths if not files.exists(path))
    new_directories = frozenset(path for path in directories if not files.exists(path))
    parents = {parent for path in new_files | new_directories for parent in _missing_parents(files, path)}
    _add(files, layout, Inventory(new_files, new_directories | parents, frozenset(nodes)))


def load(files: Files, layout: Layout) -> Inventory:
    """What was recorded, empty when nothing was. Raises BootstrapError when the record is damaged."""
    try:
        document = json.loads(files.read_text(layout.inventory))
        if document["schema"] != SCHEMA:
            raise ValueError(f"schema {document['schema']!r}")
        return Inventory(
            frozenset(PurePosixPath(path) for path in document["files"]),
            frozenset(PurePosixPath(path) for path in document["directories"]),
            frozenset(map(str, document["nodes"])),
        )
    except FileNotFoundError:
        return Inventory()
    except (ValueError, KeyError, TypeError) as error:
        raise BootstrapError(
            f"{layout.inventory} is damaged: {error}", remedy=f"move it away: mv {layout.inventory} /tmp/"
        ) from error


def _add(files: Files, layout: Layout, new: Inventory) -> None:
    known = load(files, layout)
    merged = Inventory(known.files | new.files, known.directories | new.directories, known.nodes | new.nodes)
    if merged == known:
        return
    document = {
        "schema": SCHEMA,
        "files": sorted(map(str, merged.files)),
        "directories": sorted(map(str, merged.directories)),
        "nodes": sorted(merged.nodes),
    }
    files.write(layout.inventory, json.dumps(document, indent=1) + "\n", 0o600)


def _missing_parents(files: Files, path: PurePosixPath) -> Iterable[PurePosixPath]:
    return (parent for parent in path.parents if not files.exists(parent))
