"""Bringing a plan about: staged, journalled, one file at a time, one component at a time.

    stage everything -> journal -> replace files (gate after each component) -> generation -> journal gone

Invariant: whatever instant the machine stops at, each file is wholly old or wholly new, and ``recover`` then
finishes the commit, or, where a gate had not yet said yes, puts back what it had not said yes to.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal

import msgspec

from bootstrap.apply import generations, inventory, journal
from bootstrap.apply.generations import Origin
from bootstrap.apply.journal import Entry, Journal
from bootstrap.errors import BootstrapError, TimedOutError
from bootstrap.host.clock import Clock
from bootstrap.host.files import Files
from bootstrap.model.layout import Layout

if TYPE_CHECKING:
    from bootstrap.apply.plan import Change, Plan

Gate = Callable[[str], None]
"""Waits until the new containers of a component are healthy; raises TimedOutError when they do not get so."""


class RolledBackError(TimedOutError):
    """A component did not get healthy; what is in its files now is in the message and the details."""


class Recovery(msgspec.Struct, frozen=True):
    """What became of an interrupted commit, and the files that were written for it."""

    outcome: Literal["finished", "undone"]
    paths: tuple[PurePosixPath, ...]

    @property
    def sentence(self) -> str:
        touched = ", ".join(path.name for path in self.paths) or "nothing was left to do"
        return f"an interrupted change was {self.outcome}: {touched}"


def commit(
    plan: Plan,
    files: Files,
    layout: Layout,
    *,
    clock: Clock,
    gate: Gate | None = None,
    origin: Origin | None = None,
) -> int:
    """Bring the plan about; the number of the generation the files are now of, 0 when none was asked for.

    With a ``gate`` it is called after each component's files are replaced (not after its deletion); when it
    raises TimedOutError that component's old files are put back and RolledBackError is raised: the components
    before it stay as they are, those after it were never touched. ``origin`` asks for a generation: a new one
    is kept whenever the last one was anything else, even when no file changes.

    Raises DiskFullError or FileAccessError; the same command run again continues from there.
    """
    if journal.load(files, layout) is not None:
        raise BootstrapError(
            "an earlier change was interrupted and is not settled yet", remedy="bootstrap apply"
        )
    files.remove_tree(journal.staging(layout))
    number = _stage_generation(plan, files, layout, clock, origin)
    _record_inventory(plan, files, layout)
    if len(plan.pending) == 1 and gate is None and not number:
        _bring_alone(plan.pending[0], files)
    elif plan.pending or number:
        _bring_about(plan, files, layout, gate, number)
    return generations.latest_number(files, layout) if origin else 0


def recover(files: Files, layout: Layout) -> Recovery | None:
    """Settle what an interrupted commit left; None when there was nothing to settle.

    To be called, under the node's lock, before anything is planned. Can itself be interrupted and repeated.
    """
    found = journal.load(files, layout)
    for directory in _written_directories(found, layout):
        files.sweep(directory)
    if found is None:
        files.remove_tree(journal.staging(layout))
        return None
    if found.gated and found.unsettled:
        undone = journal.bring(files, layout, found.unsettled, "old")
        _drop(files, layout)
        return Recovery("undone", undone)
    finished = journal.bring(files, layout, found.unsettled, "new")
    _close(files, layout, found)
    return Recovery("finished", finished)


def _bring_about(plan: Plan, files: Files, layout: Layout, gate: Gate | None, generation: int) -> None:
    entries = tuple(_staged(index, change, files, layout) for index, change in enumerate(plan.pending))
    written = Journal(entries, gated=gate is not None, generation=generation)
    journal.save(files, layout, written)
    _close(files, layout, _replace(written, files, layout, gate))


def _bring_alone(change: Change, files: Files) -> None:
    """One file needs no journal: replacing it is atomic already, and a journal costs six flushes to disk."""
    if change.action == "delete":
        files.remove(change.file.path)
    else:
        files.write(change.file.path, change.file.content, change.file.mode)


def _stage_generation(plan: Plan, files: Files, layout: Layout, clock: Clock, origin: Origin | None) -> int:
    """The number it will have, 0 when there is none to record."""
    if origin is None:
        return 0
    kept = tuple(change.file for change in plan.changes if change.action != "delete")
    return generations.stage(files, layout, journal.staged_generation(layout), kept, origin, clock.now())


def _record_inventory(plan: Plan, files: Files, layout: Layout) -> None:
    inventory.record(
        files, layout, [change.file.path for change in plan.pending if change.action == "create"]
    )


def _staged(index: int, change: Change, files: Files, layout: Layout) -> Entry:
    path = change.file.path
    old_mode = new_mode = None
    if change.action != "create":
        old_mode = files.mode(path)
        files.write(journal.staged(layout, index, "old"), files.read_bytes(path), 0o600)
    if change.action != "delete":
        new_mode = change.file.mode
        files.write(journal.staged(layout, index, "new"), change.file.content, 0o600)
    return Entry(str(path), change.restarts, old_mode, new_mode)


def _replace(written: Journal, files: Files, layout: Layout, gate: Gate | None) -> Journal:
    groups = groupby(enumerate(written.entries), key=lambda item: item[1].component)
    for component, members in groups:
        group = tuple(members)
        journal.bring(files, layout, group, "new")
        if gate is None:
            continue
        if component is not None and any(entry.new_mode is not None for _index, entry in group):
            _pass_gate(gate, component, group, written, files, layout)
        written = written.settle(len(group))
        journal.save(files, layout, written)
    return written


def _pass_gate(
    gate: Gate,
    component: str,
    group: tuple[tuple[int, Entry], ...],
    written: Journal,
    files: Files,
    layout: Layout,
) -> None:
    try:
        gate(component)
    except TimedOutError as failure:
        journal.bring(files, layout, group, "old")
        now = _state_after_rollback(gate, component, group)
        details = (*failure.details, *_account(group, written))
        _drop(files, layout)
        raise RolledBackError(
            f"{component} did not become healthy with its new files ({failure.message}); {now}",
            remedy=failure.remedy or f"bootstrap agent status, then docker logs of {component}",
            details=details,
        ) from failure


def _state_after_rollback(gate: Gate, component: str, group: tuple[tuple[int, Entry], ...]) -> str:
    if all(entry.old_mode is None for _index, entry in group):
        return "they were removed again"
    try:
        gate(component)
    except TimedOutError as failure:
        return f"the old ones were put back, but it is still not healthy: {failure.message}"
    return "the old ones were put back and it is healthy again"


def _account(group: tuple[tuple[int, Entry], ...], written: Journal) -> tuple[str, ...]:
    """What was done, as lines: applied, put back, not touched."""
    last = group[-1][0]
    parts = (
        ("applied", written.entries[: written.settled]),
        ("put back", tuple(entry for _index, entry in group)),
        ("not touched", written.entries[last + 1 :]),
    )
    return tuple(
        f"{what}: {', '.join(entry.path for entry in entries)}" for what, entries in parts if entries
    )


def _close(files: Files, layout: Layout, written: Journal) -> None:
    if written.generation:
        generations.publish(files, layout, journal.staged_generation(layout), written.generation)
    _drop(files, layout)


def _drop(files: Files, layout: Layout) -> None:
    files.remove(layout.journal)
    files.remove_tree(journal.staging(layout))


def _written_directories(found: Journal | None, layout: Layout) -> tuple[PurePosixPath, ...]:
    named = tuple(PurePosixPath(entry.path).parent for entry in found.entries) if found else ()
    return tuple(dict.fromkeys((layout.state, layout.kubernetes, layout.manifests, *named)))
