"""Logs and sessions of the engine in memory."""

from __future__ import annotations

import threading
from collections import deque
from datetime import datetime
from typing import Any

from bootstrap.runtime.api import EngineUnreachableError, ExecResult, LogQuery, StreamName


class FakeLogStream:
    """``held`` is a ``FakeContainer`` of ``engine``; everything it prints is stdout."""

    def __init__(self, engine: Any, held: Any, query: LogQuery) -> None:
        self._engine = engine
        self._held = held
        self._query = query
        self._closed = False
        self._next = len(held.printed)
        lines = [entry for entry in held.printed if query.since is None or entry[0] >= query.since]
        if query.tail is not None:
            lines = lines[-query.tail :] if query.tail else []
        self._ready = deque(lines if query.stdout else [])

    def read(self) -> bytes:
        with self._engine.lock:
            self._engine.lock.wait_for(self._has_something)
            if self._closed:
                return b""
            if not self._ready:
                if not self._engine.answering:
                    raise EngineUnreachableError("the engine broke off a stream")
                return b""
            return self._shown(*self._ready.popleft())

    def close(self) -> None:
        with self._engine.lock:
            self._closed = True
            self._engine.lock.notify_all()

    def _has_something(self) -> bool:
        self._engine.settle()
        if self._query.follow and self._query.stdout:
            self._ready.extend(self._held.printed[self._next :])
            self._next = len(self._held.printed)
        ended = not self._query.follow or not self._held.state.is_running
        return bool(self._ready or self._closed or ended or not self._engine.answering)

    def _shown(self, moment: datetime, line: bytes) -> bytes:
        return f"{moment:%Y-%m-%dT%H:%M:%S.%f}000Z ".encode() + line if self._query.timestamps else line


class FakeSession:
    """A program that prints its result at once; with ``echoes`` it then copies its input to its output and
    ends with it. ``sizes`` are those its terminal was given."""

    def __init__(self, result: ExecResult, *, echoes: bool) -> None:
        self._result = result
        self._ready: deque[tuple[StreamName, bytes]] = deque(
            [("stdout", result.output)] if result.output else []
        )
        self._changed = threading.Condition()
        self._ended = not echoes
        self.sizes: list[tuple[int, int]] = []

    def read(self) -> tuple[StreamName, bytes] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._ready or self._ended)
            return self._ready.popleft() if self._ready else None

    def write(self, data: bytes) -> None:
        with self._changed:
            if not self._ended:
                self._ready.append(("stdout", data))
            self._changed.notify_all()

    def close_input(self) -> None:
        self.close()

    def resize(self, width: int, height: int) -> None:
        self.sizes.append((width, height))

    def exit_code(self) -> int:
        return self._result.exit_code

    def close(self) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify_all()
