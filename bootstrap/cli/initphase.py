"""``bootstrap init phase ...``, generated from the workflow's phases.

Invariant: no phase is named here; adding one to ``bootstrap.workflows.initphase.PHASES`` adds its command.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from bootstrap.cli.main import LateGroup, accept_global_options
from bootstrap.cli.options import output_option, with_options
from bootstrap.workflows.initphase import MAKING_KEYS, PHASES, phase_named, run_init_phase
from pki.pool import KeyPool

if TYPE_CHECKING:
    from bootstrap.phases.phase import Phase

_KEYS = "bootstrap.keys"
"""The command line's ``KeyPool``, in click's own store of what its commands share."""


class PhaseGroup(LateGroup):
    """A phase, and the options of its command, are made when the command is called or told of in the help."""

    def __init__(self, name: str, summary: str, makers: Mapping[str, Callable[[], click.Command]]) -> None:
        super().__init__(name, help=f"{summary}.")
        self._makers = makers

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._makers)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        make = self._makers.get(cmd_name)
        return accept_global_options(make()) if make else None


class RootGroup(PhaseGroup):
    """Begins keys for a phase that will want some before that phase is even loaded."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        keys = ctx.meta[_KEYS] = KeyPool()
        if args[0] in MAKING_KEYS and not set(args).intersection(ctx.help_option_names):
            keys.begin()
        return super().resolve_command(ctx, args)


def phase_command(item: Phase) -> click.Command:
    """A leaf is a command; a parent is a group of its steps and ``all``."""
    if not item.steps:
        return leaf_command(item.name, item)
    steps = {step.name: partial(phase_command, step) for step in item.steps}
    return PhaseGroup(item.name, item.summary, {**steps, "all": partial(leaf_command, "all", item)})


def leaf_command(name: str, item: Phase) -> click.Command:
    """Runs the phase, with the options it takes; each one can be told the configuration."""
    options = dict.fromkeys(("config", *item.options))

    @click.command(name, help=f"{item.summary}.")
    @with_options(options)
    @output_option
    @click.pass_context
    def command(ctx: click.Context, /, **values: Any) -> None:
        from bootstrap.cli.description import context_for

        run_init_phase(item, context_for(ctx, values, ctx.meta[_KEYS]))

    return command


def _command_named(name: str) -> click.Command:
    return phase_command(phase_named(name))


phase = RootGroup(
    "phase", "Run one phase of init alone", {name: partial(_command_named, name) for name in PHASES}
)
