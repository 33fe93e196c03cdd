"""What the whole machine uses, as Linux tells it. Pure but for reading two files of /proc."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_KIBIBYTE = 1024


@dataclass(frozen=True, slots=True)
class MachineUse:
    """CPU seconds since boot, all cores together; bytes. ``booted`` is Unix time.

    ``working_set``: memory that cannot be given back without harm.
    """

    cpu_seconds: float
    memory: int
    working_set: int
    available: int
    booted: float


def machine_use(proc: Path = Path("/proc")) -> MachineUse:
    return parsed_use((proc / "stat").read_text(), (proc / "meminfo").read_text())


def parsed_use(stat: str, meminfo: str) -> MachineUse:
    """Of the texts of /proc/stat and /proc/meminfo."""
    lines = {line.partition(" ")[0]: line.split()[1:] for line in stat.splitlines() if line}
    user, nice, system, _idle, _iowait, irq, softirq, steal = (int(each) for each in lines["cpu"][:8])
    kib = {line.partition(":")[0]: int(line.split()[1]) for line in meminfo.splitlines() if line}
    used = (kib["MemTotal"] - kib["MemFree"]) * _KIBIBYTE
    working_set = max(0, used - kib.get("Inactive(file)", 0) * _KIBIBYTE)
    return MachineUse(
        cpu_seconds=(user + nice + system + irq + softirq + steal) / _TICKS,
        memory=used,
        working_set=working_set,
        available=max(0, kib["MemTotal"] * _KIBIBYTE - working_set),
        booted=float(lines["btime"][0]),
    )
