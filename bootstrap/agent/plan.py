"""What to do next for one pod name: the whole decision, as a pure function. One action at a time.

Source: the kubelet's computePodActions and pod workers (reference of numbers: ``backoff``). Invariants: never
two running containers of one name in a pod; nothing of a new UID starts before everything of the old one is
gone; a container is restarted in the sandbox that runs, and a dead sandbox rebuilds the whole pod.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bootstrap.agent.backoff import waits_until
from bootstrap.agent.identity import StaticPod, container_hash
from bootstrap.agent.memory import Failure, Memory
from bootstrap.agent.names import SANDBOX, Instance
from bootstrap.model.podspec import Container

SANDBOX_GRACE = 10
LOOK_SECONDS = 10
"""How often a missing image is looked for locally while its pull waits: it may have been loaded by hand."""


@dataclass(frozen=True, slots=True)
class Start:
    """Create and start; ``failed`` is when the one it replaces ended, None for the first.

    ``began`` is when the pod was first started.
    """

    container: str
    attempt: int
    began: datetime
    sandbox: Instance | None = None
    failed: datetime | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop all at once; ``targets`` are instances with the grace in seconds of each."""

    targets: tuple[tuple[Instance, int], ...]
    why: str


@dataclass(frozen=True, slots=True)
class Remove:
    """Remove stopped containers."""

    targets: tuple[Instance, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Pull:
    """Get the image of a container; ``look_only`` asks only whether it is there by now."""

    container: str
    image: str
    always: bool
    look_only: bool = False


@dataclass(frozen=True, slots=True)
class Rest:
    """Nothing to do before ``until``, or before something changes when None."""

    until: datetime | None = None


Action = Start | Stop | Remove | Pull | Rest


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything the decision depends on, and what its status says.

    ``desired`` None: the pod has no manifest. ``failing``: ID of a container -> the probe failure for which
    it must be stopped. ``pause_image`` is the sandbox's. ``messages``: ID of a dead container -> what it said
    at its end.
    """

    desired: StaticPod | None
    instances: tuple[Instance, ...]
    now: datetime
    pause_image: str
    memory: Memory = Memory()
    failing: Mapping[str, str] = field(default_factory=dict)
    messages: Mapping[str, str] = field(default_factory=dict)

    @property
    def began(self) -> datetime:
        """When the desired pod was first started; now, if it never was."""
        uid = self.desired.uid if self.desired else ""
        return min((each.began for each in self.instances if each.uid == uid), default=self.now)

    def newest(self, container: str) -> Instance | None:
        """The latest attempt at a container (or at the sandbox) of the desired pod."""
        found = [each for each in self.instances if each.container == container]
        return max(found, key=lambda each: (each.attempt, each.state.created), default=None)


def plan(situation: Situation) -> Action:
    """The next action; Rest when the pod is as it should be."""
    desired = situation.desired
    leftovers = _leftovers(situation)
    if leftovers:
        return _clear(leftovers, "replaced" if desired else "its manifest is gone", situation.now)
    if desired is None:
        return Rest()
    sandbox = situation.newest(SANDBOX)
    extra = tuple(
        each for each in situation.instances if each.is_sandbox and each.is_running and each != sandbox
    )
    if sandbox is None or extra or not _is_usable(sandbox, desired):
        return _rebuild(situation, desired)
    rests = []
    for action in (*_children(situation, desired, sandbox), *_garbage(situation, sandbox)):
        if not isinstance(action, Rest):
            return action
        rests.append(action.until)
    return Rest(min((until for until in rests if until is not None), default=None))


def _leftovers(situation: Situation) -> tuple[Instance, ...]:
    desired = situation.desired
    if desired is None or situation.memory.leaving:
        return situation.instances
    return tuple(each for each in situation.instances if each.uid != desired.uid)


def _clear(leftovers: tuple[Instance, ...], why: str, now: datetime) -> Action:
    """Containers stop together, then the sandbox, then all are removed."""
    running = tuple(each for each in leftovers if each.is_running)
    containers = tuple((each, each.grace) for each in running if not each.is_sandbox)
    if containers:
        return Stop(containers, why)
    if running:
        return Stop(tuple((each, SANDBOX_GRACE) for each in running), why)
    removable = tuple(each for each in leftovers if not each.is_leaving)
    if removable:
        return Remove(tuple(sorted(removable, key=lambda each: each.is_sandbox)), why)
    return Rest(now + timedelta(seconds=1))


def _is_usable(sandbox: Instance, desired: StaticPod) -> bool:
    """Running, with the kind of network the pod asks for."""
    return sandbox.is_running and (sandbox.state.network_mode == "host") == desired.pod.spec.host_network


def _rebuild(situation: Situation, desired: StaticPod) -> Action:
    """The sandbox is missing, dead or wrong: everything of the pod stops, then a new one starts."""
    running = tuple(each for each in situation.instances if each.is_running)
    containers = tuple((each, desired.grace) for each in running if not each.is_sandbox)
    if containers:
        return Stop(containers, "its sandbox is gone")
    if running:
        return Stop(tuple((each, SANDBOX_GRACE) for each in running), "the sandbox is not as it should be")
    stillborn = tuple(each for each in situation.instances if each.is_stillborn)
    if stillborn:
        return Remove(stillborn, "never started")
    if not _has_work(situation, desired):
        return Rest()
    last = situation.newest(SANDBOX)
    if last is not None:
        for surplus in _garbage(situation, last):
            return surplus
    waiting = _setup(situation, SANDBOX, situation.pause_image, "IfNotPresent")
    return waiting or Start(SANDBOX, last.attempt + 1 if last else 0, situation.began)


def _has_work(situation: Situation, desired: StaticPod) -> bool:
    """Whether any container still has to run: a pod that has finished gets no new sandbox."""
    return any(_wants_start(desired, situation.newest(each.name)) for each in desired.pod.spec.containers)


def _wants_start(desired: StaticPod, last: Instance | None) -> bool:
    """By the restart policy; ``last`` does not run."""
    if last is None or last.is_stillborn or desired.pod.spec.restart_policy == "Always":
        return True
    return desired.pod.spec.restart_policy == "OnFailure" and last.state.exit_code != 0


def _children(situation: Situation, desired: StaticPod, sandbox: Instance) -> Iterator[Action]:
    """An action, or a Rest, for each container: stops first, so that a start never waits behind its own
    past."""
    yield from _stops(situation, desired, sandbox)
    spec = desired.pod.spec
    app_names = {each.name for each in spec.containers}
    initialized = any(
        each.sandbox == sandbox.id and each.container in app_names for each in situation.instances
    )
    if not initialized:
        for container in spec.init_containers:
            done = _init_step(situation, desired, container, sandbox)
            if done is not None:
                yield done
                return
    for container in spec.containers:
        last = situation.newest(container.name)
        if last is not None and last.is_running:
            continue
        if _wants_start(desired, last):
            yield _start(situation, container, last, sandbox)


def _stops(situation: Situation, desired: StaticPod, sandbox: Instance) -> Iterator[Action]:
    names = {each.name: each for each in desired.pod.all_containers}
    for instance in situation.instances:
        if instance.is_sandbox or not instance.is_running:
            continue
        container = names.get(instance.container)
        why = ""
        if container is None:
            why = "no longer in the manifest"
        elif instance.sandbox != sandbox.id or instance != situation.newest(instance.container):
            why = "left over from an earlier sandbox"
        elif instance.hash != container_hash(container):
            why = "its definition changed"
        elif instance.id in situation.failing:
            why = situation.failing[instance.id]
        if why:
            yield Stop(((instance, _grace(desired, container, instance, situation)),), why)


def _grace(desired: StaticPod, container: Container | None, instance: Instance, situation: Situation) -> int:
    """The pod's, unless a failed liveness or startup probe brings its own."""
    if container and instance.id in situation.failing:
        for probe in (container.liveness_probe, container.startup_probe):
            if probe and probe.termination_grace_period_seconds is not None:
                return probe.termination_grace_period_seconds
    return desired.grace


def _init_step(
    situation: Situation, desired: StaticPod, container: Container, sandbox: Instance
) -> Action | None:
    """None when this init container has succeeded in this sandbox."""
    last = situation.newest(container.name)
    here = last is not None and last.sandbox == sandbox.id
    if last is not None and here and last.is_running:
        return Rest()
    if last is not None and here and last.state.status == "exited":
        if last.state.exit_code == 0:
            return None
        if desired.pod.spec.restart_policy == "Never":
            return Rest()
    return _start(situation, container, last, sandbox)


def _start(situation: Situation, container: Container, last: Instance | None, sandbox: Instance) -> Action:
    """Start it, or what comes before: remove a stillborn one, wait, pull."""
    if last is not None and last.is_stillborn:
        return Remove((last,), "never started")
    failed = last.ended if last else None
    if failed is not None:
        until = waits_until(situation.memory.restarts.get(container.name), failed, situation.now)
        if until is not None:
            return Rest(until)
    waiting = _setup(situation, container.name, container.image, container.image_pull_policy)
    attempt = last.attempt + 1 if last else 0
    return waiting or Start(container.name, attempt, situation.began, sandbox, failed)


def _setup(situation: Situation, container: str, image: str, policy: str) -> Action | None:
    """What stands between a container and its start: a failed set-up that waits, or its image."""
    memory = situation.memory
    until = _retry_time(memory.setups.get(container), situation.now)
    if until is not None:
        return Rest(until)
    always = policy == "Always"
    if image not in memory.missing and not (always and container not in memory.pulled):
        return None
    failure = memory.pulls.get(image)
    until = _retry_time(failure, situation.now)
    if failure is None or until is None:
        return Pull(container, image, always)
    look = memory.looked.get(image, failure.at) + timedelta(seconds=LOOK_SECONDS)
    if look <= situation.now and not always:
        return Pull(container, image, always, look_only=True)
    return Rest(until if always else min(until, look))


def _retry_time(failure: Failure | None, now: datetime) -> datetime | None:
    return waits_until(failure.backoff, failure.at, now) if failure else None


def _garbage(situation: Situation, sandbox: Instance) -> Iterator[Action]:
    """One dead instance of each container is kept for its logs, and a dead sandbox as long as one needs
    it."""
    dead = [each for each in situation.instances if not each.is_running and not each.is_leaving]
    surplus = [each for each in dead if not each.is_sandbox and each != _newest_dead(dead, each.container)]
    needed = {each.sandbox for each in situation.instances if each not in surplus}
    surplus += [each for each in dead if each.is_sandbox and each != sandbox and each.id not in needed]
    if surplus:
        yield Remove(tuple(surplus), "superseded")


def _newest_dead(dead: list[Instance], container: str) -> Instance:
    return max(
        (each for each in dead if each.container == container),
        key=lambda each: (each.attempt, each.state.created),
    )
