"""Brings the containers of one pod name to what its manifest says.

Invariant: ``step`` looks, decides (``plan``), and does one thing; it keeps no picture of the engine from one
step to the next, so it does not matter what happened in between, or to whom.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from bootstrap.agent.admission import refusal
from bootstrap.agent.connections import Connections
from bootstrap.agent.history import History, Subject, about
from bootstrap.agent.hooks import Hooks, HookTarget, pre_stop_of
from bootstrap.agent.identity import StaticPod
from bootstrap.agent.lastwords import LastWords
from bootstrap.agent.launcher import Launcher
from bootstrap.agent.logfiles import LogFiles
from bootstrap.agent.measures import Measures
from bootstrap.agent.memory import Memory
from bootstrap.agent.names import SANDBOX, Instance, instance_of, labels_of_pod
from bootstrap.agent.node import Node
from bootstrap.agent.plan import SHORTEST_GRACE, Action, Pull, Remove, Rest, Start, Stop, plan
from bootstrap.agent.probe import Verdict
from bootstrap.agent.prober import Prober, Target
from bootstrap.agent.pulledimages import PulledImages
from bootstrap.agent.resync import Picture
from bootstrap.agent.situation import Fault, Situation
from bootstrap.agent.status import PodReport, PodStatus, Wait, backoffs, pod_status
from bootstrap.agent.volumes import Volumes
from bootstrap.errors import BootstrapError
from bootstrap.host.clock import Clock
from bootstrap.runtime.api import ContainerRuntime, EngineUnreachableError

log = logging.getLogger("bootstrap.agent")

ENGINE_RETRY_SECONDS = 1.0
SURPRISE_RETRY_SECONDS = 10.0
"""After a failure nobody foresaw: the kubelet's retry of a pod sync that failed."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all workers share; every member is safe to use from several threads.

    ``rouse`` has a worker take its turn; inside ``aside`` a turn may take long without holding up others.
    ``tell`` says that a report has changed.
    """

    node: Node
    clock: Clock
    engine: Connections
    volumes: Volumes
    logs: LogFiles
    prober: Prober
    history: History
    hooks: Hooks
    measures: Measures
    images: PulledImages
    rouse: Callable[[Worker], None]
    aside: Callable[[], AbstractContextManager[None]]
    tell: Callable[[], None]


class Worker:
    """The pod ``name`` in ``namespace``, whatever its UID."""

    def __init__(self, name: str, namespace: str, surroundings: Surroundings) -> None:
        self.name = name
        self.namespace = namespace
        self.report: PodReport | None = None
        self.engine_problem = ""
        self.picture: Picture = frozenset()
        self._at = surroundings
        self._launcher = Launcher(
            surroundings.node,
            surroundings.volumes,
            surroundings.history,
            surroundings.hooks,
            surroundings.measures,
            surroundings.images,
        )
        self._last_words = LastWords(surroundings.node)
        self._lock = threading.Lock()
        self._desired: StaticPod | None = None
        self._was_removed = False
        self._memory = Memory()
        self._uids: set[str] = set()
        self._unwanted: dict[str, str] = {}
        self._waits: frozenset[Wait] = frozenset()
        self._engine_was_away = False
        self._end: tuple[str, str] | None = None
        self._done = False

    @property
    def key(self) -> str:
        return f"{self.name}_{self.namespace}"

    @property
    def status(self) -> PodStatus | None:
        return self.report.status if self.report else None

    @property
    def is_done(self) -> bool:
        """Its manifest is gone, and so is everything of the pod."""
        return self._done

    def want(self, desired: StaticPod | None) -> bool:
        """From now on this is the pod; None takes it away, completely, even if it is wanted again at once.

        False when the worker has ended: a new one is needed.
        """
        with self._lock:
            if self._done:
                return False
            if desired == self._desired and desired is not None:
                return True
            self._was_removed |= desired is None
            self._desired = desired
        self.wake()
        return True

    def restart(self, container: str, why: str) -> None:
        """Stop the container with this ID and start another: at once, as it did not fail."""
        with self._lock:
            if container in self._unwanted:
                return
            self._unwanted = {**self._unwanted, container: why}
        self.wake()

    def wake(self) -> None:
        """Something may have happened to its containers."""
        self._at.rouse(self)

    def step(self) -> Action:
        """Look, decide, do one thing; the action says what was done. Raises EngineUnreachableError."""
        begun = self._at.clock.monotonic()
        try:
            with self._at.engine.lent() as runtime:
                return self._step(runtime)
        finally:
            self._at.measures.turns.observe(self._at.clock.monotonic() - begun)

    def turn(self) -> float | None:
        """``step``, with a failure said and outlived; seconds to wait before the next one, None for ever."""
        if self._done:
            return None
        try:
            action = self.step()
            self.engine_problem = ""
        except EngineUnreachableError as error:
            if not self.engine_problem:
                log.warning("pod %s: %s", self.key, error.message)
                self._record_failed_sync(error.message)
            self.engine_problem = error.message
            self._engine_was_away = True
            return ENGINE_RETRY_SECONDS
        except BootstrapError as error:
            log.error("pod %s: %s", self.key, error.message)
            self._record_failed_sync(error.message)
            return ENGINE_RETRY_SECONDS
        except Exception as error:
            # Whatever it was, a pod must not be left to itself because of it.
            log.exception("pod %s: unexpected failure", self.key)
            self._record_failed_sync(f"unexpected failure: {error!r}")
            return SURPRISE_RETRY_SECONDS
        if not isinstance(action, Rest):
            return 0.0
        if action.until is None:
            return None
        return max(0.01, (action.until - self._at.clock.now()).total_seconds())

    def _step(self, runtime: ContainerRuntime) -> Action:
        desired = self._accept_desired()
        situation = self._observe(runtime, desired)
        verdicts = self._probe(situation)
        situation = self._judged(situation, verdicts)
        action = plan(situation)
        status = pod_status(situation, verdicts, self._at.node.address, self.status)
        self._publish(PodReport(desired, status) if status else None)
        self._record_waits(desired)
        self._record_end(desired)
        self._perform(runtime, action, situation)
        if isinstance(action, Rest):
            self._rest(situation)
        return action

    def _rest(self, situation: Situation) -> None:
        """There is time to clean up, as nothing else is to be done; without a pod it is the end."""
        desired = {situation.desired.uid} if situation.desired else set()
        self._clean_up({each.uid for each in situation.instances} | desired)
        if not situation.instances:
            with self._lock:
                self._done = self._desired is None
            if self._done:
                self._at.tell()

    def _publish(self, report: PodReport | None) -> None:
        if report != self.report:
            self.report = report
            self._at.tell()

    def _accept_desired(self) -> StaticPod | None:
        with self._lock:
            desired, removed = self._desired, self._was_removed
            self._was_removed = False
        if removed:
            self._memory = Memory(leaving=True)
        elif desired is not None and desired.uid not in self._uids:
            self._memory = Memory(leaving=self._memory.leaving)
        if desired is not None:
            self._uids.add(desired.uid)
        return desired

    def _observe(self, runtime: ContainerRuntime, desired: StaticPod | None) -> Situation:
        labels = labels_of_pod(self._at.node.name, self.name, self.namespace)
        instances = tuple(instance_of(each) for each in runtime.list(labels))
        self.picture = frozenset((each.id, each.state.status) for each in instances)
        if self._engine_was_away:
            # What ended with the engine, perhaps twice as it shut down, is not to wait for that.
            self._engine_was_away = False
            self._memory = replace(self._memory, restarts={})
        self._uids |= {each.uid for each in instances}
        self._at.logs.keep(self.name, self.namespace, instances)
        if not instances and self._memory.leaving:
            self._clean_up(set())
            self._memory = Memory()
        containers = len(desired.pod.all_containers) if desired else 1
        messages = self._last_words.of(runtime, instances, containers)
        return Situation(
            desired,
            instances,
            self._at.clock.now(),
            self._at.node.pause_image,
            self._memory,
            messages=messages,
            refused=refusal(desired.pod, self._at.node) if desired else None,
        )

    def _probe(self, situation: Situation) -> dict[str, Verdict]:
        """Tell the prober what runs, and hear what it knows."""
        desired = situation.desired
        targets = []
        for instance in situation.instances if desired else ():
            if desired and instance.uid == desired.uid and not instance.is_sandbox and instance.is_running:
                target = self._target(desired, instance, situation)
                if target is not None:
                    targets.append(target)
        self._at.prober.track(self.key, tuple(targets))
        return {each.id: self._at.prober.verdict(each.id, each.container) for each in targets}

    def _judged(self, situation: Situation, verdicts: dict[str, Verdict]) -> Situation:
        """The situation with what probes and hooks say, and who wants a restart."""
        hooks = self._at.hooks
        hooks.keep(self.key, frozenset(each.id for each in situation.instances if each.is_running))
        faults = {key: Fault(each.failing, each.grace) for key, each in verdicts.items() if each.failing}
        faults |= {key: Fault(why) for key, why in hooks.failures(self.key).items()}
        faults |= {key: Fault(why) for key, why in self._still_unwanted(situation).items()}
        hooking = hooks.under_way(self.key)
        unstarted = {key for key, each in verdicts.items() if not each.started}
        return replace(situation, faults=faults, hooking=hooking, unstarted=hooking | unstarted)

    def _still_unwanted(self, situation: Situation) -> dict[str, str]:
        """By ID, why; what has ended is forgotten."""
        running = {each.id for each in situation.instances if each.is_running}
        with self._lock:
            self._unwanted = {key: why for key, why in self._unwanted.items() if key in running}
            return self._unwanted

    def _target(self, desired: StaticPod, instance: Instance, situation: Situation) -> Target | None:
        try:
            container = desired.container(instance.container)
        except KeyError:
            return None
        sandbox = situation.newest(SANDBOX)
        address = sandbox.state.ip if sandbox and not desired.pod.spec.host_network else self._at.node.address
        return Target(
            about(desired, container.name),
            instance.id,
            container,
            address or "127.0.0.1",
            instance.state.started or instance.state.created,
        )

    def _perform(self, runtime: ContainerRuntime, action: Action, situation: Situation) -> None:
        desired = situation.desired
        if isinstance(action, Start) and desired is not None:
            now = self._at.clock.now()
            self._memory = self._launcher.start(runtime, desired, action, self._memory, now)
        elif isinstance(action, Pull) and desired is not None:
            with self._at.aside():
                self._memory = self._launcher.pull(runtime, desired, action, self._memory, self._at.clock)
        elif isinstance(action, Stop):
            if action.farewell:
                self._memory = self._memory.with_farewell(situation.now)
            with self._at.aside():
                self._stop(runtime, action, situation)
            for instance, _grace in action.targets:
                if instance.id in self._unwanted:
                    self._memory = self._memory.with_pardon(instance.container)
        elif isinstance(action, Remove):
            for instance in action.targets:
                log.info("pod %s: removing container %s (%s)", self.key, instance.state.name, action.why)
                runtime.remove(instance.id)

    def _stop(self, runtime: ContainerRuntime, action: Stop, situation: Situation) -> None:
        """All targets at once: one on this thread, the others on threads (and connections) of their own."""
        for instance, grace in action.targets:
            self._say_stop(instance, grace, action.why, situation.desired)
        addresses = {each.id: each.state.ip for each in situation.instances if each.is_sandbox}
        others = [
            threading.Thread(target=self._stop_elsewhere, args=(instance, grace, addresses), daemon=True)
            for instance, grace in action.targets[1:]
        ]
        for thread in others:
            thread.start()
        first, grace = action.targets[0]
        try:
            self._stop_one(runtime, first, grace, addresses)
        finally:
            for thread in others:
                thread.join()

    def _say_stop(self, instance: Instance, grace: int, why: str, desired: StaticPod | None) -> None:
        container = instance.container
        log.info("pod %s: stopping container %s, at most %d s (%s)", self.key, container, grace, why)
        if instance.is_sandbox:
            return
        subject = Subject(self.name, self.namespace, instance.uid, container)
        if desired is not None and desired.uid == instance.uid:
            subject = about(desired, container)
        self._at.history.record(subject, "Killing", f"stopping: {why}")

    def _stop_one(
        self, runtime: ContainerRuntime, instance: Instance, grace: float, addresses: dict[str, str]
    ) -> None:
        """Its preStop hook, then the signal: they share the grace, but the signal gets some in any case."""
        handler = pre_stop_of(instance)
        if handler is not None:
            address = addresses.get(instance.sandbox) or self._at.node.address or "127.0.0.1"
            is_init = instance.sidecar is not None
            subject = Subject(self.name, self.namespace, instance.uid, instance.container, is_init)
            target = HookTarget(subject, instance.id, handler, address)
            grace = self._at.hooks.before_stop(runtime, target, grace)
        runtime.stop(instance.id, max(SHORTEST_GRACE, math.ceil(grace)))

    def _stop_elsewhere(self, instance: Instance, grace: int, addresses: dict[str, str]) -> None:
        try:
            with self._at.engine.lent() as runtime:
                self._stop_one(runtime, instance, grace, addresses)
        except BootstrapError as error:
            log.warning("pod %s: container %s: %s", self.key, instance.container, error.message)

    def _record_waits(self, desired: StaticPod | None) -> None:
        """A back-off is an event when it begins."""
        waits = backoffs(self.status)
        if desired is not None:
            for container, reason, message in sorted(waits - self._waits):
                pull = reason == "ImagePullBackOff"
                self._at.history.record(
                    about(desired, container),
                    "BackOff",
                    f"back-off pulling image: {message}" if pull else message,
                    "Normal" if pull else "Warning",
                )
        self._waits = waits

    def _record_end(self, desired: StaticPod | None) -> None:
        """What a pod has failed for as a whole is an event when that becomes known."""
        end = (self.status.uid, self.status.reason) if self.status and self.status.reason else None
        if desired is not None and self.status is not None and end is not None and end != self._end:
            self._at.history.record(about(desired), self.status.reason, self.status.message)
        self._end = end

    def _record_failed_sync(self, message: str) -> None:
        known = self._desired or self.status
        uid = known.uid if known else ""
        self._at.history.record(Subject(self.name, self.namespace, uid), "FailedSync", message)

    def _clean_up(self, present: set[str]) -> None:
        """Remove what pods that are gone had on disk."""
        for uid in sorted(self._uids - present):
            self._at.volumes.remove_pod(uid)
            self._at.logs.remove_pod(self.name, self.namespace, uid)
        self._uids = present
