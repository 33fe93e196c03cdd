"""Keys made in the background, so that all CPUs work and nobody waits longer than needed.

Invariant: a key is handed out once.
"""

from __future__ import annotations

import os
import threading
from collections import defaultdict, deque
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pki.keys import PrivateKey


DEFAULT_ALGORITHM = "RSA-2048"
"""What kubeadm makes unless it is told something else."""


def _generate(algorithm: str) -> PrivateKey:
    # Loading it takes as long as many a key, and is best done where keys are made.
    from pki.keys import generate

    return generate(algorithm)


class KeyPool:
    """A thread for each CPU this process may use, as long as there are keys to make.

    ``niceness`` is what they have more of than others: for where these CPUs have something to do that is
    waited for longer than the keys are.
    """

    def __init__(self, make: Callable[[str], PrivateKey] = _generate, *, niceness: int = 0) -> None:
        self._make = make
        self._niceness = niceness
        self._lock = threading.Lock()
        self._threads = 0
        self._orders: deque[_Order] = deque()
        self._keys: defaultdict[str, deque[_Order]] = defaultdict(deque)
        self._guess = ""

    def prepare(self, algorithm: str, count: int) -> None:
        """See to it that ``count`` keys are ready or under way; returns at once."""
        with self._lock:
            if self._guess not in ("", algorithm):
                self._forget_guess()
            waiting = self._keys[algorithm]
            while len(waiting) < count:
                order = _Order(algorithm)
                waiting.append(order)
                self._orders.append(order)
                if self._threads < len(os.sched_getaffinity(0)):
                    self._threads += 1
                    threading.Thread(target=self._work, name="key", daemon=True).start()

    def begin(self, algorithm: str = DEFAULT_ALGORITHM) -> None:
        """Two keys for each CPU, before it is known what is wanted: for others these give way."""
        self.prepare(algorithm, 2 * len(os.sched_getaffinity(0)))
        self._guess = algorithm

    def take(self, algorithm: str) -> PrivateKey:
        """The oldest key that was prepared, or one made now. Raises PkiError for an unknown algorithm."""
        self.prepare(algorithm, 1)
        with self._lock:
            oldest = self._keys[algorithm].popleft()
        return oldest.key()

    def _forget_guess(self) -> None:
        """What was not begun of it would only be in the way."""
        for order in [each for each in self._orders if each.algorithm == self._guess]:
            self._orders.remove(order)
            self._keys[self._guess].remove(order)
        self._guess = ""

    def _work(self) -> None:
        os.nice(self._niceness)  # on Linux that of this thread alone
        while True:
            with self._lock:
                if not self._orders:
                    self._threads -= 1
                    return
                order = self._orders.popleft()
            order.fill(self._make)


class _Order:
    """A key that was asked for. (``concurrent.futures`` takes longer to import than some keys to be made.)"""

    def __init__(self, algorithm: str) -> None:
        self.algorithm = algorithm
        self._is_made = threading.Event()
        self._key: PrivateKey | None = None
        self._error: Exception | None = None

    def fill(self, make: Callable[[str], PrivateKey]) -> None:
        try:
            self._key = make(self.algorithm)
        except Exception as error:  # noqa: BLE001 - it is raised again where the key is wanted
            self._error = error
        self._is_made.set()

    def key(self) -> PrivateKey:
        """Waits for it; raises what its making raised."""
        self._is_made.wait()
        if self._key is None:
            assert self._error is not None
            raise self._error
        return self._key
