"""The manifest directory -> the pods it asks for, and what is wrong with the rest of its files.

Invariant: one bad file never hides another, and a file that stops being readable or well-formed keeps its
last good pod until it is gone or good again. (A kubelet kills that pod at its next look at the directory.)
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bootstrap.agent.identity import StaticPod, static_pod
from bootstrap.agent.status import ManifestProblem
from bootstrap.errors import BootstrapError
from bootstrap.model.pod import DecodedPod, PodRejectedError, decode_pod

MAX_BYTES = 10 * 1024 * 1024
LONGEST_NAME = 253

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


class ManifestError(BootstrapError):
    """A file of the directory cannot be used."""


@dataclass(frozen=True, slots=True)
class Listing:
    """One look at the directory. ``listed`` False: there is no telling what it holds, so nothing may be
    removed.

    ``unreadable`` are the paths whose file is there but unusable now: pods made from them earlier stay.
    ``remarks`` are (path, text) worth one line in the log, such as unknown fields.
    """

    listed: bool
    pods: tuple[StaticPod, ...] = ()
    problems: tuple[ManifestProblem, ...] = ()
    unreadable: frozenset[str] = frozenset()
    remarks: tuple[tuple[str, str], ...] = ()


Signature = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class _File:
    """What a file was when it was last read; ``pod`` is the last good one, ``problem`` of the latest
    content."""

    signature: Signature
    pod: StaticPod | None
    problem: str = ""
    remarks: tuple[str, ...] = ()


class DirectorySource:
    """Reads ``directory`` for ``node``; remembers each file's last good pod."""

    def __init__(self, directory: Path, node: str) -> None:
        self._directory = directory
        self._node = node
        self._files: dict[str, _File] = {}
        self._was_listed = False
        self._pods: tuple[StaticPod, ...] = ()

    def scan(self) -> Listing:
        """Look at every file again; those that did not change are not parsed again.

        A directory that was there and is gone asks for no pods; one that never was there says nothing.
        """
        try:
            names = sorted(os.listdir(self._directory))
        except (FileNotFoundError, NotADirectoryError):
            self._files = {}
            self._pods = ()
            problem = ManifestProblem(path=str(self._directory), message="there is no such directory")
            return Listing(self._was_listed, problems=(problem,))
        except OSError as error:
            problem = ManifestProblem(
                path=str(self._directory), message=f"cannot be listed: {error.strerror}", kept=True
            )
            return Listing(False, self._pods, (problem,))
        self._was_listed = True
        return self._judge([name for name in names if not name.startswith(".")])

    def _judge(self, names: list[str]) -> Listing:
        problems: list[ManifestProblem] = []
        files: dict[str, _File] = {}
        for name in names:
            path = self._directory / name
            if is_backup(name):
                problems.append(
                    ManifestProblem(path=str(path), message="looks like a backup or editor file: not run")
                )
                continue
            file = self._read(path, self._files.get(name))
            if file is not None:
                files[name] = file
        self._files = files
        self._pods, duplicates = _without_duplicates(files)
        for name, file in files.items():
            if file.problem:
                kept = file.pod is not None
                problems.append(
                    ManifestProblem(path=str(self._directory / name), message=file.problem, kept=kept)
                )
        return Listing(
            listed=True,
            pods=self._pods,
            problems=(*problems, *duplicates),
            unreadable=frozenset(str(self._directory / name) for name, file in files.items() if file.problem),
            remarks=tuple(
                (str(self._directory / name), text) for name, file in files.items() for text in file.remarks
            ),
        )

    def _read(self, path: Path, before: _File | None) -> _File | None:
        """None for what is not a file (any more)."""
        try:
            status = path.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            return _spoilt(before, (0, 0, 0, 0), f"cannot be read: {error.strerror}")
        if not stat.S_ISREG(status.st_mode):
            return None
        signature = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        if before is not None and before.signature == signature:
            return before
        try:
            pod, remarks = read_manifest(path, self._node)
        except FileNotFoundError:
            return None
        except OSError as error:
            return _spoilt(before, (0, 0, 0, 0), f"cannot be read: {error.strerror}")
        except BootstrapError as error:
            return _spoilt(before, signature, "; ".join(error.details) or error.message)
        return _File(signature, pod, remarks=remarks)


def is_backup(name: str) -> bool:
    """Whether a file name says that this is a copy of something."""
    return name.endswith(BACKUP_ENDINGS) or (name.startswith("#") and name.endswith("#"))


def read_manifest(path: Path, node: str) -> tuple[StaticPod, tuple[str, ...]]:
    """The pod of a file, and remarks on its content.

    Raises OSError, ManifestError for what is not YAML, PodRejectedError for what is not a usable pod.
    """
    with path.open("rb") as stream:
        data = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ManifestError(f"is larger than {MAX_BYTES // 1024 // 1024} MiB")
    decoded = decode_pod(parse_document(data))
    pod = static_pod(decoded.pod, node, str(path))
    if len(pod.name) > LONGEST_NAME:
        raise PodRejectedError(f"metadata.name: {pod.name} is longer than {LONGEST_NAME} characters")
    return pod, remarks_on(decoded)


def remarks_on(decoded: DecodedPod) -> tuple[str, ...]:
    """What is to be said of a manifest that is run."""
    unknown = ", ".join(decoded.ignored)
    remarks = (f"unknown fields are ignored: {unknown}",) if unknown else ()
    return (*remarks, *(f"without effect: {line}" for line in decoded.inert))


def parse_document(data: bytes) -> object:
    """The first document of a YAML (or JSON) text. Raises ManifestError."""
    import yaml

    if not data.strip():
        raise ManifestError("is empty")
    if data.lstrip().startswith(b"{"):
        try:
            return json.loads(data)
        except ValueError:
            # YAML's flow style begins the same way; if it is neither, YAML's message is the better one.
            pass
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(data)
    try:
        return _plain(loader.get_data()) if loader.check_data() else None
    except yaml.YAMLError as error:
        raise ManifestError(f"is not YAML: {_one_line(str(error))}") from error
    except ValueError as error:
        raise ManifestError(f"is not YAML: {error}") from error
    finally:
        loader.dispose()


def _plain(value: Any) -> Any:
    """YAML's dates back to text, as Kubernetes' own YAML reader knows none."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value.isoformat() if hasattr(value, "isoformat") else value


def _spoilt(before: _File | None, signature: Signature, problem: str) -> _File:
    return _File(signature, before.pod if before else None, problem)


def _without_duplicates(
    files: Mapping[str, _File],
) -> tuple[tuple[StaticPod, ...], tuple[ManifestProblem, ...]]:
    """The first file by name wins, and the others are reported."""
    winners: dict[str, StaticPod] = {}
    problems = []
    for _name, file in sorted(files.items()):
        if file.pod is None:
            continue
        winner = winners.setdefault(file.pod.full_name, file.pod)
        if winner is not file.pod:
            message = f"has the pod {file.pod.pod.key} again: {winner.source} is the one that runs"
            problems.append(ManifestProblem(path=file.pod.source, message=message))
    return tuple(winners.values()), tuple(problems)


def _one_line(text: str) -> str:
    return " ".join(text.split())
