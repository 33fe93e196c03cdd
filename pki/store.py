"""The certificates directory as text on a disk, and what is read from it.

Invariant: a file that cannot be understood is a value (``faults``), not an exception, so that everything
wrong is told at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Protocol, TypeVar

from cryptography import x509

from pki.checks import Chain
from pki.keys import PrivateKey, PublicKey
from pki.pem import read_private, read_public

CERTIFICATE_MODE = 0o644
KEY_MODE = 0o600
"""Of private keys, and of sa.pub as kubeadm has it."""
DIRECTORY_MODE = 0o755

_Parsed = TypeVar("_Parsed")


class Files(Protocol):
    """Files by their final, absolute path. A write is complete or did not happen; of several in one call some
    may have happened when it is interrupted."""

    def exists(self, path: PurePosixPath) -> bool: ...

    def read_bytes(self, path: PurePosixPath) -> bytes: ...

    def make_directory(self, path: PurePosixPath, mode: int = ...) -> None: ...

    def write(self, path: PurePosixPath, content: str | bytes, mode: int) -> None: ...

    def write_all(self, new: Sequence[tuple[PurePosixPath, str, int]]) -> None: ...

    def remove(self, path: PurePosixPath) -> None: ...


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key as found. Absent: None and no fault; unusable: None and a fault.

    A fault is a sentence that starts with the file's path.
    """

    certificate_path: PurePosixPath
    key_path: PurePosixPath
    chain: Chain | None
    key: PrivateKey | None
    faults: tuple[str, ...] = ()

    @property
    def is_absent(self) -> bool:
        return self.chain is None and self.key is None and not self.faults

    @property
    def paths(self) -> tuple[PurePosixPath, PurePosixPath]:
        return (self.certificate_path, self.key_path)


def read_pair(files: Files, certificate_path: PurePosixPath, key_path: PurePosixPath) -> Pair:
    faults: list[str] = []
    chain = read(files, certificate_path, parse_chain, faults)
    key = read(files, key_path, read_private, faults)
    return Pair(certificate_path, key_path, chain, key, tuple(faults))


def read_private_key(files: Files, path: PurePosixPath, faults: list[str]) -> PrivateKey | None:
    return read(files, path, read_private, faults)


def read_public_key(files: Files, path: PurePosixPath, faults: list[str]) -> PublicKey | None:
    return read(files, path, read_public, faults)


def read(
    files: Files, path: PurePosixPath, parse: Callable[[bytes], _Parsed], faults: list[str]
) -> _Parsed | None:
    """What a file holds; None when it is absent, or when it is unusable, which is added to ``faults``."""
    if not files.exists(path):
        return None
    content = files.read_bytes(path)
    try:
        if not content.strip():
            raise ValueError("it is empty")
        return parse(content)
    except ValueError as error:
        faults.append(f"{path} cannot be read: {error}")
        return None


def parse_chain(pem: bytes) -> Chain:
    """The certificates of a PEM text, at least one. Raises ValueError with what is wrong."""
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise ValueError("it is damaged or not a PEM certificate") from error
