"""A response that goes on, as lines. Invariant: a line is handed out whole, as soon as its end is there."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from bootstrap.errors import BootstrapError

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

PIECE_BYTES = 64 * 1024


class ResponseLines:
    """``failure`` turns what broke the connection into what is raised."""

    def __init__(self, response: BaseHTTPResponse, failure: Callable[[Exception], BootstrapError]) -> None:
        self._response = response
        self._failure = failure
        self._closed = False

    def __iter__(self) -> Iterator[bytes]:
        import urllib3

        rest = b""
        try:
            for piece in self._response.stream(PIECE_BYTES):
                *lines, rest = (rest + piece).split(b"\n")
                yield from lines
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            # Whoever closes it pulls the connection away under the one who reads.
            if not self._closed:
                raise self._failure(error) from error
        finally:
            # Closed and given back: the pool waits for connections that are out.
            self._response.close()
            self._response.release_conn()

    def close(self) -> None:
        self._closed = True
        # It may have ended by itself.
        with contextlib.suppress(OSError, RuntimeError, ValueError):
            self._response.shutdown()
