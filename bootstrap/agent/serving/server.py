"""The kubelet's port: each request authorized, then answered by the one route that its path has."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from bootstrap.agent.serving.access import Access
from bootstrap.agent.serving.refusal import RefusedError
from bootstrap.errors import BootstrapError
from bootstrap.host.connection import Connection, ConnectionEndedError
from bootstrap.host.httpexchange import Exchange, read_request
from bootstrap.host.httpserver import Page
from bootstrap.runtime.api import NoSuchContainerError

log = logging.getLogger("bootstrap.agent")

NOT_FOUND = Page(404, b"404 page not found\n")

Serve = Callable[[Exchange, tuple[str, ...]], None]
"""Answers a request, given the words of its path that the route leaves open. Raises RefusedError."""


@dataclass(frozen=True, slots=True)
class Route:
    """``path``: words, of which ``*`` is any one word. ``methods``: a HEAD is answered as a GET."""

    path: str
    serve: Serve
    methods: tuple[str, ...] = ("GET", "HEAD")

    def parts(self, words: tuple[str, ...]) -> tuple[str, ...] | None:
        """The words that ``*`` stands for, None when the path is another one."""
        expected = words_of(self.path)
        if len(words) != len(expected):
            return None
        pairs = tuple(zip(expected, words, strict=True))
        if any(each not in ("*", word) for each, word in pairs):
            return None
        return tuple(word for each, word in pairs if each == "*")


class KubeletServer:
    """Serves one connection after another, each on a thread of its own."""

    def __init__(self, access: Access, routes: tuple[Route, ...]) -> None:
        self._access = access
        self._routes = routes

    def handle(self, connection: Connection) -> None:
        """Raises ConnectionEndedError."""
        request = read_request(connection)
        exchange = Exchange(connection, request)
        refusal = self._access.refusal(connection.peer_subject(), request)
        if refusal is not None:
            exchange.reply(refusal)
            return
        words = words_of(request.path)
        for route in self._routes:
            parts = route.parts(words)
            if parts is not None:
                self._serve(route, exchange, parts)
                return
        exchange.reply(NOT_FOUND)

    def _serve(self, route: Route, exchange: Exchange, parts: tuple[str, ...]) -> None:
        if exchange.request.method not in route.methods:
            exchange.reply(text(405, "405: Method Not Allowed"))
            return
        try:
            route.serve(exchange, parts)
        except RefusedError as error:
            exchange.reply(text(error.status, str(error)))
        except NoSuchContainerError as error:
            exchange.reply(text(404, error.message))
        except ConnectionEndedError:
            raise
        except BootstrapError as error:
            log.warning("%s %s: %s", exchange.request.method, exchange.request.path, error.message)
            exchange.reply(text(500, error.message))


def words_of(path: str) -> tuple[str, ...]:
    """Its parts; more slashes than needed mean nothing."""
    return tuple(word for word in path.split("/") if word)


def text(status: int, message: str) -> Page:
    return Page(status, f"{message}\n".encode())
