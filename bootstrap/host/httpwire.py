"""HTTP/1.1 on an open connection: one request out, one reply in.

Invariant: no read outlasts the deadline, and no more than ``max_body`` of a body is kept.
"""

from __future__ import annotations

import socket
import ssl
import time
from dataclasses import dataclass

from bootstrap.errors import TransientError

MAX_HEADER_BYTES = 64 * 1024
READ_BYTES = 16 * 1024


class NoAnswerError(TransientError):
    """Refused, unreachable, timed out, or not HTTP; the message says which."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """``ca_file`` "" means the server is not verified (as a kubelet probes), unless ``system_trust`` leaves
    it to the machine's own certificate authorities; files are real paths.

    ``reuse``: a connection that an earlier such request left open may carry this one.
    """

    host: str
    port: int
    path: str = "/"
    scheme: str = "https"
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    timeout: float = 1.0
    ca_file: str = ""
    system_trust: bool = False
    certificate_file: str = ""
    key_file: str = ""
    max_body: int = 10 * 1024
    reuse: bool = False


@dataclass(frozen=True, slots=True)
class HttpReply:
    """``location`` is the redirect target, "" when there is none.

    ``complete`` False: the body was announced longer than what came, or than ``max_body``.
    """

    status: int
    body: bytes
    location: str = ""
    complete: bool = True


def exchange(connection: socket.socket, request: HttpRequest, deadline: float) -> tuple[HttpReply, bool]:
    """Send the request on an open connection and read the reply.

    Also whether the connection can carry another request. Raises NoAnswerError, OSError.
    """
    connection.settimeout(seconds_left(deadline))
    connection.sendall(request_head(request))
    data = b""
    while b"\r\n\r\n" not in data:
        more = _received(connection, deadline)
        data += more
        if not more or len(data) > MAX_HEADER_BYTES:
            raise NoAnswerError(f"{request.host}:{request.port}: the answer is not HTTP")
    head, _, body = data.partition(b"\r\n\r\n")
    status, headers = _parsed_head(head, request)
    if request.method == "HEAD" or status in (204, 304):
        return HttpReply(status, b"", headers.get("location", "")), _stays_open(head, headers)
    read = _body(connection, headers, body, request.max_body, deadline)
    reply = HttpReply(status, read.data, headers.get("location", ""), read.complete)
    return reply, read.ends_here and _stays_open(head, headers)


def request_head(request: HttpRequest) -> bytes:
    """The request as text on the wire; a ``Host`` among its headers replaces the address."""
    named = {name.lower() for name, _value in request.headers}
    lines = [f"{request.method} {request.path} HTTP/1.1"]
    if "host" not in named:
        host = f"[{request.host}]" if ":" in request.host else request.host
        lines.append(f"Host: {host}:{request.port}")
    lines += [f"{name}: {value}" for name, value in request.headers]
    if not request.reuse:
        lines.append("Connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "replace")


def _parsed_head(head: bytes, request: HttpRequest) -> tuple[int, dict[str, str]]:
    lines = head.decode("latin-1").split("\r\n")
    words = lines[0].split(" ", 2)
    if not words[0].startswith("HTTP/1.") or len(words) < 2 or not words[1].isdecimal():
        raise NoAnswerError(f"{request.host}:{request.port}: the answer is not HTTP")
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return int(words[1]), headers


@dataclass(frozen=True, slots=True)
class _Body:
    """``ends_here``: nothing more of this reply comes on the connection."""

    data: bytes
    complete: bool
    ends_here: bool


def _body(
    connection: socket.socket, headers: dict[str, str], data: bytes, limit: int, deadline: float
) -> _Body:
    """At most ``limit`` bytes of the body; the rest is not waited for."""
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return _chunked_body(connection, data, limit, deadline)
    length = headers.get("content-length", "")
    known = length.isdecimal()
    wanted = min(limit, int(length)) if known else limit
    read = bytearray(data)
    while len(read) < wanted:
        more = _received(connection, deadline)
        if not more:
            break
        read += more
    body = bytes(read[:wanted])
    if known:
        return _Body(body, len(body) == int(length), len(read) == int(length))
    # Nothing but the end of the connection says where this body ends.
    return _Body(body, len(read) < limit, ends_here=False)


def _chunked_body(connection: socket.socket, data: bytes, limit: int, deadline: float) -> _Body:
    body, read = bytearray(), bytearray(data)
    while len(body) < limit:
        while b"\r\n" not in read:
            more = _received(connection, deadline)
            if not more or len(read) > MAX_HEADER_BYTES:
                return _Body(bytes(body), complete=False, ends_here=False)
            read += more
        line, _, _rest = bytes(read[:MAX_HEADER_BYTES]).partition(b"\r\n")
        del read[: len(line) + 2]
        size = _chunk_size(line)
        if size is None:
            return _Body(bytes(body), complete=False, ends_here=False)
        if size == 0:
            return _Body(bytes(body), complete=True, ends_here=read == b"\r\n")
        while len(read) < min(size + 2, limit + 2):
            more = _received(connection, deadline)
            if not more:
                return _Body(bytes(body + read[:size])[:limit], complete=False, ends_here=False)
            read += more
        body += read[:size]
        del read[: size + 2]
    return _Body(bytes(body[:limit]), complete=False, ends_here=False)


def _chunk_size(line: bytes) -> int | None:
    """None for what is no size of a chunk."""
    try:
        size = int(line.partition(b";")[0], 16)
    except ValueError:
        return None
    return size if size >= 0 else None


def _stays_open(head: bytes, headers: dict[str, str]) -> bool:
    return head.startswith(b"HTTP/1.1") and "close" not in headers.get("connection", "").lower()


def _received(connection: socket.socket, deadline: float) -> bytes:
    connection.settimeout(seconds_left(deadline))
    try:
        return connection.recv(READ_BYTES)
    except ssl.SSLEOFError:
        # A server that closes without TLS's own farewell has said all it had to say.
        return b""


def seconds_left(deadline: float) -> float:
    """Until a ``time.monotonic()``; raises TimeoutError when it is over."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left
