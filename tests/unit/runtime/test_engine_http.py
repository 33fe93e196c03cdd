"""Requests to an engine that answers, breaks off, or hangs, on a real socket."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bootstrap.runtime.engine_http import BrokenReplyError, EngineConnection

Serve = Callable[[socket.socket], None]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
SOON = 5.0


class Server:
    """Each connection is served by the next of these functions, then closed."""

    def __init__(self, path: Path, *served: Serve) -> None:
        self.path = str(path)
        self.requests: list[bytes] = []
        self.closed = threading.Semaphore(0)
        self._served = served
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        self._listener.listen()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        for serve in self._served:
            connection, _ = self._listener.accept()
            connection.settimeout(SOON)
            with connection:
                serve(connection)
            self.closed.release()
        self._listener.close()

    def wait(self) -> None:
        self._thread.join(SOON)
        assert not self._thread.is_alive()


def answering(*answers: bytes) -> Serve:
    """One after the other, each to a request of its own."""

    def serve(connection: socket.socket) -> None:
        for answer in answers:
            assert connection.recv(65536)
            connection.sendall(answer)

    return serve


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Callable[..., tuple[Server, EngineConnection]]]:
    made: list[EngineConnection] = []

    def make(*served: Serve) -> tuple[Server, EngineConnection]:
        started = Server(tmp_path / "engine.sock", *served)
        made.append(EngineConnection(started.path))
        return started, made[-1]

    yield make
    for each in made:
        each.close()


Make = Callable[..., tuple[Server, EngineConnection]]


def test_one_connection_carries_many_requests(server: Make) -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\n\r\n"
    empty = b"HTTP/1.1 204 No Content\r\n\r\n"
    _, connection = server(answering(OK, chunked, empty, OK))
    answers = [connection.request("GET", "/", timeout=SOON) for _ in range(4)]
    assert answers == [(200, b"ok"), (200, b"abcdefg"), (204, b""), (200, b"ok")]


def test_an_answer_without_a_length_ends_with_the_connection(server: Make) -> None:
    _, connection = server(answering(b"HTTP/1.1 200 OK\r\n\r\nall of it"), answering(OK))
    assert connection.request("GET", "/", timeout=SOON) == (200, b"all of it")
    assert connection.request("GET", "/", timeout=SOON) == (200, b"ok")


def test_a_connection_that_was_closed_meanwhile_is_made_anew(server: Make) -> None:
    started, connection = server(answering(OK), answering(OK))
    assert connection.request("POST", "/", b"{}", timeout=SOON)[0] == 200
    assert started.closed.acquire(timeout=SOON)
    assert connection.request("POST", "/", b"{}", timeout=SOON)[0] == 200
    started.wait()


def test_a_change_is_never_asked_for_twice(server: Make) -> None:
    _, connection = server(answering(OK, b""), answering(OK))
    connection.request("GET", "/", timeout=SOON)
    with pytest.raises(BrokenReplyError):
        connection.request("POST", "/", b"{}", timeout=SOON)
    assert connection.request("GET", "/", timeout=SOON)[0] == 200


def test_a_question_is_asked_again_on_a_new_connection(server: Make) -> None:
    _, connection = server(answering(OK, b""), answering(OK))
    for _ in range(2):
        assert connection.request("GET", "/", timeout=SOON)[0] == 200


@pytest.mark.parametrize(
    "broken",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        b"garbage\r\n\r\n",
    ],
)
def test_half_an_answer_is_none(server: Make, broken: bytes) -> None:
    _, connection = server(answering(broken))
    with pytest.raises(BrokenReplyError):
        connection.request("POST", "/", b"{}", timeout=SOON)


def test_an_engine_that_does_not_answer_is_given_up(server: Make) -> None:
    gone = threading.Event()
    started, connection = server(lambda _connection: gone.wait(SOON) and None)
    with pytest.raises(TimeoutError):
        connection.request("GET", "/", timeout=0.05)
    gone.set()
    started.wait()


def test_lines_come_one_by_one(server: Make) -> None:
    pieces = [b'{"a":1}\n{"b"', b':2}\n\n{"c":3}\n']
    body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    _, connection = server(answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body))
    reply = connection.open("GET", "/events", timeout=SOON)
    assert list(reply.lines()) == [b'{"a":1}', b'{"b":2}', b'{"c":3}']
