"""Which images the agent pulled itself, and when they were last needed.

Invariant: an image that came another way (loaded, built, pulled by somebody else) is never in it. The record
outlives the agent; a record that is lost or damaged is an empty one.
"""

from __future__ import annotations

import json
import logging
import threading
from datetime import datetime
from pathlib import Path

from bootstrap.host.clock import Clock

log = logging.getLogger("bootstrap.agent")

FILE_NAME = "pulled-images.json"


class PulledImages:
    """Thread-safe; kept in a file of ``directory``."""

    def __init__(self, directory: Path, clock: Clock) -> None:
        self._path = directory / FILE_NAME
        self._clock = clock
        self._lock = threading.Lock()
        self._needed = _read(self._path)

    def pulled(self, reference: str) -> None:
        """The agent has just pulled it."""
        with self._lock:
            self._needed[reference] = self._clock.now()
            self._write()

    def needed(self, reference: str) -> None:
        """A container has just been made from it; of an image that is not ours nothing is noted."""
        with self._lock:
            if reference in self._needed:
                self._needed[reference] = self._clock.now()

    def forget(self, reference: str) -> None:
        with self._lock:
            self._needed.pop(reference, None)
            self._write()

    def all(self) -> dict[str, datetime]:
        """Reference -> when it was last needed, as far as is known."""
        with self._lock:
            return dict(self._needed)

    def _write(self) -> None:
        """Without it an image is kept for too long after the next start; no more than that."""
        partial = self._path.with_name(f".{FILE_NAME}.partial")
        document = {reference: when.isoformat() for reference, when in sorted(self._needed.items())}
        try:
            self._path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            partial.write_text(json.dumps(document, indent=1) + "\n")
            partial.replace(self._path)
        except OSError as error:
            log.warning("%s: %s", self._path, error.strerror)


def _read(path: Path) -> dict[str, datetime]:
    try:
        document = json.loads(path.read_text())
        return {str(reference): datetime.fromisoformat(when) for reference, when in document.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        log.warning("%s is not used: %s", path, error)
        return {}
