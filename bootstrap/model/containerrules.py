"""What the API's validation refuses in a container of a static pod. Pure.

Source: pkg/apis/core/validation. Invariant: one line ``path: reason`` for each problem, all problems at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from bootstrap.model.podspec import Container, HTTPGetAction, LifecycleHandler, Pod, Probe, TCPSocketAction
from bootstrap.model.podsyntax import (
    HIGHEST_PORT,
    LABEL,
    LONGEST_LABEL,
    LONGEST_PORT_NAME,
    PORT_NAME,
    RESOURCE,
    is_address,
    matches,
    repeated,
)
from bootstrap.model.quantity import parse_quantity

_FIELD = re.compile(
    r"metadata\.(name|namespace|uid|(labels|annotations)\['.+'\])"
    r"|spec\.(nodeName|serviceAccountName)|status\.(hostIP|hostIPs|podIP|podIPs)"
)
_STOP_SIGNAL = re.compile(r"SIG[A-Z]{2,6}[0-9]?|SIGRTM(IN\+[0-9]{1,2}|AX-[0-9]{1,2})")


def container_problems(pod: Pod) -> Iterator[str]:
    """Every rule its containers break."""
    yield from repeated("spec containers", (each.name for each in pod.all_containers))
    volumes = {volume.name for volume in pod.spec.volumes}
    for field, containers in (
        ("initContainers", pod.spec.init_containers),
        ("containers", pod.spec.containers),
    ):
        for index, container in enumerate(containers):
            at = f"spec.{field}[{index}]"
            if not matches(LABEL, container.name, LONGEST_LABEL):
                yield f"{at}.name: {container.name!r} is not a DNS label"
            if not container.image or container.image != container.image.strip():
                yield f"{at}.image: {container.image!r} is not an image reference"
            yield from _ports(at, container, pod.spec.host_network)
            yield from _environment(at, container)
            yield from _resources(at, container)
            yield from _mounts(at, container, volumes)
            yield from _security(at, container)
            if field == "initContainers" and container.restart_policy != "Always":
                yield from _init_container(at, container)
            yield from _probes(at, container)
            yield from _lifecycle(at, container, pod)
    yield from _host_ports(pod)


def _host_ports(pod: Pod) -> Iterator[str]:
    sidecars = tuple(each for each in pod.spec.init_containers if each.restart_policy == "Always")
    taken = [
        (port.protocol, port.host_ip, port.host_port)
        for container in (*sidecars, *pod.spec.containers)
        for port in container.ports
        if port.host_port
    ]
    for protocol, address, number in sorted({each for each in taken if taken.count(each) > 1}):
        yield f"spec.containers: host port {address}:{number}/{protocol} is used twice"


def _ports(at: str, container: Container, host_network: bool) -> Iterator[str]:
    yield from repeated(f"{at}.ports", (port.name for port in container.ports if port.name))
    for index, port in enumerate(container.ports):
        here = f"{at}.ports[{index}]"
        if not 0 < port.container_port <= HIGHEST_PORT:
            yield f"{here}.containerPort: {port.container_port} is not a port"
        if not 0 <= port.host_port <= HIGHEST_PORT:
            yield f"{here}.hostPort: {port.host_port} is not a port"
        if host_network and port.host_port != port.container_port:
            yield f"{here}.hostPort: must equal containerPort when the pod has hostNetwork"
        if port.name and not matches(PORT_NAME, port.name, LONGEST_PORT_NAME):
            yield f"{here}.name: {port.name!r} is not a port name"
        if port.host_ip and not is_address(port.host_ip):
            yield f"{here}.hostIP: {port.host_ip!r} is not an IP address"


def _environment(at: str, container: Container) -> Iterator[str]:
    for index, variable in enumerate(container.env):
        here = f"{at}.env[{index}]"
        if not variable.name or "=" in variable.name:
            yield f"{here}.name: {variable.name!r} is not a variable name"
        source = variable.value_from
        if source and variable.value:
            yield f"{here}.valueFrom: not together with a value"
        if source and (source.field_ref is None) == (source.resource_field_ref is None):
            yield f"{here}.valueFrom: exactly one source is required"
        elif source and source.field_ref and not _FIELD.fullmatch(source.field_ref.field_path):
            path = source.field_ref.field_path
            yield f"{here}.valueFrom.fieldRef.fieldPath: {path!r} is not for a variable"
        elif source and (resource := source.resource_field_ref) and not RESOURCE.fullmatch(resource.resource):
            yield f"{here}.valueFrom.resourceFieldRef.resource: {resource.resource!r} is not a resource"


def _resources(at: str, container: Container) -> Iterator[str]:
    amounts = {}
    for field, quantities in (
        ("limits", container.resources.limits),
        ("requests", container.resources.requests),
    ):
        for name, text in quantities.items():
            try:
                amounts[field, name] = parse_quantity(text)
            except ValueError as error:
                yield f"{at}.resources.{field}.{name}: {error}"
                continue
            if amounts[field, name] < 0:
                yield f"{at}.resources.{field}.{name}: must not be negative"
            limit = amounts.get(("limits", name))
            if field == "requests" and limit is not None and amounts[field, name] > limit:
                yield f"{at}.resources.requests.{name}: must not be more than the limit"


def _mounts(at: str, container: Container, volumes: set[str]) -> Iterator[str]:
    yield from repeated(f"{at}.volumeMounts", (mount.mount_path for mount in container.volume_mounts))
    for index, mount in enumerate(container.volume_mounts):
        here = f"{at}.volumeMounts[{index}]"
        if mount.name not in volumes:
            yield f"{here}.name: there is no volume {mount.name!r}"
        if not mount.mount_path:
            yield f"{here}.mountPath: is required"
        for field, path in (("subPath", mount.sub_path), ("subPathExpr", mount.sub_path_expr)):
            if path.startswith("/") or ".." in PurePosixPath(path).parts:
                yield f"{here}.{field}: {path!r} must be relative, without '..'"
        if mount.recursive_read_only == "Enabled":
            yield f"{here}.recursiveReadOnly: Docker Engine makes only the mount itself read-only"
        if mount.mount_propagation == "Bidirectional" and not container.security_context.privileged:
            yield f"{here}.mountPropagation: Bidirectional needs a privileged container"


def _security(at: str, container: Container) -> Iterator[str]:
    security = container.security_context
    for field, value in (("runAsUser", security.run_as_user), ("runAsGroup", security.run_as_group)):
        if value is not None and not 0 <= value < 2**31:
            yield f"{at}.securityContext.{field}: {value} is not an ID"
    if security.allow_privilege_escalation is False and security.privileged:
        yield f"{at}.securityContext.allowPrivilegeEscalation: a privileged container cannot do without"
    profile = security.seccomp_profile
    if profile and (profile.type == "Localhost") != bool(profile.localhost_profile):
        yield f"{at}.securityContext.seccompProfile.localhostProfile: goes with type Localhost only"


def _init_container(at: str, container: Container) -> Iterator[str]:
    """One that is no sidecar has an end, and nothing that is for what goes on."""
    for field, value in (
        ("livenessProbe", container.liveness_probe),
        ("readinessProbe", container.readiness_probe),
        ("startupProbe", container.startup_probe),
        ("lifecycle", container.lifecycle),
    ):
        if value is not None:
            yield f"{at}.{field}: only an init container with restartPolicy Always may have it"


def _lifecycle(at: str, container: Container, pod: Pod) -> Iterator[str]:
    lifecycle = container.lifecycle
    if lifecycle is None:
        return
    for field, handler in (("postStart", lifecycle.post_start), ("preStop", lifecycle.pre_stop)):
        if handler is not None:
            longest = pod.spec.termination_grace_period_seconds
            yield from _hook(f"{at}.lifecycle.{field}", handler, longest)
    if lifecycle.stop_signal and not _STOP_SIGNAL.fullmatch(lifecycle.stop_signal):
        yield f"{at}.lifecycle.stopSignal: {lifecycle.stop_signal!r} is not a signal"


def _hook(at: str, hook: LifecycleHandler, longest: int) -> Iterator[str]:
    handlers = [each for each in (hook.exec, hook.http_get, hook.sleep, hook.tcp_socket) if each is not None]
    if len(handlers) != 1:
        yield f"{at}: exactly one of exec, httpGet and sleep is required"
    if hook.exec and not hook.exec.command:
        yield f"{at}.exec.command: is required"
    if hook.http_get:
        yield from _port(f"{at}.httpGet", hook.http_get)
    if hook.sleep and not 0 <= hook.sleep.seconds <= longest:
        yield f"{at}.sleep.seconds: must be at most terminationGracePeriodSeconds ({longest})"


def _port(at: str, action: HTTPGetAction | TCPSocketAction) -> Iterator[str]:
    number = isinstance(action.port, int)
    if number and not 0 < int(action.port) <= HIGHEST_PORT:
        yield f"{at}.port: {action.port} is not a port"
    if not number and not matches(PORT_NAME, str(action.port), LONGEST_PORT_NAME):
        yield f"{at}.port: {action.port!r} is neither a port nor a port name"


def _probes(at: str, container: Container) -> Iterator[str]:
    for field, probe in (
        ("livenessProbe", container.liveness_probe),
        ("readinessProbe", container.readiness_probe),
        ("startupProbe", container.startup_probe),
    ):
        if probe is None:
            continue
        yield from _probe(f"{at}.{field}", probe)
        if field != "readinessProbe" and probe.success_threshold != 1:
            yield f"{at}.{field}.successThreshold: must be 1"
        grace = probe.termination_grace_period_seconds
        if grace is not None and grace < 1:
            yield f"{at}.{field}.terminationGracePeriodSeconds: must be at least 1"
        if field == "readinessProbe" and probe.termination_grace_period_seconds is not None:
            yield f"{at}.{field}.terminationGracePeriodSeconds: a readiness probe stops nothing"


def _probe(at: str, probe: Probe) -> Iterator[str]:
    every = (probe.exec, probe.http_get, probe.tcp_socket, probe.grpc)
    if sum(each is not None for each in every) != 1:
        yield f"{at}: exactly one of exec, httpGet, tcpSocket and grpc is required"
    if probe.grpc and not 0 < probe.grpc.port <= HIGHEST_PORT:
        yield f"{at}.grpc.port: {probe.grpc.port} is not a port"
    if probe.exec and not probe.exec.command:
        yield f"{at}.exec.command: is required"
    for field, network in (("httpGet", probe.http_get), ("tcpSocket", probe.tcp_socket)):
        if network:
            yield from _port(f"{at}.{field}", network)
    if probe.initial_delay_seconds < 0:
        yield f"{at}.initialDelaySeconds: must not be negative"
    for field, value in (
        ("timeoutSeconds", probe.timeout_seconds),
        ("periodSeconds", probe.period_seconds),
        ("successThreshold", probe.success_threshold),
        ("failureThreshold", probe.failure_threshold),
    ):
        if value < 1:
            yield f"{at}.{field}: must be at least 1"
