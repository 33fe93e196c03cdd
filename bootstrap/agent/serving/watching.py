"""Notices that a client goes away while nothing is sent to it.

Invariant: the watching thread has ended when the ``with`` block is left, and the connection with it.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

from bootstrap.host.connection import Connection, ConnectionEndedError


@contextlib.contextmanager
def watched(connection: Connection, gone: Callable[[], None], *, enabled: bool = True) -> Iterator[None]:
    """Call ``gone`` when the client closes the connection; what it sends is not listened to."""
    if not enabled:
        yield
        return
    thread = threading.Thread(target=_watch, args=(connection, gone), name="watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        connection.end()
        thread.join()


def _watch(connection: Connection, gone: Callable[[], None]) -> None:
    with contextlib.suppress(ConnectionEndedError):
        while connection.read():
            pass
    gone()
