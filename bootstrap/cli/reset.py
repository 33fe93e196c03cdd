"""``bootstrap reset``: asks, then removes what init made."""

from __future__ import annotations

import sys

import click

from bootstrap.cli.compose import open_context
from bootstrap.cli.main import GlobalOptions
from bootstrap.cli.options import output_option, with_options
from bootstrap.errors import ConfigError
from bootstrap.workflows.reset import run_reset


@click.command()
@with_options(("config",))
@click.option("-f", "--force", "--yes", "force", is_flag=True, help="Do not ask.")
@output_option
@click.pass_context
def reset(ctx: click.Context, config: tuple[str, ...], force: bool, output: str) -> None:
    """Remove what init made, and nothing else; ends with proof from its own inventory."""
    options = ctx.find_object(GlobalOptions) or GlobalOptions()
    context = open_context(options, config=config, output=output)
    if not force and not _is_agreed(context.control_plane.node_name):
        click.echo("Nothing was changed.", err=True)
        ctx.exit(1)
    run_reset(context)


def _is_agreed(node: str) -> bool:
    if not sys.stdin.isatty():
        raise ConfigError(
            "there is nobody to ask: the input is no terminal", remedy="bootstrap reset --force"
        )
    return click.confirm(f"This removes the control plane of {node}, etcd's data included. Go on?", err=True)
