"""A request that is not answered as it was meant, with the reason in a kubelet's words."""

from __future__ import annotations


class RefusedError(Exception):
    """``status`` is the HTTP status; the message goes to the client as it is."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
