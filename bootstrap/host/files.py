"""Files of a node, re-rooted: the one place that turns a final path into a place on disk.

Invariant: a write is complete or did not happen. Content goes to a temporary file beside the target with the
target's mode from its first byte, is flushed to disk, renamed over it, and the directory is flushed too.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from bootstrap.errors import BootstrapError

TEMPORARY_PREFIX = ".bootstrap-"
"""Leading dot: the agent and a kubelet ignore such names in a manifest directory."""


class DiskFullError(BootstrapError):
    """There is no room for a file that must be written; the old content, if any, is untouched."""


class FileAccessError(BootstrapError):
    """A file cannot be read or written for a reason the user can mend."""


class Files:
    """Reads and writes final paths below ``root`` (``/`` in real life, a staging tree for ``--root``)."""

    def __init__(self, root: Path = Path("/")) -> None:
        self.root = root

    def real(self, path: PurePosixPath) -> Path:
        """Where a final path lies on this machine."""
        return self.root / path.relative_to("/")

    def exists(self, path: PurePosixPath) -> bool:
        """Whether something is there; a link that leads nowhere is not. Raises FileAccessError."""
        try:
            return self.real(path).exists()
        except OSError as error:
            raise _translated(error, path, "look at") from error

    def is_directory(self, path: PurePosixPath) -> bool:
        """Raises FileAccessError when it cannot be told."""
        try:
            return self.real(path).is_dir()
        except OSError as error:
            raise _translated(error, path, "look at") from error

    def read_text(self, path: PurePosixPath) -> str:
        """Raises FileNotFoundError when absent, FileAccessError when unreadable or not UTF-8."""
        try:
            return self.read_bytes(path).decode()
        except UnicodeDecodeError as error:
            raise FileAccessError(
                f"{path} is not UTF-8 text (byte {error.start})", remedy=f"look at it: file {path}"
            ) from error

    def read_bytes(self, path: PurePosixPath) -> bytes:
        """Raises FileNotFoundError when absent, FileAccessError when unreadable."""
        try:
            return self.real(path).read_bytes()
        except FileNotFoundError:
            raise
        except OSError as error:
            raise _translated(error, path, "read") from error

    def mode(self, path: PurePosixPath) -> int:
        """Permission bits; raises FileNotFoundError when absent, FileAccessError when it cannot be told."""
        try:
            return stat.S_IMODE(self.real(path).stat().st_mode)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise _translated(error, path, "look at") from error

    def list_names(self, path: PurePosixPath) -> tuple[str, ...]:
        """Names in a directory, sorted; empty when it does not exist."""
        try:
            return tuple(sorted(os.listdir(self.real(path))))
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise _translated(error, path, "list") from error

    def make_directory(self, path: PurePosixPath, mode: int = 0o755) -> None:
        """Create it and its parents; an existing directory keeps its mode."""
        real = self.real(path)
        try:
            if real.is_dir():
                return
            self._make_parents(real)
            # The umask can only take bits away until chmod: there is no moment with too many.
            real.mkdir(mode, exist_ok=True)
            real.chmod(mode)
            self._flush_directory(real.parent)
        except OSError as error:
            raise _translated(error, path, "create") from error

    def write(self, path: PurePosixPath, content: str | bytes, mode: int) -> None:
        """Replace a file atomically; the parent directory must exist or is created 0755.

        Raises DiskFullError or FileAccessError; then the target is as it was.
        """
        self.write_all(((path, content, mode),))

    def write_all(self, new: Sequence[tuple[PurePosixPath, str | bytes, int]]) -> None:
        """Each as ``write`` does it, in this order, with one wait for each directory at the end.

        Raises as ``write`` does. An interruption leaves some of them replaced and the others as they were.
        """
        staged: dict[PurePosixPath, Path] = {}
        try:
            for path, content, mode in new:
                target = self.real(path)
                self._make_parents(target)
                staged[path] = self._temporary(target.parent, content, mode)
            for path, temporary in staged.items():
                temporary.replace(self.real(path))
            for directory in dict.fromkeys(self.real(path).parent for path in staged):
                self._flush_directory(directory)
        except OSError as error:
            raise _translated(error, path, "write") from error
        finally:
            for temporary in staged.values():
                temporary.unlink(missing_ok=True)

    def rename(self, source: PurePosixPath, target: PurePosixPath) -> None:
        """Move within one file system, atomically; both directories are flushed."""
        try:
            self.real(source).replace(self.real(target))
            self._flush_directory(self.real(source).parent)
            self._flush_directory(self.real(target).parent)
        except OSError as error:
            raise _translated(error, source, "rename") from error

    def remove(self, path: PurePosixPath) -> None:
        """Remove a file; nothing happens when it is absent."""
        with contextlib.suppress(FileNotFoundError):
            try:
                self.real(path).unlink()
                self._flush_directory(self.real(path).parent)
            except FileNotFoundError:
                raise
            except OSError as error:
                raise _translated(error, path, "remove") from error

    def remove_tree(self, path: PurePosixPath) -> None:
        """Remove a directory and all below it; nothing happens when it is absent.

        A mount point stays, empty: only who mounted it can take it away.
        """
        import shutil  # few commands remove a tree, and it brings every archive format

        real = self.real(path)
        try:
            shutil.rmtree(real)
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno == errno.EBUSY and real.is_mount() and not os.listdir(real):
                return
            raise _translated(error, path, "remove") from error

    def sweep(self, directory: PurePosixPath) -> None:
        """Remove the temporary files that a killed writer left in a directory."""
        for name in self.list_names(directory):
            if name.startswith(TEMPORARY_PREFIX):
                self.remove(directory / name)

    def walk(self, path: PurePosixPath) -> Iterator[PurePosixPath]:
        """Final paths of all files and links below a directory, sorted; nothing when it is absent."""
        base = self.real(path)
        for directory, names, files in os.walk(base):
            names.sort()
            for name in sorted(files):
                yield path / (Path(directory) / name).relative_to(base).as_posix()

    def _make_parents(self, path: Path) -> None:
        """Create the directories above, 0755, each made durable before anything is put into it."""
        if path.parent.is_dir():
            return
        self._make_parents(path.parent)
        path.parent.mkdir(mode=0o755, exist_ok=True)
        self._flush_directory(path.parent.parent)

    def _temporary(self, directory: Path, content: str | bytes, mode: int) -> Path:
        """A new file with this content, flushed to disk; whoever asked for it renames or removes it."""
        data = content.encode() if isinstance(content, str) else content
        path = directory / f"{TEMPORARY_PREFIX}{os.urandom(8).hex()}"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                os.fchmod(stream.fileno(), mode)
                stream.write(data)
                stream.flush()
                self._flush(stream.fileno())
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return path

    def _flush_directory(self, directory: Path) -> None:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            self._flush(descriptor)
        finally:
            os.close(descriptor)

    def _flush(self, descriptor: int) -> None:
        """Wait until the disk has it."""
        os.fsync(descriptor)


def _translated(error: OSError, path: PurePosixPath, verb: str) -> BootstrapError:
    where = error.filename or str(path)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFullError(
            f"no space left to {verb} {path}",
            remedy=f"free some space (df -h {path.parent}), then run the same command again",
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return FileAccessError(f"not allowed to {verb} {path}", remedy="run the command as root (sudo)")
    if error.errno == errno.EROFS:
        return FileAccessError(
            f"cannot {verb} {path}: the file system is read-only", remedy=f"findmnt -T {where}"
        )
    return FileAccessError(f"cannot {verb} {path}: {error.strerror or error}", remedy=f"ls -ld {where}")
