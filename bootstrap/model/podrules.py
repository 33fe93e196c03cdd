"""What the API's validation refuses in a static pod. Pure.

Source: pkg/apis/core/validation, the rules that concern fields of ``podspec``. Invariant: one line
``path: reason`` for each problem, all problems at once.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from bootstrap.model.podspec import Container, Pod, Probe, Volume
from bootstrap.model.quantity import parse_quantity

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_PORT_NAME = re.compile(r"(?=.*[a-z])[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_QUALIFIED_NAME = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)")
_SYSCTL = re.compile(r"([a-z0-9]([-_a-z0-9]*[a-z0-9])?[./])*([a-z0-9][-_a-z0-9]*)?[a-z0-9]")
_UID = re.compile(r"[A-Za-z0-9-]{1,64}")

LONGEST_LABEL = 63
LONGEST_NAME = 253
LONGEST_PORT_NAME = 15
HIGHEST_PORT = 65535


def problems_of(pod: Pod) -> tuple[str, ...]:
    """Every rule the pod breaks, in the order of its fields."""
    return (*_metadata(pod), *_spec(pod), *_containers(pod), *_volumes(pod))


def _metadata(pod: Pod) -> Iterator[str]:
    meta = pod.metadata
    if not _is(_SUBDOMAIN, meta.name, LONGEST_NAME):
        yield f"metadata.name: {meta.name!r} is not a DNS subdomain (lower case letters, digits, '-' and '.')"
    if not _is(_LABEL, meta.namespace, LONGEST_LABEL):
        yield f"metadata.namespace: {meta.namespace!r} is not a DNS label"
    if meta.uid and not _UID.fullmatch(meta.uid):
        yield f"metadata.uid: {meta.uid!r} may have letters, digits and '-', at most 64"
    for field, keys in (("labels", meta.labels), ("annotations", meta.annotations)):
        for key in keys:
            prefix, slash, name = key.rpartition("/")
            valid = _is(_QUALIFIED_NAME, name, LONGEST_LABEL)
            if not valid or (slash and not _is(_SUBDOMAIN, prefix.lower(), LONGEST_NAME)):
                yield f"metadata.{field}: {key!r} is not a qualified name"
    for key, value in meta.labels.items():
        if value and not _is(_QUALIFIED_NAME, value, LONGEST_LABEL):
            yield f"metadata.labels[{key}]: {value!r} is not a label value"


def _spec(pod: Pod) -> Iterator[str]:
    spec = pod.spec
    if not spec.containers:
        yield "spec.containers: at least one is required"
    if spec.termination_grace_period_seconds < 0:
        yield "spec.terminationGracePeriodSeconds: must not be negative"
    for field, value in (("hostname", spec.hostname), ("subdomain", spec.subdomain)):
        if value and not _is(_LABEL, value, LONGEST_LABEL):
            yield f"spec.{field}: {value!r} is not a DNS label"
    if spec.share_process_namespace and spec.host_pid:
        yield "spec.shareProcessNamespace: not together with hostPID"
    if spec.dns_policy == "None" and not (spec.dns_config and spec.dns_config.nameservers):
        yield "spec.dnsConfig.nameservers: at least one is required when dnsPolicy is None"
    for index, alias in enumerate(spec.host_aliases):
        if not _is_address(alias.ip):
            yield f"spec.hostAliases[{index}].ip: {alias.ip!r} is not an IP address"
    for index, sysctl in enumerate(spec.security_context.sysctls):
        at = f"spec.securityContext.sysctls[{index}]"
        if not _is(_SYSCTL, sysctl.name, LONGEST_NAME):
            yield f"{at}.name: {sysctl.name!r} is not a sysctl name"
        elif spec.host_network and sysctl.name.replace("/", ".").startswith("net."):
            yield f"{at}.name: {sysctl.name} would change the node, as the pod has hostNetwork"


def _containers(pod: Pod) -> Iterator[str]:
    yield from _repeated("spec containers", (each.name for each in pod.all_containers))
    volumes = {volume.name for volume in pod.spec.volumes}
    for field, containers in (
        ("initContainers", pod.spec.init_containers),
        ("containers", pod.spec.containers),
    ):
        for index, container in enumerate(containers):
            at = f"spec.{field}[{index}]"
            if not _is(_LABEL, container.name, LONGEST_LABEL):
                yield f"{at}.name: {container.name!r} is not a DNS label"
            if not container.image or container.image != container.image.strip():
                yield f"{at}.image: {container.image!r} is not an image reference"
            yield from _ports(at, container, pod.spec.host_network)
            yield from _environment(at, container)
            yield from _resources(at, container)
            yield from _mounts(at, container, volumes)
            yield from _security(at, container)
            yield from _probes(at, container, init=field == "initContainers")
    taken = [
        (port.protocol, port.host_ip, port.host_port)
        for container in pod.spec.containers
        for port in container.ports
        if port.host_port
    ]
    for protocol, address, number in sorted({each for each in taken if taken.count(each) > 1}):
        yield f"spec.containers: host port {address}:{number}/{protocol} is used twice"


def _ports(at: str, container: Container, host_network: bool) -> Iterator[str]:
    yield from _repeated(f"{at}.ports", (port.name for port in container.ports if port.name))
    for index, port in enumerate(container.ports):
        here = f"{at}.ports[{index}]"
        if not 0 < port.container_port <= HIGHEST_PORT:
            yield f"{here}.containerPort: {port.container_port} is not a port"
        if not 0 <= port.host_port <= HIGHEST_PORT:
            yield f"{here}.hostPort: {port.host_port} is not a port"
        if host_network and port.host_port != port.container_port:
            yield f"{here}.hostPort: must equal containerPort when the pod has hostNetwork"
        if port.name and not _is(_PORT_NAME, port.name, LONGEST_PORT_NAME):
            yield f"{here}.name: {port.name!r} is not a port name"
        if port.host_ip and not _is_address(port.host_ip):
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
    yield from _repeated(f"{at}.volumeMounts", (mount.mount_path for mount in container.volume_mounts))
    for index, mount in enumerate(container.volume_mounts):
        here = f"{at}.volumeMounts[{index}]"
        if mount.name not in volumes:
            yield f"{here}.name: there is no volume {mount.name!r}"
        if not mount.mount_path:
            yield f"{here}.mountPath: is required"
        for field, path in (("subPath", mount.sub_path), ("subPathExpr", mount.sub_path_expr)):
            if path.startswith("/") or ".." in PurePosixPath(path).parts:
                yield f"{here}.{field}: {path!r} must be relative, without '..'"
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


def _probes(at: str, container: Container, *, init: bool) -> Iterator[str]:
    for field, probe in (
        ("livenessProbe", container.liveness_probe),
        ("readinessProbe", container.readiness_probe),
        ("startupProbe", container.startup_probe),
    ):
        if probe is None:
            continue
        if init:
            yield f"{at}.{field}: an init container has no probes"
        yield from _probe(f"{at}.{field}", probe)
        if field != "readinessProbe" and probe.success_threshold != 1:
            yield f"{at}.{field}.successThreshold: must be 1"
        if field == "readinessProbe" and probe.termination_grace_period_seconds is not None:
            yield f"{at}.{field}.terminationGracePeriodSeconds: a readiness probe stops nothing"


def _probe(at: str, probe: Probe) -> Iterator[str]:
    handlers = [each for each in (probe.exec, probe.http_get, probe.tcp_socket) if each is not None]
    if len(handlers) != 1:
        yield f"{at}: exactly one of exec, httpGet and tcpSocket is required"
    if probe.exec and not probe.exec.command:
        yield f"{at}.exec.command: is required"
    network = probe.http_get or probe.tcp_socket
    if network:
        number = isinstance(network.port, int)
        if number and not 0 < int(network.port) <= HIGHEST_PORT:
            yield f"{at}.port: {network.port} is not a port"
        if not number and not _is(_PORT_NAME, str(network.port), LONGEST_PORT_NAME):
            yield f"{at}.port: {network.port!r} is neither a port nor a port name"
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


def _volumes(pod: Pod) -> Iterator[str]:
    yield from _repeated("spec.volumes", (volume.name for volume in pod.spec.volumes))
    for index, volume in enumerate(pod.spec.volumes):
        yield from _volume(f"spec.volumes[{index}]", volume)


def _volume(at: str, volume: Volume) -> Iterator[str]:
    if not _is(_LABEL, volume.name, LONGEST_LABEL):
        yield f"{at}.name: {volume.name!r} is not a DNS label"
    if volume.host_path and volume.empty_dir:
        yield f"{at}: only one volume source is allowed"
    if volume.host_path:
        if not volume.host_path.path:
            yield f"{at}.hostPath.path: is required"
        elif ".." in PurePosixPath(volume.host_path.path).parts:
            yield f"{at}.hostPath.path: {volume.host_path.path!r} must not contain '..'"
    if volume.empty_dir and volume.empty_dir.medium not in ("", "Memory"):
        yield f"{at}.emptyDir.medium: {volume.empty_dir.medium!r} is not supported"
    if volume.empty_dir and volume.empty_dir.size_limit is not None:
        try:
            parse_quantity(volume.empty_dir.size_limit)
        except ValueError as error:
            yield f"{at}.emptyDir.sizeLimit: {error}"


def _repeated(at: str, names: Iterable[str]) -> Iterator[str]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            yield f"{at}: {name!r} is there twice"
        seen.add(name)


def _is(pattern: re.Pattern[str], text: str, longest: int) -> bool:
    return len(text) <= longest and pattern.fullmatch(text) is not None


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
