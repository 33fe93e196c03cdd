"""Makes room on the engine's disk by removing images that nothing needs.

Source of the rules: pkg/kubelet/images (85 %, 80 %, every five minutes, two minutes of age). Invariant: an
image is removed only if the agent pulled it itself, no container uses it, running or not, and no manifest,
kept generation or sandbox names it. A kubelet removes any image that is not in use; on a node that reaches no
registry that would be the end of its components.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from bootstrap.agent.connections import Connections
from bootstrap.agent.pulledimages import PulledImages
from bootstrap.errors import BootstrapError
from bootstrap.host.clock import Clock
from bootstrap.host.system import Room
from bootstrap.runtime.api import ContainerRuntime

log = logging.getLogger("bootstrap.agent")

PERIOD_SECONDS = 300.0
MINIMUM_AGE = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Percent of the disk: removing begins at ``high`` and ends at ``low``; 100 never begins."""

    high: int = 85
    low: int = 80


KUBELETS = Thresholds()


class ImageCollector:
    """``protected`` are the references that must stay, None while they are not known; ``room`` tells of the
    file system of a path."""

    def __init__(
        self,
        engine: Connections,
        clock: Clock,
        pulled: PulledImages,
        protected: Callable[[], Iterable[str] | None],
        room: Callable[[Path], Room],
        thresholds: Thresholds,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._pulled = pulled
        self._protected = protected
        self._room = room
        self._thresholds = thresholds
        self._root: Path | None = None

    def turn(self) -> float:
        """Look, and make room if it is needed; seconds until the next look."""
        try:
            self.collect()
        except (BootstrapError, OSError) as error:
            log.warning("images cannot be removed: %s", error)
        except Exception:
            log.exception("removing images: unexpected failure")
        return PERIOD_SECONDS

    def collect(self) -> None:
        """Raises BootstrapError, OSError."""
        protected = self._protected()
        if protected is None or self._thresholds.high >= 100 or not self._pulled.all():
            return
        with self._engine.lent() as runtime:
            root = self._root = self._root or Path(runtime.info().root_directory)
            before = percent_used(self._room(root))
            if before < self._thresholds.high:
                return
            for reference in self._candidates(runtime, protected):
                log.info("removing image %s: the engine's disk is %d %% full", reference, before)
                runtime.remove_image(reference)
                self._pulled.forget(reference)
                if percent_used(self._room(root)) <= self._thresholds.low:
                    return
        log.warning("the engine's disk is %d %% full, and no further image may be removed", before)

    def _candidates(self, runtime: ContainerRuntime, protected: Iterable[str]) -> list[str]:
        """What may be removed; what was needed longest ago comes first."""
        needed = self._pulled.all()
        kept = {each.image_id for each in runtime.list({})}
        for reference in protected:
            image = runtime.image(reference)
            if image is not None:
                kept.add(image.id)
        ours: dict[str, list[str]] = {}
        names: dict[str, int] = {}
        for reference in needed:
            image = runtime.image(reference)
            if image is None:
                self._pulled.forget(reference)
            elif image.id not in kept:
                ours.setdefault(image.id, []).append(reference)
                names[image.id] = len(image.tags)
        old = self._clock.now() - MINIMUM_AGE
        found = [
            reference
            for identity, references in ours.items()
            # One that has further names was given them by somebody who means to keep it.
            if names[identity] <= len(references) and all(needed[each] <= old for each in references)
            for reference in references
        ]
        return sorted(found, key=lambda reference: (needed[reference], reference))


def percent_used(room: Room) -> int:
    """Of the disk, as the kubelet counts: what may not be written counts as used."""
    return 100 - room.disk_available * 100 // room.disk if room.disk else 0
