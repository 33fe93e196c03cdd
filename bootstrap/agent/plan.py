"""What to do next for one pod name: the whole decision, as a pure function. One action at a time.

Source: the kubelet's computePodActions, computeInitContainerActions and pod workers (numbers: ``backoff``).
Invariants: never two running containers of one name in a pod; nothing of a new UID starts before everything
of the old one is gone; a container is restarted in the sandbox that runs, and a dead sandbox rebuilds the
whole pod; a container starts only after every init container before it has done its part.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from bootstrap.agent.backoff import waits_until
from bootstrap.agent.ending import deadline_of, ending, restart_policy, wants_start
from bootstrap.agent.identity import StaticPod, container_hash
from bootstrap.agent.memory import Failure
from bootstrap.agent.names import SANDBOX, Instance
from bootstrap.agent.situation import Situation
from bootstrap.model.podspec import Container

SANDBOX_GRACE = 10
SHORTEST_GRACE = 2
LOOK_SECONDS = 10
"""How often a missing image is looked for locally while its pull waits: it may have been loaded by hand."""


@dataclass(frozen=True, slots=True)
class Start:
    """Create and start; ``failed`` is when the one it replaces ended, None for the first.

    ``began`` is when the pod was first started. ``accident``: what it replaces ended with its sandbox, as on
    a machine that was restarted, and not by itself.
    """

    container: str
    attempt: int
    began: datetime
    sandbox: Instance | None = None
    failed: datetime | None = None
    accident: bool = False


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop all at once; ``targets`` are instances with the grace in seconds of each.

    ``farewell``: the pod as a whole goes, in several such actions that share its grace.
    """

    targets: tuple[tuple[Instance, int], ...]
    why: str
    farewell: bool = False


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


def plan(situation: Situation) -> Action:
    """The next action; Rest when the pod is as it should be."""
    desired = situation.desired
    leftovers = _leftovers(situation)
    if leftovers:
        return _clear(situation, leftovers, "replaced" if desired else "its manifest is gone")
    if desired is None:
        return Rest()
    sandbox = situation.newest(SANDBOX)
    end = ending(situation, desired)
    if end is not None:
        running = tuple(each for each in situation.instances if each.is_running)
        return _farewell(situation, running, end.why) or Rest()
    extra = tuple(
        each for each in situation.instances if each.is_sandbox and each.is_running and each != sandbox
    )
    if sandbox is None or extra or not _is_usable(sandbox, desired):
        return _rebuild(situation)
    rests = [deadline_of(situation, desired)]
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


def _clear(situation: Situation, leftovers: tuple[Instance, ...], why: str) -> Action:
    """All stop in their order, then all are removed."""
    running = tuple(each for each in leftovers if each.is_running)
    stop = _farewell(situation, running, why)
    if stop is not None:
        return stop
    removable = tuple(each for each in leftovers if not each.is_leaving)
    if removable:
        return Remove(tuple(sorted(removable, key=lambda each: each.is_sandbox)), why)
    return Rest(situation.now + timedelta(seconds=1))


def _farewell(situation: Situation, running: tuple[Instance, ...], why: str) -> Stop | None:
    """Who of a pod stops next: all that are no sidecars at once, then sidecars from the last to the first,
    then the sandbox. All together have the pod's grace, and each a little in any case."""
    containers = [each for each in running if not each.is_sandbox]
    batch = [each for each in containers if each.sidecar is None]
    if not batch and containers:
        batch = [max(containers, key=lambda each: each.sidecar or 0)]
    if not batch and running:
        return Stop(tuple((each, SANDBOX_GRACE) for each in running), why, farewell=True)
    if not batch:
        return None
    since = situation.memory.farewell
    spent = int((situation.now - since).total_seconds()) if since else 0
    targets = tuple((each, max(SHORTEST_GRACE, each.grace - max(0, spent))) for each in batch)
    return Stop(targets, why, farewell=True)


def _is_usable(sandbox: Instance, desired: StaticPod) -> bool:
    """Running, with the kind of network the pod asks for."""
    return sandbox.is_running and (sandbox.state.network_mode == "host") == desired.pod.spec.host_network


def _rebuild(situation: Situation) -> Action:
    """The sandbox is missing, dead or wrong: everything of the pod stops, then a new one starts."""
    running = tuple(each for each in situation.instances if each.is_running)
    stop = _farewell(situation, running, "its sandbox is gone")
    if stop is not None:
        return stop
    stillborn = tuple(each for each in situation.instances if each.is_stillborn)
    if stillborn:
        return Remove(stillborn, "never started")
    last = situation.newest(SANDBOX)
    if last is not None and SANDBOX in situation.memory.setups:
        # Otherwise the past can wait: after a restart of the machine everything does.
        for surplus in _garbage(situation, last):
            return surplus
    waiting = _setup(situation, SANDBOX, situation.pause_image, "IfNotPresent")
    return waiting or Start(SANDBOX, last.attempt + 1 if last else 0, situation.began)


def _children(situation: Situation, desired: StaticPod, sandbox: Instance) -> Iterator[Action]:
    """An action, or a Rest, for each container: stops first, so that a start never waits behind its own
    past."""
    yield from _stops(situation, desired, sandbox)
    app_names = {each.name for each in desired.pod.spec.containers}
    initialized = any(
        each.sandbox == sandbox.id and each.container in app_names for each in situation.instances
    )
    for container in desired.pod.spec.init_containers:
        if desired.sidecar(container.name) is not None:
            step = _sidecar_step(situation, container, sandbox)
        else:
            step = None if initialized else _init_step(situation, desired, container, sandbox)
        if step is not None:
            yield step
            if not initialized:
                return
    for container in desired.pod.spec.containers:
        last = situation.newest(container.name)
        if last is not None and last.is_running:
            if last.id in situation.hooking:
                # As in a kubelet, what comes after waits for the hook: some count on it.
                yield Rest()
                return
        elif wants_start(desired, container, last):
            yield _start(situation, container, last, sandbox)


def _stops(situation: Situation, desired: StaticPod, sandbox: Instance) -> Iterator[Action]:
    names = {each.name: each for each in desired.pod.all_containers}
    for instance in situation.instances:
        if instance.is_sandbox or not instance.is_running:
            continue
        container = names.get(instance.container)
        fault = situation.faults.get(instance.id)
        why = ""
        if container is None:
            why = "no longer in the manifest"
        elif instance.sandbox != sandbox.id or instance != situation.newest(instance.container):
            why = "left over from an earlier sandbox"
        elif instance.hash != container_hash(container):
            why = "its definition changed"
        elif fault is not None:
            why = fault.why
        if why:
            grace = desired.grace if fault is None or fault.grace is None else fault.grace
            yield Stop(((instance, max(SHORTEST_GRACE, grace)),), why)


def _sidecar_step(situation: Situation, container: Container, sandbox: Instance) -> Action | None:
    """None when what comes after this sidecar may start."""
    last = situation.newest(container.name)
    if last is not None and last.is_running:
        return Rest() if last.id in situation.unstarted else None
    return _start(situation, container, last, sandbox)


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
        if restart_policy(desired, container) == "Never":
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
    accident = last is not None and last.sandbox != sandbox.id
    return waiting or Start(container.name, attempt, situation.began, sandbox, failed, accident)


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
