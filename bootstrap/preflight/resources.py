"""Whether the machine is big enough and its kernel can do it.

Sources: cmd/kubeadm/app/constants (2 processors, 1700 MB) and k8s.io/system-validators.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from bootstrap.model.layout import Layout
from bootstrap.preflight.check import Problem, Subject

CPUS = 2
MEMORY = 1700
"""MiB"""

_KERNEL = (5, 4)
_CONTROLLERS = {
    1: frozenset({"cpu", "cpuacct", "cpuset", "devices", "freezer", "memory", "pids"}),
    2: frozenset({"cpu", "cpuset", "memory", "pids"}),
}
_GIBIBYTE = 1024**3
_LOGS = PurePosixPath("/var/log")
_EARLIEST_YEAR = 2025
"""Certificates that start earlier than this were made by a clock that was never set."""


def privileges(subject: Subject) -> Iterator[Problem]:
    if subject.is_real_root and subject.machine.user_id != 0:
        yield Problem(
            "IsPrivilegedUser", "not running as root", "run it with sudo, or write elsewhere with --root DIR"
        )


def processors(subject: Subject) -> Iterator[Problem]:
    if subject.machine.cpus < CPUS:
        yield Problem(
            "NumCPU", f"{subject.machine.cpus} processor, at least {CPUS} are needed", "give it another one"
        )


def memory(subject: Subject) -> Iterator[Problem]:
    if subject.machine.memory < MEMORY:
        yield Problem(
            "Mem", f"{subject.machine.memory} MB of memory, at least {MEMORY} are needed", "give it more"
        )


def swap(subject: Subject) -> Iterator[Problem]:
    if subject.machine.swap:
        devices = ", ".join(subject.machine.swap)
        yield Problem(
            "Swap",
            f"swap is on ({devices}): etcd is slow when swapped out, and a kubelet refuses it",
            "swapoff -a, and take it out of /etc/fstab",
            fatal=False,
        )


def system(subject: Subject) -> Iterator[Problem]:
    """Kernel version and cgroup controllers."""
    machine = subject.machine
    numbers = re.match(r"(\d+)\.(\d+)", machine.kernel)
    if numbers and tuple(map(int, numbers.groups())) < _KERNEL:
        yield Problem(
            "SystemVerification",
            f"kernel {machine.kernel} is older than {_KERNEL[0]}.{_KERNEL[1]}",
            "upgrade the kernel",
            fatal=False,
        )
    missing = _CONTROLLERS[machine.cgroup_version] - machine.cgroup_controllers
    if missing:
        yield Problem(
            "SystemVerification",
            f"cgroup controllers are missing: {', '.join(sorted(missing))}",
            "enable them on the kernel's command line, for example cgroup_enable=memory",
        )
    if machine.cgroup_version == 1:
        yield Problem(
            "SystemVerification",
            "the machine uses cgroup v1; a kubelet of 1.35 or later refuses to run on it",
            "boot with systemd.unified_cgroup_hierarchy=1 before a kubelet is to join",
            fatal=False,
        )


def clock(subject: Subject) -> Iterator[Problem]:
    if subject.now.year < _EARLIEST_YEAR:
        yield Problem(
            "Clock",
            f"the clock says {subject.now:%Y-%m-%d}: certificates made now would be refused later",
            "set the clock: timedatectl set-ntp true, or date -s",
        )


def disk_paths(layout: Layout) -> tuple[PurePosixPath, ...]:
    """The places ``disk`` asks about."""
    return (layout.etcd_data, _LOGS)


def disk(subject: Subject) -> Iterator[Problem]:
    """Too little to start is fatal; too little for long is a warning (etcd's default quota is 2 GiB)."""
    for path, least, comfortable in (
        (subject.layout.etcd_data, 0.25, 2.0),
        (_LOGS, 0.1, 1.0),
    ):
        free = subject.machine.free_bytes.get(path)
        if free is None or free >= comfortable * _GIBIBYTE:
            continue
        yield Problem(
            "DiskSpace",
            f"{free / _GIBIBYTE:.1f} GiB are free for {path}, {comfortable:g} GiB should be",
            f"df -h {path}, then free some space",
            fatal=free < least * _GIBIBYTE,
        )
