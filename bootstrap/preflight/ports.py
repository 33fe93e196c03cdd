"""Whether the ports and the manifest directory are free, or held by what an earlier run of this made.

Invariant: a port held by our own running component is fine, because ``init`` may be run again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from bootstrap.host.files import FileAccessError
from bootstrap.host.machine import RunningProgram
from bootstrap.host.network import Listener
from bootstrap.preflight.check import Problem, Subject

SCHEDULER, CONTROLLER_MANAGER = 10259, 10257
KUBELET = 10250
ETCD = (2379, 2380, 2381)

_ENABLED_KUBELET = PurePosixPath("/etc/systemd/system/multi-user.target.wants/kubelet.service")


def ports(subject: Subject) -> Iterator[Problem]:
    """Every port a component or the agent will listen on."""
    numbers = _numbers(subject)
    listeners = subject.network.listeners(*numbers)
    # Asked after the ports, so that a container started in between is known to be ours.
    ours = subject.own_pids() if listeners else frozenset()
    for port in numbers:
        foreign = [one for one in listeners if one.port == port and one.pid not in ours]
        if foreign:
            yield Problem(
                f"Port-{port}",
                f"port {port} is in use by {holders_text(foreign)}",
                _remedy(foreign[0].program, port),
            )


def holders_text(holders: Iterable[Listener]) -> str:
    """``nginx (pid 812)``"""
    names = [
        f"{holder.program or 'a program'} (pid {holder.pid})" if holder.pid else "another program"
        for holder in holders
    ]
    return ", ".join(dict.fromkeys(names))


def _numbers(subject: Subject) -> tuple[int, ...]:
    control_plane = subject.control_plane
    agent = (KUBELET, control_plane.bootstrap.agent.healthz_port)
    etcd = ETCD if control_plane.local_etcd else ()
    return (control_plane.bind_port, SCHEDULER, CONTROLLER_MANAGER, *agent, *etcd)


def kubelet(subject: Subject) -> Iterator[Problem]:
    """Another agent on the same manifests would start every pod a second time."""
    manifests = subject.layout.manifests
    for program in subject.machine.processes:
        watched = _watched_directory(subject, program)
        if watched is not None and program.pid in subject.own_pids():
            continue
        if watched == manifests:
            yield Problem(
                "Service-Kubelet",
                f"{program.name} (pid {program.pid}) runs the pods of {manifests} already",
                "systemctl disable --now kubelet" if program.name == "kubelet" else f"kill {program.pid}",
            )
        elif program.name == "kubelet":
            yield Problem(
                "Service-Kubelet",
                f"a kubelet runs (pid {program.pid}); it watches {watched or 'no manifests'}",
                "keep its staticPodPath apart from ours",
                fatal=False,
            )
    if subject.files.exists(_ENABLED_KUBELET):
        yield Problem(
            "Service-Kubelet",
            "kubelet.service is enabled: it may run the same manifests after the next boot",
            "systemctl disable kubelet",
            fatal=False,
        )


def _watched_directory(subject: Subject, program: RunningProgram) -> PurePosixPath | None:
    if program.name == "kubelet":
        given = _option(program.argv, "--pod-manifest-path") or _static_pod_path(subject, program.argv)
        return PurePosixPath(given) if given else None
    if program.argv[1:] and "agent" in program.argv and "bootstrap" in program.argv:
        given = _option(program.argv, "--manifests")
        return PurePosixPath(given) if given else None
    return None


def _static_pod_path(subject: Subject, argv: tuple[str, ...]) -> str:
    import yaml

    config = _option(argv, "--config")
    if not config.startswith("/"):
        return ""
    try:
        document = yaml.safe_load(subject.files.read_text(PurePosixPath(config)))
    except (OSError, FileAccessError, yaml.YAMLError):
        return ""
    return str(document.get("staticPodPath") or "") if isinstance(document, dict) else ""


def _option(argv: tuple[str, ...], name: str) -> str:
    """``--name value`` or ``--name=value``; "" when it is not given."""
    for position, word in enumerate(argv):
        if word.startswith(f"{name}="):
            return word.partition("=")[2]
        if word == name and position + 1 < len(argv):
            return argv[position + 1]
    return ""


def _remedy(program: str, port: int) -> str:
    if program == "kubelet":
        return "systemctl disable --now kubelet"
    return f"stop it (ss -ltnp 'sport = :{port}' shows it), or configure another port"
