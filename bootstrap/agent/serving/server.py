"""The kubelet's port: each request authorized, then answered by the one route that its path has.

Invariant: long streams never take all of the server's connections.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from bootstrap.agent.serving.access import Access
from bootstrap.agent.serving.logquery import BadQueryError, log_options
from bootstrap.agent.serving.podlogs import NoLogError, instance_to_show, send_log
from bootstrap.agent.serving.pods import Pods, UnknownError
from bootstrap.errors import BootstrapError
from bootstrap.host.clock import Clock
from bootstrap.host.connection import Connection
from bootstrap.host.httpexchange import Exchange, read_request
from bootstrap.host.httpserver import Page
from bootstrap.runtime.api import ContainerRuntime, NoSuchContainerError

log = logging.getLogger("bootstrap.agent")

STREAM_LIMIT = 64
NOT_FOUND = Page(404, b"404 page not found\n")
BUSY = Page(503, b"too many streams are open on this node\n")

Serve = Callable[[Exchange, tuple[str, ...]], None]
"""Answers a request, given the parts of its path that the route leaves open."""


@dataclass(frozen=True, slots=True)
class Route:
    """``pattern``: the words of the path, ``*`` for any one word."""

    pattern: tuple[str, ...]
    serve: Serve
    methods: tuple[str, ...] = ("GET", "HEAD")

    def parts(self, words: tuple[str, ...]) -> tuple[str, ...] | None:
        """The words that ``*`` stands for, None when the path is another one."""
        if len(words) != len(self.pattern):
            return None
        pairs = tuple(zip(self.pattern, words, strict=True))
        if any(expected not in ("*", word) for expected, word in pairs):
            return None
        return tuple(word for expected, word in pairs if expected == "*")


class KubeletServer:
    """Serves one connection after another, each on a thread of its own."""

    def __init__(
        self, access: Access, pods: Pods, connect: Callable[[], ContainerRuntime], clock: Clock
    ) -> None:
        self._access = access
        self._pods = pods
        self._connect = connect
        self._clock = clock
        self._streams = threading.BoundedSemaphore(STREAM_LIMIT)
        self._routes = (
            Route(("healthz",), _say_ok),
            Route(("healthz", "ping"), _say_ok),
            Route(("containerLogs", "*", "*", "*"), self._container_logs),
        )

    def handle(self, connection: Connection) -> None:
        """Raises ConnectionEndedError."""
        request = read_request(connection)
        exchange = Exchange(connection, request)
        refusal = self._access.refusal(connection.peer_subject(), request)
        if refusal is not None:
            exchange.reply(refusal)
            return
        words = tuple(word for word in request.path.split("/") if word)
        for route in self._routes:
            parts = route.parts(words)
            if parts is not None:
                self._serve(route, exchange, parts)
                return
        exchange.reply(NOT_FOUND)

    def _serve(self, route: Route, exchange: Exchange, parts: tuple[str, ...]) -> None:
        if exchange.request.method not in route.methods:
            exchange.reply(Page(405, b"405: Method Not Allowed"))
            return
        try:
            route.serve(exchange, parts)
        except (UnknownError, NoSuchContainerError) as error:
            exchange.reply(text(404, str(error)))
        except NoLogError as error:
            exchange.reply(text(400, str(error)))
        except BadQueryError as error:
            exchange.reply(text(error.status, str(error)))
        except BootstrapError as error:
            log.warning("%s %s: %s", exchange.request.method, exchange.request.path, error.message)
            exchange.reply(text(500, error.message))

    def _container_logs(self, exchange: Exchange, parts: tuple[str, ...]) -> None:
        namespace, name, container = parts
        options = log_options(dict(exchange.request.query), self._clock.now())
        status = self._pods.container(namespace, name, container)
        with self._a_stream(exchange) as granted:
            if not granted:
                return
            with closing(self._connect()) as runtime:
                instances = self._pods.instances(runtime, namespace, name, container)
                instance = instance_to_show(instances, status, name, previous=options.previous)
                stream = runtime.read_logs(instance.id, options.query)
                send_log(exchange, stream, limit=options.limit, follow=options.query.follow)

    @contextmanager
    def _a_stream(self, exchange: Exchange) -> Iterator[bool]:
        """One of the streams there may be; without one left the client is told."""
        granted = self._streams.acquire(blocking=False)
        try:
            if not granted:
                exchange.reply(BUSY)
            yield granted
        finally:
            if granted:
                self._streams.release()


def text(status: int, message: str) -> Page:
    return Page(status, f"{message}\n".encode())


def _say_ok(exchange: Exchange, _parts: tuple[str, ...]) -> None:
    exchange.reply(Page(200, b"ok"))
