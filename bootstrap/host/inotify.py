"""Waiting for changes in one directory. Invariant: a hint only; whoever waits looks at the directory
itself."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path

MISSING_RETRY_SECONDS = 1.0
CREATION_MILLISECONDS = 100


class DirectoryWatch:
    """Calls ``on_change`` whenever a file of the directory ``path`` was completed, moved, removed or touched.

    Where ``path`` is a file, its directory is watched. Writes are reported when the file is closed, so that a
    file is not read while it is half written. A directory that is missing is waited for; one that was
    replaced is watched anew.
    """

    def __init__(self, path: Path, on_change: Callable[[], None]) -> None:
        self._path = path
        self._on_change = on_change

    def run(self, stop: threading.Event) -> None:
        """Watch for ever; meant for a daemon thread."""
        while not stop.is_set():
            with contextlib.suppress(OSError):
                self._watch_one(stop)
            stop.wait(MISSING_RETRY_SECONDS)

    def _watch_one(self, stop: threading.Event) -> None:
        """Until the directory is no longer the one at this path."""
        from inotify_simple import INotify, flags

        ends = flags.DELETE_SELF | flags.MOVE_SELF | flags.IGNORED | flags.UNMOUNT
        changes = (
            flags.CLOSE_WRITE | flags.CREATE | flags.MOVED_TO | flags.MOVED_FROM | flags.DELETE | flags.ATTRIB
        )
        directory = self._path.parent if self._path.is_file() else self._path
        with INotify() as inotify:
            inotify.add_watch(str(directory), changes | flags.DELETE_SELF | flags.MOVE_SELF | flags.ONLYDIR)
            # It may have changed between the last look at it and the watch.
            self._on_change()
            while not stop.is_set():
                events = inotify.read()
                if all(event.mask & flags.CREATE for event in events):
                    # Links are complete when they are made; a file is being written and will be closed soon.
                    events += inotify.read(timeout=CREATION_MILLISECONDS)
                self._on_change()
                if any(event.mask & ends for event in events):
                    return
