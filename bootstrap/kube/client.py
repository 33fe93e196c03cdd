"""Requests to an API server as values in and out of JSON.

Invariant: an API failure is one of the errors below, by HTTP status; "no answer" is a TransientError.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from bootstrap.errors import BootstrapError, TransientError

JsonObject = dict[str, Any]


class ApiError(BootstrapError):
    """The server refused a request; ``status`` is the HTTP code, the message the server's own."""

    def __init__(self, message: str, *, status: int, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.status = status


class NotFoundError(ApiError):
    """404"""


class ConflictError(ApiError):
    """409: it exists already, or was changed meanwhile."""


class ForbiddenError(ApiError):
    """403 or 401"""


class ApiUnreachableError(TransientError):
    """No answer, or 429 or 5xx."""


class Lines(Protocol):
    """What a server sends bit by bit, a line at a time."""

    def __iter__(self) -> Iterator[bytes]:
        """Ends when the server ends it or after ``close``; raises ApiUnreachableError when it breaks."""

    def close(self) -> None:
        """May be called by another thread than the one that waits for lines."""


class ApiClient(Protocol):
    """``path`` is a full API path such as ``/api/v1/namespaces/kube-system/configmaps/kubeadm-config``.

    ``parallel``: how many threads may use it at the same time.
    """

    @property
    def parallel(self) -> int: ...

    def get(self, path: str, query: Mapping[str, str] = {}) -> JsonObject: ...

    def get_text(self, path: str, query: Mapping[str, str] = {}) -> str:
        """For /readyz and its like."""

    def create(self, path: str, body: JsonObject) -> JsonObject: ...

    def replace(self, path: str, body: JsonObject) -> JsonObject: ...

    def patch(
        self, path: str, body: object, content_type: str = "application/strategic-merge-patch+json"
    ) -> JsonObject: ...

    def delete(self, path: str, body: JsonObject | None = None) -> None: ...

    def close(self) -> None: ...


class WatchingApiClient(ApiClient, Protocol):
    """One that can follow what changes."""

    def get_bytes(self, path: str, query: Mapping[str, str] = {}) -> bytes:
        """The JSON as it came, for a reader that wants only some of it."""

    def watch(self, path: str, query: Mapping[str, str], silence: float) -> Lines:
        """Each change as a line of JSON, on a connection of its own that may be silent for so many
        seconds."""
