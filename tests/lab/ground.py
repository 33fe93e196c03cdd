"""Where nodes keep their files: one directory for each test run, removed with it or by the next one.

Invariant: a directory is removed only by the run that holds its lock, or by another once that lock is free.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import functools
import os
import shutil
import tempfile
import time
from pathlib import Path

PARENT = Path(os.environ.get("PODSTRAP_LAB", "/var/lib/podstrap-lab"))
"""On a real file system: an engine's layers cannot lie on an overlay."""

CGROUPS = Path("/sys/fs/cgroup")
CGROUP = "podstrap-lab"
REMOVE_SECONDS = 20.0


@functools.cache
def ground() -> Path:
    """This run's directory; what dead runs left is removed first."""
    PARENT.mkdir(mode=0o700, parents=True, exist_ok=True)
    remove_dead_runs()
    directory = Path(tempfile.mkdtemp(prefix="run-", dir=PARENT))
    lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
    fcntl.flock(lock, fcntl.LOCK_EX)
    atexit.register(remove_run, directory)
    return directory


def remove_dead_runs() -> None:
    for directory in PARENT.glob("run-*"):
        with contextlib.suppress(FileNotFoundError, BlockingIOError):
            lock = os.open(directory / "lock", os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove_run(directory)
            finally:
                os.close(lock)


def remove_run(directory: Path) -> None:
    remove_tree(directory)
    remove_cgroups(directory.name)


def remove_tree(directory: Path) -> None:
    """Remove a directory whose last users may still be ending."""
    deadline = time.monotonic() + REMOVE_SECONDS
    while True:
        try:
            shutil.rmtree(directory)
            return
        except FileNotFoundError:
            if not directory.exists():
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.05)


def remove_cgroups(run: str) -> None:
    """Control groups outlive the containers of an engine that was killed."""
    for top in {*CGROUPS.glob(f"{CGROUP}/{run}"), *CGROUPS.glob(f"*/{CGROUP}/{run}")}:
        for directory, _names, _files in os.walk(top, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(directory)
        with contextlib.suppress(OSError):
            os.rmdir(top.parent)
