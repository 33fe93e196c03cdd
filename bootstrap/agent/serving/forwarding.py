"""``/portForward``: connections to ports of a pod, each a pair of SPDY streams that the client opens.

Source: pkg/kubelet/server/portforward. Invariant: a connection that fails is told on its error stream and
harms no other; with the client all of them end.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import Protocol

from bootstrap.agent.names import SANDBOX
from bootstrap.agent.serving.pods import Pods
from bootstrap.agent.serving.refusal import RefusedError
from bootstrap.agent.serving.streamlimit import StreamLimit
from bootstrap.agent.serving.upgrades import forwarding_connection
from bootstrap.host.connection import ConnectionEndedError
from bootstrap.host.httpexchange import Exchange
from bootstrap.host.podnetwork import connect_in_network, connect_loopback
from bootstrap.host.spdy import SpdyConnection, SpdyEvent
from bootstrap.runtime.api import ContainerRuntime

PIECE_BYTES = 32 * 1024
SENDING, BOTH_WAYS = 1, 2
"""What of a socket is shut down, as the operating system counts."""


class Socket(Protocol):
    """A connected stream socket."""

    def recv(self, count: int, /) -> bytes: ...

    def sendall(self, data: bytes, /) -> None: ...

    def shutdown(self, how: int, /) -> None: ...

    def close(self) -> None: ...


Dial = Callable[[int], Socket]
"""Connects to a port of the pod. Raises OSError."""


class Forwarding:
    """Answers ``/portForward/NAMESPACE/POD[/UID]``."""

    def __init__(self, pods: Pods, connect: Callable[[], ContainerRuntime], streams: StreamLimit) -> None:
        self._pods = pods
        self._connect = connect
        self._streams = streams

    def serve(self, exchange: Exchange, parts: tuple[str, ...]) -> None:
        namespace, name = parts[0], parts[1]
        with self._streams.one():
            dial = self._dial(namespace, name)
            connection = forwarding_connection(exchange)
            with suppress(ConnectionEndedError):
                Forwarder(connection, dial, name).run()

    def _dial(self, namespace: str, name: str) -> Dial:
        with closing(self._connect()) as runtime:
            sandboxes = self._pods.instances(runtime, namespace, name, SANDBOX)
        for each in sandboxes:
            if each.is_running and each.state.network_mode == "host":
                return connect_loopback
            if each.is_running:
                # Not by way of its process: the unit's capabilities do not reach into /proc of every user.
                path = each.state.network_namespace
                return lambda port: connect_in_network(path, port)
        raise RefusedError(404, f'pod "{name}" does not run')


@dataclass(slots=True)
class _Pair:
    """The streams of one connection; 0 for one that is not open yet."""

    port: int = 0
    error: int = 0
    data: int = 0


@dataclass(slots=True)
class Forwarder:
    """Serves one client, of the pod ``name``."""

    connection: SpdyConnection
    dial: Dial
    name: str
    _pairs: dict[str, _Pair] = field(default_factory=dict)
    _sockets: dict[int, Socket] = field(default_factory=dict)
    _threads: list[threading.Thread] = field(default_factory=list)

    def run(self) -> None:
        """Until the client is gone. Raises ConnectionEndedError."""
        try:
            while (event := self.connection.read()) is not None:
                if event.headers is not None:
                    self._opened(event)
                else:
                    self._passed(event)
        finally:
            for each in tuple(self._sockets.values()):
                with suppress(OSError):
                    each.shutdown(BOTH_WAYS)
            for thread in self._threads:
                thread.join()

    def _opened(self, event: SpdyEvent) -> None:
        """A stream says whose it is; the second one of a pair starts the connection."""
        headers = event.headers or {}
        kind, port = headers.get("streamtype", ""), headers.get("port", "")
        if kind not in ("error", "data") or not port.isdecimal() or not 0 < int(port) < 65536:
            self.connection.reset(event.stream)
            return
        # Old clients name no request: their pairs are by number, the data stream after the error stream.
        key = headers.get("requestid") or str(event.stream - (2 if kind == "data" else 0))
        pair = self._pairs.setdefault(key, _Pair(int(port)))
        if kind == "error":
            pair.error = event.stream
        else:
            pair.data = event.stream
        if pair.error and pair.data:
            del self._pairs[key]
            self._start(pair)

    def _start(self, pair: _Pair) -> None:
        try:
            socket = self.dial(pair.port)
        except OSError as error:
            self._fail(pair, str(error.strerror or error))
            return
        self._sockets[pair.data] = socket
        self._threads = [each for each in self._threads if each.is_alive()]
        thread = threading.Thread(target=self._pump, args=(pair, socket), name="forward", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _passed(self, event: SpdyEvent) -> None:
        """What the client sends, to the pod."""
        socket = self._sockets.get(event.stream)
        if socket is None:
            return
        # A pod that closed already: its thread tells the client.
        with suppress(OSError):
            if event.data:
                socket.sendall(event.data)
            if event.ends:
                socket.shutdown(SENDING)
            if event.reset:
                socket.shutdown(BOTH_WAYS)

    def _pump(self, pair: _Pair, socket: Socket) -> None:
        """What the pod sends, to the client, until it closes."""
        with suppress(ConnectionEndedError):
            try:
                while data := socket.recv(PIECE_BYTES):
                    self.connection.send(pair.data, data)
            except OSError as error:
                self._fail(pair, str(error.strerror or error))
            self.connection.send(pair.data, b"", ends=True)
            self.connection.send(pair.error, b"", ends=True)
        self._sockets.pop(pair.data, None)
        socket.close()

    def _fail(self, pair: _Pair, reason: str) -> None:
        message = f"error forwarding port {pair.port} to pod {self.name}: {reason}"
        self.connection.send(pair.error, message.encode(), ends=True)
        self.connection.send(pair.data, b"", ends=True)
