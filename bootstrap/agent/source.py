"""Where static pods come from: each source says what it asks for, and all of them together are one listing.

Invariant: one bad input never hides another, of a source or of a file, and nothing is removed before every
source was listed once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from bootstrap.agent.identity import StaticPod
from bootstrap.agent.status import ManifestProblem


@dataclass(frozen=True, slots=True)
class Listing:
    """One look at a source. ``listed`` False: it was never seen yet, so nothing may be removed.

    ``unreadable`` are the sources of pods (paths, the URL) that are there but unusable now: pods made from
    them earlier stay. ``remarks`` are (source, text) worth one line in the log, such as unknown fields.
    """

    listed: bool
    pods: tuple[StaticPod, ...] = ()
    problems: tuple[ManifestProblem, ...] = ()
    unreadable: frozenset[str] = frozenset()
    remarks: tuple[tuple[str, str], ...] = ()


class Source(Protocol):
    """A place that asks for pods."""

    def scan(self) -> Listing:
        """What it asks for now, without waiting for anybody."""


def merged(listings: tuple[Listing, ...]) -> Listing:
    """All sources as one: of two pods with one name, that of the first source runs."""
    pods, duplicates = without_duplicates(tuple(pod for listing in listings for pod in listing.pods))
    return Listing(
        listed=all(listing.listed for listing in listings),
        pods=pods,
        problems=(*(each for listing in listings for each in listing.problems), *duplicates),
        unreadable=frozenset[str]().union(*(listing.unreadable for listing in listings)),
        remarks=tuple(each for listing in listings for each in listing.remarks),
    )


def without_duplicates(
    pods: tuple[StaticPod, ...],
) -> tuple[tuple[StaticPod, ...], tuple[ManifestProblem, ...]]:
    """The first pod of each name, and a problem for each other one."""
    winners: dict[str, StaticPod] = {}
    problems = []
    for pod in pods:
        winner = winners.setdefault(pod.full_name, pod)
        if winner is not pod:
            message = f"has the pod {pod.pod.key} again: {winner.source} is the one that runs"
            problems.append(
                ManifestProblem(
                    path=pod.source,
                    message=message,
                    pod=winner.name,
                    namespace=winner.namespace,
                    uid=winner.uid,
                )
            )
    return tuple(winners.values()), tuple(problems)
