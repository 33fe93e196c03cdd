"""One HTTP(S) request to one address: for probes and for waiting on components.

Invariant: one request is one new connection, bounded by its timeout as a whole; no proxy, no redirect is
followed here, no body beyond ``max_body`` is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from bootstrap.errors import TransientError


class NoAnswerError(TransientError):
    """Refused, unreachable, timed out, or not HTTP; the message says which."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """``ca_file`` "" means the server is not verified (as a kubelet probes); files are real paths."""

    host: str
    port: int
    path: str = "/"
    scheme: str = "https"
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    timeout: float = 1.0
    ca_file: str = ""
    certificate_file: str = ""
    key_file: str = ""
    max_body: int = 10 * 1024


@dataclass(frozen=True, slots=True)
class HttpReply:
    """``location`` is the redirect target, "" when there is none."""

    status: int
    body: bytes
    location: str = ""


class HttpClient(Protocol):
    """Thread-safe."""

    def fetch(self, request: HttpRequest) -> HttpReply:
        """Any status is a reply; raises NoAnswerError when there is none."""

    def connect(self, host: str, port: int, timeout: float) -> None:
        """Open a TCP connection and close it; raises NoAnswerError."""
