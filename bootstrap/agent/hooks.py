"""Lifecycle hooks: what a container asks to be done after its start and before its stop.

Source: pkg/kubelet/lifecycle/handlers.go, kuberuntime_container.go. Invariant: a hook holds up its
container and those after it, never the pod's goodbye: a postStart hook runs on a thread of its own.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from bootstrap.agent.connections import Connections
from bootstrap.agent.history import History, Subject
from bootstrap.agent.names import PRE_STOP, Instance
from bootstrap.agent.probing import first_request, port_number
from bootstrap.errors import BootstrapError
from bootstrap.host.clock import Clock
from bootstrap.host.http import HttpClient
from bootstrap.model.podspec import Container, LifecycleHandler
from bootstrap.runtime.api import ContainerRuntime

log = logging.getLogger("bootstrap.agent")

_HANDLER = msgspec.json.Decoder(LifecycleHandler)

LONGEST_SECONDS = 3600.0
"""A kubelet lets a postStart hook run for ever; a thread that hangs for an hour will not come back."""

Spawn = Callable[[Callable[[], None]], object]


@dataclass(frozen=True, slots=True)
class HookTarget:
    """A running container and one hook of it; ``address`` is where it is reached."""

    subject: Subject
    id: str
    handler: LifecycleHandler
    address: str


class HookError(BootstrapError):
    """The hook failed, or did not end in time."""


class Hooks:
    """postStart hooks: those under way, and how the others ended. ``on_done`` gets the key of their pod."""

    def __init__(
        self,
        http: HttpClient,
        engine: Connections,
        clock: Clock,
        history: History,
        on_done: Callable[[str], None],
        spawn: Spawn | None = None,
    ) -> None:
        self._http = http
        self._engine = engine
        self._clock = clock
        self._history = history
        self._on_done = on_done
        self._spawn: Spawn = spawn or _on_a_thread
        self._lock = threading.Lock()
        self._results: dict[str, str | None] = {}
        self._pods: dict[str, str] = {}

    def begin(self, target: HookTarget) -> None:
        """Run the container's hook."""
        with self._lock:
            self._results[target.id] = None
            self._pods[target.id] = target.subject.pod
        self._spawn(lambda: self._run(target))

    def under_way(self, pod: str) -> frozenset[str]:
        """IDs of the pod's containers whose hook has not ended."""
        with self._lock:
            return frozenset(
                each for each, of in self._pods.items() if of == pod and self._results[each] is None
            )

    def failures(self, pod: str) -> dict[str, str]:
        """ID -> why the hook of a container failed."""
        with self._lock:
            return {
                each: text for each, of in self._pods.items() if of == pod and (text := self._results[each])
            }

    def keep(self, pod: str, running: frozenset[str]) -> None:
        """Forget the hooks of the pod's containers that do not run any more."""
        with self._lock:
            for each in [each for each, of in self._pods.items() if of == pod and each not in running]:
                del self._pods[each], self._results[each]

    def before_stop(self, runtime: ContainerRuntime, target: HookTarget, grace: float) -> float:
        """Run a preStop hook; the seconds of grace that are left. A failure stops nothing from stopping."""
        begun = self._clock.monotonic()
        try:
            run_hook(self._http, runtime, self._clock, target, grace)
        except BootstrapError as error:
            self._complain(target, "FailedPreStopHook", f"preStop hook failed: {error.message}")
        return max(0.0, grace - (self._clock.monotonic() - begun))

    def _run(self, target: HookTarget) -> None:
        result = ""
        try:
            with self._engine.lent() as runtime:
                run_hook(self._http, runtime, self._clock, target, LONGEST_SECONDS)
        except BootstrapError as error:
            result = f"postStart hook failed: {error.message}"
            self._complain(target, "FailedPostStartHook", result)
        with self._lock:
            if target.id not in self._results:
                return
            self._results[target.id] = result
        self._on_done(target.subject.pod)

    def _complain(self, target: HookTarget, reason: str, message: str) -> None:
        log.warning("pod %s: container %s: %s", target.subject.pod, target.subject.container, message)
        self._history.record(target.subject, reason, message)


def run_hook(
    http: HttpClient, runtime: ContainerRuntime, clock: Clock, target: HookTarget, timeout: float
) -> None:
    """Do what the handler says, to its end. Raises HookError, EngineError, EngineUnreachableError."""
    handler = target.handler
    if handler.sleep is not None:
        clock.wait(threading.Event(), min(float(handler.sleep.seconds), timeout))
    elif handler.http_get is not None:
        action = handler.http_get
        if not isinstance(action.port, int):
            raise HookError(f"there is no port named {action.port}")
        # Any answer will do: a kubelet does not look at its status.
        http.fetch(first_request(action, action.host or target.address, action.port, timeout))
    elif handler.exec is not None:
        try:
            done = runtime.execute(target.id, handler.exec.command, timeout)
        except TimeoutError as error:
            raise HookError(str(error)) from error
        if done.exit_code != 0:
            output = " ".join(done.output.decode(errors="replace").split())
            raise HookError(f"exit code {done.exit_code}: {output}")


def with_port_number(handler: LifecycleHandler, container: Container) -> LifecycleHandler:
    """The handler with the name of a port replaced by its number, as far as there is one."""
    action = handler.http_get
    port = port_number(container, action.port) if action else None
    if action is None or port is None:
        return handler
    return msgspec.structs.replace(handler, http_get=msgspec.structs.replace(action, port=port))


def pre_stop_of(instance: Instance) -> LifecycleHandler | None:
    """The hook as the container's label has it: its manifest may be gone."""
    text = instance.state.labels.get(PRE_STOP, "")
    if not text:
        return None
    try:
        return _HANDLER.decode(text)
    except msgspec.DecodeError:
        return None


def _on_a_thread(run: Callable[[], None]) -> None:
    threading.Thread(target=run, name="hook", daemon=True).start()
