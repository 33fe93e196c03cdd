"""A part of a volume, mounted so that no symbolic link can lead out of it, whoever writes into the volume.

Source: the kubelet's util/subpath. Invariant: what is mounted is what was opened, step by step and without
following a link; a path that is checked first and mounted later could be exchanged in between.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path, PurePosixPath

from bootstrap.errors import BootstrapError
from bootstrap.host.mounts import mounts_below
from bootstrap.host.process import ProcessRunner

SUB_PATHS = "volume-subpaths"
"""Below a pod's directory; the kubelet's own name for it."""


class VolumeError(BootstrapError):
    """A volume is not there, is not what its type says, or cannot be made. It is tried again."""


def bind_sub_path(volume: Path, sub_path: str, target: Path, processes: ProcessRunner) -> Path:
    """Mount ``sub_path`` of the volume at ``target``, instead of what is mounted there; returns the target.

    Raises VolumeError, OSError, ProgramMissingError.
    """
    opened = open_below(volume, sub_path)
    try:
        _make_target(target, stat.S_ISDIR(os.fstat(opened).st_mode), processes)
        source = f"/proc/{os.getpid()}/fd/{opened}"
        done = processes.run(["mount", "--no-canonicalize", "--bind", source, str(target)])
    finally:
        os.close(opened)
    if not done.ok:
        raise VolumeError(f"subPath {sub_path} of {volume} cannot be mounted: {done.stderr.strip()}")
    return target


def open_below(volume: Path, sub_path: str) -> int:
    """A descriptor (O_PATH) of a path in the volume; missing directories are made as the volume is.

    Raises VolumeError for a path that leads out of the volume, OSError.
    """
    if ".." in PurePosixPath(sub_path).parts:
        raise VolumeError(f"subPath {sub_path} must not contain '..'")
    base = volume.resolve()
    wanted = (base / sub_path).resolve()
    if not wanted.is_relative_to(base):
        raise VolumeError(f"subPath {sub_path} leads out of its volume {volume}")
    return walk(base, wanted.relative_to(base).parts)


def walk(base: Path, parts: tuple[str, ...]) -> int:
    """As ``open_below``, of a path without links; one that is there all the same is refused."""
    current = os.open(base, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    mode = stat.S_IMODE(os.fstat(current).st_mode)
    try:
        for part in parts:
            following = _step(current, part, mode)
            os.close(current)
            current = following
    except BaseException:
        os.close(current)
        raise
    return current


def _step(directory: int, name: str, mode: int) -> int:
    """One component further; a link here appeared after the path was resolved."""
    flags = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        found = os.open(name, flags, dir_fd=directory)
    except FileNotFoundError:
        os.mkdir(name, dir_fd=directory)
        made = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
        try:
            os.fchmod(made, mode)
            found = os.open(name, flags, dir_fd=directory)
        finally:
            os.close(made)
    if stat.S_ISLNK(os.fstat(found).st_mode):
        os.close(found)
        raise VolumeError(f"subPath: {name} became a symbolic link")
    return found


def _make_target(target: Path, is_directory: bool, processes: ProcessRunner) -> None:
    """An empty directory or file to mount on; an earlier attempt's mount goes."""
    for mounted in mounts_below(target):
        processes.run(["umount", str(mounted)])
    target.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    if target.exists() and target.is_dir() != is_directory:
        target.rmdir() if target.is_dir() else target.unlink()
    if is_directory:
        target.mkdir(exist_ok=True)
    else:
        target.touch()
