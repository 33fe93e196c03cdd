"""Namespaces held by a process: starting it, running programs in them, ending everything in them.

Invariant: programs are known by their process ids, never by their names.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from tests.lab.pid1 import Plan

PID1 = Path(__file__).with_name("pid1.py")
ENTER_SECONDS = 10.0
ONE_CLOCK = ("setpriv", "--bounding-set=-sys_time", "--inh-caps=-sys_time", "--")
"""The kernel gives a node no clock of its own: whoever set it there would set this machine's."""


class Namespace:
    """What ``pid1`` made of a plan. ``pid`` is its first process, as this machine counts."""

    def __init__(self, plan: Plan) -> None:
        self._holder = subprocess.Popen(
            [sys.executable, "-I", "-S", str(PID1)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd="/",
        )
        assert self._holder.stdin is not None
        assert self._holder.stdout is not None
        self._holder.stdin.write(json.dumps(dataclasses.asdict(plan)) + "\n")
        self._holder.stdin.flush()
        answer = self._holder.stdout.readline().strip()
        if not answer:
            self.close()
            raise RuntimeError(f"no namespaces for {plan.hostname or 'a network'}: its first process ended")
        self.pid = int(answer)
        self._options = ["--net"] if not plan.hostname else ["--net", "--mount", "--uts", "--pid"]
        self._without = () if not plan.hostname else ONE_CLOCK

    def entering(self, argv: Sequence[str]) -> list[str]:
        """The command line that runs ``argv`` inside."""
        return ["nsenter", f"--target={self.pid}", *self._options, "--", *self._without, *argv]

    def close(self) -> None:
        """End every process inside; mounts and interfaces go with them."""
        for stream in (self._holder.stdin, self._holder.stdout):
            assert stream is not None
            stream.close()
        self._holder.wait()


class Process:
    """A program running in a node. ``pid`` is as this machine counts; output went where ``stdout`` says."""

    def __init__(
        self,
        namespace: Namespace,
        argv: Sequence[str],
        environment: Mapping[str, str],
        stdout: int | IO[bytes],
        directory: str = "/",
    ) -> None:
        self.argv = tuple(argv)
        self._entrance = subprocess.Popen(
            namespace.entering(argv),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            cwd=directory,
        )
        self.pid = self._wait_for_child()

    @property
    def returncode(self) -> int | None:
        """None while it runs; minus the signal that ended it, as subprocess has it."""
        return self._entrance.poll()

    @property
    def stdout(self) -> IO[bytes]:
        assert self._entrance.stdout is not None
        return self._entrance.stdout

    def send(self, number: signal.Signals) -> None:
        """Nothing when it is gone."""
        if self.pid and self.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)
            if number == signal.SIGCONT:
                # nsenter stops itself beside a program that is stopped, and would never see it end.
                self._entrance.send_signal(number)

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code; subprocess.TimeoutExpired when it does not end."""
        # nsenter stops with a program that is stopped, and would not notice its end.
        self._entrance.send_signal(signal.SIGCONT)
        return self._entrance.wait(timeout)

    def end(self, seconds: float = 20.0) -> int:
        """Ask it to stop, insist after ``seconds``, and return how it ended."""
        self.send(signal.SIGTERM)
        try:
            return self.wait(seconds)
        except subprocess.TimeoutExpired:
            self.send(signal.SIGKILL)
            return self.wait()
        finally:
            if self._entrance.stdout is not None:
                self._entrance.stdout.close()

    def _wait_for_child(self) -> int:
        """nsenter forks to enter a pid namespace: the program is its only child. 0 when it has ended."""
        deadline = time.monotonic() + ENTER_SECONDS
        while time.monotonic() < deadline and self.returncode is None:
            for pid in children(self._entrance.pid):
                return pid
            time.sleep(0.002)
        return 0


def children(parent: int) -> Iterator[int]:
    """Pids of the processes a process started."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # The name is in parentheses and may hold anything; the parent is the second field after it.
            if int(stat.read_text().rpartition(")")[2].split()[1]) == parent:
                yield int(stat.parent.name)
