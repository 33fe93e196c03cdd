"""Answers that are good for a while. Thread-safe.

Invariant: no answer is given after its time, and no more than ``limit`` are kept.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

from bootstrap.host.clock import Clock

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

LIMIT = 256


class Remembered(Generic[Key, Value]):
    """The oldest answer makes room for the newest."""

    def __init__(self, clock: Clock, limit: int = LIMIT) -> None:
        self._clock = clock
        self._limit = limit
        self._lock = threading.Lock()
        self._answers: OrderedDict[Key, tuple[float, Value]] = OrderedDict()

    def get(self, key: Key) -> Value | None:
        with self._lock:
            found = self._answers.get(key)
            if found is None:
                return None
            if found[0] <= self._clock.monotonic():
                del self._answers[key]
                return None
            return found[1]

    def put(self, key: Key, value: Value, seconds: float) -> None:
        with self._lock:
            self._answers[key] = (self._clock.monotonic() + seconds, value)
            self._answers.move_to_end(key)
            while len(self._answers) > self._limit:
                self._answers.popitem(last=False)
