"""One command at a time may change a node.

Invariant: the lock is the kernel's (flock), so the death of its holder releases it, whatever the cause; the
text in the file only says who that is.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import PurePosixPath
from types import TracebackType
from typing import Self

from bootstrap.errors import BootstrapError, PreflightError
from bootstrap.host.files import FileAccessError, Files

_HOLDER_BYTES = 4096


class NodeLockedError(BootstrapError):
    """Another command holds the lock."""


class NotPrivilegedError(PreflightError):
    """Only root may change a node."""


class NodeLock:
    """A context manager that holds the lock of a node; ``command`` is what others are told.

    Raises NodeLockedError on entry when another process, or another NodeLock of this one, has it,
    NotPrivilegedError for anybody but root where only root may write, and FileAccessError. Programs that are
    started meanwhile do not inherit it.
    """

    def __init__(self, files: Files, path: PurePosixPath, command: str) -> None:
        self._files = files
        self._path = path
        self._command = command
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        try:
            self._files.make_directory(self._path.parent)
            descriptor = self._acquire()
        except FileAccessError as error:
            if os.geteuid() == 0:
                raise
            raise NotPrivilegedError(
                f"{self._command} needs root: {error.message}",
                remedy="run it with sudo, or write elsewhere with --root DIR",
            ) from error
        os.truncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n{self._command}\n".encode()[:_HOLDER_BYTES])
        self._descriptor = descriptor
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._descriptor is not None
        # The file stays: were it removed, one could lock the old file and another a new one of its name.
        os.truncate(self._descriptor, 0)
        # Closing alone would not do while a child between fork and exec still has a copy.
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        os.close(self._descriptor)
        self._descriptor = None

    def _acquire(self) -> int:
        """Open and lock, again when the file was removed in between (``reset`` removes its directory)."""
        real = self._files.real(self._path)
        while True:
            try:
                descriptor = os.open(real, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except OSError as error:
                raise FileAccessError(
                    f"cannot open the lock {self._path}: {error.strerror}",
                    remedy="run the command as root (sudo)",
                ) from error
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if real.exists() and os.path.samestat(os.fstat(descriptor), real.stat()):
                    return descriptor
            except BlockingIOError as error:
                holder = os.pread(descriptor, _HOLDER_BYTES, 0).decode(errors="replace")
                os.close(descriptor)
                raise _locked(holder) from error
            os.close(descriptor)


def _locked(holder: str) -> NodeLockedError:
    pid, _, command = holder.strip().partition("\n")
    if not pid:
        return NodeLockedError("another bootstrap command is changing this node", remedy="wait for it to end")
    return NodeLockedError(
        f"another bootstrap command (pid {pid}: {command}) is changing this node",
        remedy=f"wait until it has ended (ps -p {pid}), then run the same command again",
    )
