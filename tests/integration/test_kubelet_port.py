"""The kubelet's port of a real agent process on a real Docker Engine."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from bootstrap.agent.serving.access import API_SERVER
from tests.fakes.kubeletport import Credentials, KubeletClient
from tests.fakes.upgraded import SpdyClient, Tunnel, WebSocketClient, upgrade, websocket_headers
from tests.fixtures.probe_image import PROGRAM
from tests.integration.real_agent import RealAgent, free_port, real_agent, wait_until

pytestmark = pytest.mark.docker

STEPS = ("print:one", "fail:two", "serve:8080", "print:three", "copy", "forever")
EXEC = f"command={PROGRAM}&output=1&error=1"
SPDY = {"Upgrade": "SPDY/3.1", "X-Stream-Protocol-Version": "v4.channel.k8s.io"}


@dataclass
class Served:
    """An agent with one pod in a network of its own, and a client with the API server's certificate."""

    agent: RealAgent
    client: KubeletClient

    def path(self, word: str, container: str = "/main") -> str:
        return f"/{word}/default/talker-{self.agent.node}{container}"

    def upgraded(self, path: str, headers: dict[str, str], method: str) -> WebSocketClient:
        connection = self.client.connect(self.client.credentials.client(API_SERVER))
        status, head = upgrade(connection, path, headers, method)
        assert status == 101, head
        return WebSocketClient(connection)

    def open_files(self) -> int:
        assert self.agent.process is not None
        return len(list(Path(f"/proc/{self.agent.process.pid}/fd").iterdir()))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    directory = tmp_path_factory.mktemp("agent")
    credentials = Credentials(directory)
    with (
        real_agent(directory) as agent,
        closing(KubeletClient(credentials, free_port())) as client,
    ):
        agent.options = {
            "port": client.port,
            "address": "127.0.0.1",
            "tls-cert-file": credentials.serving,
            "client-ca-file": credentials.ca,
        }
        agent.start()
        agent.write("talker", *STEPS, container={"stdin": True}, hostNetwork=False)
        agent.running()
        made = Served(agent, client)
        wait_until(lambda: client.ask(made.path("containerLogs"))[1].count(b"\n") == 3)
        yield made


def test_logs(served: Served) -> None:
    path, ask = served.path("containerLogs"), served.client.ask
    assert sorted(ask(path)[1].splitlines()) == [b"one", b"three", b"two"]
    assert ask(f"{path}?tailLines=1")[1].count(b"\n") == 1
    assert ask(f"{path}?stream=Stderr") == (200, b"two\n")
    assert ask(f"{path}?limitBytes=2")[1] in (b"on", b"tw", b"th")
    assert ask(f"{path}?sinceSeconds=3600")[1].count(b"\n") == 3
    stamped = ask(f"{path}?timestamps=true&stream=Stderr")[1]
    assert re.fullmatch(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z two\n", stamped)
    assert ask(f"{path}?previous=true")[0] == 400


def test_pods_and_metrics(served: Served) -> None:
    (pod,) = json.loads(served.client.ask("/pods")[1])["items"]
    assert pod["status"]["phase"] == "Running"
    (running,) = json.loads(served.client.ask("/runningpods/")[1])["items"]
    assert running["metadata"] == {key: pod["metadata"][key] for key in ("name", "namespace", "uid")}
    assert b'podstrap_events_total{type="Normal",reason="Started"} 1' in served.client.ask("/metrics")[1]


def test_a_command_over_a_websocket(served: Served) -> None:
    path = f"{served.path('exec')}?{EXEC}&command=print:inside&command=fail:trouble&command=exit:7"
    client = served.upgraded(path, websocket_headers("v5.channel.k8s.io"), "GET")
    hello, *output, ending = client.messages()
    assert hello == b"\x01"
    assert sorted(output) == [b"\x01inside\n", b"\x02trouble\n"]
    assert json.loads(ending[1:])["details"]["causes"] == [{"reason": "ExitCode", "message": "7"}]


def test_a_command_with_input_over_a_websocket(served: Served) -> None:
    path = f"{served.path('exec')}?{EXEC}&command=copy&input=1"
    client = served.upgraded(path, websocket_headers("v5.channel.k8s.io"), "GET")
    client.send(b"\x00" + b"x" * 100_000)
    client.send(b"\xff\x00")
    *output, ending = client.messages()
    assert b"".join(each[1:] for each in output) == b"x" * 100_000
    assert ending == b'\x03{"metadata":{},"status":"Success"}'


def test_a_terminal_has_the_size_it_was_given(served: Served) -> None:
    path = f"{served.path('exec')}?{EXEC}&command=size&input=1&tty=1"
    client = served.upgraded(path, websocket_headers("v5.channel.k8s.io"), "GET")
    client.send(b'\x04{"Width":101,"Height":42}')
    assert b"101x42\r\n" in b"".join(each[1:] for each in client.messages())


def test_a_command_over_spdy(served: Served) -> None:
    path = f"{served.path('exec')}?{EXEC}&command=copy&command=exit:3&input=1"
    client = SpdyClient(served.upgraded(path, SPDY, "POST").socket)
    error, stdin, stdout, _stderr = (
        client.open(streamtype=each) for each in ("error", "stdin", "stdout", "stderr")
    )
    client.send(stdin, b"over there", ends=True)
    assert client.all_of(stdout) == b"over there"
    assert b'"reason":"ExitCode","message":"3"' in client.all_of(error)


def test_what_is_not_in_the_image_fails(served: Served) -> None:
    path = f"{served.path('exec')}?command=/nowhere&output=1&error=1"
    *output, ending = served.upgraded(path, websocket_headers("v5.channel.k8s.io"), "GET").messages()
    assert b"no such file" in b"".join(output)
    assert json.loads(ending[1:])["status"] == "Failure"


def test_attached_to_its_own_program(served: Served) -> None:
    path = f"{served.path('attach')}?input=1&output=1&error=1"
    client = served.upgraded(path, websocket_headers("v5.channel.k8s.io"), "GET")
    client.send(b"\x00hello\n")
    assert client.receive()[1] == b"\x01"
    assert client.receive()[1] == b"\x01hello\n"
    client.socket.close()


@pytest.mark.parametrize("tunnelled", [True, False])
def test_a_port_of_a_pods_own_network(served: Served, tunnelled: bool) -> None:
    path = served.path("portForward", "")
    if tunnelled:
        headers = websocket_headers("SPDY/3.1+portforward.k8s.io")
        client = SpdyClient(Tunnel(served.upgraded(path, headers, "GET")))
    else:
        headers = {**SPDY, "X-Stream-Protocol-Version": "portforward.k8s.io"}
        client = SpdyClient(served.upgraded(path, headers, "POST").socket)
    error = client.open(streamtype="error", port="8080", requestid="0")
    data = client.open(streamtype="data", port="8080", requestid="0")
    client.send(data, b"GET /hello HTTP/1.0\r\n\r\n")
    assert client.all_of(data).endswith(b"\r\n\r\n/hello\n")
    assert client.all_of(error) == b""


def test_clients_that_go_away_leave_nothing_behind(served: Served) -> None:
    followed = f"{served.path('containerLogs')}?follow=true"
    executed = f"{served.path('exec')}?{EXEC}&command=forever&input=1"
    served.client.open(followed).close()
    wait_until(lambda: b"process_threads" in served.client.ask("/metrics")[1])
    before = served.open_files()
    replies = [served.client.open(followed) for _ in range(5)]
    sessions = [served.upgraded(executed, websocket_headers("v5.channel.k8s.io"), "GET") for _ in range(5)]
    assert served.open_files() > before
    for reply in replies:
        reply.readline()
        reply.close()
    for session in sessions:
        session.receive()
        session.socket.close()
    wait_until(lambda: served.open_files() <= before)
