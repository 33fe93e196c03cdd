"""Pod -> ``ContainerSpec``: what the engine is asked for, of a sandbox and of a container. Pure.

Source: dockershim (docker_sandbox.go, docker_container.go), as cri-dockerd still has it. Invariant: Docker's
own restart policy and health checks are never used, and a bind source is prepared before it is mounted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec

from bootstrap.agent.dns import pod_names
from bootstrap.agent.environment import Addresses, environment, expand
from bootstrap.agent.hooks import with_port_number
from bootstrap.agent.identity import StaticPod
from bootstrap.agent.names import (
    PRE_STOP,
    SANDBOX,
    Instance,
    container_labels,
    container_name,
    sandbox_labels,
)
from bootstrap.agent.node import Node
from bootstrap.agent.resources import (
    CRITICAL_OOM_SCORE,
    MINIMUM_SHARES,
    SANDBOX_OOM_SCORE,
    engine_resources,
)
from bootstrap.agent.security import pod_groups, security_options, selinux_options, user_ids
from bootstrap.model.podspec import Container, ContainerPort
from bootstrap.runtime.api import ContainerSpec, Mount, PortBinding


def sandbox_spec(pod: StaticPod, node: Node, attempt: int, began: datetime) -> ContainerSpec:
    """The pause container, which holds the pod's namespaces and host ports."""
    spec = pod.pod.spec
    security = spec.security_context
    user = "" if security.run_as_user is None else str(security.run_as_user)
    if user and security.run_as_group is not None:
        user = f"{user}:{security.run_as_group}"
    return ContainerSpec(
        name=container_name(pod, SANDBOX, attempt),
        image=node.pause_image,
        labels=sandbox_labels(pod, node.name, attempt, began),
        user=user,
        groups=pod_groups(security),
        hostname="" if spec.host_network else pod_names(pod.pod, pod.name, node.cluster_domain).own,
        network_mode="host" if spec.host_network else "bridge",
        ipc_mode="host" if spec.host_ipc else "shareable",
        pid_mode="host" if spec.host_pid else "",
        ports=() if spec.host_network else _port_bindings(pod),
        sysctls={each.name.replace("/", "."): each.value for each in security.sysctls},
        cpu_shares=MINIMUM_SHARES,
        oom_score_adj=SANDBOX_OOM_SCORE,
        runtime=spec.runtime_class_name,
        security_options=("no-new-privileges", *selinux_options(security.se_linux_options)),
    )


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a container is put: its sandbox, what is mounted, and the addresses its variables may name."""

    sandbox: Instance
    mounts: tuple[Mount, ...]
    addresses: Addresses


def container_spec(
    pod: StaticPod, container: Container, node: Node, attempt: int, placement: Placement
) -> ContainerSpec:
    """One container of the pod. Raises FieldReferenceError, SecurityContextError."""
    spec, security = pod.pod.spec, container.security_context
    sandbox = f"container:{placement.sandbox.id}"
    variables = environment(pod, container, node.name, placement.addresses)
    command = tuple(expand(word, variables) for word in container.command)
    arguments = tuple(expand(word, variables) for word in container.args)
    ids = user_ids(spec.security_context, container)
    resources = engine_resources(container)
    return ContainerSpec(
        name=container_name(pod, container.name, attempt),
        image=container.image,
        labels={
            **container_labels(
                pod, container, node.name, attempt, placement.sandbox.id, placement.sandbox.began
            ),
            **_hook_labels(container),
        },
        entrypoint=command or None,
        command=arguments if arguments else None,
        environment=tuple(f"{name}={value}" for name, value in variables.items()),
        working_directory=container.working_dir,
        user=ids.user,
        groups=ids.groups,
        network_mode=sandbox,
        ipc_mode=sandbox,
        pid_mode=_pid_mode(pod, sandbox),
        uts_mode="host" if spec.host_network else "",
        mounts=placement.mounts,
        cpu_shares=resources.cpu_shares,
        cpu_quota=resources.cpu_quota,
        memory=resources.memory,
        oom_score_adj=CRITICAL_OOM_SCORE,
        privileged=security.privileged,
        capabilities_add=security.capabilities.add,
        capabilities_drop=security.capabilities.drop,
        security_options=security_options(pod.pod, container, node.seccomp_profiles),
        masked_paths=() if security.proc_mount == "Unmasked" else None,
        read_only_root=security.read_only_root_filesystem,
        runtime=spec.runtime_class_name,
        stop_signal=container.lifecycle.stop_signal if container.lifecycle else "",
        log_max_size=node.log_max_size,
        log_max_files=node.log_max_files,
        stdin=container.stdin,
        stdin_once=container.stdin_once,
        tty=container.tty,
    )


def _hook_labels(container: Container) -> dict[str, str]:
    """What is to be done before it stops, for whoever stops it without its manifest."""
    if container.lifecycle is None or container.lifecycle.pre_stop is None:
        return {}
    handler = with_port_number(container.lifecycle.pre_stop, container)
    return {PRE_STOP: msgspec.json.encode(handler).decode()}


def _pid_mode(pod: StaticPod, sandbox: str) -> str:
    if pod.pod.spec.host_pid:
        return "host"
    return sandbox if pod.pod.spec.share_process_namespace else ""


def _port_bindings(pod: StaticPod) -> tuple[PortBinding, ...]:
    spec = pod.pod.spec
    sidecars = [each for each in spec.init_containers if pod.sidecar(each.name) is not None]
    ports = [port for each in (*sidecars, *spec.containers) for port in each.ports if port.host_port]
    return tuple(_port_binding(port) for port in ports)


def _port_binding(port: ContainerPort) -> PortBinding:
    return PortBinding(port.container_port, port.host_port, port.protocol.lower(), port.host_ip)
