"""Health checks over gRPC, against a server that speaks HTTP/2."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded

from bootstrap.host.grpchealth import answer, check_health, request_message
from bootstrap.host.http import SystemHttp
from bootstrap.host.httpwire import NoAnswerError

OK = [("grpc-status", "0"), ("grpc-message", "")]
HEADERS = [(":status", "200"), ("content-type", "application/grpc")]


class Seen:
    """What the server was asked."""

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self.body = b""


Reply = Callable[[H2Connection, int], None]


def says(body: bytes, trailers: list[tuple[str, str]] = OK) -> Reply:
    def reply(http: H2Connection, stream: int) -> None:
        http.send_headers(stream, HEADERS)
        http.send_data(stream, b"\0" + len(body).to_bytes(4, "big") + body)
        http.send_headers(stream, trailers, end_stream=True)

    return reply


def refuses(http: H2Connection, stream: int) -> None:
    trailers = [("grpc-status", "5"), ("grpc-message", "unknown service")]
    http.send_headers(stream, [*HEADERS, *trailers], end_stream=True)


def resets(http: H2Connection, stream: int) -> None:
    http.reset_stream(stream, 7)


def is_silent(_http: H2Connection, _stream: int) -> None:
    pass


@contextmanager
def server(reply: Reply) -> Iterator[tuple[int, Seen]]:
    """One connection, one request."""
    seen = Seen()
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _address = listener.accept()
        with connection:
            http = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
            http.initiate_connection()
            # A ping in between must be answered, or nothing goes on.
            http.ping(b"12345678")
            connection.sendall(http.data_to_send())
            while data := connection.recv(65536):
                for event in http.receive_data(data):
                    if isinstance(event, RequestReceived):
                        seen.headers = {str(name): str(value) for name, value in event.headers}
                    elif isinstance(event, DataReceived):
                        seen.body += event.data
                    elif isinstance(event, StreamEnded):
                        reply(http, event.stream_id)
                connection.sendall(http.data_to_send())

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1], seen
    finally:
        listener.close()
        thread.join(5)


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (says(b"\x08\x01"), "SERVING"),
        (says(b"\x08\x02"), "NOT_SERVING"),
        (says(b""), "UNKNOWN"),
        (refuses, "gRPC status 5: unknown service"),
    ],
)
def test_what_a_server_says(reply: Reply, said: str) -> None:
    with server(reply) as (port, seen):
        assert check_health("127.0.0.1", port, "", 5) == said
    assert seen.headers[":path"] == "/grpc.health.v1.Health/Check"
    assert seen.headers["te"] == "trailers"
    assert seen.body == b"\0\0\0\0\0"


def test_a_service_is_asked_for_by_name() -> None:
    with server(says(b"\x08\x01")) as (port, seen):
        assert SystemHttp().health("127.0.0.1", port, "store", 5) == "SERVING"
    assert seen.body == b"\0\0\0\0\x07\x0a\x05store"


def test_a_long_name_has_a_long_length() -> None:
    assert request_message("x" * 300)[:8] == b"\0\0\0\x01\x2f\x0a\xac\x02"


def test_a_server_that_resets_the_stream_gave_no_answer() -> None:
    with server(resets) as (port, _seen), pytest.raises(NoAnswerError, match="refused the request"):
        check_health("127.0.0.1", port, "", 5)


def test_a_server_that_says_nothing_is_not_waited_for() -> None:
    with server(is_silent) as (port, _seen), pytest.raises(NoAnswerError, match="no answer in time"):
        check_health("127.0.0.1", port, "", 0.2)


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(NoAnswerError, match="refused"):
        check_health("127.0.0.1", port, "", 5)


def test_what_is_not_http2_is_said_to_be_none() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _address = listener.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n" + b" " * 64)
                connection.recv(65536)

        threading.Thread(target=serve, daemon=True).start()
        with pytest.raises(NoAnswerError):
            check_health("127.0.0.1", listener.getsockname()[1], "", 5)


@pytest.mark.parametrize(
    ("headers", "body", "said"),
    [
        ({":status": "503"}, b"", "HTTP status 503"),
        ({":status": "200"}, b"", "gRPC status (none)"),
        (
            {":status": "200", "grpc-status": "0"},
            b"\0\0\0\0\x02\x10\x01",
            "an answer that is no health status",
        ),
        ({":status": "200", "grpc-status": "0"}, b"\0\0\0\0\x02\x08\x03", "SERVICE_UNKNOWN"),
    ],
)
def test_answers_that_are_none(headers: dict[str, str], body: bytes, said: str) -> None:
    assert answer(headers, body) == said


def test_whoever_asks_for_no_health_loads_no_http2() -> None:
    code = "import sys, bootstrap.host.http, bootstrap.agent.daemon; sys.exit('h2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
