"""Forwarded connections whose pod does nothing, beside others of the same client."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from bootstrap.agent.serving.backlog import ROOM_BYTES, Backlog
from bootstrap.agent.serving.forwarding import Forwarder
from bootstrap.host.connection import ConnectionEndedError
from bootstrap.host.spdy import SpdyConnection
from tests.fakes.upgraded import SpdyClient

STUCK, ECHO, UNREACHABLE = 1, 2, 3
PATIENCE = 0.05
TEST_SECONDS = 10.0


class SocketPipe:
    def __init__(self, end: socket.socket) -> None:
        self.end = end

    def read(self) -> bytes:
        return self.end.recv(65536)

    def write(self, data: bytes) -> None:
        try:
            self.end.sendall(data)
        except OSError as error:
            raise ConnectionEndedError(str(error)) from error


class Pod:
    """Takes nothing on one port, answers in capitals on another; a third is reached after ``reached``."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.ends: list[tuple[int, socket.socket]] = []
        self.dialled = threading.Condition()
        self.threads: list[threading.Thread] = []

    def dial(self, port: int) -> socket.socket:
        if port == UNREACHABLE:
            self.reached.wait(TEST_SECONDS)
        ours, theirs = socket.socketpair()
        with self.dialled:
            self.ends.append((port, theirs))
            self.dialled.notify_all()
        if port == ECHO:
            self.threads.append(threading.Thread(target=self._answer, args=(theirs,), daemon=True))
            self.threads[-1].start()
        return ours

    def _answer(self, end: socket.socket) -> None:
        while data := end.recv(1000):
            end.sendall(data.upper())
        end.shutdown(socket.SHUT_RDWR)

    def end_of(self, port: int) -> socket.socket:
        """The pod's side of its only connection, once it was made."""
        with self.dialled:
            self.dialled.wait_for(lambda: any(number == port for number, _end in self.ends), TEST_SECONDS)
            (found,) = (end for number, end in self.ends if number == port)
        return found

    def close(self) -> None:
        self.reached.set()
        for thread in self.threads:
            thread.join(TEST_SECONDS)
        for _port, end in self.ends:
            end.close()


@pytest.fixture
def pod() -> Iterator[Pod]:
    made = Pod()
    yield made
    made.close()


@pytest.fixture
def client(pod: Pod) -> Iterator[SpdyClient]:
    with ExitStack() as stack:
        ours, theirs = (stack.enter_context(end) for end in socket.socketpair())
        ours.settimeout(TEST_SECONDS)
        forwarder = Forwarder(SpdyConnection(SocketPipe(theirs)), pod.dial, "web-n1", PATIENCE)
        thread = threading.Thread(target=forwarder.run, daemon=True)
        thread.start()
        yield SpdyClient(ours)
        pod.reached.set()
        ours.shutdown(socket.SHUT_RDWR)
        thread.join(TEST_SECONDS)
        assert not thread.is_alive()


def pair(client: SpdyClient, port: int, request: str) -> tuple[int, int]:
    """Error and data stream of one connection."""
    headers = {"port": str(port), "requestid": request}
    return client.open(streamtype="error", **headers), client.open(streamtype="data", **headers)


def answers(client: SpdyClient, request: str) -> bool:
    _error, data = pair(client, ECHO, request)
    client.send(data, b"on", ends=True)
    return client.all_of(data) == b"ON"


def test_a_pod_that_takes_nothing_holds_up_no_other(client: SpdyClient) -> None:
    error, data = pair(client, STUCK, "0")
    client.send(data, b"x" * ROOM_BYTES)
    assert answers(client, "1")
    assert error not in client.ended


def test_a_pod_that_takes_nothing_is_given_up_when_there_is_no_room_left(client: SpdyClient) -> None:
    error, data = pair(client, STUCK, "0")
    for _ in range(3):
        client.send(data, b"x" * ROOM_BYTES)
    assert client.all_of(error) == b"error forwarding port 1 to pod web-n1: the pod takes nothing"
    assert client.all_of(data) == b""
    client.send(data, b"more")
    assert answers(client, "1")


def test_a_port_that_is_slow_to_connect_holds_up_no_other(pod: Pod, client: SpdyClient) -> None:
    _error, data = pair(client, UNREACHABLE, "0")
    client.send(data, b"early")
    assert answers(client, "1")
    pod.reached.set()
    client.send(data, b" and late", ends=True)
    client.send(data, b"after the end")
    assert answers(client, "2")
    received = b""
    while more := pod.end_of(UNREACHABLE).recv(100):
        received += more
    assert received == b"early and late"


def test_a_backlog_waits_for_room_as_long_as_some_comes() -> None:
    backlog = Backlog(patience=TEST_SECONDS, room=10)
    received = bytearray()

    def take() -> None:
        while (piece := backlog.take()) is not None:
            received.extend(piece)

    taker = threading.Thread(target=take)
    taker.start()
    assert all(backlog.put(b"0123456789") for _ in range(100))
    backlog.end()
    taker.join(TEST_SECONDS)
    assert received == b"0123456789" * 100
