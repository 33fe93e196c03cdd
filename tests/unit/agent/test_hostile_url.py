"""A manifest server that hurts, on a real socket: the last good pods stay, and the asking goes on."""

from __future__ import annotations

import contextlib
import itertools
import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from bootstrap.agent.manifesturl import ManifestUrl
from bootstrap.agent.urlsource import UrlSource
from bootstrap.host.clock import SystemClock
from bootstrap.host.http import HttpReply, HttpRequest, SystemHttp
from tests.fakes.agent import document

PATIENCE = 0.3
"""Seconds, instead of ten."""

SOON = 5.0
MANY = 64 * 1024

GOOD = json.dumps(document("web")).encode()
HEAD = b"HTTP/1.1 200 OK\r\n"

Answer = Callable[[], Iterator[bytes]]


def whole(status: bytes, body: bytes) -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)


def drops(interval: float, *parts: bytes) -> Iterator[bytes]:
    """Parts for ever, one after each interval."""
    for part in itertools.cycle(parts):
        yield part
        threading.Event().wait(interval)


HOSTILE: dict[str, Answer] = {
    "says nothing": lambda: drops(0.02, b""),
    "closes at once": lambda: iter(()),
    "a head that never ends": lambda: itertools.chain([HEAD], drops(0.02, b"X-More: of it\r\n")),
    "a large head that never ends": lambda: itertools.chain([HEAD], drops(0, b"X: " + b"y" * MANY)),
    "a body that trickles": lambda: itertools.chain(
        [HEAD + b"Content-Length: 9999\r\n\r\n" + GOOD[:10]], drops(0.02, b" ")
    ),
    "a body that never ends": lambda: itertools.chain([HEAD + b"\r\n"], drops(0, b" " * MANY)),
    "chunks that never end": lambda: itertools.chain(
        [HEAD + b"Transfer-Encoding: chunked\r\n\r\n"], drops(0, b"%x\r\n%s\r\n" % (MANY, b" " * MANY))
    ),
    "chunks without a size": lambda: iter([HEAD + b"Transfer-Encoding: chunked\r\n\r\nmany\r\n" + GOOD]),
    "a body that breaks off": lambda: iter([HEAD + b"Content-Length: 9999\r\n\r\n" + GOOD]),
    "500": lambda: iter([whole(b"500 Internal Server Error", GOOD)]),
    "503 without a body": lambda: iter([whole(b"503 Service Unavailable", b"")]),
    "not HTTP": lambda: iter([b"SSH-2.0-OpenSSH_9.2\r\n\r\n"]),
    "garbage": lambda: iter([bytes(range(256)) * 64]),
    "a good head and garbage": lambda: iter([whole(b"200 OK", bytes(range(256)) * 64)]),
    "half a manifest": lambda: iter([whole(b"200 OK", GOOD[: len(GOOD) // 2])]),
    "nothing in a good answer": lambda: iter([whole(b"200 OK", b"")]),
    "a redirect to itself": lambda: iter([b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"]),
    "an alias bomb": lambda: iter(
        [
            whole(
                b"200 OK",
                b"a: &a [x, x]\n"
                + b"".join(b"%c: &%c [*%c, *%c]\n" % (n + 1, n + 1, n, n) for n in range(97, 121)),
            )
        ]
    ),
}


class Server:
    """Answers every request on its port with ``answer``."""

    def __init__(self) -> None:
        self.answer: Answer = lambda: iter([whole(b"200 OK", GOOD)])
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(SOON)
            connection.recv(MANY)
            for part in self.answer():
                connection.sendall(part)

    def close(self) -> None:
        self._listener.close()


class Hasty(SystemHttp):
    """Real connections, with less patience."""

    def fetch(self, request: HttpRequest) -> HttpReply:
        return super().fetch(replace(request, timeout=min(PATIENCE, request.timeout)))


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


@pytest.mark.parametrize("answer", HOSTILE.values(), ids=HOSTILE)
def test_no_answer_of_a_server_takes_a_pod_away_or_holds_up_the_next(server: Server, answer: Answer) -> None:
    at = ManifestUrl(f"http://127.0.0.1:{server.port}/")
    source = UrlSource(at, "n1", Hasty(), SystemClock(), lambda: None)
    source.turn()
    before = source.scan()
    assert [pod.pod.metadata.name for pod in before.pods] == ["web"]
    good, server.answer = server.answer, answer
    begun = SystemClock().monotonic()
    assert source.turn() == at.period
    assert SystemClock().monotonic() - begun < SOON
    during = source.scan()
    assert during.pods == before.pods
    (problem,) = during.problems
    assert problem.kept
    assert problem.message
    server.answer = good
    source.turn()
    assert source.scan() == before
