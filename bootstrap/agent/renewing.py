"""The program that renews certificates for the agent, which itself knows nothing of keys and signatures.

Invariant: whatever becomes of the program, every certificate that was asked for has an answer.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from bootstrap.errors import BootstrapError
from bootstrap.host.process import Completed, ProcessRunner

TIMEOUT_SECONDS = 300.0
"""A dozen keys of 4096 bits on a slow machine."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the program prints: which certificates were renewed, and of the others why not.

    ``remarks`` are for the log.
    """

    renewed: tuple[str, ...] = ()
    problems: dict[str, str] = {}
    remarks: tuple[str, ...] = ()


class RenewalProgram:
    """``command`` takes the names of certificates."""

    def __init__(self, processes: ProcessRunner, command: tuple[str, ...]) -> None:
        self._processes = processes
        self._command = command

    def renew(self, names: Sequence[str]) -> Answer:
        """Run it to its end."""
        try:
            done = self._processes.run((*self._command, *names), timeout=TIMEOUT_SECONDS)
        except BootstrapError as error:
            return Answer(problems=dict.fromkeys(names, error.message))
        try:
            answer = msgspec.json.decode(done.stdout, type=Answer) if done.ok else None
        except msgspec.DecodeError:
            answer = None
        if answer is None:
            return Answer(problems=dict.fromkeys(names, _said(done)))
        missing = {*names} - {*answer.renewed} - {*answer.problems}
        problems = {**answer.problems, **dict.fromkeys(missing, "nothing was said of it")}
        return msgspec.structs.replace(answer, problems=problems)


def _said(done: Completed) -> str:
    """The program's own words where it had some."""
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    if not lines:
        return f"the program that renews it ended with exit code {done.returncode}"
    return next((line for line in lines if line.startswith("error: ")), lines[-1]).removeprefix("error: ")
