"""The manifest URL -> the pods it asks for: a Pod, or a PodList.

Invariant: nothing but a good answer changes what runs. Whatever else comes, an empty body and garbage too,
the last good pods stay and the reason is reported; so does the last good pod of an item that turns bad. (A
kubelet kills all pods for an empty answer, and takes a bad one for good when it comes twice.)
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace

from bootstrap.agent.identity import StaticPod
from bootstrap.agent.manifest import (
    ManifestError,
    listed_documents,
    manifest_of,
    name_of,
    parse_document,
    problem_of,
)
from bootstrap.agent.manifesturl import ManifestUrl, download
from bootstrap.agent.source import Listing, without_duplicates
from bootstrap.agent.status import ManifestProblem
from bootstrap.errors import BootstrapError
from bootstrap.host.clock import Clock
from bootstrap.host.http import HttpClient

log = logging.getLogger("bootstrap.agent")


class UrlSource:
    """Fetches at its turns, and calls ``on_change`` when it asks for something else than before.

    ``aside`` is entered while it waits for the server.
    """

    def __init__(
        self,
        at: ManifestUrl,
        node: str,
        http: HttpClient,
        clock: Clock,
        on_change: Callable[[], None],
        aside: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext,
    ) -> None:
        self._at = at
        self._node = node
        self._http = http
        self._clock = clock
        self._on_change = on_change
        self._aside = aside
        self._lock = threading.Lock()
        self._listing = Listing(False)
        self._applied = b""
        self._good = self._listing

    def scan(self) -> Listing:
        """What the last good answer asks for, and what is wrong with the latest."""
        with self._lock:
            return self._listing

    def turn(self) -> float:
        """Fetch; seconds until the next time, counted from the end of this one."""
        try:
            with self._aside():
                body = download(self._at, self._http, self._clock)
            listing = self._understood(body)
        except BootstrapError as error:
            listing = self._spoilt(error)
        except Exception as error:
            # What a server sends must not end the asking.
            log.exception("%s: unexpected failure", self._at.shown)
            listing = self._spoilt(ManifestError(f"unexpected failure: {error!r}"))
        with self._lock:
            changed, self._listing = listing != self._listing, listing
        if changed:
            self._on_change()
        return self._at.period

    def _understood(self, body: bytes) -> Listing:
        """The listing of an answer; the one before when it is the same. Raises ManifestError."""
        digest = hashlib.sha256(body).digest()
        if digest != self._applied:
            self._good = self._judge(parse_document(body))
            self._applied = digest
        return self._good

    def _spoilt(self, error: BootstrapError) -> Listing:
        """The last good answer stands."""
        source = self._at.shown
        problem = problem_of(source, error, self._good.pods)
        return replace(self._good, problems=(*self._good.problems, problem), unreadable=frozenset({source}))

    def _judge(self, document: object) -> Listing:
        """Raises BootstrapError for what is neither a usable pod nor a list."""
        items = listed_documents(document)
        if items is not None:
            return self._judge_items(items)
        source = self._at.shown
        only = manifest_of(document, self._node, source)
        return Listing(True, (only.pod,), remarks=tuple((source, text) for text in only.remarks))

    def _judge_items(self, documents: tuple[object, ...]) -> Listing:
        """A bad item stands for its last good pod."""
        source = self._at.shown
        pods: list[StaticPod] = []
        problems: list[ManifestProblem] = []
        remarks: list[tuple[str, str]] = []
        for number, document in enumerate(documents):
            place = f"{source} (item {number})"
            try:
                manifest = manifest_of(document, self._node, source)
            except BootstrapError as error:
                kept = self._kept(document)
                pods += kept
                problems.append(problem_of(place, error, kept))
                continue
            pods.append(manifest.pod)
            remarks += [(place, text) for text in manifest.remarks]
        chosen, duplicates = without_duplicates(tuple(pods))
        return Listing(
            listed=True,
            pods=chosen,
            problems=(*problems, *duplicates),
            unreadable=frozenset({source}) if problems else frozenset(),
            remarks=tuple(remarks),
        )

    def _kept(self, document: object) -> tuple[StaticPod, ...]:
        """The last good pod of a bad item; of one that has no name, all that it may have been."""
        name, namespace = name_of(document)
        return tuple(
            pod
            for pod in self._good.pods
            if not name or (pod.pod.metadata.name, pod.namespace) == (name, namespace)
        )
