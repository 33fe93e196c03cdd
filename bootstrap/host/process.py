"""Programs this one runs. Invariant: argv lists only, never a shell; nothing secret on a command line."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from bootstrap.errors import BootstrapError


@dataclass(frozen=True, slots=True)
class Completed:
    """A finished program; output is decoded text."""

    argv: tuple[str, ...]
    returncode: int
    stdout: str
    stderr: str

    @property
    def ok(self) -> bool:
        return self.returncode == 0


class ProgramMissingError(BootstrapError):
    """The program is not installed or not on PATH."""


class ProgramFailedError(BootstrapError):
    """It ran and failed; the message has a command line to paste, the details its last lines."""


class ProcessRunner(Protocol):
    """Runs programs to their end."""

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: str | None = None,
        environment: Mapping[str, str] | None = None,
        directory: str | None = None,
        timeout: float | None = None,
    ) -> Completed:
        """Run and collect; ``environment`` adds to ours, ``timeout`` is in seconds.

        Raises ProgramMissingError when it cannot be started, ProgramFailedError when it runs out of time; a
        non-zero exit is the caller's to judge.
        """

    def stream(
        self,
        argv: Sequence[str],
        on_line: Callable[[str], None],
        *,
        environment: Mapping[str, str] | None = None,
        directory: str | None = None,
    ) -> Completed:
        """Run, giving each line of output (stdout and stderr together) to ``on_line`` as it comes."""


class SystemProcesses:
    """Real programs."""

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: str | None = None,
        environment: Mapping[str, str] | None = None,
        directory: str | None = None,
        timeout: float | None = None,
    ) -> Completed:
        try:
            done = subprocess.run(
                list(argv),
                input=stdin,
                stdin=subprocess.DEVNULL if stdin is None else None,
                capture_output=True,
                text=True,
                errors="replace",
                env=_environment(environment),
                cwd=directory,
                timeout=timeout,
                check=False,
            )
        except (FileNotFoundError, PermissionError) as error:
            raise _missing(argv) from error
        except subprocess.TimeoutExpired as error:
            raise ProgramFailedError(f"no answer within {timeout:g} s: {shlex.join(argv)}") from error
        return Completed(tuple(argv), done.returncode, done.stdout, done.stderr)

    def stream(
        self,
        argv: Sequence[str],
        on_line: Callable[[str], None],
        *,
        environment: Mapping[str, str] | None = None,
        directory: str | None = None,
    ) -> Completed:
        lines: list[str] = []
        try:
            with subprocess.Popen(
                list(argv),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                env=_environment(environment),
                cwd=directory,
            ) as process:
                assert process.stdout is not None
                for line in process.stdout:
                    lines.append(line)
                    on_line(line.rstrip("\n"))
        except (FileNotFoundError, PermissionError) as error:
            raise _missing(argv) from error
        return Completed(tuple(argv), process.returncode, "".join(lines), "")


def require_success(done: Completed, what: str, *, remedy: str = "") -> Completed:
    """The same value, or ProgramFailedError that says ``what`` failed, with the program's last ten lines."""
    if done.ok:
        return done
    tail = tuple((done.stderr or done.stdout).strip().splitlines()[-10:])
    raise ProgramFailedError(
        f"{what} failed (exit {done.returncode}): {shlex.join(done.argv)}", remedy=remedy, details=tail
    )


def _environment(extra: Mapping[str, str] | None) -> dict[str, str] | None:
    if extra is None:
        return None
    return {**os.environ, **extra}


def _missing(argv: Sequence[str]) -> ProgramMissingError:
    return ProgramMissingError(f"{argv[0]} is not installed or not on PATH", remedy=f"install {argv[0]}")
