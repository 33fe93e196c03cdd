"""One TLS connection that a client opened, as bytes in and out.

One thread may read while another writes: OpenSSL's state is touched under a lock, waiting happens outside of
it. Invariant: no wait is without an end that somebody chose, and ``abort`` ends every wait at once.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any

from bootstrap.errors import TransientError

READ_BYTES = 16 * 1024
WRITE_BYTES = 64 * 1024
KEEPALIVE_SECONDS = 30
"""After so much silence the kernel asks whether the peer is still there, and gives up after three more."""


class ConnectionEndedError(TransientError):
    """The client went away, was too slow, or sent what is not expected; the message says which."""


class Connection:
    """The server's end; ``handshake`` comes first, ``close`` last and from the thread that serves it."""

    def __init__(self, accepted: socket.socket, context: ssl.SSLContext) -> None:
        accepted.setblocking(False)
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL):
            accepted.setsockopt(socket.IPPROTO_TCP, option, KEEPALIVE_SECONDS)
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
        self._tls = context.wrap_socket(accepted, server_side=True, do_handshake_on_connect=False)
        self._lock = threading.Lock()
        self._pushed_back = b""
        self._ended = False

    def handshake(self, timeout: float) -> None:
        """Raises ConnectionEndedError, also for a client certificate that is not trusted."""
        self._patiently(self._tls.do_handshake, timeout)

    def peer_subject(self) -> tuple[tuple[str, str], ...]:
        """The verified client certificate's subject as (attribute, value) pairs; empty without one."""
        certificate: dict[str, Any] = self._tls.getpeercert() or {}
        return tuple(pair for name in certificate.get("subject", ()) for pair in name)

    def read(self, timeout: float | None = None) -> bytes:
        """Some bytes, b"" at the end; None waits for ever. Raises ConnectionEndedError."""
        if self._pushed_back:
            data, self._pushed_back = self._pushed_back, b""
            return data
        received: bytes = self._patiently(self._received, timeout)
        return received

    def read_until(self, mark: bytes, limit: int, timeout: float) -> bytes:
        """Everything before ``mark``, which is taken too; raises ConnectionEndedError."""
        deadline = time.monotonic() + timeout
        data = b""
        while mark not in data:
            more = self.read(max(0.0, deadline - time.monotonic()))
            data += more
            if not more or len(data) > limit:
                raise ConnectionEndedError(
                    "the request is incomplete" if not more else "the request is too long"
                )
        found, _, self._pushed_back = data.partition(mark)
        return found

    def write(self, data: bytes, timeout: float | None = None) -> None:
        """All of it; ``timeout`` is for each piece the client takes. Raises ConnectionEndedError."""
        view = memoryview(data)
        while view:
            piece = view[:WRITE_BYTES]
            sent: int = self._patiently(lambda piece=piece: self._tls.send(piece), timeout)  # type: ignore[misc]
            view = view[sent:]

    def end(self) -> None:
        """Say farewell, without waiting for the answer, and end every wait of other threads."""
        with self._lock, contextlib.suppress(OSError, ValueError):
            if not self._ended:
                self._tls.unwrap()
        self.abort()

    def abort(self) -> None:
        """End every wait, from any thread: reads see the end, writes fail."""
        self._ended = True
        with contextlib.suppress(OSError):
            # The method of the TLS class would drop the encryption and leave the socket open for plain text.
            socket.socket.shutdown(self._tls, socket.SHUT_RDWR)

    def close(self) -> None:
        """``end``, and give the socket back: no other thread may use it any more."""
        self.end()
        self._tls.close()

    def _received(self) -> bytes:
        try:
            return self._tls.recv(READ_BYTES)
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
            # A client that closes without TLS's own farewell has said all it had to say.
            return b""

    def _patiently(self, operation: Callable[[], Any], timeout: float | None) -> Any:
        """``operation`` as soon as the socket allows it."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            try:
                with self._lock:
                    return operation()
            except ssl.SSLWantReadError:
                wanted = select.POLLIN
            except ssl.SSLWantWriteError:
                wanted = select.POLLOUT
            except (OSError, ValueError) as error:
                raise ConnectionEndedError(str(error)) from error
            self._wait(wanted, deadline)

    def _wait(self, wanted: int, deadline: float | None) -> None:
        poller = select.poll()
        poller.register(self._tls.fileno(), wanted)
        milliseconds = None if deadline is None else max(0.0, deadline - time.monotonic()) * 1000
        if not poller.poll(milliseconds):
            raise ConnectionEndedError("the client is too slow")
        if self._ended:
            raise ConnectionEndedError("the server ends")
