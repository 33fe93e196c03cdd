"""One forwarded connection: two SPDY streams on the client's side, a socket on the pod's.

Invariant: whatever the pod does or does not do, only threads of this connection wait for it; the client's
thread waits at most as long as a ``Backlog`` has patience.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from bootstrap.agent.serving.backlog import Backlog
from bootstrap.host.connection import ConnectionEndedError
from bootstrap.host.spdy import SpdyConnection, SpdyEvent

PIECE_BYTES = 32 * 1024
SENDING, BOTH_WAYS = 1, 2
"""What of a socket is shut down, as the operating system counts."""


class Socket(Protocol):
    """A connected stream socket."""

    def recv(self, count: int, /) -> bytes: ...

    def sendall(self, data: bytes, /) -> None: ...

    def shutdown(self, how: int, /) -> None: ...

    def close(self) -> None: ...


Dial = Callable[[int], Socket]
"""Connects to a port of the pod. Raises OSError."""


@dataclass(slots=True)
class Pair:
    """The streams of one connection to ``port``; 0 for one that is not open yet."""

    port: int = 0
    error: int = 0
    data: int = 0


class Forwarded:
    """``run`` is for a thread of its own; ``passed`` and ``abandon`` are called by the client's."""

    def __init__(self, client: SpdyConnection, pair: Pair, pod: str, dial: Dial, backlog: Backlog) -> None:
        self.pair = pair
        self._client = client
        self._pod = pod
        self._dial = dial
        self._backlog = backlog
        self._lock = threading.Lock()
        self._socket: Socket | None = None
        self._abandoned = False

    def run(self) -> None:
        """Until the pod closes, or the connection is given up."""
        with suppress(ConnectionEndedError):
            try:
                socket = self._dial(self.pair.port)
            except OSError as error:
                self._backlog.abandon()
                self._fail(str(error.strerror or error))
                return
            self._serve(socket)

    def passed(self, event: SpdyEvent) -> None:
        """What the client sends, to the pod. Raises ConnectionEndedError."""
        if event.data and not self._backlog.put(event.data):
            self._fail("the pod takes nothing")
            self.abandon()
        if event.ends:
            self._backlog.end()
        if event.reset:
            self.abandon()

    def abandon(self) -> None:
        """End it, now or as soon as it is connected."""
        self._backlog.abandon()
        with self._lock:
            self._abandoned = True
            if self._socket is not None:
                with suppress(OSError):
                    self._socket.shutdown(BOTH_WAYS)

    def _serve(self, socket: Socket) -> None:
        feeder = threading.Thread(target=self._feed, args=(socket,), name="feed", daemon=True)
        with self._lock:
            self._socket = socket
            if self._abandoned:
                with suppress(OSError):
                    socket.shutdown(BOTH_WAYS)
        feeder.start()
        try:
            self._pump(socket)
        finally:
            # A feeder that waits for the pod, or for more of the client, ends with this.
            self.abandon()
            feeder.join()
            with self._lock:
                self._socket = None
            socket.close()

    def _feed(self, socket: Socket) -> None:
        """What the client sends, to the pod."""
        # A pod that closed already: the other thread tells the client.
        with suppress(OSError):
            while (data := self._backlog.take()) is not None:
                socket.sendall(data)
            socket.shutdown(SENDING)

    def _pump(self, socket: Socket) -> None:
        """What the pod sends, to the client, until it closes. Raises ConnectionEndedError."""
        try:
            while data := socket.recv(PIECE_BYTES):
                self._client.send(self.pair.data, data)
        except OSError as error:
            self._fail(str(error.strerror or error))
        self._client.send(self.pair.data, b"", ends=True)
        self._client.send(self.pair.error, b"", ends=True)

    def _fail(self, reason: str) -> None:
        message = f"error forwarding port {self.pair.port} to pod {self._pod}: {reason}"
        self._client.send(self.pair.error, message.encode(), ends=True)
        self._client.send(self.pair.data, b"", ends=True)
