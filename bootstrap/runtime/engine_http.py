"""HTTP/1.1 to the engine over its Unix socket: one connection, kept open from one request to the next.

Not thread-safe. Invariant: a request is sent twice only when the connection turned out to be closed before
anything of an answer came, and only when asking again changes nothing (GET).
"""

from __future__ import annotations

import contextlib
import select
import socket
from collections.abc import Iterator, Mapping
from io import BufferedReader
from types import MappingProxyType
from urllib.parse import urlencode

READ_BYTES = 16 * 1024
MAX_LINE_BYTES = 64 * 1024


class BrokenReplyError(OSError):
    """The engine closed the connection in the middle, or what it said is not HTTP."""


class Reply:
    """An answer whose body is read from the connection as it comes."""

    def __init__(self, status: int, headers: dict[str, str], reader: BufferedReader) -> None:
        self.status = status
        self._reader = reader
        self._chunked = headers.get("transfer-encoding", "").lower() == "chunked"
        # Bytes until the end of the body or chunk; None when it goes on until the connection closes.
        self._left: int | None = None
        if self._chunked or status in (204, 304):
            self._left = 0
        elif headers.get("content-length", "").isdecimal():
            self._left = int(headers["content-length"])
        self.leaves_open = self._left is not None and headers.get("connection", "").lower() != "close"

    def read(self, count: int = READ_BYTES) -> bytes:
        """At most ``count`` bytes, as soon as there are any; b"" at the end."""
        if self._left == 0 and not (self._chunked and self._next_chunk()):
            return b""
        if self._left is None:
            return self._reader.read1(count)
        data = self._reader.read1(min(count, self._left))
        if not data:
            raise BrokenReplyError("the connection was closed in the middle of an answer")
        self._left -= len(data)
        if self._chunked and self._left == 0:
            self._reader.readline(MAX_LINE_BYTES)
        return data

    def whole(self) -> bytes:
        """Everything that is left of it."""
        parts = bytearray()
        while data := self.read():
            parts += data
        return bytes(parts)

    def lines(self) -> Iterator[bytes]:
        """Line by line, each as soon as it is complete."""
        pending = b""
        while data := self.read():
            *complete, pending = (pending + data).split(b"\n")
            yield from (line for line in complete if line.strip())

    def _next_chunk(self) -> bool:
        """Read the next chunk's size; False at the last one, which is empty."""
        line = self._reader.readline(MAX_LINE_BYTES).partition(b";")[0].strip()
        try:
            self._left = int(line, 16)
        except ValueError as error:
            raise BrokenReplyError("the connection was closed in the middle of an answer") from error
        if self._left == 0:
            self._chunked = False
            while self._reader.readline(MAX_LINE_BYTES).strip():
                pass
        return self._left > 0


class EngineConnection:
    """``path`` is the socket's. Raises OSError, TimeoutError among them."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._socket: socket.socket | None = None
        self._reader: BufferedReader | None = None

    def request(
        self, method: str, path: str, body: bytes | None = None, *, timeout: float
    ) -> tuple[int, bytes]:
        """Status and body; ``timeout`` is for each wait on the engine."""
        reply = self.open(method, path, body, timeout=timeout)
        try:
            content = reply.whole()
        except BaseException:
            self.close()
            raise
        if not reply.leaves_open:
            self.close()
        return reply.status, content

    def open(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] = MappingProxyType({}),
        *,
        timeout: float,
    ) -> Reply:
        """The answer as soon as its head is there; the connection is the answer's until it was read."""
        head = f"{method} {path} HTTP/1.1\r\nHost: docker\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        if body is not None:
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        elif method != "GET":
            head += "Content-Length: 0\r\n"
        message = head.encode() + b"\r\n" + (body or b"")
        was_open = self._is_open()
        try:
            return self._exchange(message, timeout)
        except TimeoutError:
            self.close()
            raise
        except OSError:
            self.close()
            if not was_open or method != "GET":
                raise
        try:
            return self._exchange(message, timeout)
        except OSError:
            self.close()
            raise

    def wait_for_ever(self) -> None:
        """What is read from now on may be as long in coming as it likes."""
        if self._socket is not None:
            self._socket.settimeout(None)

    def send(self, data: bytes) -> None:
        """On a connection that the engine has handed over to a program."""
        if self._socket is not None:
            self._socket.sendall(data)

    def end_input(self) -> None:
        """Nothing more is sent; what comes is still read."""
        if self._socket is not None:
            self._socket.shutdown(socket.SHUT_WR)

    def shut(self) -> None:
        """End whatever another thread waits for on this connection."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Safe to call again; the next request connects anew."""
        reader, self._reader = self._reader, None
        connection, self._socket = self._socket, None
        if reader is not None:
            with contextlib.suppress(OSError):
                reader.close()
        if connection is not None:
            connection.close()

    def _is_open(self) -> bool:
        """Nothing may be there to read between two requests: it would be the engine's farewell."""
        if self._socket is None:
            return False
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        if poll.poll(0):
            self.close()
            return False
        return True

    def _exchange(self, message: bytes, timeout: float) -> Reply:
        if self._socket is None:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self._socket.settimeout(timeout)
            self._socket.connect(self._path)
            self._reader = BufferedReader(socket.SocketIO(self._socket, "r"), READ_BYTES)
        assert self._reader is not None
        self._socket.settimeout(timeout)
        self._socket.sendall(message)
        return Reply(*_head(self._reader), self._reader)


def target(path: str, **query: str) -> str:
    """A path with its query."""
    return f"{path}?{urlencode(query)}"


def _head(reader: BufferedReader) -> tuple[int, dict[str, str]]:
    words = reader.readline(MAX_LINE_BYTES).split(None, 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
        raise BrokenReplyError("the connection was closed without an answer")
    headers = {}
    while line := reader.readline(MAX_LINE_BYTES).strip():
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    return int(words[1]), headers
