"""One HTTP(S) request to one address: for probes and for waiting on components.

Invariant: one request is one new connection (unless it allows ``reuse``), bounded by its timeout as a whole;
no proxy, and no redirect is followed here.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from typing import Protocol

from bootstrap.host.httpwire import HttpReply, HttpRequest, NoAnswerError, exchange, seconds_left

__all__ = ["HttpClient", "HttpReply", "HttpRequest", "NoAnswerError", "ProbeClient", "SystemHttp"]

REUSE_SECONDS = 30.0
"""A kept connection is not older than this, so that a server which takes no new ones is found out."""

Address = tuple[str, str, int]
"""Scheme, host, port."""


@dataclass(frozen=True, slots=True)
class _Idle:
    """A connection with nothing under way; ``opened`` is monotonic, ``used`` says that it carried a
    request."""

    connection: socket.socket
    opened: float
    used: bool = False


class HttpClient(Protocol):
    """Thread-safe."""

    def fetch(self, request: HttpRequest) -> HttpReply:
        """Any status is a reply; raises NoAnswerError when there is none."""

    def connect(self, host: str, port: int, timeout: float) -> None:
        """Open a TCP connection and close it; raises NoAnswerError."""


class ProbeClient(HttpClient, Protocol):
    """What a probe may need besides."""

    def health(self, host: str, port: int, service: str, timeout: float) -> str:
        """What a gRPC server says of a service's health ("" is the server's own): ``SERVING``, or what else.

        Raises NoAnswerError.
        """


class SystemHttp:
    """Real connections.

    Unverified TLS shares one context and resumes sessions, and requests that say so share connections: three
    full handshakes each second would be most of what an idle agent does.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._unverified: ssl.SSLContext | None = None
        self._sessions: dict[Address, ssl.SSLSession] = {}
        self._idle: dict[Address, _Idle] = {}

    def fetch(self, request: HttpRequest) -> HttpReply:
        deadline = time.monotonic() + request.timeout
        address = (request.scheme, request.host, request.port)
        kept = self._take(address) if _may_share(request) else None
        if kept is not None:
            # The server may have closed it meanwhile: that says nothing about the server.
            with contextlib.suppress(OSError, NoAnswerError):
                return self._exchange(kept, request, address, deadline)
        try:
            fresh = _Idle(self._open(request, deadline), time.monotonic())
            return self._exchange(fresh, request, address, deadline)
        except OSError as error:
            raise NoAnswerError(f"{request.host}:{request.port}: {_reason(error)}") from error

    def connect(self, host: str, port: int, timeout: float) -> None:
        try:
            socket.create_connection((host, port), timeout).close()
        except OSError as error:
            raise NoAnswerError(f"{host}:{port}: {_reason(error)}") from error

    def health(self, host: str, port: int, service: str, timeout: float) -> str:
        from bootstrap.host.grpchealth import check_health

        return check_health(host, port, service, timeout)

    def close(self) -> None:
        """Close the connections that are kept; the client may still be used."""
        with self._lock:
            kept = tuple(self._idle.values())
            self._idle.clear()
        for each in kept:
            each.connection.close()

    def _exchange(self, on: _Idle, request: HttpRequest, address: Address, deadline: float) -> HttpReply:
        """One request on a connection, which is then kept for the next one or closed."""
        stays = False
        try:
            reply, stays = exchange(on.connection, request, deadline)
            if not on.used:
                self._remember(address, on.connection)
            return reply
        finally:
            if not (stays and _may_share(request) and self._keep(address, on)):
                on.connection.close()

    def _keep(self, address: Address, used: _Idle) -> bool:
        """Unless it is old, or another one is kept already."""
        if time.monotonic() - used.opened > REUSE_SECONDS:
            return False
        kept = _Idle(used.connection, used.opened, used=True)
        with self._lock:
            return self._idle.setdefault(address, kept) is kept

    def _take(self, address: Address) -> _Idle | None:
        with self._lock:
            return self._idle.pop(address, None)

    def _open(self, request: HttpRequest, deadline: float) -> socket.socket:
        plain = socket.create_connection((request.host, request.port), seconds_left(deadline))
        if request.scheme == "http":
            return plain
        try:
            # Without this the request waits for the server to acknowledge the end of the handshake.
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return self._wrapped(request, plain, deadline)
        except BaseException:
            plain.close()
            raise

    def _wrapped(self, request: HttpRequest, plain: socket.socket, deadline: float) -> ssl.SSLSocket:
        plain.settimeout(seconds_left(deadline))
        if request.ca_file or request.certificate_file or request.system_trust:
            context = _verifying_context(request)
            return context.wrap_socket(plain, server_hostname=request.host)
        with self._lock:
            if self._unverified is None:
                self._unverified = _unverified_context()
            session = self._sessions.get((request.scheme, request.host, request.port))
        return self._unverified.wrap_socket(plain, server_hostname=request.host, session=session)

    def _remember(self, address: Address, connection: socket.socket) -> None:
        """A TLS 1.3 server sends its tickets after the handshake, so the session is taken after the reply."""
        if not isinstance(connection, ssl.SSLSocket) or connection.session_reused:
            return
        if connection.context is self._unverified:
            session = connection.session
            if session is not None and session.has_ticket:
                self._sessions[address] = session


def _may_share(request: HttpRequest) -> bool:
    """A connection with an identity, or to a verified server, belongs to one request."""
    is_verified = request.ca_file or request.system_trust
    return request.reuse and not is_verified and not request.certificate_file


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
    elif request.system_trust:
        context.load_default_certs()
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
