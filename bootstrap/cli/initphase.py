"""``bootstrap init phase ...``, generated from the workflow's phases.

Invariant: no phase is named here; adding one to ``bootstrap.workflows.init.INIT`` adds its command.
"""

from __future__ import annotations

from typing import Any

import click

from bootstrap.cli.description import context_for
from bootstrap.cli.options import output_option, with_options
from bootstrap.phases.phase import Phase
from bootstrap.workflows.init import INIT, run_init_phase


@click.group()
def phase() -> None:
    """Run one phase of init alone."""


def phase_command(item: Phase) -> click.Command:
    """A leaf is a command; a parent is a group of its steps and ``all``."""
    if not item.steps:
        return leaf_command(item.name, item)
    group = click.Group(item.name, help=f"{item.summary}.")
    for step in item.steps:
        group.add_command(phase_command(step))
    group.add_command(leaf_command("all", item))
    return group


def leaf_command(name: str, item: Phase) -> click.Command:
    """Runs the phase, with the options it takes; each one can be told the configuration."""
    options = dict.fromkeys(("config", *item.options))

    @click.command(name, help=f"{item.summary}.")
    @with_options(options)
    @output_option
    @click.pass_context
    def command(ctx: click.Context, /, **values: Any) -> None:
        run_init_phase(item, context_for(ctx, values))

    return command


for _phase in INIT:
    phase.add_command(phase_command(_phase))
