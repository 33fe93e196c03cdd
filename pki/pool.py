"""Keys made in the background, so that all CPUs work and nobody waits longer than needed.

Invariant: a key is handed out once.
"""

from __future__ import annotations

import os
import threading
from collections import defaultdict, deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

    from pki.keys import PrivateKey


class KeyPool:
    """One thread for each CPU this process may use, started when the first key is wanted."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._threads: ThreadPoolExecutor | None = None
        self._keys: defaultdict[str, deque[Future[PrivateKey]]] = defaultdict(deque)

    def prepare(self, algorithm: str, count: int) -> None:
        """See to it that ``count`` keys are ready or under way; returns at once."""
        with self._lock:
            waiting = self._keys[algorithm]
            while len(waiting) < count:
                waiting.append(self._executor().submit(_generate, algorithm))

    def take(self, algorithm: str) -> PrivateKey:
        """The oldest key that was prepared, or one made now. Raises PkiError for an unknown algorithm."""
        self.prepare(algorithm, 1)
        with self._lock:
            oldest = self._keys[algorithm].popleft()
        return oldest.result()

    def _executor(self) -> ThreadPoolExecutor:
        if self._threads is None:
            from concurrent.futures import ThreadPoolExecutor

            self._threads = ThreadPoolExecutor(len(os.sched_getaffinity(0)), thread_name_prefix="key")
        return self._threads


def _generate(algorithm: str) -> PrivateKey:
    from pki.keys import generate

    return generate(algorithm)
