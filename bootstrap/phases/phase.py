"""A phase is a value: order, help, ``init phase NAME``, ``--skip-phases`` and progress come from it.

Invariant: ``needs`` names artifacts that must exist when the phase runs alone; whether some other phase ran
in this process is never asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from bootstrap.errors import BootstrapError, ConfigError
from bootstrap.phases.context import Context

Action = Callable[[Context], None]


class Need(msgspec.Struct, frozen=True):
    """An artifact a phase cannot do without: ``missing`` returns what is not there, "" when all is well."""

    missing: Callable[[Context], str]
    remedy: str


class Phase(msgspec.Struct, frozen=True):
    """A leaf has ``run``, a parent has ``steps``; a parent with both does the work of all its steps at once.

    ``name`` is the CLI word, unique among its siblings; ``summary`` one line of help and the progress title.
    ``skip`` returns the reason why there is nothing to do here, "" when there is; a skip is always shown.
    ``options`` names the command line options the phase takes when it is run alone (kubeadm's names).
    """

    name: str
    summary: str
    run: Action | None = None
    steps: tuple[Phase, ...] = ()
    needs: tuple[Need, ...] = ()
    skip: Callable[[Context], str] = msgspec.field(default=lambda _context: "")
    options: tuple[str, ...] = ()


def select(
    phases: tuple[Phase, ...], skipped: tuple[str, ...], *, foreign: frozenset[str] = frozenset()
) -> tuple[tuple[str, Phase], ...]:
    """What to run when ``skipped`` paths (a parent takes its children with it) are taken out.

    A parent that can do all its steps at once stands for them when none of them is skipped. ``foreign`` paths
    may be skipped though there are no such phases. Raises ConfigError for any other path that names none.
    """
    known = set(paths(phases)) | foreign
    unknown = [path for path in skipped if path not in known]
    if unknown:
        raise ConfigError(
            f"there is no phase named {', '.join(unknown)}",
            remedy=f"phases: {', '.join(sorted(known - foreign))}",
        )
    return tuple(_remaining(phases, frozenset(skipped)))


def _remaining(
    phases: tuple[Phase, ...], skipped: frozenset[str], prefix: str = ""
) -> Iterator[tuple[str, Phase]]:
    for phase in phases:
        path = f"{prefix}{phase.name}"
        if path in skipped:
            continue
        if phase.run is not None and not skipped.intersection(paths(phase.steps, f"{path}/")):
            yield path, phase
        else:
            yield from _remaining(phase.steps, skipped, f"{path}/")


def paths(phases: tuple[Phase, ...], prefix: str = "") -> Iterator[str]:
    """Every path, parents included."""
    for phase in phases:
        yield f"{prefix}{phase.name}"
        yield from paths(phase.steps, f"{prefix}{phase.name}/")


def run_phase(phase: Phase, context: Context) -> None:
    """Run one phase that has ``run``: check what it needs, show a skip, report it as a step."""
    assert phase.run is not None, f"{phase.name} has only steps"
    reason = phase.skip(context)
    if reason:
        context.reporter.info(f"{phase.summary}: skipped, {reason}")
        return
    for need in phase.needs:
        missing = need.missing(context)
        if missing:
            raise BootstrapError(f"phase {phase.name}: {missing}", remedy=need.remedy)
    phase.run(context)


def run_all(phases: tuple[Phase, ...], context: Context, skipped: tuple[str, ...] = ()) -> None:
    """Run what ``select`` leaves, in order."""
    for _path, phase in select(phases, skipped):
        run_phase(phase, context)
