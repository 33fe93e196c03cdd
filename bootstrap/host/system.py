"""What a Node object says of its machine, read from the kernel and /etc.

Invariant: a file that is missing leaves its value empty; a node is registered all the same.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}
"""The kernel's names for what Go calls otherwise."""

MACHINE_IDS = ("etc/machine-id", "var/lib/dbus/machine-id")


@dataclass(frozen=True, slots=True)
class SystemInfo:
    """What does not change while the machine runs. ``architecture`` is Go's word (amd64).

    ``huge_pages``: page size in KiB -> how many there are.
    """

    machine_id: str = ""
    system_uuid: str = ""
    boot_id: str = ""
    kernel: str = ""
    os_image: str = ""
    architecture: str = ""
    huge_pages: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Room:
    """Bytes, inodes and PIDs at one moment; the disk is that of one directory, as far as others than root may
    fill it. Every thread takes a PID."""

    memory_available: int
    disk: int
    disk_available: int
    inodes: int
    inodes_free: int
    pids: int
    pids_free: int


def system_info(root: Path = Path("/")) -> SystemInfo:
    """``root`` is where /etc, /proc and /sys are looked for."""
    machine_id = next(filter(None, (_line(root / path) for path in MACHINE_IDS)), "")
    release = os.uname()
    return SystemInfo(
        machine_id=machine_id,
        system_uuid=_line(root / "sys/class/dmi/id/product_uuid") or machine_id,
        boot_id=_line(root / "proc/sys/kernel/random/boot_id"),
        kernel=release.release,
        os_image=_pretty_name(root / "etc/os-release"),
        architecture=_ARCHITECTURES.get(release.machine, release.machine),
        huge_pages=tuple(_huge_pages(root / "sys/kernel/mm/hugepages")),
    )


def room(directory: Path, proc: Path = Path("/proc")) -> Room:
    """Of a directory that is not there yet, where it would be made."""
    while not directory.exists():
        directory = directory.parent
    disk = os.statvfs(directory)
    pids = min(_number(proc / "sys/kernel/pid_max"), _number(proc / "sys/kernel/threads-max"))
    return Room(
        memory_available=_memory_available(proc / "meminfo"),
        disk=disk.f_blocks * disk.f_frsize,
        disk_available=disk.f_bavail * disk.f_frsize,
        inodes=disk.f_files,
        inodes_free=disk.f_favail,
        pids=pids,
        pids_free=max(0, pids - _tasks(proc / "loadavg")),
    )


def _memory_available(path: Path) -> int:
    for line in _text(path).splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 0


def _tasks(path: Path) -> int:
    """``0.20 0.18 0.12 1/80 11206``: 80 threads, of which one runs."""
    fields = _text(path).split()
    return int(fields[3].partition("/")[2]) if len(fields) > 3 else 0


def _huge_pages(directory: Path) -> list[tuple[int, int]]:
    """Directories are called ``hugepages-2048kB``."""
    found = []
    for entry in sorted(directory.glob("hugepages-*kB")):
        size = entry.name.removeprefix("hugepages-").removesuffix("kB")
        count = _line(entry / "nr_hugepages")
        if size.isdecimal() and count.isdecimal():
            found.append((int(size), int(count)))
    return found


def _pretty_name(path: Path) -> str:
    for line in _text(path).splitlines():
        if line.startswith("PRETTY_NAME="):
            return line.partition("=")[2].strip().strip("\"'")
    return ""


def _line(path: Path) -> str:
    return _text(path).strip()


def _number(path: Path) -> int:
    return int(_line(path) or 0)


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
