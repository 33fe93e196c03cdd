"""A very small HTTP server for a few local readers: /healthz on a TCP port, the status on a Unix socket.

Invariant: one connection is one GET, answered within a second or dropped; whoever can open the socket may
read.
"""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bootstrap.errors import BootstrapError
from bootstrap.host.httpwire import HttpReply, HttpRequest, NoAnswerError, exchange

log = logging.getLogger("bootstrap.host")

CONNECTION_SECONDS = 1.0
MAX_REQUEST_BYTES = 8 * 1024
REASONS = {200: "OK", 404: "Not Found", 405: "Method Not Allowed", 500: "Internal Server Error"}


class ListenError(BootstrapError):
    """An address or socket path cannot be listened on."""


@dataclass(frozen=True, slots=True)
class Page:
    """What a GET is answered with."""

    status: int
    body: bytes
    content_type: str = "text/plain; charset=utf-8"


Handler = Callable[[str], Page]
"""Path -> page."""

Handlers = dict[socket.socket, Handler]


def listen_tcp(host: str, port: int) -> socket.socket:
    """Raises ListenError."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(16)
    except OSError as error:
        listener.close()
        raise ListenError(
            f"cannot listen on {host}:{port}: {error.strerror}", remedy=f"ss -lntp sport = :{port}"
        ) from error
    return listener


def listen_unix(path: Path) -> socket.socket:
    """For its owner alone; a socket left behind by a dead process is replaced. Raises ListenError."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if _answers(path):
            raise ListenError(f"another process listens on {path}", remedy=f"fuser {path}")
        path.unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            listener.bind(str(path))
        finally:
            os.umask(before)
        listener.listen(16)
    except OSError as error:
        listener.close()
        raise ListenError(f"cannot listen on {path}: {error.strerror}") from error
    except ListenError:
        listener.close()
        raise
    return listener


def serve(handlers: Handlers, stop: threading.Event) -> None:
    """Answer on these listening sockets for ever; meant for a daemon thread."""
    with selectors.DefaultSelector() as selector:
        for listener, handler in handlers.items():
            selector.register(listener, selectors.EVENT_READ, handler)
        while not stop.is_set():
            for key, _events in selector.select():
                with contextlib.suppress(OSError):
                    connection, _peer = key.fileobj.accept()  # type: ignore[union-attr]
                    with connection:
                        _answer(connection, key.data)


def fetch_unix(path: Path, resource: str, timeout: float = 5.0) -> HttpReply:
    """GET from a server on a Unix socket; raises NoAnswerError."""
    deadline = time.monotonic() + timeout
    request = HttpRequest("localhost", 0, resource, scheme="http", max_body=16 * 1024 * 1024)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.settimeout(timeout)
            connection.connect(str(path))
            return exchange(connection, request, deadline)[0]
        except OSError as error:
            raise NoAnswerError(f"nothing answers on {path}: {error.strerror or error}") from error


def _answer(connection: socket.socket, handler: Handler) -> None:
    deadline = time.monotonic() + CONNECTION_SECONDS
    data = b""
    while b"\r\n\r\n" not in data and len(data) < MAX_REQUEST_BYTES:
        connection.settimeout(max(0.001, deadline - time.monotonic()))
        more = connection.recv(MAX_REQUEST_BYTES)
        if not more:
            return
        data += more
    method, _, rest = data.split(b"\r\n", 1)[0].decode("latin-1").partition(" ")
    page = _page(method, rest.partition(" ")[0], handler)
    head = (
        f"HTTP/1.1 {page.status} {REASONS.get(page.status, '')}\r\nContent-Type: {page.content_type}\r\n"
        f"Content-Length: {len(page.body)}\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n"
    )
    connection.sendall(head.encode() + (b"" if method == "HEAD" else page.body))


def _page(method: str, target: str, handler: Handler) -> Page:
    if method not in ("GET", "HEAD"):
        return Page(405, b"only GET\n")
    try:
        return handler(target.partition("?")[0])
    except BootstrapError as error:
        log.warning("GET %s: %s", target, error.message)
        return Page(500, f"{error.message}\n".encode())


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.connect(str(path))
        except OSError:
            return False
    return True
