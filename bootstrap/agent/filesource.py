"""Manifests on disk -> the pods they ask for, and what is wrong with the rest: a directory, or a single file.

Invariant: one bad file never hides another, and a file that stops being readable or well-formed keeps its
last good pod until it is gone or good again. (A kubelet kills that pod at its next look at the directory.)
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from bootstrap.agent.identity import StaticPod
from bootstrap.agent.manifest import (
    MAX_BYTES,
    Manifest,
    ManifestError,
    manifest_of,
    parse_document,
    problem_of,
    refuse_oversize,
)
from bootstrap.agent.source import Listing, without_duplicates
from bootstrap.agent.status import ManifestProblem
from bootstrap.errors import BootstrapError

BACKUP_ENDINGS = (
    "~",
    ".backup",
    ".bak",
    ".dpkg-dist",
    ".dpkg-new",
    ".dpkg-old",
    ".dpkg-tmp",
    ".old",
    ".orig",
    ".rej",
    ".rpmnew",
    ".rpmorig",
    ".rpmsave",
    ".save",
    ".swo",
    ".swp",
    ".swx",
    ".tmp",
)
"""What editors and package managers leave beside a file. A kubelet runs them, and of two files with the same
pod the last one wins: ``kube-apiserver.yaml.bak`` replaces ``kube-apiserver.yaml``."""

THE_FILE = ""
"""The name of the only file where the path is no directory: below the path itself."""

Signature = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class _File:
    """What a file was when it was last read; ``pod`` is the last good one, ``problem`` of the latest
    content."""

    signature: Signature
    pod: StaticPod | None
    problem: ManifestProblem | None = None
    remarks: tuple[str, ...] = ()


class FileSource:
    """Reads ``path``, a directory or one manifest, for ``node``; remembers each file's last good pod."""

    def __init__(self, path: Path, node: str) -> None:
        self._path = path
        self._node = node
        self._files: dict[str, _File] = {}
        self._was_listed = False
        self._pods: tuple[StaticPod, ...] = ()

    def scan(self) -> Listing:
        """Look at every file again; those that did not change are not parsed again.

        A path that was there and is gone asks for no pods; one that never was there says nothing.
        """
        try:
            names = self._names()
        except (FileNotFoundError, NotADirectoryError):
            self._files = {}
            self._pods = ()
            return self._without_files("there is no such file or directory")
        except OSError as error:
            return self._without_files(f"cannot be listed: {error.strerror}")
        if names is None:
            return self._without_files("is neither a directory nor a file")
        self._was_listed = True
        return self._judge(names)

    def _names(self) -> list[str] | None:
        """The files to look at; None when the path is neither a file nor a directory."""
        mode = self._path.stat().st_mode
        if stat.S_ISDIR(mode):
            return sorted(name for name in os.listdir(self._path) if not name.startswith("."))
        return [THE_FILE] if stat.S_ISREG(mode) else None

    def _without_files(self, reason: str) -> Listing:
        """The last good pods stay asked for."""
        problem = ManifestProblem(path=str(self._path), message=reason, kept=bool(self._pods))
        return Listing(self._was_listed, self._pods, (problem,))

    def _judge(self, names: list[str]) -> Listing:
        problems: list[ManifestProblem] = []
        files: dict[str, _File] = {}
        for name in names:
            path = self._path / name
            if is_backup(name):
                reason = "looks like a backup or editor file: not run"
                problems.append(ManifestProblem(path=str(path), message=reason))
                continue
            file = self._read(path, self._files.get(name))
            if file is not None:
                files[name] = file
        self._files = files
        bad = [file.problem for file in files.values() if file.problem is not None]
        problems += bad
        pods = tuple(file.pod for _name, file in sorted(files.items()) if file.pod is not None)
        self._pods, duplicates = without_duplicates(pods)
        return Listing(
            listed=True,
            pods=self._pods,
            problems=(*problems, *duplicates),
            unreadable=frozenset(problem.path for problem in bad),
            remarks=tuple(
                (str(self._path / name), text) for name, file in files.items() for text in file.remarks
            ),
        )

    def _read(self, path: Path, before: _File | None) -> _File | None:
        """None for what is not a file (any more)."""
        try:
            status = path.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            return _spoilt(path, before, (0, 0, 0, 0), _unreadable(error))
        if not stat.S_ISREG(status.st_mode):
            return None
        signature = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        if before is not None and before.signature == signature:
            return before
        try:
            manifest = read_manifest(path, self._node)
        except FileNotFoundError:
            return None
        except OSError as error:
            return _spoilt(path, before, (0, 0, 0, 0), _unreadable(error))
        except BootstrapError as error:
            return _spoilt(path, before, signature, error)
        return _File(signature, manifest.pod, remarks=manifest.remarks)


def is_backup(name: str) -> bool:
    """Whether a file name says that this is a copy of something."""
    return name.endswith(BACKUP_ENDINGS) or (name.startswith("#") and name.endswith("#"))


def read_manifest(path: Path, node: str) -> Manifest:
    """The pod of a file.

    Raises OSError, ManifestError for what is not YAML, PodRejectedError for what is not a usable pod.
    """
    with path.open("rb") as stream:
        data = stream.read(MAX_BYTES + 1)
    refuse_oversize(data)
    return manifest_of(parse_document(data), node, str(path))


def _unreadable(error: OSError) -> ManifestError:
    return ManifestError(f"cannot be read: {error.strerror}")


def _spoilt(path: Path, before: _File | None, signature: Signature, error: BootstrapError) -> _File:
    pod = before.pod if before else None
    return _File(signature, pod, problem_of(str(path), error, (pod,) if pod else ()))
