"""exec and attach through the kubelet's port, as WebSocket and SPDY clients see them."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bootstrap.agent.serving.access import API_SERVER
from bootstrap.agent.serving.channels import SizeReader
from bootstrap.runtime.api import ExecResult
from tests.fakes.agent import document
from tests.fakes.kubeletport import KubeletPort
from tests.fakes.upgraded import SpdyClient, WebSocketClient, upgrade, websocket_headers

EXEC = "/exec/default/web-n1/main?command=tool&command=-v&output=1&error=1"
SUCCESS = b'{"metadata":{},"status":"Success"}'
SPDY_V4 = {"Upgrade": "SPDY/3.1", "X-Stream-Protocol-Version": "v5.channel.k8s.io, v4.channel.k8s.io"}


@pytest.fixture
def port(tmp_path: Path) -> Iterator[KubeletPort]:
    made = KubeletPort(tmp_path)
    made.harness.engine.set_exec("_main_", lambda _spec, argv: ExecResult(0, " ".join(argv).encode()))
    made.harness.write("web.yaml", document())
    made.harness.settle()
    with made.serving():
        yield made


def dialled(port: KubeletPort, path: str, *protocols: str) -> WebSocketClient:
    socket = port.connect(port.credentials.client(API_SERVER))
    status, head = upgrade(socket, path, websocket_headers(*protocols))
    assert status == 101, head
    assert not protocols or f"Sec-WebSocket-Protocol: {protocols[0]}" in head
    return WebSocketClient(socket)


def refused(port: KubeletPort, path: str, headers: dict[str, str], method: str = "GET") -> tuple[int, str]:
    status, text = upgrade(port.connect(port.credentials.client(API_SERVER)), path, headers, method)
    return status, text.partition("\r\n\r\n")[2]


def eventually(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize("protocol", ["v5.channel.k8s.io", "v4.channel.k8s.io"])
def test_a_program_is_executed_over_a_websocket(port: KubeletPort, protocol: str) -> None:
    client = dialled(port, EXEC, protocol)
    assert client.messages() == [b"\x01", b"\x01tool -v", b"\x03" + SUCCESS]
    client.socket.close()
    eventually(lambda: port.server.connections == 0)


def test_an_exit_code_is_a_status(port: KubeletPort) -> None:
    port.harness.engine.set_exec("_main_", lambda _spec, _argv: ExecResult(7, b""))
    (_hello, ending) = dialled(port, EXEC, "v5.channel.k8s.io").messages()
    status = json.loads(ending[1:])
    assert (ending[0], status["status"], status["reason"]) == (3, "Failure", "NonZeroExitCode")
    assert status["details"]["causes"] == [{"reason": "ExitCode", "message": "7"}]


def test_text_frames_in_base64_for_browsers(port: KubeletPort) -> None:
    client = dialled(port, EXEC, "v4.base64.channel.k8s.io")
    assert client.receive() == (1, b"1")
    assert client.receive() == (1, b"1" + base64.b64encode(b"tool -v"))


def test_the_oldest_clients_name_no_protocol(port: KubeletPort) -> None:
    assert dialled(port, EXEC).messages() == [b"\x01", b"\x01tool -v", b"\x03"]


def test_input_and_its_end_over_a_websocket(port: KubeletPort) -> None:
    client = dialled(port, f"{EXEC}&input=1", "v5.channel.k8s.io")
    client.send(b"\x00over there")
    client.send(b"ping", opcode=9)
    client.send(b"\x00agai", final=False)
    client.send(b"n", opcode=0)
    client.send(b"\x04" + b'{"Width":100,"Height":40}')
    client.send(b"\xff\x00")
    messages = client.messages()
    assert b"ping" in messages
    assert b"".join(each[1:] for each in messages if each[:1] == b"\x01") == b"tool -vover thereagain"
    assert messages[-1] == b"\x03" + SUCCESS


def test_a_client_that_goes_away_ends_the_session(port: KubeletPort) -> None:
    before = threading.active_count()
    client = dialled(port, f"{EXEC}&input=1", "v5.channel.k8s.io")
    client.receive()
    client.socket.close()
    eventually(lambda: port.server.connections == 0)
    eventually(lambda: threading.active_count() <= before)


def test_attaching_to_a_container(port: KubeletPort) -> None:
    client = dialled(port, "/attach/default/web-n1/main?input=1&output=1", "v5.channel.k8s.io")
    client.send(b"\x00hello")
    client.send(b"\xff\x00")
    assert client.messages() == [b"\x01", b"\x01hello", b"\x03" + SUCCESS]


def test_a_program_is_executed_over_spdy(port: KubeletPort) -> None:
    socket = port.connect(port.credentials.client(API_SERVER))
    status, head = upgrade(socket, f"{EXEC}&input=1", SPDY_V4, "POST")
    assert status == 101
    assert "X-Stream-Protocol-Version: v4.channel.k8s.io" in head
    client = SpdyClient(socket)
    error, stdin, stdout, stderr = (
        client.open(streamtype=each) for each in ("error", "stdin", "stdout", "stderr")
    )
    client.control(6, (1).to_bytes(4, "big"))
    client.send(stdin, b"over ")
    client.send(stdin, b"there", ends=True)
    assert client.all_of(stdout) == b"tool -vover there"
    assert client.all_of(stderr) == b""
    assert client.all_of(error) == SUCCESS
    assert client.pongs == [1]
    socket.close()
    eventually(lambda: port.server.connections == 0)


def test_a_terminal_over_spdy_has_a_stream_for_its_size(port: KubeletPort) -> None:
    socket = port.connect(port.credentials.client(API_SERVER))
    assert upgrade(socket, f"{EXEC}&input=1&tty=1", SPDY_V4, "POST")[0] == 101
    client = SpdyClient(socket)
    for each in ("error", "stdin", "stdout"):
        client.open(streamtype=each)
    resize = client.open(streamtype="resize")
    client.send(resize, b'{"Width":1,"Height":2}')
    client.control(3, (3).to_bytes(4, "big") + (5).to_bytes(4, "big"))
    assert client.all_of(5) == b"tool -v"


@pytest.mark.parametrize(
    ("path", "headers", "status", "words"),
    [
        (EXEC, {}, 400, "Upgrade request required"),
        (EXEC, websocket_headers("v9.channel.k8s.io"), 400, "none of the offered protocols"),
        (EXEC, {"Upgrade": "SPDY/3.1", "X-Stream-Protocol-Version": "v9"}, 403, "none of the offered"),
        ("/exec/default/web-n1/main?output=1", websocket_headers("v5.channel.k8s.io"), 400, "no command"),
        ("/exec/default/web-n1/main?command=x", websocket_headers("v5.channel.k8s.io"), 400, "at least 1 of"),
        ("/exec/default/web-n1/no?command=x&output=1", websocket_headers("v5.channel.k8s.io"), 404, "no"),
        ("/exec/default/no/main?command=x&output=1", websocket_headers("v5.channel.k8s.io"), 404, "no"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_starts(
    port: KubeletPort, path: str, headers: dict[str, str], status: int, words: str
) -> None:
    found = refused(port, path, headers)
    assert (found[0], words in found[1]) == (status, True)


def test_nothing_is_executed_in_a_container_that_does_not_run(port: KubeletPort) -> None:
    port.harness.engine.exit("_main_", 1)
    status, text = refused(port, EXEC, websocket_headers("v5.channel.k8s.io"))
    assert status == 404
    assert "does not run" in text


def test_nobody_else_executes_anything(port: KubeletPort) -> None:
    socket = port.connect(port.credentials.client("alice"))
    assert upgrade(socket, EXEC, websocket_headers("v5.channel.k8s.io"))[0] == 403


def test_sizes_come_in_pieces() -> None:
    reader = SizeReader()
    assert list(reader.add(b'{"Width":1,"Hei')) == []
    assert list(reader.add(b'ght":2}\n{"Width":3,"Height":4}')) == [(1, 2), (3, 4)]
    assert list(reader.add(b'{"Width":"x"}{"Width":5,"Height":6}')) == [(5, 6)]
