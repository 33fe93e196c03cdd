"""The certificates of this node that are renewed, as they lie on the disk.

Invariant: a file is read again only when it has changed; one that is not there, or holds no certificate, is
not among them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from bootstrap.agent.renewaltime import life
from bootstrap.errors import BootstrapError
from bootstrap.host.certificates import Validity, first_certificate, validity_of
from bootstrap.kube.kubeconfig import parse_kubeconfig
from bootstrap.model.certificates import AGENT_SERVING, AUTHORITIES, LEAVES, path_of
from bootstrap.model.layout import Layout

_LONGEST_FILE = 256 * 1024

_Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Places:
    """``leaves`` are files by the certificates' names."""

    leaves: Mapping[str, Path]
    authorities: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """``life`` is from when on it was there, and its end. Who has read the file before it was ``written`` has
    another certificate."""

    life: Validity
    written: datetime


@dataclass(frozen=True, slots=True)
class _Seen:
    stamp: _Stamp
    pem: str
    validity: Validity | None
    written: datetime


class HeldCertificates:
    """Those in these places; for one thread at a time."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self._seen: dict[Path, _Seen] = {}

    def look(self) -> dict[str, Held]:
        """Those there are now, by name."""
        signers = [self._see(path) for path in self.places.authorities]
        begins = {each.validity.begin for each in signers if each and each.validity}
        found = {name: self._see(path) for name, path in self.places.leaves.items()}
        return {
            name: Held(life(each.validity, each.written, begins), each.written)
            for name, each in found.items()
            if each and each.validity
        }

    def _see(self, path: Path) -> _Seen | None:
        """What is in a file. A file that was touched, with the same certificate, is as old as it was."""
        before = self._seen.get(path)
        try:
            status = path.stat()
            stamp = (status.st_ino, status.st_size, status.st_mtime_ns)
            if before is not None and before.stamp == stamp:
                return before
            pem = _pem(path)
        except OSError:
            return None
        is_same = before is not None and before.pem == pem
        written = before.written if before and is_same else datetime.fromtimestamp(status.st_mtime, UTC)
        seen = self._seen[path] = _Seen(stamp, pem, validity_of(pem), written)
        return seen


def places(pki: Path, kubeconfigs: Path, serving: Path) -> Places:
    """Of everything that may be on a node; ``serving`` is what the agent itself serves with."""
    leaves = {name: Path(path_of(name, PurePosixPath(pki), PurePosixPath(kubeconfigs))) for name in LEAVES}
    if serving == Path(Layout().agent_certificate):
        leaves[AGENT_SERVING] = serving
    return Places(leaves, tuple(pki / name for name in AUTHORITIES))


def _pem(path: Path) -> str:
    """The first certificate in it, of a kubeconfig the user's; "" when there is none. Raises OSError."""
    with path.open(encoding="ascii", errors="replace") as stream:
        text = stream.read(_LONGEST_FILE)
    if path.suffix == ".conf":
        try:
            text = parse_kubeconfig(text, str(path)).certificate
        except BootstrapError:
            # A real kubelet's names a file, which is renewed by that kubelet.
            return ""
    return first_certificate(text)
