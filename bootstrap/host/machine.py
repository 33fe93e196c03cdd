"""What the machine itself is like: processors, memory, kernel, cgroups, swap, processes, room on its disks.

Invariant: values only, read from the kernel at one moment; judging them is left to ``bootstrap.preflight``.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class RunningProgram:
    """A process; ``name`` is the base name of the program it runs, ``argv`` its command line."""

    pid: int
    name: str
    argv: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Machine:
    """``memory`` in MiB; ``kernel`` as ``uname -r`` prints it; ``init`` the program that is PID 1.

    ``cgroup_version`` 1 or 2; ``cgroup_controllers`` the ones that are enabled. ``swap``: the devices in use.
    ``free_bytes``: room for unprivileged users on the file system of each path asked about. ``installed``:
    which of the programs asked about are on PATH. ``processes`` are those that see the same files as this
    one (same mount namespace), so that a kubelet inside some container is none of them.
    """

    cpus: int = 2
    memory: int = 4096
    kernel: str = ""
    init: str = ""
    user_id: int = 0
    cgroup_version: int = 2
    cgroup_controllers: frozenset[str] = frozenset()
    swap: tuple[str, ...] = ()
    free_bytes: Mapping[PurePosixPath, int] = field(default_factory=dict)
    installed: frozenset[str] = frozenset()
    processes: tuple[RunningProgram, ...] = ()


def examine_machine(
    paths: tuple[PurePosixPath, ...] = (), programs: tuple[str, ...] = (), proc: Path = Path("/proc")
) -> Machine:
    """Look at this machine; ``paths`` are asked for free room, ``programs`` looked for on PATH."""
    version, controllers = _cgroups(proc)
    return Machine(
        cpus=len(os.sched_getaffinity(0)),
        memory=_memory(proc),
        kernel=os.uname().release,
        init=_first_line(proc / "1" / "comm"),
        user_id=os.geteuid(),
        cgroup_version=version,
        cgroup_controllers=controllers,
        swap=tuple(line.split()[0] for line in _lines(proc / "swaps")[1:] if line.strip()),
        free_bytes={path: _free_bytes(path) for path in paths},
        installed=frozenset(program for program in programs if shutil.which(program)),
        processes=running_programs(proc),
    )


def running_programs(proc: Path = Path("/proc")) -> tuple[RunningProgram, ...]:
    """The processes that share this one's view of the file system, by pid."""
    ours = _link(proc / "self" / "ns" / "mnt")
    found = []
    for entry in proc.iterdir():
        if not entry.name.isdigit() or _link(entry / "ns" / "mnt") != ours:
            continue
        argv = command_line(int(entry.name), proc)
        if argv:
            found.append(RunningProgram(int(entry.name), os.path.basename(argv[0]), argv))
    return tuple(sorted(found, key=lambda program: program.pid))


def command_line(pid: int, proc: Path = Path("/proc")) -> tuple[str, ...]:
    """The command line of a process; empty when it is gone, a zombie or a kernel thread."""
    try:
        raw = (proc / str(pid) / "cmdline").read_bytes()
    except OSError:
        return ()
    return tuple(part.decode(errors="replace") for part in raw.rstrip(b"\0").split(b"\0")) if raw else ()


def start_ticks(pid: int, proc: Path = Path("/proc")) -> int:
    """When a process started, in clock ticks since boot (proc(5), field 22); 0 when it is gone or a zombie.

    A pid together with this number names one process for ever, a pid alone does not.
    """
    try:
        text = (proc / str(pid) / "stat").read_text()
    except OSError:
        return 0
    # The program's name stands in parentheses and may contain anything, so count from the last one.
    fields = text.rpartition(")")[2].split()
    return 0 if fields[0] in ("Z", "X") else int(fields[19])


def _cgroups(proc: Path) -> tuple[int, frozenset[str]]:
    rows = [line.split() for line in _lines(proc / "cgroups") if line and not line.startswith("#")]
    enabled = frozenset(row[0] for row in rows if row[3] == "1")
    unified = Path("/sys/fs/cgroup/cgroup.controllers")
    if unified.exists():
        return 2, frozenset(unified.read_text().split())
    return 1, enabled


def _memory(proc: Path) -> int:
    for line in _lines(proc / "meminfo"):
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) // 1024
    return 0


def _free_bytes(path: PurePosixPath) -> int:
    """Of the nearest directory above it that exists."""
    place = Path(path)
    while not place.exists():
        place = place.parent
    room = os.statvfs(place)
    return room.f_bavail * room.f_frsize


def _first_line(path: Path) -> str:
    lines = _lines(path)
    return lines[0].strip() if lines else ""


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []


def _link(path: Path) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""
