"""Keeps the node's certificates young, without a person and without the API server.

Each turn looks at the files, has those renewed that are due, and restarts a component that reads its
certificate once, when that is another by now. Invariant: everything is found on the disk and in the engine;
an agent that is killed at any moment, or a certificate that somebody else renews, changes nothing of that.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime

from bootstrap.agent.heldcertificates import Held, HeldCertificates, Places
from bootstrap.agent.history import History, Subject
from bootstrap.agent.measures import Measures
from bootstrap.agent.outdated import Restart, Wait, next_restart
from bootstrap.agent.renewaltime import due
from bootstrap.agent.renewing import RenewalProgram
from bootstrap.agent.retry import Retries
from bootstrap.agent.status import PodStatus, RenewalStatus, Reports
from bootstrap.host.clock import Clock
from bootstrap.host.process import ProcessRunner
from bootstrap.model.certificates import LEAVES, READ_ONCE
from bootstrap.model.layout import COMPONENTS

log = logging.getLogger("bootstrap.agent")

LOOK_SECONDS = 15.0
"""So soon it is noticed that a machine was suspended, its clock set, or a certificate renewed by a person."""

SHORTEST_SECONDS = 1.0
FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS = 10.0, 3600.0
NAMESPACE = "kube-system"


@dataclass(frozen=True, slots=True)
class Renewal:
    """``places`` is where the certificates are; ``command`` renews those whose names follow it."""

    places: Places
    command: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pods:
    """What the keeper asks of the agent.

    ``restart`` takes the key of a pod, the ID of its container, and why; ``tell`` has others look at what is
    new.
    """

    reports: Callable[[], Reports]
    restart: Callable[[str, str, str], None]
    tell: Callable[[], None]


class CertificateKeeper:
    """A job of the crew; ``aside`` is entered while a renewal takes its time."""

    def __init__(
        self,
        node: str,
        renewal: Renewal,
        pods: Pods,
        processes: ProcessRunner,
        clock: Clock,
        history: History,
        measures: Measures,
        aside: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self.is_waiting = False
        self._node = node
        self._held = HeldCertificates(renewal.places)
        self._program = RenewalProgram(processes, renewal.command)
        self._pods = pods
        self._clock = clock
        self._history = history
        self._measures = measures
        self._aside = aside
        self._retries = Retries(clock, FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS)
        self._problems: dict[str, str] = {}
        self._status = RenewalStatus()

    def status(self) -> RenewalStatus:
        """How the certificates stood at the end of the last turn."""
        return self._status

    def turn(self) -> float:
        """Do what is due; seconds until the next time, unless something is noticed before."""
        try:
            return self._step()
        except Exception:
            log.exception("certificates: unexpected failure")
            return LOOK_SECONDS

    def _step(self) -> float:
        held, now = self._held.look(), self._clock.now()
        chosen = [name for name, moment in self._due(held).items() if moment <= now]
        chosen = [name for name in chosen if not self._retries.waits(name)]
        renewed = self._renew(chosen, held) if chosen else ()
        held, now = self._held.look(), self._clock.now()
        moments = self._due(held)
        self._keep_problems({name for name, moment in moments.items() if moment <= now})
        waiting = self._restart(held)
        self._publish(moments, renewed, waiting)
        later = [(moment - now).total_seconds() for moment in moments.values() if moment > now]
        retry = self._retries.next
        if retry is not None:
            later.append(retry - self._clock.monotonic())
        return max(SHORTEST_SECONDS, min((LOOK_SECONDS, *later)))

    def _due(self, held: Mapping[str, Held]) -> dict[str, datetime]:
        return {name: due(self._node, name, each.life) for name, each in held.items()}

    def _renew(self, names: list[str], before: Mapping[str, Held]) -> tuple[str, ...]:
        """Those that are other certificates now."""
        with self._aside():
            answer = self._program.renew(names)
        after = self._held.look()
        renewed = tuple(name for name in answer.renewed if after.get(name) != before.get(name))
        problems = {
            **dict.fromkeys(answer.renewed, "it was renewed, and the file is the same as before"),
            **answer.problems,
        }
        for name in names:
            self._measures.renewals.count(name, "renewed" if name in renewed else "failed")
            if name not in renewed:
                self._retries.failed(name)
        if renewed:
            log.info("renewed: %s", ", ".join(renewed))
            self._pods.tell()
            self._tell(renewed, "CertificateRenewed", "a new certificate is there")
        for remark in answer.remarks:
            log.warning("%s", remark)
        self._complain({name: problems[name] for name in names if name not in renewed})
        return renewed

    def _complain(self, problems: dict[str, str]) -> None:
        """Each problem is said once for as long as it is the same."""
        new = {name: text for name, text in problems.items() if self._problems.get(name) != text}
        for text in dict.fromkeys(new.values()):
            names = tuple(name for name in new if new[name] == text)
            log.error("not renewed: %s: %s", ", ".join(names), text)
            self._tell(names, "CertificateNotRenewed", text)
        self._problems |= problems

    def _keep_problems(self, names: set[str]) -> None:
        """What is not due any more has no problem, whoever solved it."""
        self._retries.keep(names)
        self._problems = {name: text for name, text in self._problems.items() if name in names}

    def _tell(self, names: tuple[str, ...], reason: str, text: str) -> None:
        """An event of each pod that reads one of them."""
        pods = self._components()
        for component, pod in pods.items():
            read = [name for name in names if name in LEAVES and LEAVES[name].reader == component]
            if read:
                subject = Subject(pod.name, pod.namespace, pod.uid)
                self._history.record(subject, reason, f"{', '.join(read)}: {text}")

    def _restart(self, held: Mapping[str, Held]) -> str:
        """Restart what is due for that; "" or what is waited for."""
        written = {reader: held[name].written for reader, name in READ_ONCE.items() if name in held}
        step = next_restart(self._components(), written, self._clock.now())
        self.is_waiting = step is not None
        if isinstance(step, Restart):
            why = f"its certificate in {READ_ONCE[step.component]} is another now"
            self._pods.restart(self._key(step.component), step.id, why)
        if isinstance(step, Wait):
            return f"{step.component} is restarted once {', '.join(step.others)} is ready"
        return ""

    def _components(self) -> dict[str, PodStatus]:
        """The pods of the control plane; none before all of them are known."""
        reports = self._pods.reports()
        pods = {each.full_name: each.status for each in reports.pods} if reports.complete else {}
        keys = {component: self._key(component) for component in COMPONENTS}
        return {component: pods[key] for component, key in keys.items() if key in pods}

    def _key(self, component: str) -> str:
        return f"{component}-{self._node}_{NAMESPACE}"

    def _publish(self, moments: Mapping[str, datetime], renewed: tuple[str, ...], waiting: str) -> None:
        before = self._status
        self._status = RenewalStatus(
            due=dict(moments),
            last=self._clock.now() if renewed else before.last,
            renewed=renewed or before.renewed,
            problems=dict(self._problems),
            waiting=waiting,
        )
