"""Follows the pods that the API has for this node: one list, then a watch that goes on.

Invariant: whenever the watch cannot be trusted any more the pods are listed again; while it can, nothing is
asked twice.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable

import msgspec

from bootstrap.agent.apipods import ApiPods, WatchExpiredError
from bootstrap.errors import BootstrapError
from bootstrap.host.clock import Clock
from bootstrap.kube.client import ApiError, Lines, WatchingApiClient
from bootstrap.kube.objects import PODS

log = logging.getLogger("bootstrap.agent")

WATCH_SECONDS = 300
"""The server ends a watch after this time, or up to twice of it: the kubelet's own."""

SILENCE_SECONDS = 150.0
"""The server sends a bookmark each minute."""

PAUSE_SECONDS = 1.0
"""Between two watches that end as soon as they begin."""

Spawn = Callable[[Callable[[], None]], None]


class PodWatch:
    """``spawn`` runs the reading of the watch somewhere, ``wake`` is called there when a pod has changed."""

    def __init__(
        self, node: str, api_pods: ApiPods, clock: Clock, wake: Callable[[], None], spawn: Spawn
    ) -> None:
        self._query = {"fieldSelector": f"spec.nodeName={node}"}
        self._pods = api_pods
        self._clock = clock
        self._wake = wake
        self._spawn = spawn
        self._lines: Lines | None = None
        self._is_current = False
        self._begun: float | None = None

    def step(self, client: WatchingApiClient) -> float | None:
        """List, or watch, if that is due; monotonic time of the next look, None while the watch goes on.

        Raises what the client raises.
        """
        if self._lines is not None:
            return None
        now = self._clock.monotonic()
        if self._begun is not None and now < self._begun + PAUSE_SECONDS:
            return self._begun + PAUSE_SECONDS
        if not self._is_current:
            self._pods.replace(client.get_bytes(PODS, {**self._query, "resourceVersion": "0"}))
            self._is_current = True
        try:
            self._begin(client)
        except ApiError as error:
            # 410: the version is too old. Whatever it is, a list makes it good.
            log.info("watching the pods of this node: %s", error.message)
            self._is_current = False
        self._begun = now
        return None if self._lines is not None else now + PAUSE_SECONDS

    def close(self) -> None:
        """End the watch; the pods must be listed again."""
        self._is_current = False
        self._begun = None
        lines, self._lines = self._lines, None
        if lines is not None:
            lines.close()

    def _begin(self, client: WatchingApiClient) -> None:
        limits = {
            "resourceVersion": self._pods.version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(random.randint(WATCH_SECONDS, 2 * WATCH_SECONDS)),  # noqa: S311
        }
        lines = self._lines = client.watch(PODS, {**self._query, **limits}, SILENCE_SECONDS)
        self._spawn(lambda: self._read(lines))

    def _read(self, lines: Lines) -> None:
        """Until the server ends it, or it breaks."""
        is_current = False
        try:
            for line in lines:
                if self._lines is not lines:
                    return
                if self._pods.apply(line):
                    self._wake()
            is_current = True
        except WatchExpiredError as error:
            log.info("%s", error.message)
        except (BootstrapError, msgspec.DecodeError):
            # Whether the server is there at all, the next list will tell.
            pass
        if self._lines is lines:
            self._is_current = is_current
            self._lines = None
            self._wake()
