"""Connections to the engine, lent to whoever works with it at the moment.

Invariant: one connection is in one pair of hands at a time, and none is used again after it failed.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

from bootstrap.runtime.api import ContainerRuntime, EngineUnreachableError

KEPT_WHEN_BUSY = 8
KEPT_WHEN_IDLE = 1
"""Each costs memory here and in the engine, opening one a few milliseconds."""


class Connections:
    """Thread-safe; ``connect`` may raise EngineUnreachableError, and so does ``lent``."""

    def __init__(self, connect: Callable[[], ContainerRuntime]) -> None:
        self._connect = connect
        self._lock = threading.Lock()
        self._kept: list[ContainerRuntime] = []

    @contextlib.contextmanager
    def lent(self) -> Iterator[ContainerRuntime]:
        """A connection for the length of the block."""
        with self._lock:
            runtime = self._kept.pop() if self._kept else None
        runtime = runtime or self._connect()
        try:
            yield runtime
        except EngineUnreachableError:
            runtime.close()
            self.trim(0)
            raise
        except BaseException:
            runtime.close()
            raise
        with self._lock:
            if len(self._kept) < KEPT_WHEN_BUSY:
                self._kept.append(runtime)
                return
        runtime.close()

    def trim(self, keep: int = KEPT_WHEN_IDLE) -> None:
        """Give up those that nobody has, but so many."""
        with self._lock:
            surplus, self._kept = self._kept[keep:], self._kept[:keep]
        for runtime in surplus:
            runtime.close()
