"""Adapters that are made when they are first used.

A command uses few of the machine's adapters, and each brings libraries with it (TLS, subprocesses, systemd)
that take longer to load than many a command to do its work. Invariant: an adapter is made once, whichever
thread asks first.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar, cast

T = TypeVar("T")


def late(make: Callable[[], T]) -> T:
    """Behaves as what ``make`` returns, and calls it when an attribute is asked for."""
    return cast("T", _Late(make))


class _Late:
    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._made: Any = None

    def __getattr__(self, name: str) -> Any:
        with self._lock:
            if self._made is None:
                self._made = self._make()
        return getattr(self._made, name)
