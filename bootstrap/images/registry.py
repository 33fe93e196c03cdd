"""Pulls images from their registries, all at once, and gives up early when a registry does not answer.

Invariant: the engine alone talks to the registry, so its proxies, mirrors and certificates count. A pull that
has shown no sign of life in ``ANSWER_SECONDS`` is one whose registry cannot be reached.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from bootstrap.errors import BootstrapError
from bootstrap.host.clock import Clock
from bootstrap.model.report import Step
from bootstrap.runtime.api import ContainerRuntime, PullFailedError, PullProgress
from bootstrap.runtime.reference import registry_of

ANSWER_SECONDS = 6.0
LOOK_SECONDS = 0.2
MEGABYTE = 1_000_000


@dataclass(slots=True)
class Pull:
    """One pull; written by its thread, read by the one that waits."""

    reference: str
    answered: bool = False
    finished: bool = False
    failure: str = ""
    progress: PullProgress = field(default_factory=lambda: PullProgress("waiting"))


@dataclass(frozen=True, slots=True)
class Puller:
    """``runtime`` opens a connection for each pull, because connections are not shared between threads."""

    runtime: Callable[[], ContainerRuntime]
    clock: Clock

    def pull(self, references: Iterable[str], step: Step, *, one_by_one: bool = False) -> dict[str, str]:
        """Pull all; reference -> why not, for those that failed."""
        groups = [[each] for each in references] if one_by_one else [list(references)]
        failures: dict[str, str] = {}
        silent: set[str] = set()
        for group in groups:
            asked = [each for each in group if registry_of(each) not in silent]
            failures |= {each: _silence(each) for each in group if each not in asked}
            for pull in self._together(asked, step):
                if pull.failure:
                    failures[pull.reference] = pull.failure
                if not pull.answered:
                    silent.add(registry_of(pull.reference))
        return failures

    def _together(self, references: list[str], step: Step) -> list[Pull]:
        pulls = [Pull(reference) for reference in references]
        changed = threading.Event()
        for pull in pulls:
            # Daemon threads: one that hangs on a dead registry must not keep the command from ending.
            threading.Thread(target=self._run, args=(pull, changed), daemon=True).start()
        deadline = self.clock.monotonic() + ANSWER_SECONDS
        while not all(pull.finished for pull in pulls):
            self.clock.wait(changed, LOOK_SECONDS)
            changed.clear()
            step.update(describe(pulls))
            if self.clock.monotonic() >= deadline:
                _give_up_on_silent(pulls)
        return pulls

    def _run(self, pull: Pull, changed: threading.Event) -> None:
        try:
            engine = self.runtime()
            try:
                for progress in engine.pull(pull.reference):
                    pull.answered, pull.progress = True, progress
                    changed.set()
            finally:
                engine.close()
        except PullFailedError as error:
            pull.answered, pull.failure = True, error.reason
        except BootstrapError as error:
            pull.answered, pull.failure = True, error.message
        finally:
            pull.finished = True
            changed.set()


def describe(pulls: list[Pull]) -> str:
    """``2 of 5 pulled, 120 of 300 MB``"""
    finished = sum(pull.finished and not pull.failure for pull in pulls)
    done = sum(pull.progress.done for pull in pulls) // MEGABYTE
    total = sum(pull.progress.total for pull in pulls) // MEGABYTE
    size = f", {done} of {total} MB" if total else ""
    return f"{finished} of {len(pulls)} pulled{size}"


def _give_up_on_silent(pulls: list[Pull]) -> None:
    for pull in pulls:
        if not pull.answered and not pull.finished:
            pull.failure, pull.finished = _silence(pull.reference), True


def _silence(reference: str) -> str:
    return f"{registry_of(reference)} did not answer within {ANSWER_SECONDS:g} s"
