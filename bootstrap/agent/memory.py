"""What a worker remembers of its pod that the engine does not: back-offs, images, reasons. Pure.

Invariant: nothing here is needed for correctness. An agent that starts with an empty memory adopts what runs
and at worst tries once too early.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from bootstrap.agent.backoff import CRASH, PULL, SETUP, Backoff, Schedule, after_accident, after_retry


@dataclass(frozen=True, slots=True)
class Failure:
    """Something could not be done at that time; ``reason`` is a kubelet's word for it, such as
    ErrImagePull."""

    at: datetime
    reason: str
    message: str
    backoff: Backoff


@dataclass(frozen=True, slots=True)
class Memory:
    """``restarts`` and ``setups`` are by container name, ``pulls`` and ``looked`` by image.

    ``looked``: when an image whose pull waits was last looked for in the engine.
    ``missing``: images the engine was found not to have. ``pulled``: containers whose image was pulled for
    their next start (policy Always). ``leaving``: the manifest was taken away; everything goes before
    anything of the pod starts again. ``farewell``: when the containers began to stop, all of them.
    """

    restarts: Mapping[str, Backoff] = field(default_factory=dict)
    setups: Mapping[str, Failure] = field(default_factory=dict)
    pulls: Mapping[str, Failure] = field(default_factory=dict)
    looked: Mapping[str, datetime] = field(default_factory=dict)
    missing: frozenset[str] = frozenset()
    pulled: frozenset[str] = frozenset()
    leaving: bool = False
    farewell: datetime | None = None

    def with_start(self, container: str, failed: datetime | None, accident: bool, now: datetime) -> Memory:
        """A container was started, in answer to a failure at that time, if any."""
        restarts = dict(self.restarts)
        if failed is not None:
            after = after_accident if accident else after_retry
            restarts[container] = after(restarts.get(container), CRASH, failed, now)
        return replace(
            self,
            restarts=restarts,
            setups=_without(self.setups, container),
            pulled=self.pulled - {container},
            farewell=None,
        )

    def with_pardon(self, container: str) -> Memory:
        """The container was stopped through no fault of its own: it is started at once."""
        return replace(self, restarts={key: each for key, each in self.restarts.items() if key != container})

    def with_farewell(self, now: datetime) -> Memory:
        """The pod as a whole stops, since now or since an earlier moment."""
        return replace(self, farewell=self.farewell or now)

    def with_setup_failure(self, container: str, reason: str, message: str, now: datetime) -> Memory:
        failure = _failure(self.setups.get(container), SETUP, reason, message, now)
        return replace(self, setups={**self.setups, container: failure})

    def with_missing_image(self, image: str) -> Memory:
        return replace(self, missing=self.missing | {image})

    def with_pull(self, container: str, image: str) -> Memory:
        """The image is there now."""
        return replace(
            self,
            pulls=_without(self.pulls, image),
            missing=self.missing - {image},
            pulled=self.pulled | {container},
        )

    def with_look(self, image: str, now: datetime) -> Memory:
        """The image was looked for in the engine and is still not there."""
        return replace(self, looked={**self.looked, image: now})

    def with_pull_failure(self, image: str, message: str, now: datetime) -> Memory:
        failure = _failure(self.pulls.get(image), PULL, "ErrImagePull", message, now)
        return replace(self, pulls={**self.pulls, image: failure})


def _failure(before: Failure | None, schedule: Schedule, reason: str, message: str, now: datetime) -> Failure:
    backoff = after_retry(before.backoff if before else None, schedule, now, now)
    return Failure(now, reason, message, backoff)


def _without(failures: Mapping[str, Failure], key: str) -> dict[str, Failure]:
    return {each: failure for each, failure in failures.items() if each != key}
