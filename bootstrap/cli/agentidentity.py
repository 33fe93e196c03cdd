"""A kubeconfig as the identity the agent has towards the API server.

Invariant: a changed file is read again, and only then: making a client costs more than a failed connection.
"""

from __future__ import annotations

from pathlib import Path

from bootstrap.errors import TransientError
from bootstrap.kube.https import HttpsApiClient
from bootstrap.kube.kubeconfig import parse_kubeconfig


class KubeconfigIdentity:
    """For one thread at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp = (0, 0)
        self._client: HttpsApiClient | None = None

    def connect(self) -> HttpsApiClient:
        """The same client while the file is the same; raises TransientError while there is none."""
        try:
            stamp = self._seen()
            if self._client is None or stamp != self._stamp:
                client = HttpsApiClient(parse_kubeconfig(self._path.read_text(), str(self._path)))
                if self._client is not None:
                    self._client.close()
                self._client, self._stamp = client, stamp
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise TransientError(f"{self._path} cannot be read: {reason}") from error
        return self._client

    def has_changed(self) -> bool:
        """False for a file that is not there: there is nothing to change to."""
        try:
            return self._client is not None and self._seen() != self._stamp
        except OSError:
            return False

    def _seen(self) -> tuple[int, int]:
        status = self._path.stat()
        return status.st_ino, status.st_mtime_ns
