"""Programs that answer what the test says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from bootstrap.host.process import Completed, ProgramMissingError

Program = Callable[[tuple[str, ...]], tuple[int, str]]


class FakeProcesses:
    """``install`` makes a program exist; every other one is missing. ``history`` has each command line."""

    def __init__(self) -> None:
        self.history: list[tuple[str, ...]] = []
        self._programs: dict[str, Program] = {}

    def install(self, name: str, program: Program = lambda _argv: (0, "")) -> None:
        """``program`` takes the arguments after the name and returns exit code and stdout."""
        self._programs[name] = program

    def uninstall(self, name: str) -> None:
        del self._programs[name]

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: str | None = None,
        environment: Mapping[str, str] | None = None,
        directory: str | None = None,
        timeout: float | None = None,
    ) -> Completed:
        program = self._programs.get(argv[0])
        if program is None:
            raise ProgramMissingError(f"{argv[0]} is not installed or not on PATH")
        self.history.append(tuple(argv))
        code, output = program(tuple(argv[1:]))
        return Completed(tuple(argv), code, output if code == 0 else "", "" if code == 0 else output)

    def stream(
        self,
        argv: Sequence[str],
        on_line: Callable[[str], None],
        *,
        environment: Mapping[str, str] | None = None,
        directory: str | None = None,
    ) -> Completed:
        done = self.run(argv, environment=environment, directory=directory)
        for line in (done.stdout or done.stderr).splitlines():
            on_line(line)
        return done
