"""How many long streams there may be at once. Invariant: they never take all of the server's connections."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from bootstrap.agent.serving.refusal import RefusedError

STREAM_LIMIT = 64


class StreamLimit:
    """Thread-safe."""

    def __init__(self, limit: int = STREAM_LIMIT) -> None:
        self._left = threading.BoundedSemaphore(limit)

    @contextmanager
    def one(self) -> Iterator[None]:
        """One stream, for the length of the block. Raises RefusedError when all are taken."""
        if not self._left.acquire(blocking=False):
            raise RefusedError(503, "too many streams are open on this node")
        try:
            yield
        finally:
            self._left.release()
