"""The standard gRPC health check on a plaintext HTTP/2 connection of its own.

Source: grpc/health/v1/health.proto and the gRPC over HTTP/2 protocol. Invariants: the whole is bounded by one
timeout; ``h2`` is imported here alone, and this module only when something has such a check to do.
"""

from __future__ import annotations

import socket
import time

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.exceptions import ProtocolError

from bootstrap.host.httpwire import READ_BYTES, NoAnswerError, seconds_left

METHOD = "/grpc.health.v1.Health/Check"
USER_AGENT = "kube-probe/1.37"
MAX_BODY = 4096
"""An answer has seven bytes."""

STATUSES = ("UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN")
STATUS_FIELD = 0x08
"""The key of field 1, a varint, of HealthCheckResponse."""


def check_health(host: str, port: int, service: str, timeout: float) -> str:
    """``SERVING``, another status, or why the server gave none. Raises NoAnswerError."""
    deadline = time.monotonic() + timeout
    where = f"{host}:{port}"
    try:
        with socket.create_connection((host, port), seconds_left(deadline)) as connection:
            return _Call(connection, where, deadline).run(service)
    except ProtocolError as error:
        raise NoAnswerError(f"{where}: the answer is not HTTP/2: {error}") from error
    except TimeoutError as error:
        raise NoAnswerError(f"{where}: no answer in time") from error
    except OSError as error:
        raise NoAnswerError(f"{where}: {(error.strerror or str(error)).lower()}") from error


class _Call:
    """One request on a fresh connection."""

    def __init__(self, connection: socket.socket, where: str, deadline: float) -> None:
        self._connection = connection
        self._where = where
        self._deadline = deadline
        self._http = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self._headers: dict[str, str] = {}
        self._body = b""

    def run(self, service: str) -> str:
        self._http.initiate_connection()
        stream = self._http.get_next_available_stream_id()
        self._http.send_headers(stream, self._request_headers())
        self._http.send_data(stream, request_message(service), end_stream=True)
        while True:
            self._connection.settimeout(seconds_left(self._deadline))
            self._connection.sendall(self._http.data_to_send())
            data = self._connection.recv(READ_BYTES)
            if not data:
                raise NoAnswerError(f"{self._where}: it closed the connection")
            if any(self._take(event) for event in self._http.receive_data(data)):
                return answer(self._headers, self._body)

    def _request_headers(self) -> list[tuple[str, str]]:
        left = max(1, int(seconds_left(self._deadline) * 1000))
        return [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", METHOD),
            (":authority", self._where),
            ("te", "trailers"),
            ("content-type", "application/grpc"),
            ("user-agent", USER_AGENT),
            ("grpc-timeout", f"{left}m"),
        ]

    def _take(self, event: Event) -> bool:
        """Whether the answer is complete with this."""
        if isinstance(event, ResponseReceived | TrailersReceived):
            self._headers |= {str(name): str(value) for name, value in event.headers or ()}
        elif isinstance(event, DataReceived):
            self._body = (self._body + (event.data or b""))[:MAX_BODY]
            self._http.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id or 1)
        elif isinstance(event, StreamReset | ConnectionTerminated):
            raise NoAnswerError(f"{self._where}: it refused the request (HTTP/2 error {event.error_code})")
        return isinstance(event, StreamEnded)


def request_message(service: str) -> bytes:
    """A HealthCheckRequest as gRPC frames it: not compressed, its length, then field 1."""
    name = service.encode()
    message = b"\x0a" + _varint(len(name)) + name if name else b""
    return b"\0" + len(message).to_bytes(4, "big") + message


def answer(headers: dict[str, str], body: bytes) -> str:
    """What a complete answer says: a health status, or the error instead of one."""
    if headers.get(":status") != "200":
        return f"HTTP status {headers.get(':status', '(none)')}"
    code = headers.get("grpc-status", "")
    if code != "0":
        return f"gRPC status {code or '(none)'}: {headers.get('grpc-message', '')}".rstrip(": ")
    message = body[5:]
    if not message:
        return STATUSES[0]
    if len(message) < 2 or message[0] != STATUS_FIELD or message[1] >= len(STATUSES):
        return "an answer that is no health status"
    return STATUSES[message[1]]


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])
