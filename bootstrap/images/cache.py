"""Built programs, kept outside the tree: one directory for each name, version and architecture.

Invariant: a program is in the cache only together with its checksum, both written by a rename; whatever an
interrupted build leaves is in a work directory that the next build of the same thing removes.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import platform
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from bootstrap.errors import BootstrapError

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "ppc64le": "ppc64le", "s390x": "s390x"}
"""Kernel's name -> Go's name."""

CHECKSUMS = "SHA256SUMS"


def cache_directory(environment: Mapping[str, str]) -> Path:
    """``$BOOTSTRAP_CACHE``, else ``podstrap`` in the user's cache directory (XDG)."""
    chosen = environment.get("BOOTSTRAP_CACHE")
    if chosen:
        return Path(chosen).absolute()
    home = environment.get("XDG_CACHE_HOME") or f"{environment.get('HOME') or '/root'}/.cache"
    return Path(home) / "podstrap"


class ProgramCache:
    """The programs below a cache directory."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def directory(self, name: str, version: str) -> Path:
        """Where the programs of this name and version lie, for this machine's architecture."""
        machine = platform.machine()
        return self.root / "programs" / name / version / ARCHITECTURES.get(machine, machine)

    def missing(self, name: str, version: str, programs: tuple[str, ...]) -> tuple[str, ...]:
        """Those of ``programs`` that are absent or differ from their checksum."""
        directory = self.directory(name, version)
        sums = _read_checksums(directory)
        return tuple(
            program
            for program in programs
            if program not in sums
            or not (directory / program).is_file()
            or sha256_of(directory / program) != sums[program]
        )

    def checksum(self, program: Path) -> str:
        """The recorded SHA-256 of a program of this cache, in hex."""
        return _read_checksums(program.parent)[program.name]

    @contextlib.contextmanager
    def building(self, name: str, version: str, on_wait: Callable[[], None]) -> Iterator[Path]:
        """An empty work directory; what lies in its ``bin`` at the end is taken into the cache.

        Only one process at a time builds a name and version: the others wait, after ``on_wait()``. Nothing
        is taken when the block raises.
        """
        target = self.directory(name, version)
        try:
            target.mkdir(parents=True, exist_ok=True)
            with _locked(target / ".lock", on_wait):
                work = target / ".work"
                shutil.rmtree(work, ignore_errors=True)
                (work / "bin").mkdir(parents=True)
                try:
                    yield work
                    _take(work / "bin", target)
                finally:
                    shutil.rmtree(work, ignore_errors=True)
        except OSError as error:
            raise _translated(error, self.root) from error


def sha256_of(path: Path) -> str:
    """Hex digest of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _take(built: Path, target: Path) -> None:
    sums = _read_checksums(target)
    for program in sorted(built.iterdir()):
        sums[program.name] = sha256_of(program)
        program.replace(target / program.name)
    partial = target / f".{CHECKSUMS}"
    partial.write_text("".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items())))
    partial.replace(target / CHECKSUMS)


def _read_checksums(directory: Path) -> dict[str, str]:
    try:
        lines = (directory / CHECKSUMS).read_text().splitlines()
    except FileNotFoundError:
        return {}
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


@contextlib.contextmanager
def _locked(path: Path, on_wait: Callable[[], None]) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _translated(error: OSError, root: Path) -> BootstrapError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return BootstrapError(
            f"no space left in the cache {root}",
            remedy="free some space there, or set BOOTSTRAP_CACHE to a directory on a larger disk",
        )
    return BootstrapError(
        f"the cache {root} cannot be used: {error.strerror or error}",
        remedy="set BOOTSTRAP_CACHE to a directory that can be written",
    )
