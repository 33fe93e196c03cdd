"""The TLS a server speaks, from files that others make and renew.

Invariant: each connection gets what the files hold at that moment; files that cannot be used leave the last
good ones in force, or nobody is served.
"""

from __future__ import annotations

import logging
import ssl
import threading
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger("bootstrap.host")

Stamp = tuple[tuple[int, int, int] | None, ...]
"""Inode, size and change time of each file; None for one that is not there."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """``client_ca`` None asks clients for no certificate."""

    certificate: Path
    key: Path
    client_ca: Path | None

    def stamp(self) -> Stamp:
        paths = (self.certificate, self.key, *((self.client_ca,) if self.client_ca else ()))
        return tuple(_stamp(path) for path in paths)


class ReloadedTls:
    """A server's TLS context, made anew whenever one of its files has changed. Thread-safe."""

    def __init__(self, files: TlsFiles) -> None:
        self._files = files
        self._lock = threading.Lock()
        self._stamp: Stamp = ()
        self._context: ssl.SSLContext | None = None

    def context(self) -> ssl.SSLContext | None:
        """None while there never were usable files."""
        stamp = self._files.stamp()
        with self._lock:
            if stamp != self._stamp:
                self._stamp = stamp
                if None not in stamp:
                    self._load()
            return self._context

    def _load(self) -> None:
        try:
            self._context = server_context(self._files)
        except OSError as error:
            log.warning("%s and its key cannot be served: %s", self._files.certificate, error)


def server_context(files: TlsFiles) -> ssl.SSLContext:
    """HTTP/1.1 over TLS 1.2 or newer; a client may show a certificate, and a wrong one ends the handshake.

    Raises OSError (ssl.SSLError among it).
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # Resumed sessions would outlive a change of the client authority.
    context.num_tickets = 0
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(files.certificate, files.key)
    if files.client_ca is not None:
        context.load_verify_locations(files.client_ca)
        context.verify_mode = ssl.CERT_OPTIONAL
    return context


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
