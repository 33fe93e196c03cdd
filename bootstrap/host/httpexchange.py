"""HTTP/1.1 from the server's side: one request read from a connection, one reply written to it.

Invariant: a connection carries one exchange; every reply but an upgrade ends it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from types import MappingProxyType
from urllib.parse import parse_qsl, unquote

from bootstrap.host.connection import Connection, ConnectionEndedError
from bootstrap.host.httpserver import Page

MAX_HEAD_BYTES = 64 * 1024
HEAD_SECONDS = 10.0
PAGE_SECONDS = 30.0
"""For each piece of a page: a client that takes none for so long is too slow."""


@dataclass(frozen=True, slots=True)
class IncomingRequest:
    """``path`` and ``query`` are decoded; names of headers are in lower case."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def values(self, name: str) -> tuple[str, ...]:
        """What the query says for this name, in order."""
        return tuple(value for key, value in self.query if key == name)

    def first(self, name: str) -> str:
        """The first of ``values``, "" without any."""
        return next(iter(self.values(name)), "")

    def header_words(self, name: str) -> tuple[str, ...]:
        """A header that is a list separated by commas."""
        return tuple(word for each in self.headers.get(name, "").split(",") if (word := each.strip()))


class Exchange:
    """The request, and the means to answer it once. All methods raise ConnectionEndedError."""

    def __init__(self, connection: Connection, request: IncomingRequest) -> None:
        self.connection = connection
        self.request = request

    def reply(self, page: Page, **headers: str) -> None:
        fields = {"Content-Type": page.content_type, "Content-Length": str(len(page.body)), **headers}
        head = response_head(page.status, {**fields, "Connection": "close"})
        body = b"" if self.request.method == "HEAD" else page.body
        self.connection.write(head + body, PAGE_SECONDS)

    def begin(self, content_type: str) -> None:
        """The head of a reply whose body follows in pieces."""
        fields = {"Content-Type": content_type, "Transfer-Encoding": "chunked", "Connection": "close"}
        self.connection.write(response_head(200, fields), PAGE_SECONDS)

    def send(self, piece: bytes, timeout: float) -> None:
        """A piece of the body that ``begin`` announced."""
        if piece:
            self.connection.write(b"%x\r\n%b\r\n" % (len(piece), piece), timeout)

    def finish(self) -> None:
        """The body is complete; without this a client knows that it was cut off."""
        self.connection.write(b"0\r\n\r\n", PAGE_SECONDS)

    def upgrade(self, protocol: str, headers: Mapping[str, str]) -> None:
        """From now on the connection speaks another protocol."""
        fields = {"Connection": "Upgrade", "Upgrade": protocol, **headers}
        self.connection.write(response_head(101, fields), PAGE_SECONDS)


def read_request(connection: Connection) -> IncomingRequest:
    """Raises ConnectionEndedError when nothing that is HTTP arrives in time. A body is left unread."""
    text = connection.read_until(b"\r\n\r\n", MAX_HEAD_BYTES, HEAD_SECONDS).decode("latin-1")
    first, *lines = text.split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise ConnectionEndedError("the request is not HTTP/1.1")
    method, target, _version = words
    path, _, query = target.partition("?")
    return IncomingRequest(
        method,
        unquote(path),
        tuple(parse_qsl(query, keep_blank_values=True)),
        MappingProxyType(_headers(lines)),
    )


def response_head(status: int, headers: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", "X-Content-Type-Options: nosniff"]
    if status == HTTPStatus.SWITCHING_PROTOCOLS:
        lines.pop()
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


def _headers(lines: list[str]) -> dict[str, str]:
    """A header that comes several times is one list."""
    found: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        key = name.strip().lower()
        found[key] = f"{found[key]},{value.strip()}" if key in found else value.strip()
    return found
