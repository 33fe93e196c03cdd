"""``/portForward``: connections to ports of a pod, each a pair of SPDY streams that the client opens.

Source: pkg/kubelet/server/portforward. Invariant: a connection that fails is told on its error stream and
harms no other, nor does one that is stuck; with the client all of them end.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field

from bootstrap.agent.names import SANDBOX
from bootstrap.agent.serving.backlog import PATIENCE_SECONDS, Backlog
from bootstrap.agent.serving.forwarded import Dial, Forwarded, Pair
from bootstrap.agent.serving.pods import Pods
from bootstrap.agent.serving.refusal import RefusedError
from bootstrap.agent.serving.streamlimit import StreamLimit
from bootstrap.agent.serving.upgrades import forwarding_connection
from bootstrap.host.connection import ConnectionEndedError
from bootstrap.host.httpexchange import Exchange
from bootstrap.host.podnetwork import connect_in_network, connect_loopback
from bootstrap.host.spdy import SpdyConnection, SpdyEvent
from bootstrap.runtime.api import ContainerRuntime


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
class Forwarder:
    """Serves one client, of the pod ``name``; a pod that takes nothing is given up after ``patience``."""

    connection: SpdyConnection
    dial: Dial
    name: str
    patience: float = PATIENCE_SECONDS
    _pairs: dict[str, Pair] = field(default_factory=dict)
    _open: dict[int, Forwarded] = field(default_factory=dict)
    _threads: list[threading.Thread] = field(default_factory=list)

    def run(self) -> None:
        """Until the client is gone. Raises ConnectionEndedError."""
        try:
            while (event := self.connection.read()) is not None:
                if event.headers is not None:
                    self._opened(event)
                elif (forwarded := self._open.get(event.stream)) is not None:
                    forwarded.passed(event)
        finally:
            for each in tuple(self._open.values()):
                each.abandon()
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
        pair = self._pairs.setdefault(key, Pair(int(port)))
        if kind == "error":
            pair.error = event.stream
        else:
            pair.data = event.stream
        if pair.error and pair.data:
            del self._pairs[key]
            self._start(pair)

    def _start(self, pair: Pair) -> None:
        forwarded = Forwarded(self.connection, pair, self.name, self.dial, Backlog(self.patience))
        self._open[pair.data] = forwarded
        self._threads = [each for each in self._threads if each.is_alive()]
        thread = threading.Thread(target=self._run, args=(forwarded,), name="forward", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _run(self, forwarded: Forwarded) -> None:
        try:
            forwarded.run()
        finally:
            self._open.pop(forwarded.pair.data, None)
