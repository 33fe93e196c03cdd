"""What a client has sent to a pod that does not take it yet.

SPDY as Kubernetes' clients speak it has no flow control: what arrives must be put somewhere before the next
connection's turn comes. Invariant: whoever puts waits no longer than the patience says.
"""

from __future__ import annotations

import threading
from collections import deque

ROOM_BYTES = 1024 * 1024
"""For each connection, besides what the kernel's own buffers hold."""

PATIENCE_SECONDS = 5.0
"""How long a pod may take nothing at all while its backlog is full: so long all connections of the client
wait."""


class Backlog:
    """One thread puts, another takes."""

    def __init__(self, patience: float = PATIENCE_SECONDS, room: int = ROOM_BYTES) -> None:
        self._patience = patience
        self._room = room
        self._pieces: deque[bytes] = deque()
        self._size = 0
        self._ended = False
        self._changed = threading.Condition()

    def put(self, data: bytes) -> bool:
        """False when there is no room and none comes within the patience."""
        with self._changed:
            has_room = self._changed.wait_for(lambda: self._size < self._room or self._ended, self._patience)
            if has_room and not self._ended:
                self._pieces.append(data)
                self._size += len(data)
                self._changed.notify_all()
            return has_room

    def end(self) -> None:
        """Nothing more will be put."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def abandon(self) -> None:
        """``end``, and what is there is not worth taking any more."""
        with self._changed:
            self._pieces.clear()
            self._ended = True
            self._changed.notify_all()

    def take(self) -> bytes | None:
        """The next piece, waited for; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._pieces or self._ended)
            if not self._pieces:
                return None
            piece = self._pieces.popleft()
            self._size -= len(piece)
            self._changed.notify_all()
            return piece
