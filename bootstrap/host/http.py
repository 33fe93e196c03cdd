"""One HTTP(S) request to one address: for probes and for waiting on components.

Invariant: one request is one new connection, bounded by its timeout as a whole; no proxy, no redirect is
followed here, no body beyond ``max_body`` is kept.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from bootstrap.errors import TransientError

MAX_HEADER_BYTES = 64 * 1024
READ_BYTES = 16 * 1024


class NoAnswerError(TransientError):
    """Refused, unreachable, timed out, or not HTTP; the message says which."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """``ca_file`` "" means the server is not verified (as a kubelet probes); files are real paths."""

    host: str
    port: int
    path: str = "/"
    scheme: str = "https"
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    timeout: float = 1.0
    ca_file: str = ""
    certificate_file: str = ""
    key_file: str = ""
    max_body: int = 10 * 1024


@dataclass(frozen=True, slots=True)
class HttpReply:
    """``location`` is the redirect target, "" when there is none."""

    status: int
    body: bytes
    location: str = ""


class HttpClient(Protocol):
    """Thread-safe."""

    def fetch(self, request: HttpRequest) -> HttpReply:
        """Any status is a reply; raises NoAnswerError when there is none."""

    def connect(self, host: str, port: int, timeout: float) -> None:
        """Open a TCP connection and close it; raises NoAnswerError."""


class SystemHttp:
    """Real connections.

    Unverified TLS shares one context and resumes sessions, as probing three servers each second with full
    handshakes would be most of an idle agent's work.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._unverified: ssl.SSLContext | None = None
        self._sessions: dict[tuple[str, int], ssl.SSLSession] = {}

    def fetch(self, request: HttpRequest) -> HttpReply:
        deadline = time.monotonic() + request.timeout
        with self._connection(request, deadline) as connection:
            reply = exchange(connection, request, deadline)
            self._remember(request, connection)
            return reply

    def connect(self, host: str, port: int, timeout: float) -> None:
        try:
            socket.create_connection((host, port), timeout).close()
        except OSError as error:
            raise NoAnswerError(f"{host}:{port}: {_reason(error)}") from error

    @contextlib.contextmanager
    def _connection(self, request: HttpRequest, deadline: float) -> Iterator[socket.socket]:
        try:
            plain = socket.create_connection((request.host, request.port), _left(deadline))
            with plain:
                if request.scheme == "http":
                    yield plain
                else:
                    with self._wrapped(request, plain, deadline) as encrypted:
                        yield encrypted
        except OSError as error:
            raise NoAnswerError(f"{request.host}:{request.port}: {_reason(error)}") from error

    def _wrapped(self, request: HttpRequest, plain: socket.socket, deadline: float) -> ssl.SSLSocket:
        plain.settimeout(_left(deadline))
        if request.ca_file or request.certificate_file:
            context = _verifying_context(request)
            return context.wrap_socket(plain, server_hostname=request.host)
        with self._lock:
            if self._unverified is None:
                self._unverified = _unverified_context()
            session = self._sessions.get((request.host, request.port))
        return self._unverified.wrap_socket(plain, server_hostname=request.host, session=session)

    def _remember(self, request: HttpRequest, connection: socket.socket) -> None:
        """A TLS 1.3 server sends its tickets after the handshake, so the session is taken after the reply."""
        if isinstance(connection, ssl.SSLSocket) and connection.context is self._unverified:
            session = connection.session
            if session is not None and session.has_ticket:
                self._sessions[request.host, request.port] = session


def exchange(connection: socket.socket, request: HttpRequest, deadline: float) -> HttpReply:
    """Send the request on an open connection and read the reply; raises NoAnswerError, OSError."""
    connection.settimeout(_left(deadline))
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
        return HttpReply(status, b"", headers.get("location", ""))
    body = _body(connection, headers, body, request.max_body, deadline)
    return HttpReply(status, body, headers.get("location", ""))


def request_head(request: HttpRequest) -> bytes:
    """The request as text on the wire; a ``Host`` among its headers replaces the address."""
    named = {name.lower() for name, _value in request.headers}
    lines = [f"{request.method} {request.path} HTTP/1.1"]
    if "host" not in named:
        host = f"[{request.host}]" if ":" in request.host else request.host
        lines.append(f"Host: {host}:{request.port}")
    lines += [f"{name}: {value}" for name, value in request.headers]
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


def _body(
    connection: socket.socket, headers: dict[str, str], data: bytes, limit: int, deadline: float
) -> bytes:
    """At most ``limit`` bytes of the body; the rest is not waited for."""
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return _chunked_body(connection, data, limit, deadline)
    length = headers.get("content-length", "")
    wanted = min(limit, int(length)) if length.isdecimal() else limit
    while len(data) < wanted:
        more = _received(connection, deadline)
        if not more:
            break
        data += more
    return data[:wanted]


def _chunked_body(connection: socket.socket, data: bytes, limit: int, deadline: float) -> bytes:
    body = b""
    while len(body) < limit:
        while b"\r\n" not in data:
            more = _received(connection, deadline)
            if not more:
                return body
            data += more
        line, _, data = data.partition(b"\r\n")
        try:
            size = int(line.partition(b";")[0], 16)
        except ValueError:
            return body
        if size == 0:
            break
        while len(data) < min(size + 2, limit + 2):
            more = _received(connection, deadline)
            if not more:
                return (body + data[:size])[:limit]
            data += more
        body += data[:size]
        data = data[size + 2 :]
    return body[:limit]


def _received(connection: socket.socket, deadline: float) -> bytes:
    connection.settimeout(_left(deadline))
    try:
        return connection.recv(READ_BYTES)
    except ssl.SSLEOFError:
        # A server that closes without TLS's own farewell has said all it had to say.
        return b""


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left


def _unverified_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _verifying_context(request: HttpRequest) -> ssl.SSLContext:
    """Made anew each time: the files may have been renewed since."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if request.ca_file:
        context.load_verify_locations(request.ca_file)
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if request.certificate_file:
        context.load_cert_chain(request.certificate_file, request.key_file or None)
    return context


def _reason(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or error}"
    return (error.strerror or str(error)).lower()
