"""What can be seen of a control plane component from outside: its manifest, container, log, port and image.

Invariant: looking changes nothing and fails at nothing; what cannot be seen is said to be so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from bootstrap.errors import BootstrapError
from bootstrap.host.network import Listener
from bootstrap.phases.component_health import endpoint_of, manifest_container
from bootstrap.phases.context import Context
from bootstrap.runtime.api import Container, ContainerRuntime, EngineError

LOG_LINES = 80
"""How much of a log is read: etcd follows its last words with a stack trace of some 30 lines."""

_AGENT_LOG_LINES = 200

POD_NAMESPACE = "io.kubernetes.pod.namespace"
CONTAINER_NAME = "io.kubernetes.container.name"


@dataclass(frozen=True, slots=True)
class Observation:
    """What is known of one component at one moment.

    ``answer``: what its health endpoint last said. ``engine`` and ``agent``: why the container engine does
    not answer and the agent does not run, "" when they do; ``agent_is_restarted`` when systemd sees to it.
    ``container`` is the newest one, ``attempt`` how often it was started before. ``holders`` listen on the
    component's port and are not it.
    """

    component: str
    answer: str
    engine: str = ""
    agent: str = ""
    agent_is_restarted: bool = True
    manifest_missing: bool = False
    container: Container | None = None
    attempt: int = 0
    log: tuple[str, ...] = ()
    port: int = 0
    holders: tuple[Listener, ...] = ()
    image: str = ""
    image_present: bool = True
    agent_log: tuple[str, ...] = ()


def observe(context: Context, component: str, answer: str) -> Observation:
    """Look at everything that may keep a component from being healthy."""
    running = context.agent_service.is_running()
    agent_log = tuple(context.agent_service.recent_log(_AGENT_LOG_LINES).splitlines())
    seen = Observation(
        component,
        answer,
        agent_is_restarted=context.agent_service.manager == "systemd",
        agent="" if running else (agent_log[-1] if agent_log else "it ended without a word"),
        manifest_missing=not context.files.exists(context.layout.manifest(component)),
        agent_log=agent_log,
    )
    try:
        with connected(context) as runtime:
            containers = component_containers(runtime, component)
            seen = replace(
                seen,
                container=containers[0] if containers else None,
                attempt=attempt_of(containers[0]) if containers else 0,
                log=_last_words(runtime, containers),
            )
            return seen if seen.manifest_missing else _with_manifest(context, runtime, seen, containers)
    except BootstrapError as error:
        return replace(seen, engine=error.message)


@contextmanager
def connected(context: Context) -> Iterator[ContainerRuntime]:
    """A connection to the container engine, closed at the end."""
    runtime = context.runtime()
    try:
        yield runtime
    finally:
        runtime.close()


def component_containers(runtime: ContainerRuntime, component: str) -> tuple[Container, ...]:
    """The component's containers, newest first; raises EngineError and EngineUnreachableError."""
    return runtime.list({POD_NAMESPACE: "kube-system", CONTAINER_NAME: component})


def attempt_of(container: Container) -> int:
    """How often it was started before: the end of its name, as dockershim wrote it."""
    last = container.name.rpartition("_")[2]
    return int(last) if last.isdigit() else 0


def _last_words(runtime: ContainerRuntime, containers: Iterable[Container]) -> tuple[str, ...]:
    """The end of the newest log that has anything: a container just made has said nothing yet."""
    for container in containers:
        try:
            text = runtime.logs(container.id, tail=LOG_LINES).decode(errors="replace")
        except EngineError:
            continue
        if text.strip():
            return tuple(line for line in text.splitlines() if line.strip())
    return ()


def _with_manifest(
    context: Context, runtime: ContainerRuntime, seen: Observation, containers: tuple[Container, ...]
) -> Observation:
    """What takes knowing the manifest: the image, and who else listens on the port."""
    image = manifest_container(context, seen.component).image
    port = endpoint_of(context, seen.component).port
    own = {container.pid for container in containers if container.is_running}
    return replace(
        seen,
        image=image,
        image_present=runtime.image(image) is not None,
        port=port,
        holders=tuple(listener for listener in context.network.listeners(port) if listener.pid not in own),
    )
