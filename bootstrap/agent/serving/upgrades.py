"""How a connection goes on after an upgrade: as a WebSocket, or in SPDY, plain or inside a WebSocket.

API servers of 1.36 and newer pass a client's WebSocket on to nodes that declare it; older ones, and older
clients, speak SPDY. Invariant: what is offered and not spoken here is refused before anything is started.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from bootstrap.agent.serving.channels import (
    DIALECTS,
    ERROR,
    SPDY_DIALECTS,
    STDERR,
    STDOUT,
    Channels,
    SpdyChannels,
    WebSocketChannels,
    opened_streams,
)
from bootstrap.agent.serving.podlogs import STREAM_SECONDS
from bootstrap.agent.serving.refusal import RefusedError
from bootstrap.host.connection import Connection
from bootstrap.host.httpexchange import Exchange, IncomingRequest
from bootstrap.host.spdy import Pipe, SpdyConnection
from bootstrap.host.websocket import WebSocket, accept, is_upgrade
from bootstrap.runtime.api import ExecRequest

log = logging.getLogger("bootstrap.agent")

SPDY = "SPDY/3.1"
STREAM_VERSION = "X-Stream-Protocol-Version"
FORWARD = "portforward.k8s.io"
TUNNEL = f"{SPDY}+{FORWARD}"
OPENING_SECONDS = 30.0
"""For a client to open its streams (streamCreationTimeout of the kubelet)."""

_WITH_SIZES = frozenset({"v3.channel.k8s.io", "v4.channel.k8s.io"})


class ConnectionPipe:
    """A connection as a SPDY pipe; ``patience`` None waits for ever for what the client does next."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.patience: float | None = OPENING_SECONDS

    def read(self) -> bytes:
        return self._connection.read(self.patience)

    def write(self, data: bytes) -> None:
        self._connection.write(data, STREAM_SECONDS)


class TunnelPipe:
    """SPDY inside the messages of a WebSocket."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket

    def read(self) -> bytes:
        # An empty message is no end.
        while (message := self._socket.read()) == b"":
            pass
        return message or b""

    def write(self, data: bytes) -> None:
        self._socket.write(data)


def command_channels(exchange: Exchange, wanted: ExecRequest) -> Channels:
    """Upgrade, with the streams that are wanted. Raises RefusedError, ConnectionEndedError."""
    request = exchange.request
    if is_upgrade(request, "websocket"):
        offered = request.header_words("sec-websocket-protocol")
        protocol = _agreed(offered or ("",), DIALECTS, 400)
        _say(request, f"WebSocket ({protocol})")
        socket = accept(exchange, protocol, STREAM_SECONDS)
        first = STDOUT if wanted.stdout else STDERR if wanted.stderr else ERROR
        return WebSocketChannels(socket, DIALECTS[protocol], first)
    if is_upgrade(request, SPDY):
        protocol = _agreed(_stream_versions(request) or ("channel.k8s.io",), SPDY_DIALECTS, 403)
        _say(request, f"{SPDY} ({protocol})")
        exchange.upgrade(SPDY, {STREAM_VERSION: protocol})
        pipe = ConnectionPipe(exchange.connection)
        connection = SpdyConnection(pipe)
        streams = opened_streams(connection, _streams(wanted, protocol))
        pipe.patience = None
        return SpdyChannels(connection, SPDY_DIALECTS[protocol], streams)
    raise RefusedError(400, "Upgrade request required")


def forwarding_connection(exchange: Exchange) -> SpdyConnection:
    """Upgrade to the connection on which ports are forwarded. Raises RefusedError, ConnectionEndedError."""
    request = exchange.request
    if is_upgrade(request, "websocket"):
        _agreed(request.header_words("sec-websocket-protocol"), (TUNNEL,), 400)
        _say(request, f"WebSocket ({TUNNEL})")
        pipe: Pipe = TunnelPipe(accept(exchange, TUNNEL, STREAM_SECONDS))
        return SpdyConnection(pipe)
    if is_upgrade(request, SPDY):
        _agreed(_stream_versions(request), (FORWARD,), 403)
        _say(request, f"{SPDY} ({FORWARD})")
        exchange.upgrade(SPDY, {STREAM_VERSION: FORWARD})
        plain = ConnectionPipe(exchange.connection)
        plain.patience = None
        return SpdyConnection(plain)
    raise RefusedError(400, "Upgrade request required")


def _say(request: IncomingRequest, protocol: str) -> None:
    """Somebody gets into a pod: that is worth a line, though not what they type."""
    log.info("%s over %s", request.path, protocol)


def _stream_versions(request: IncomingRequest) -> tuple[str, ...]:
    return request.header_words(STREAM_VERSION.lower())


def _agreed(offered: Iterable[str], spoken: Iterable[str], status: int) -> str:
    """The first that is offered and spoken here."""
    known = tuple(spoken)
    for each in offered:
        if each in known:
            return each
    ours = ", ".join(each for each in known if each)
    raise RefusedError(status, f"none of the offered protocols is spoken here; these are: {ours}")


def _streams(wanted: ExecRequest, protocol: str) -> frozenset[str]:
    names = {
        "error": True,
        "stdin": wanted.stdin,
        "stdout": wanted.stdout,
        "stderr": wanted.stderr,
        "resize": wanted.tty and protocol in _WITH_SIZES,
    }
    return frozenset(name for name, is_wanted in names.items() if is_wanted)
