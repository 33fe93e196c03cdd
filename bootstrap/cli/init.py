"""``bootstrap init`` and ``bootstrap init phase ...``, generated from the workflow's phases.

Invariant: no phase is named here; adding one to ``bootstrap.workflows.init.INIT`` adds its command.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import click

from bootstrap.cli.compose import open_context
from bootstrap.cli.main import GlobalOptions
from bootstrap.cli.options import INIT_OPTIONS, output_option, split_commas, with_options
from bootstrap.config.overrides import Overrides
from bootstrap.phases.context import Context, Wishes
from bootstrap.phases.phase import Phase
from bootstrap.workflows.init import INIT, run_init, run_init_phase, stage_init

EPILOG = """\b
Examples:
  bootstrap init
  bootstrap init --config cluster.yaml --dry-run
  bootstrap init --pod-network-cidr 10.244.0.0/16 --control-plane-endpoint k8s.example:6443
  bootstrap init phase certs apiserver --config cluster.yaml
"""

_WISHES = tuple(field.name for field in dataclasses.fields(Wishes))
_LISTS = ("apiserver_cert_extra_sans", "skip_phases", "ignore_preflight_errors")


def overrides_of(values: dict[str, Any]) -> Overrides:
    """The flags of a command line; lists may have been given with commas."""
    for name in _LISTS:
        if name in values:
            values[name] = split_commas(values[name])
    return Overrides(**values)


def context_for(ctx: click.Context, values: dict[str, Any]) -> Context:
    """The context of a command's options: ``config``, ``output`` and wishes; the others are overrides."""
    options = ctx.find_object(GlobalOptions) or GlobalOptions()
    config, output = values.pop("config", ()), values.pop("output", "text")
    wishes = Wishes(**{name: values.pop(name) for name in _WISHES if name in values})
    return open_context(options, config=config, overrides=overrides_of(values), output=output, wishes=wishes)


@click.group(invoke_without_command=True, epilog=EPILOG)
@with_options(INIT_OPTIONS)
@output_option
@click.pass_context
def init(ctx: click.Context, /, **values: Any) -> None:
    """Start a control plane on this machine.

    Safe to run again after any interruption: it continues where it was.
    """
    if ctx.invoked_subcommand is None:
        options = ctx.find_object(GlobalOptions) or GlobalOptions()
        start = run_init if options.root == Path("/") else stage_init
        start(context_for(ctx, values))


@init.group()
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
