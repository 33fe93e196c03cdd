"""``bootstrap init phase NAME``: one phase of init alone, and where each of them is found.

Invariant: a phase is imported when it is asked for: running one costs what that one needs.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bootstrap.phases.context import Context
    from bootstrap.phases.phase import Phase

PHASES: tuple[str, ...] = (
    "preflight",
    "certs",
    "kubeconfig",
    "etcd",
    "control-plane",
    "agent-start",
    "wait-control-plane",
    "upload-config",
    "upload-certs",
    "mark-control-plane",
    "bootstrap-token",
    "addon",
    "show-join-command",
)
"""In the order in which init runs them."""

MAKING_KEYS = frozenset({"certs", "kubeconfig"})
"""Of these, and of their steps, keys take longest."""


def phase_named(name: str) -> Phase:
    """A phase's module is called as the phase is, and in it the phase is the same word in capitals."""
    from bootstrap.phases.phase import Phase

    word = name.replace("-", "_")
    phase = getattr(importlib.import_module(f"bootstrap.phases.{word}"), word.upper())
    assert isinstance(phase, Phase)
    return phase


def run_init_phase(phase: Phase, context: Context) -> None:
    """Run one phase, with its steps, as ``bootstrap init phase NAME`` does."""
    from bootstrap.host.lock import NodeLock
    from bootstrap.phases.phase import run_all

    if context.control_plane.init.dry_run:
        from bootstrap.workflows.init import rehearse

        rehearse(context, ((phase.name, phase),))
        return
    from bootstrap.workflows.settle import settle

    with NodeLock(context.files, context.layout.lock, f"bootstrap init phase {phase.name}"):
        settle(context)
        run_all((phase,), context)
