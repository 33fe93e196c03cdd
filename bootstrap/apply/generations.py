"""What was applied, kept as numbered directories: drift and rollback compare with it.

    generations/0007/generation.json    time, versions, and each file's path, mode and digest
                     config.yaml        the effective configuration
                     files/etc/...      the text of the files, except those that hold key material

Invariant: a generation is complete or not there: it is staged as a directory and renamed into place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any, cast

import msgspec

from bootstrap.apply.secrets import holds_key_material
from bootstrap.errors import BootstrapError
from bootstrap.host.files import Files
from bootstrap.model.desired import DesiredFile, FileKind
from bootstrap.model.layout import Layout

SCHEMA = "bootstrap/generation/v1"

KEPT = 10
"""Older generations are removed when a new one is published."""

_DOCUMENT = "generation.json"
_CONFIG = "config.yaml"
_FILES = "files"
_IMAGE = re.compile(r"""^[\s-]*"?image"?:\s*["']?([^\s"',]+)""", re.MULTILINE)


class Origin(msgspec.Struct, frozen=True):
    """Where the files came from: the effective configuration as YAML, and versions by component."""

    config: str = ""
    versions: Mapping[str, str] = msgspec.field(default_factory=dict)


class AppliedFile(msgspec.Struct, frozen=True):
    """A file of a generation. ``digest`` is ``sha256:HEX`` of its bytes; ``text`` None: it is not kept."""

    path: PurePosixPath
    mode: int
    kind: FileKind
    component: str | None
    digest: str
    text: str | None = None

    @property
    def as_desired(self) -> DesiredFile:
        """As a value to plan with; content is empty when the text is not kept."""
        return DesiredFile(self.path, self.text or "", self.mode, self.kind, self.component)


class Generation(msgspec.Struct, frozen=True):
    number: int
    time: datetime
    origin: Origin
    files: tuple[AppliedFile, ...]


def digest_of(content: str) -> str:
    """``sha256:HEX``"""
    import hashlib

    return f"sha256:{hashlib.sha256(content.encode()).hexdigest()}"


def numbers(files: Files, layout: Layout) -> tuple[int, ...]:
    """The numbers of the generations there are, oldest first."""
    names = files.list_names(layout.generations)
    return tuple(sorted(int(name) for name in names if name.isdigit()))


def latest_number(files: Files, layout: Layout) -> int:
    """0 when there is none."""
    return max(numbers(files, layout), default=0)


def images(files: Files, layout: Layout) -> frozenset[str]:
    """Every image that a manifest of a kept generation names. Raises BootstrapError."""
    texts = (
        file.text
        for number in numbers(files, layout)
        for file in load(files, layout, number).files
        if file.kind == "manifest" and file.text
    )
    return frozenset(found for text in texts for found in _IMAGE.findall(text))


def latest(files: Files, layout: Layout) -> Generation | None:
    """The last one that was applied, None when there is none."""
    number = latest_number(files, layout)
    return load(files, layout, number) if number else None


def latest_configuration(files: Files, layout: Layout) -> tuple[PurePosixPath, str] | None:
    """The configuration that was applied last, with the file it is kept in; None when there is none."""
    path = _directory(layout, latest_number(files, layout)) / _CONFIG
    return (path, files.read_text(path)) if files.exists(path) else None


def list_all(files: Files, layout: Layout) -> tuple[Generation, ...]:
    """Every generation kept, oldest first."""
    return tuple(load(files, layout, number) for number in numbers(files, layout))


def load(files: Files, layout: Layout, number: int) -> Generation:
    """Raises BootstrapError when there is no such generation or it is damaged."""
    directory = _directory(layout, number)
    try:
        document = json.loads(files.read_text(directory / _DOCUMENT))
        return Generation(
            number,
            datetime.fromisoformat(document["time"]),
            Origin(files.read_text(directory / _CONFIG), document["versions"]),
            tuple(_applied(files, directory, record) for record in document["files"]),
        )
    except FileNotFoundError as error:
        known = ", ".join(map(str, numbers(files, layout))) or "none"
        raise BootstrapError(f"there is no generation {number}", remedy=f"generations: {known}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise BootstrapError(
            f"generation {number} is damaged: {error}", remedy=f"move {directory} away"
        ) from error


def stage(
    files: Files,
    layout: Layout,
    directory: PurePosixPath,
    contents: Iterable[DesiredFile],
    origin: Origin,
    now: datetime,
) -> int:
    """Write the next generation into ``directory``; its number, 0 when the latest one is just the same."""
    kept = tuple(sorted((_record_of(file) for file in contents), key=lambda file: file.path))
    last = latest(files, layout)
    if last is not None and last.files == kept and last.origin == origin:
        return 0
    files.make_directory(directory, 0o700)
    for file in kept:
        if file.text is not None:
            files.write(directory / _FILES / file.path.relative_to("/"), file.text, 0o600)
    files.write(directory / _CONFIG, origin.config, 0o600)
    document = {
        "schema": SCHEMA,
        "time": now.isoformat(),
        "versions": dict(origin.versions),
        "files": [_json_of(file) for file in kept],
    }
    files.write(directory / _DOCUMENT, json.dumps(document, indent=1) + "\n", 0o600)
    return latest_number(files, layout) + 1


def publish(files: Files, layout: Layout, directory: PurePosixPath, number: int) -> None:
    """Move a staged generation into place (nothing when that was done already) and drop the oldest."""
    if not files.exists(_directory(layout, number)):
        files.make_directory(layout.generations, 0o700)
        files.rename(directory, _directory(layout, number))
    for old in numbers(files, layout)[:-KEPT]:
        files.remove_tree(_directory(layout, old))


def _directory(layout: Layout, number: int) -> PurePosixPath:
    return layout.generations / f"{number:04d}"


def _record_of(file: DesiredFile) -> AppliedFile:
    text = None if file.kind == "kubeconfig" or holds_key_material(file.content) else file.content
    return AppliedFile(file.path, file.mode, file.kind, file.component, digest_of(file.content), text)


def _json_of(file: AppliedFile) -> dict[str, Any]:
    return {
        "path": str(file.path),
        "mode": f"{file.mode:04o}",
        "kind": file.kind,
        "component": file.component,
        "digest": file.digest,
        "stored": file.text is not None,
    }


def _applied(files: Files, directory: PurePosixPath, record: dict[str, Any]) -> AppliedFile:
    path = PurePosixPath(record["path"])
    text = files.read_text(directory / _FILES / path.relative_to("/")) if record["stored"] else None
    kind = cast("FileKind", record["kind"])
    return AppliedFile(path, int(record["mode"], 8), kind, record["component"], record["digest"], text)
