"""Port forwarding through the kubelet's port: SPDY, plain and inside a WebSocket."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.agent.serving.access import API_SERVER
from bootstrap.host.httpserver import listen_tcp
from tests.fakes.agent import document
from tests.fakes.kubeletport import KubeletPort
from tests.fakes.upgraded import SpdyClient, Tunnel, WebSocketClient, upgrade, websocket_headers

PATH = "/portForward/default/web-n1"
SPDY = {"Upgrade": "SPDY/3.1", "X-Stream-Protocol-Version": "portforward.k8s.io"}
TUNNEL = "SPDY/3.1+portforward.k8s.io"


@pytest.fixture
def port(tmp_path: Path) -> Iterator[KubeletPort]:
    made = KubeletPort(tmp_path)
    made.harness.write("web.yaml", document())
    made.harness.settle()
    with made.serving():
        yield made


@pytest.fixture
def echo() -> Iterator[int]:
    """A port of the "pod" (host network) that answers in capitals, and closes when the client has."""
    listener = listen_tcp("127.0.0.1", 0)

    def answer(connection: socket.socket) -> None:
        with connection:
            while data := connection.recv(1000):
                connection.sendall(data.upper())

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(10)


@pytest.fixture(params=["spdy", "tunnel"])
def client(request: pytest.FixtureRequest, port: KubeletPort) -> SpdyClient:
    connected = port.connect(port.credentials.client(API_SERVER))
    if request.param == "spdy":
        assert upgrade(connected, PATH, SPDY, "POST")[0] == 101
        return SpdyClient(connected)
    status, head = upgrade(connected, PATH, websocket_headers(TUNNEL))
    assert status == 101
    assert f"Sec-WebSocket-Protocol: {TUNNEL}" in head
    return SpdyClient(Tunnel(WebSocketClient(connected)))


def pair(client: SpdyClient, number: int, request: str) -> tuple[int, int]:
    """Error and data stream of one connection."""
    headers = {"port": str(number), "requestid": request}
    error = client.open(streamtype="error", **headers)
    client.send(error, b"", ends=True)
    return error, client.open(streamtype="data", **headers)


def test_connections_go_both_ways_at_once(client: SpdyClient, echo: int) -> None:
    pairs = [pair(client, echo, str(each)) for each in range(3)]
    for number, (_error, data) in enumerate(pairs):
        client.send(data, f"hello {number}".encode())
    for number, (error, data) in reversed(list(enumerate(pairs))):
        assert client.receive(data, 7) == f"HELLO {number}".encode()
        client.send(data, b"", ends=True)
        assert client.all_of(data) == f"HELLO {number}".encode()
        assert client.all_of(error) == b""


def test_much_data_arrives_whole(client: SpdyClient, echo: int) -> None:
    _error, data = pair(client, echo, "0")
    sender = threading.Thread(target=client.send, args=(data, b"x" * 1_000_000), kwargs={"ends": True})
    sender.start()
    assert client.all_of(data) == b"X" * 1_000_000
    sender.join()


def test_a_port_nobody_listens_on_harms_no_other(client: SpdyClient, echo: int) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        number = unused.getsockname()[1]
        error, data = pair(client, number, "0")
        assert client.all_of(error).startswith(f"error forwarding port {number} to pod web-n1".encode())
        assert client.all_of(data) == b""
    _error, data = pair(client, echo, "1")
    client.send(data, b"on", ends=True)
    assert client.all_of(data) == b"ON"


def test_a_stream_that_means_nothing_is_reset(client: SpdyClient) -> None:
    stream = client.open(streamtype="data", port="0", requestid="0")
    while stream not in client.reset:
        assert client.step()


def test_with_the_client_all_connections_end(port: KubeletPort, echo: int) -> None:
    before = threading.active_count()
    connected = port.connect(port.credentials.client(API_SERVER))
    assert upgrade(connected, PATH, SPDY, "POST")[0] == 101
    client = SpdyClient(connected)
    for each in range(5):
        pair(client, echo, str(each))
    connected.close()
    end = time.monotonic() + 10
    while port.server.connections or threading.active_count() > before:
        assert time.monotonic() < end
        time.sleep(0.01)


def test_only_what_is_spoken_here_is_agreed_on(port: KubeletPort) -> None:
    for headers, status in (
        ({}, 400),
        (websocket_headers("v4.channel.k8s.io"), 400),
        ({"Upgrade": "SPDY/3.1"}, 403),
    ):
        connected = port.connect(port.credentials.client(API_SERVER))
        assert upgrade(connected, PATH, headers)[0] == status
