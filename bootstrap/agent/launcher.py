"""Starting a sandbox or a container, and getting its image. What fails is remembered, not raised.

Invariant: after every call the engine tells the truth about what was done; only an engine that does not
answer is an exception.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from bootstrap.agent.container import Placement, container_spec, sandbox_spec
from bootstrap.agent.dns import misses_cluster_dns, resolv_conf
from bootstrap.agent.environment import Addresses, FieldReferenceError, environment
from bootstrap.agent.history import History, about
from bootstrap.agent.hooks import Hooks, HookTarget, with_port_number
from bootstrap.agent.identity import StaticPod
from bootstrap.agent.measures import Measures
from bootstrap.agent.memory import Memory
from bootstrap.agent.names import NODE, SANDBOX, Instance
from bootstrap.agent.node import Node
from bootstrap.agent.plan import Pull, Start
from bootstrap.agent.pulledimages import PulledImages
from bootstrap.agent.security import SecurityContextError, must_not_be_root, refuse_root
from bootstrap.agent.subpath import VolumeError
from bootstrap.agent.volumes import Volumes
from bootstrap.errors import BootstrapError
from bootstrap.host.clock import Clock
from bootstrap.model.podspec import Container
from bootstrap.runtime.api import Container as EngineContainer
from bootstrap.runtime.api import (
    ContainerRuntime,
    ContainerSpec,
    EngineError,
    EngineUnreachableError,
    NameConflictError,
    NoSuchContainerError,
    NoSuchImageError,
)

log = logging.getLogger("bootstrap.agent")

_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (VolumeError, "FailedMount"),
    (FieldReferenceError, "CreateContainerConfigError"),
    (SecurityContextError, "CreateContainerConfigError"),
    (BootstrapError, "CreateContainerError"),
)


class Launcher:
    """Does what ``plan`` decided for pods of this node."""

    def __init__(
        self,
        node: Node,
        volumes: Volumes,
        history: History,
        hooks: Hooks,
        measures: Measures,
        images: PulledImages,
    ) -> None:
        self._node = node
        self._volumes = volumes
        self._history = history
        self._hooks = hooks
        self._measures = measures
        self._images = images

    def start(
        self, runtime: ContainerRuntime, pod: StaticPod, action: Start, memory: Memory, now: datetime
    ) -> Memory:
        """Create and start; the memory with the back-off this brings about."""
        try:
            if action.sandbox is None:
                if action.attempt:
                    self._history.record(about(pod), "SandboxChanged", "the sandbox is made anew")
                spec = sandbox_spec(pod, self._node, action.attempt, action.began)
            else:
                spec = self._container_spec(runtime, pod, action)
            identity = self._create(runtime, spec)
        except NoSuchImageError as error:
            return self._without_image(pod, action, memory, now, error)
        except EngineUnreachableError:
            raise
        except BootstrapError as error:
            log.error("pod %s: container %s: %s", pod.full_name, action.container, error.message)
            reason = next(reason for kind, reason in _REASONS if isinstance(error, kind))
            self._record_failure(pod, action, reason, error.message)
            return memory.with_setup_failure(action.container, reason, error.message, now)
        if action.sandbox is not None:
            self._record_creation(pod, action, spec.image, memory)
        return self._start(runtime, pod, action, identity, memory, now)

    def pull(
        self, runtime: ContainerRuntime, pod: StaticPod, action: Pull, memory: Memory, clock: Clock
    ) -> Memory:
        """Pull an image, or only look for it."""
        image, subject = action.image, about(pod, action.container)
        try:
            if not action.always and runtime.image(image) is not None:
                self._history.record(subject, "Pulled", f"image {image} is here by now")
                return memory.with_pull(action.container, image)
            if action.look_only:
                return memory.with_look(image, clock.now())
            log.info("pod %s: pulling image %s for container %s", pod.full_name, image, action.container)
            self._history.record(subject, "Pulling", f"pulling image {image}")
            begun = clock.monotonic()
            for _progress in runtime.pull(image):
                pass
        except EngineUnreachableError:
            raise
        except EngineError as error:
            log.error("pod %s: container %s: %s", pod.full_name, action.container, error.message)
            self._history.record(subject, "Failed", f"image cannot be pulled: {error.message}")
            return memory.with_pull_failure(image, error.message, clock.now())
        seconds = clock.monotonic() - begun
        self._measures.pulls.observe(seconds)
        self._images.pulled(image)
        self._history.record(subject, "Pulled", f"pulled image {image} in {seconds:.1f} s")
        return memory.with_pull(action.container, image)

    def _start(
        self,
        runtime: ContainerRuntime,
        pod: StaticPod,
        action: Start,
        identity: str,
        memory: Memory,
        now: datetime,
    ) -> Memory:
        memory = memory.with_start(action.container, action.failed, action.accident, now)
        try:
            runtime.start(identity)
        except EngineError as error:
            log.error("pod %s: container %s cannot start: %s", pod.full_name, action.container, error.message)
            self._record_failure(pod, action, "RunContainerError", error.message)
            if action.sandbox is None:
                return memory.with_setup_failure(SANDBOX, "CreatePodSandboxError", error.message, now)
            return memory
        log.info("pod %s: started container %s, attempt %d", pod.full_name, action.container, action.attempt)
        if action.sandbox is None:
            self._set_dns(runtime, pod, identity)
        else:
            self._history.record(about(pod, action.container), "Started", "started")
            self._begin_hook(pod, action.sandbox, pod.container(action.container), identity)
        return memory

    def _begin_hook(self, pod: StaticPod, sandbox: Instance, container: Container, identity: str) -> None:
        handler = container.lifecycle.post_start if container.lifecycle else None
        if handler is None:
            return
        handler = with_port_number(handler, container)
        address = self._own_ip(pod, sandbox)
        self._hooks.begin(HookTarget(about(pod, container.name), identity, handler, address))

    def _own_ip(self, pod: StaticPod, sandbox: Instance) -> str:
        return self._node.address if pod.pod.spec.host_network else sandbox.state.ip

    def _container_spec(self, runtime: ContainerRuntime, pod: StaticPod, action: Start) -> ContainerSpec:
        assert action.sandbox is not None
        container = pod.container(action.container)
        security = pod.pod.spec.security_context
        if must_not_be_root(security, container):
            refuse_root(security, container, runtime.image(container.image))
        own_ip = self._own_ip(pod, action.sandbox)
        addresses = Addresses(own_ip, self._node.address, self._node.cores, self._node.memory)
        variables = environment(pod, container, self._node.name, addresses)
        mounts = self._volumes.mounts(pod, container, action.attempt, own_ip, variables)
        placement = Placement(action.sandbox, mounts, addresses)
        return container_spec(pod, container, self._node, action.attempt, placement)

    def _create(self, runtime: ContainerRuntime, spec: ContainerSpec) -> str:
        """A container of ours that holds the name is one the planner did not want: it gives way."""
        try:
            return runtime.create(spec)
        except NameConflictError as conflict:
            holder = _holder(runtime, conflict)
            if holder is None:
                return _create_past_phantom(runtime, spec)
            if holder.labels.get(NODE) != self._node.name or holder.is_running:
                raise
            runtime.remove(holder.id)
            return runtime.create(spec)

    def _without_image(
        self, pod: StaticPod, action: Start, memory: Memory, now: datetime, error: NoSuchImageError
    ) -> Memory:
        if action.sandbox is None:
            return memory.with_missing_image(self._node.pause_image)
        container = pod.container(action.container)
        if container.image_pull_policy == "Never":
            log.error("pod %s: container %s: %s", pod.full_name, action.container, error.message)
            self._record_failure(pod, action, "ErrImageNeverPull", error.message)
            return memory.with_setup_failure(action.container, "ErrImageNeverPull", error.message, now)
        return memory.with_missing_image(container.image)

    def _record_creation(self, pod: StaticPod, action: Start, image: str, memory: Memory) -> None:
        subject = about(pod, action.container)
        if action.container not in memory.pulled:
            self._history.record(subject, "Pulled", f"image {image} is already here")
        self._history.record(subject, "Created", "created")
        self._images.needed(image)

    def _record_failure(self, pod: StaticPod, action: Start, reason: str, message: str) -> None:
        """Under the few reasons that a kubelet's events have; the state's own reason leads the message."""
        subject = about(pod, action.container)
        if action.sandbox is None:
            self._history.record(subject, "FailedCreatePodSandBox", message)
        elif reason in ("FailedMount", "ErrImageNeverPull"):
            self._history.record(subject, reason, message)
        else:
            self._history.record(subject, "Failed", f"{reason}: {message}")

    def _set_dns(self, runtime: ContainerRuntime, pod: StaticPod, sandbox_id: str) -> None:
        """All containers of a pod share the file the engine made for the sandbox."""
        missing = misses_cluster_dns(pod.pod, self._node.cluster_dns)
        if missing:
            self._history.record(about(pod), "MissingClusterDNS", missing)
        node_file = self._node.etc / "resolv.conf"
        node_text = node_file.read_text() if node_file.is_file() else ""
        text = resolv_conf(pod.pod, node_text, self._node.cluster_dns, self._node.cluster_domain)
        if text is None:
            return
        path = Path(runtime.inspect(sandbox_id).resolv_conf_path)
        if path.is_file():
            path.write_text(text)


def _holder(runtime: ContainerRuntime, conflict: NameConflictError) -> EngineContainer | None:
    """None for a phantom: the engine keeps the name for a container that it does not have."""
    try:
        return runtime.inspect(conflict.holder)
    except NoSuchContainerError:
        return None


def _create_past_phantom(runtime: ContainerRuntime, spec: ContainerSpec) -> str:
    """By its name if that was given up meanwhile, else by another, as dockershim does.

    Only a restart of the engine lets go of the name. Labels tell containers apart, so nothing else changes.
    """
    try:
        return runtime.create(spec)
    except NameConflictError as conflict:
        if not conflict.holder or _holder(runtime, conflict) is not None:
            raise
        name = f"{spec.name}_{conflict.holder[:8]}"
        log.warning("%s; it has no such container, so the new one is %s", conflict.message, name)
        return runtime.create(replace(spec, name=name))
