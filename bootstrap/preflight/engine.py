"""Whether there is a Docker Engine that answers."""

from __future__ import annotations

from collections.abc import Iterator

from bootstrap.errors import BootstrapError
from bootstrap.preflight.check import Problem, Subject

PROGRAMS = ("dockerd", "mount")
"""Programs the checks ask for on PATH."""


def container_engine(subject: Subject) -> Iterator[Problem]:
    """Nothing installed, nothing running and no permission have different remedies."""
    try:
        with subject.engine() as runtime:
            runtime.info()
    except BootstrapError as error:
        yield _unreachable(subject, error)


def programs(subject: Subject) -> Iterator[Problem]:
    if "mount" not in subject.machine.installed:
        yield Problem(
            "FileExisting-mount",
            "the program mount is not on PATH: emptyDir volumes in memory need it",
            "install util-linux",
            fatal=False,
        )


def _unreachable(subject: Subject, error: BootstrapError) -> Problem:
    socket = subject.layout.docker_socket
    if subject.machine.user_id != 0 and "permission" in error.message.lower():
        return Problem("CRI", f"not allowed to speak to the Docker Engine at {socket}", "run it with sudo")
    running = any(program.name == "dockerd" for program in subject.machine.processes)
    if running:
        return Problem(
            "CRI",
            f"dockerd runs, but {error.message}",
            f"{_service(subject, 'restart')}; where it listens elsewhere, set dockerSocket in"
            " BootstrapConfiguration",
        )
    if "dockerd" in subject.machine.installed:
        start = _service(subject, "enable --now" if subject.machine.init == "systemd" else "start")
        return Problem("CRI", "Docker Engine is installed but not running", start)
    return Problem(
        "CRI", f"no Docker Engine: {error.message}", "install one: apt-get install docker.io (or docker-ce)"
    )


def _service(subject: Subject, verb: str) -> str:
    """The command by which this machine's service manager does it to the engine."""
    return f"systemctl {verb} docker" if subject.machine.init == "systemd" else f"service docker {verb}"
