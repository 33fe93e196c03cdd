"""A TLS server with a thread for each connection.

Invariant: there are never more than ``limit`` connections, each with a time to introduce itself, and
``close`` ends all of them.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import ssl
import threading
from collections.abc import Callable

from bootstrap.host.connection import Connection, ConnectionEndedError

log = logging.getLogger("bootstrap.host")

HANDSHAKE_SECONDS = 10.0
CONNECTION_LIMIT = 128
LISTEN_PAUSE_SECONDS = 0.1
"""After a refusal of the kernel (no descriptors left, say): it is not asked again at once."""


class TlsServer:
    """``handle`` serves one connection after its handshake; the server closes it.

    ``context`` is asked for each connection; None refuses it.
    """

    def __init__(
        self,
        listener: socket.socket,
        context: Callable[[], ssl.SSLContext | None],
        handle: Callable[[Connection], None],
        *,
        limit: int = CONNECTION_LIMIT,
    ) -> None:
        self._listener = listener
        self._context = context
        self._handle = handle
        self._limit = limit
        self._lock = threading.Lock()
        self._open: set[Connection] = set()
        self._closed = threading.Event()

    def run(self) -> None:
        """Accept until ``close``; meant for a thread of its own."""
        while not self._closed.is_set():
            try:
                accepted, _peer = self._listener.accept()
            except OSError:
                self._closed.wait(LISTEN_PAUSE_SECONDS)
                continue
            self._accept(accepted)
        self._listener.close()

    def close(self) -> None:
        """Accept nothing more and end every connection; returns at once."""
        self._closed.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        with self._lock:
            connections = tuple(self._open)
        for connection in connections:
            connection.abort()

    @property
    def connections(self) -> int:
        """How many are open."""
        with self._lock:
            return len(self._open)

    def _accept(self, accepted: socket.socket) -> None:
        context = self._context()
        if context is None or self.connections >= self._limit:
            accepted.close()
            return
        try:
            connection = Connection(accepted, context)
        except OSError:
            accepted.close()
            return
        with self._lock:
            self._open.add(connection)
        threading.Thread(target=self._serve, args=(connection,), name="connection", daemon=True).start()

    def _serve(self, connection: Connection) -> None:
        try:
            connection.handshake(HANDSHAKE_SECONDS)
            self._handle(connection)
        except ConnectionEndedError as error:
            log.debug("connection: %s", error.message)
        except Exception:
            # One client's trouble is no other's.
            log.exception("connection: unexpected failure")
        finally:
            connection.close()
            with self._lock:
                self._open.discard(connection)
