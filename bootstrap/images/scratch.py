"""A component image without a distribution: its programs and /tmp, as a root file system tar.

Invariant: the same programs give the same bytes (names in order, no owner, no times).
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

from bootstrap.errors import BootstrapError

PROGRAM_DIRECTORY = "usr/local/bin"
SEARCH_PATH = "PATH=/usr/local/bin:/usr/bin:/bin"
"""kubeadm's manifests name a program without its directory."""

DIRECTORIES = {
    "etc": 0o755,
    "tmp": 0o1777,
    "usr": 0o755,
    "usr/local": 0o755,
    PROGRAM_DIRECTORY: 0o755,
    "var": 0o755,
    "var/lib": 0o755,
}


def write_root_filesystem(programs: Mapping[str, Path], target: Path) -> None:
    """Write the tar; ``programs`` maps the path in the image (no leading slash) to the file to put there.

    Raises BootstrapError for a program that needs a dynamic linker, which such an image does not have.
    """
    for source in programs.values():
        require_static(source)
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as tar:
        for name, mode in DIRECTORIES.items():
            tar.addfile(_entry(name, mode, tarfile.DIRTYPE))
        for name, source in sorted(programs.items()):
            entry = _entry(name, 0o755, tarfile.REGTYPE)
            entry.size = source.stat().st_size
            with source.open("rb") as stream:
                tar.addfile(entry, stream)


def require_static(program: Path) -> None:
    """Refuse what cannot run alone: not an ELF program, or one with an interpreter (PT_INTERP)."""
    with program.open("rb") as stream:
        header = stream.read(64)
        if len(header) < 64 or header[:4] != b"\x7fELF":
            raise BootstrapError(f"{program} is not a Linux program", remedy=f"file {program}")
        is_64_bit, order = header[4] == 2, "little" if header[5] == 1 else "big"
        table, entry_size, count = _program_header_table(header, is_64_bit, order)
        stream.seek(table)
        entries = io.BytesIO(stream.read(entry_size * count))
    for _ in range(count):
        kind = int.from_bytes(entries.read(entry_size)[:4], order)  # type: ignore[arg-type]
        if kind == PT_INTERP:
            raise BootstrapError(
                f"{program} is linked dynamically and cannot run in an image of its own",
                remedy="use the static binaries of the Kubernetes release, or `bootstrap images build`",
            )


PT_INTERP = 3


def _program_header_table(header: bytes, is_64_bit: bool, order: str) -> tuple[int, int, int]:
    """Offset, entry size and number of entries (ELF specification, figure 4-3)."""

    def number(start: int, size: int) -> int:
        return int.from_bytes(header[start : start + size], order)  # type: ignore[arg-type]

    if is_64_bit:
        return number(32, 8), number(54, 2), number(56, 2)
    return number(28, 4), number(42, 2), number(44, 2)


def _entry(name: str, mode: int, kind: bytes) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.mode = mode
    entry.type = kind
    return entry
