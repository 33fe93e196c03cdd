"""A server's TLS connection with clients that are slow, rude, or both ways at once."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.host.connection import Connection, ConnectionEndedError
from bootstrap.host.tlsfiles import TlsFiles, server_context
from tests.fakes.kubeletport import Credentials

SOON = 0.05


class Line:
    """Both ends of a connection; the client has not said anything yet."""

    def __init__(self, credentials: Credentials) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.plain = socket.create_connection(listener.getsockname())
            ours, _ = listener.accept()
        files = TlsFiles(credentials.serving, credentials.serving, credentials.ca)
        self.server = Connection(ours, server_context(files))
        self.client: ssl.SSLSocket | None = None
        self._trust = ssl.create_default_context(cafile=str(credentials.ca))

    def shake_hands(self) -> ssl.SSLSocket:
        thread = threading.Thread(target=self.server.handshake, args=(10,))
        thread.start()
        self.client = self._trust.wrap_socket(self.plain, server_hostname="127.0.0.1")
        thread.join()
        return self.client

    def close(self) -> None:
        self.server.close()
        (self.client or self.plain).close()


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    made = Line(Credentials(tmp_path))
    yield made
    made.close()


def test_a_client_that_does_not_shake_hands_is_given_up(line: Line) -> None:
    with pytest.raises(ConnectionEndedError, match="too slow"):
        line.server.handshake(SOON)


def test_a_client_that_speaks_no_tls_is_given_up(line: Line) -> None:
    line.plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
    with pytest.raises(ConnectionEndedError):
        line.server.handshake(10)


def test_a_client_that_says_half_a_request_is_given_up(line: Line) -> None:
    line.shake_hands().sendall(b"GET / HT")
    with pytest.raises(ConnectionEndedError, match="too slow"):
        line.server.read_until(b"\r\n\r\n", 1000, SOON)


def test_a_request_may_not_be_endless(line: Line) -> None:
    line.shake_hands().sendall(b"x" * 2000)
    with pytest.raises(ConnectionEndedError, match="too long"):
        line.server.read_until(b"\r\n\r\n", 1000, 10)


def test_a_client_that_takes_nothing_is_given_up(line: Line) -> None:
    line.shake_hands()
    with pytest.raises(ConnectionEndedError, match="too slow"):
        line.server.write(b"x" * 50_000_000, SOON)


def test_what_follows_a_request_is_kept(line: Line) -> None:
    line.shake_hands().sendall(b"head\r\n\r\nbody")
    assert line.server.read_until(b"\r\n\r\n", 1000, 10) == b"head"
    assert line.server.read(10) == b"body"


def test_one_thread_reads_while_another_writes(line: Line) -> None:
    client, piece, pieces = line.shake_hands(), b"x" * 30_000, 100
    amount = len(piece) * pieces
    received: list[bytes] = []

    def read() -> None:
        while sum(map(len, received)) < amount:
            received.append(line.server.read(10))

    threads = [
        threading.Thread(target=read),
        threading.Thread(target=line.server.write, args=(piece * pieces, 10)),
    ]
    for thread in threads:
        thread.start()
    got = 0
    for _ in range(pieces):
        # The client's own TLS is not for two threads.
        client.sendall(piece)
        got += len(client.recv(30_000))
    while got < amount:
        got += len(client.recv(30_000))
    for thread in threads:
        thread.join(10)
    assert sum(map(len, received)) == amount


def test_another_thread_can_end_a_read(line: Line) -> None:
    line.shake_hands()
    timer = threading.Timer(SOON, line.server.abort)
    timer.start()
    with contextlib.suppress(ConnectionEndedError):
        assert line.server.read() == b""
    timer.join()


def test_a_farewell_is_one_in_tls(line: Line) -> None:
    client = line.shake_hands()
    line.server.write(b"bye")
    line.server.close()
    assert client.recv(10) == b"bye"
    assert client.recv(10) == b""
