"""What the agent says about its pods: phase, containers, and why something does not run. Pure.

Source: the kubelet's getPhase and convertToAPIContainerStatuses. Invariant: a container that does not run has
a reason, and the reason names what is waited for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec

from bootstrap.agent.backoff import waits_until
from bootstrap.agent.conditions import Condition, pod_conditions, with_times
from bootstrap.agent.ending import Ending, ending
from bootstrap.agent.identity import StaticPod
from bootstrap.agent.names import SANDBOX, Instance
from bootstrap.agent.probe import Verdict
from bootstrap.agent.situation import Situation
from bootstrap.model.podspec import Container

Phase = Literal["Pending", "Running", "Succeeded", "Failed", "Terminating"]


class _Value(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The JSON of the status socket."""


class Exit(_Value, frozen=True, kw_only=True):
    """How the container ``id`` ended; ``reason`` is a kubelet's word, ``message`` what it said at its end."""

    exit_code: int
    reason: str
    id: str = ""
    message: str = ""
    started: datetime | None = None
    finished: datetime | None = None


HOOKING = "its postStart hook has not ended yet"

STATUS_SCHEMA = "bootstrap/agent-status/v1"


class ContainerStatus(_Value, frozen=True, kw_only=True):
    """``state`` is running, waiting or terminated; ``reason`` and ``message`` say why it is not running.

    ``since`` is when it started, or ended. ``last_exit`` is its newest end: that of ``state`` terminated,
    else the one before. ``image_id`` is of the newest instance. A sidecar is an ``init`` container too.
    """

    name: str
    image: str
    image_id: str = ""
    state: Literal["running", "waiting", "terminated"]
    init: bool = False
    sidecar: bool = False
    id: str = ""
    ready: bool = False
    started: bool = False
    restarts: int = 0
    reason: str = ""
    message: str = ""
    since: datetime | None = None
    last_exit: Exit | None = None


class PodStatus(_Value, frozen=True, kw_only=True):
    """``manifest`` is "" for a pod that is being removed.

    ``seen`` is when this agent first met the pod, ``started`` when it was first started. ``reason`` and
    ``message`` are the pod's own, such as DeadlineExceeded, "" for most. ``leaving`` are UIDs of which
    containers are still there and which are not wanted any more: earlier versions, or the pod itself.
    """

    name: str
    namespace: str
    uid: str
    phase: Phase
    ready: bool
    manifest: str = ""
    ip: str = ""
    seen: datetime | None = None
    started: datetime | None = None
    reason: str = ""
    message: str = ""
    conditions: tuple[Condition, ...] = ()
    containers: tuple[ContainerStatus, ...] = ()
    leaving: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PodReport:
    """What is known of one pod; ``pod`` None when it has no manifest any more."""

    pod: StaticPod | None
    status: PodStatus

    @property
    def full_name(self) -> str:
        return f"{self.status.name}_{self.status.namespace}"


@dataclass(frozen=True, slots=True)
class Reports:
    """``complete``: whatever is not among the pods is not on this node."""

    pods: tuple[PodReport, ...]
    complete: bool


class ManifestProblem(_Value, frozen=True, kw_only=True):
    """A file that is not run, or not as it stands now; ``kept`` when its last good pod goes on.

    ``pod`` (with the node's suffix), ``namespace`` and ``uid`` are those of the pod it is about, as far as
    they are known: the UID is that of a good pod.
    """

    path: str
    message: str
    kept: bool = False
    pod: str = ""
    namespace: str = ""
    uid: str = ""


class ApiStatus(_Value, frozen=True, kw_only=True):
    """How the node stands with the API server; ``problem`` is "" or why it is not connected.

    ``mirrors`` is how many pods are shown there; ``unmirrored`` says of a pod (``name_namespace``) why it is
    not, or not as it is. ``foreign`` are pods that were bound to this node and that nobody runs.
    """

    connected: bool
    problem: str = ""
    mirrors: int = 0
    unmirrored: dict[str, str] = {}
    foreign: tuple[str, ...] = ()


class RenewalStatus(_Value, frozen=True, kw_only=True):
    """How the certificates of the node stand, by their names.

    ``due`` is when each is renewed next. ``renewed`` are those that were renewed ``last``, by this agent.
    ``problems`` says of those that are due why they are not renewed. ``waiting`` is "" or why a component
    that has to be restarted for its new certificate is not yet.
    """

    due: dict[str, datetime] = {}
    last: datetime | None = None
    renewed: tuple[str, ...] = ()
    problems: dict[str, str] = {}
    waiting: str = ""


class AgentStatus(_Value, frozen=True, kw_only=True):
    """Everything; ``engine`` is "" or why the container engine cannot be used. ``api`` is None for an agent
    that registers no node, ``certificates`` for one that renews none.

    ``schema`` changes when a field goes or changes its meaning, not when one is added.
    """

    schema: str = STATUS_SCHEMA
    node: str
    version: str
    listed: bool
    pods: tuple[PodStatus, ...] = ()
    problems: tuple[ManifestProblem, ...] = ()
    engine: str = ""
    api: ApiStatus | None = None
    certificates: RenewalStatus | None = None


def pod_status(
    situation: Situation,
    verdicts: Mapping[str, Verdict],
    node_address: str,
    previous: PodStatus | None = None,
) -> PodStatus | None:
    """None when there is neither a manifest nor a container.

    What is ``previous`` of the same pod keeps its times.
    """
    desired = situation.desired
    if desired is None:
        return _leaving_status(situation)
    end = ending(situation, desired)
    init = tuple(
        _container_status(situation, each, verdicts, end, init=True)
        for each in desired.pod.spec.init_containers
    )
    apps = tuple(_container_status(situation, each, verdicts, end) for each in desired.pod.spec.containers)
    lasting = (*(each for each in init if each.sidecar), *apps)
    phase = _phase(end, init, apps)
    sandbox = situation.newest(SANDBOX)
    address = node_address if desired.pod.spec.host_network else sandbox.state.ip if sandbox else ""
    status = PodStatus(
        name=desired.name,
        namespace=desired.namespace,
        uid=desired.uid,
        manifest=desired.source,
        phase=phase,
        ready=all(each.ready for each in lasting) and not desired.pod.spec.readiness_gates,
        reason=end.reason if end else "",
        message=end.message if end else "",
        ip=address,
        started=situation.began if situation.instances else None,
        conditions=_conditions(desired, phase, init, apps, sandbox),
        containers=(*init, *apps),
        leaving=tuple(sorted({each.uid for each in situation.instances} - {desired.uid})),
    )
    return _with_times(status, situation.now, previous)


Wait = tuple[str, str, str]
"""(container, reason, message)"""


def backoffs(status: PodStatus | None) -> frozenset[Wait]:
    """What waits for a back-off to end: the containers that a look at the pod shows in BackOff."""
    return frozenset(
        (each.name, each.reason, each.message)
        for each in (status.containers if status else ())
        if each.reason.endswith("BackOff")
    )


def summary(pods: tuple[PodStatus, ...], problems: int) -> str:
    """One line, as systemd shows it: ``4 pods running, 1 waiting, 1 bad manifest``."""
    running = sum(each.phase == "Running" and each.ready for each in pods)
    text = f"{running} pod{'' if running == 1 else 's'} running"
    others = len(pods) - running
    if others:
        text += f", {others} not ready"
    if problems:
        text += f", {problems} bad manifest{'' if problems == 1 else 's'}"
    return text


def exit_of(instance: Instance, message: str = "") -> Exit:
    """How a container that does not run any more ended; ``message`` is what it said."""
    state = instance.state
    if state.status == "created":
        reason = "ContainerCannotRun"
    elif state.oom_killed:
        reason = "OOMKilled"
    else:
        reason = "Completed" if state.exit_code == 0 else "Error"
    return Exit(
        exit_code=state.exit_code,
        reason=reason,
        id=state.id,
        message=state.error or message,
        started=state.started,
        finished=instance.ended,
    )


def _leaving_status(situation: Situation) -> PodStatus | None:
    if not situation.instances:
        return None
    labels = situation.instances[0]
    return PodStatus(
        name=labels.state.labels.get("io.kubernetes.pod.name", ""),
        namespace=labels.state.labels.get("io.kubernetes.pod.namespace", ""),
        uid=labels.uid,
        phase="Terminating",
        ready=False,
        leaving=tuple(sorted({each.uid for each in situation.instances})),
    )


def _conditions(
    desired: StaticPod,
    phase: Phase,
    init: tuple[ContainerStatus, ...],
    apps: tuple[ContainerStatus, ...],
    sandbox: Instance | None,
) -> tuple[Condition, ...]:
    """An app container that has run is proof that the init containers were done with."""
    initialized = any(each.id or each.last_exit for each in apps)
    lasting = (*(each for each in init if each.sidecar), *apps)
    return pod_conditions(
        phase,
        has_sandbox=sandbox is not None and sandbox.is_running,
        uninitialized=() if initialized else tuple(each.name for each in init if not _is_done(each)),
        unready=tuple(each.name for each in lasting if not each.ready),
        gates=bool(desired.pod.spec.readiness_gates),
    )


def _with_times(status: PodStatus, now: datetime, previous: PodStatus | None) -> PodStatus:
    before = previous if previous is not None and previous.uid == status.uid else None
    return msgspec.structs.replace(
        status,
        seen=before.seen if before else now,
        conditions=with_times(status.conditions, before.conditions if before else (), now),
    )


def _container_status(
    situation: Situation,
    container: Container,
    verdicts: Mapping[str, Verdict],
    end: Ending | None,
    *,
    init: bool = False,
) -> ContainerStatus:
    attempts = sorted(
        (each for each in situation.instances if each.container == container.name and not each.is_stillborn),
        key=lambda each: (each.attempt, each.state.created),
        reverse=True,
    )
    last = attempts[0] if attempts else None
    dead = next((each for each in attempts if not each.is_running), None)
    common = ContainerStatus(
        name=container.name,
        image=container.image,
        image_id=last.state.image_id if last else "",
        state="waiting",
        init=init,
        sidecar=init and container.restart_policy == "Always",
        restarts=last.attempt if last else 0,
        last_exit=exit_of(dead, situation.messages.get(dead.id, "")) if dead else None,
    )
    if last is not None and last.is_running:
        verdict = verdicts.get(last.id, Verdict())
        hooking = last.id in situation.hooking
        return msgspec.structs.replace(
            common,
            state="running",
            id=last.id,
            # An init container that has an end is ready when it has done its work.
            ready=verdict.ready and not hooking and (common.sidecar or not init),
            started=verdict.started and not hooking,
            message=HOOKING if hooking else "" if verdict.ready else verdict.message,
            since=last.state.started,
        )
    reason, message = ("", "") if end else _waiting(situation, container, last)
    if last is not None and not reason:
        ended = exit_of(last, situation.messages.get(last.id, ""))
        return msgspec.structs.replace(
            common,
            state="terminated",
            id=last.id,
            ready=init and not common.sidecar and ended.exit_code == 0,
            reason=ended.reason,
            message=ended.message,
            since=ended.finished,
        )
    blank = "PodInitializing" if _is_initializing(situation) else "ContainerCreating"
    return msgspec.structs.replace(common, reason=reason or blank, message=message)


def _is_initializing(situation: Situation) -> bool:
    """It has init containers, and none of the others was ever started."""
    spec = situation.desired.pod.spec if situation.desired else None
    if spec is None or not spec.init_containers:
        return False
    return all(situation.newest(each.name) is None for each in spec.containers)


def _waiting(situation: Situation, container: Container, last: Instance | None) -> tuple[str, str]:
    """(reason, message) of what keeps a container from starting, ("", "") when nothing does."""
    memory, now = situation.memory, situation.now
    for key in (container.name, SANDBOX):
        if key in memory.setups:
            return memory.setups[key].reason, memory.setups[key].message
    for image in (container.image, situation.pause_image):
        if image in memory.pulls:
            failure = memory.pulls[image]
            waits = waits_until(failure.backoff, failure.at, now)
            return ("ImagePullBackOff" if waits else "ErrImagePull"), failure.message
    backoff = memory.restarts.get(container.name)
    if last is not None and backoff is not None and waits_until(backoff, last.ended, now):
        return "CrashLoopBackOff", f"back-off {backoff.wait:g}s restarting failed container"
    return "", ""


def _phase(end: Ending | None, init: tuple[ContainerStatus, ...], apps: tuple[ContainerStatus, ...]) -> Phase:
    if end is not None:
        succeeded = not end.reason and all(each.last_exit and each.last_exit.exit_code == 0 for each in apps)
        return "Succeeded" if succeeded else "Failed"
    seen_apps = any(each.id or each.last_exit for each in apps)
    if not seen_apps and not all(_is_done(each) for each in init):
        return "Pending"
    if any(each.state == "waiting" and each.last_exit is None for each in apps):
        return "Pending"
    return "Running"


def _is_done(init: ContainerStatus) -> bool:
    """Whether what comes after this init container may start."""
    return init.started if init.sidecar else init.ready
