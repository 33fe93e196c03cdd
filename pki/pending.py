"""Several new files as one act: all of them are there, or will be after the next run.

Before the first file is written, all of them are written down in one (``.pending.json``), which is removed
after the last. So whoever finds it knows that what is missing was about to be written, and finishes that;
half a pair without it is somebody else's doing and is left alone.

Invariant: a file that exists is overwritten only when it has the content it is known to replace.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath

from pki.errors import PkiError
from pki.store import DIRECTORY_MODE, KEY_MODE, Files

SCHEMA = "pki/pending/v1"

Announce = Callable[[tuple[PurePosixPath, ...]], None]
"""Is told which files are about to be made, before any of them is."""


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file to make; ``path`` is absolute text.

    ``replaces`` is the SHA-256 (hex) of the content it takes the place of, "" when there is no such file.
    """

    path: str
    content: str
    mode: int
    replaces: str = ""


def pending_path(directory: PurePosixPath) -> PurePosixPath:
    """Holds private keys while it exists; for root only."""
    return directory / ".pending.json"


def commit(files: Files, directory: PurePosixPath, new: Sequence[NewFile], announce: Announce) -> None:
    """Make these files; ``directory`` keeps the note. Those that replace nothing do not exist."""
    pending = pending_path(directory)
    announce((pending, *(PurePosixPath(file.path) for file in new)))
    files.make_directory(directory, DIRECTORY_MODE)
    document = {"schema": SCHEMA, "files": [asdict(file) for file in new]}
    files.write(pending, json.dumps(document), KEY_MODE)
    _write(files, new)
    files.remove(pending)


def settle(files: Files, directory: PurePosixPath) -> tuple[PurePosixPath, ...]:
    """Finish what an interrupted ``commit`` left; the files written now.

    Raises PkiError when one of them exists with another content: somebody wrote it since; nothing is written.
    """
    pending = pending_path(directory)
    if not files.exists(pending):
        return ()
    new = _load(files, pending)
    missing = [file for file in new if _is_owed(files, file)]
    changed = [file.path for file in new if file not in missing and not _is_there(files, file)]
    if changed:
        raise PkiError(
            f"an interrupted run was about to write {', '.join(changed)}, but it has other content now",
            remedy=f"to keep them: rm {pending}; to have the interrupted ones: rm {' '.join(changed)}; "
            "then run the same command again",
        )
    _write(files, missing)
    files.remove(pending)
    return tuple(PurePosixPath(file.path) for file in missing)


def _write(files: Files, new: Sequence[NewFile]) -> None:
    paths = [PurePosixPath(file.path) for file in new]
    for directory in dict.fromkeys(path.parent for path in paths):
        files.make_directory(directory, DIRECTORY_MODE)
    # etcd and clients of the API server read certificate and key for each new connection: hardly ever one of
    # them meets one new and one old.
    files.write_all([(path, file.content, file.mode) for path, file in zip(paths, new, strict=True)])


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _is_owed(files: Files, file: NewFile) -> bool:
    """Whether the interrupted run had not come to it yet."""
    path = PurePosixPath(file.path)
    if not files.exists(path):
        return True
    return bool(file.replaces) and digest(files.read_bytes(path)) == file.replaces


def _is_there(files: Files, file: NewFile) -> bool:
    return files.read_bytes(PurePosixPath(file.path)) == file.content.encode()


def _load(files: Files, pending: PurePosixPath) -> tuple[NewFile, ...]:
    try:
        document = json.loads(files.read_bytes(pending))
        if document["schema"] != SCHEMA:
            raise ValueError("written by another version")
        return tuple(NewFile(**file) for file in document["files"])
    except (ValueError, KeyError, TypeError) as error:
        raise PkiError(
            f"{pending}, the note of an interrupted run, cannot be understood: {error}",
            remedy=f"rm {pending}, then run the same command again",
        ) from error
