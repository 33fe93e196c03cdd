"""Values as requests to the Docker Engine, above all a ``ContainerSpec`` as ``POST /containers/create``.

Invariant: Docker never acts on its own: no restart policy, no health check of the image, and a bind source
that is missing is an error instead of a new directory. Restarting and probing are the agent's.
"""

from __future__ import annotations

from typing import Any

from bootstrap.runtime.api import ContainerSpec, LogQuery, Mount, PortBinding

CPU_PERIOD_MICROSECONDS = 100_000
CAP_SYS_RESOURCE = 24


def create_request(spec: ContainerSpec, *, allow_negative_oom: bool) -> dict[str, Any]:
    """The JSON body; keys are those of the Engine API (v1.40 and later).

    Without ``allow_negative_oom`` a protective OOM score becomes 0: runc refuses the container otherwise.
    """
    body: dict[str, Any] = {
        "Image": spec.image,
        "Labels": dict(spec.labels),
        "Env": list(spec.environment),
        "WorkingDir": spec.working_directory,
        "User": spec.user,
        "Hostname": spec.hostname,
        "OpenStdin": spec.stdin,
        "StdinOnce": spec.stdin_once,
        "Tty": spec.tty,
        "Healthcheck": {"Test": ["NONE"]},
        "ExposedPorts": {_port_key(port): {} for port in spec.ports},
        "HostConfig": _host_config(spec, allow_negative_oom=allow_negative_oom),
    }
    if spec.stop_signal:
        body["StopSignal"] = spec.stop_signal
    if spec.entrypoint is not None:
        body["Entrypoint"] = list(spec.entrypoint)
    if spec.command is not None:
        body["Cmd"] = list(spec.command)
    return body


def log_parameters(query: LogQuery) -> dict[str, str]:
    """The query of ``GET /containers/ID/logs``."""
    parameters = {
        name: str(int(getattr(query, name))) for name in ("follow", "timestamps", "stdout", "stderr")
    }
    parameters["tail"] = "all" if query.tail is None else str(query.tail)
    if query.since is not None:
        parameters["since"] = f"{query.since.timestamp():.6f}"
    return parameters


def allows_negative_oom_score(proc_self_status: str) -> bool:
    """Whether a process with this ``/proc/PID/status`` text may lower an oom_score_adj (CAP_SYS_RESOURCE)."""
    for line in proc_self_status.splitlines():
        key, _, value = line.partition(":")
        if key == "CapEff":
            return bool(int(value, 16) >> CAP_SYS_RESOURCE & 1)
    return False


def _host_config(spec: ContainerSpec, *, allow_negative_oom: bool) -> dict[str, Any]:
    score = spec.oom_score_adj or 0
    host: dict[str, Any] = {
        "RestartPolicy": {"Name": "no"},
        "NetworkMode": spec.network_mode or "default",
        "IpcMode": spec.ipc_mode,
        "PidMode": spec.pid_mode,
        "UTSMode": spec.uts_mode,
        "Mounts": [_mount(mount) for mount in spec.mounts],
        "PortBindings": _port_bindings(spec.ports),
        "Dns": list(spec.dns),
        "DnsSearch": list(spec.dns_search),
        "DnsOptions": list(spec.dns_options),
        "Sysctls": dict(spec.sysctls),
        "GroupAdd": list(spec.groups),
        "CpuShares": spec.cpu_shares,
        "Memory": spec.memory,
        "MemorySwap": spec.memory,
        "OomScoreAdj": score if allow_negative_oom else max(0, score),
        "Privileged": spec.privileged,
        "CapAdd": list(spec.capabilities_add),
        "CapDrop": list(spec.capabilities_drop),
        "SecurityOpt": list(spec.security_options),
        "ReadonlyRootfs": spec.read_only_root,
    }
    if spec.cpu_quota:
        host |= {"CpuPeriod": CPU_PERIOD_MICROSECONDS, "CpuQuota": spec.cpu_quota}
    if spec.masked_paths is not None:
        host["MaskedPaths"] = list(spec.masked_paths)
        if not spec.masked_paths:
            # "Unmasked" means both lists: what is not hidden is not read-only either.
            host["ReadonlyPaths"] = []
    if spec.log_max_size:
        # Without a type these are for the engine's own log driver.
        limits = {"max-size": str(spec.log_max_size), "max-file": str(max(1, spec.log_max_files))}
        host["LogConfig"] = {"Type": "", "Config": limits}
    if spec.runtime:
        host["Runtime"] = spec.runtime
    return host


def _mount(mount: Mount) -> dict[str, Any]:
    request: dict[str, Any] = {
        "Type": "bind",
        "Source": mount.source,
        "Target": mount.target,
        "ReadOnly": mount.read_only,
    }
    if mount.propagation:
        request["BindOptions"] = {"Propagation": mount.propagation}
    return request


def _port_key(port: PortBinding) -> str:
    return f"{port.container_port}/{port.protocol.lower()}"


def _port_bindings(ports: tuple[PortBinding, ...]) -> dict[str, list[dict[str, str]]]:
    bindings: dict[str, list[dict[str, str]]] = {}
    for port in ports:
        binding = {"HostIp": port.host_ip, "HostPort": str(port.host_port)}
        bindings.setdefault(_port_key(port), []).append(binding)
    return bindings
