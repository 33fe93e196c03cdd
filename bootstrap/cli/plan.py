"""``bootstrap plan`` and ``bootstrap apply``: show what would change, and bring it about.

Invariant: the plan goes to stdout, questions and progress to stderr.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from bootstrap.apply.describe import plan_document, plan_lines
from bootstrap.apply.plan import Plan
from bootstrap.cli.compose import open_context
from bootstrap.cli.main import GlobalOptions
from bootstrap.cli.options import output_option, with_options
from bootstrap.errors import ConfigError
from bootstrap.phases.context import Context
from bootstrap.phases.wait_control_plane import wait_for_component
from bootstrap.workflows.apply import apply_node, ensure_images
from bootstrap.workflows.plan import plan_node

EXIT_CHANGES = 2
EXIT_TURNED_DOWN = 1
APPLIED_SCHEMA = "bootstrap/applied/v1"

_COLORS = {"+": "green", "~": "yellow", "-": "red", "?": "magenta"}


@click.command()
@with_options(("config", "patches"))
@output_option
@click.pass_context
def plan(ctx: click.Context, config: tuple[str, ...], patches: str | None, output: str) -> None:
    """Show what apply would change; exit code 2 when there are changes, 0 when there are none.

    Manifests are compared by what they mean: the order of flags, 1000m or 1, a default written out or left
    out make no change.
    """
    options = _options(ctx)
    found = plan_node(_context(options, config, patches, output))
    _show(found, output, color=options.color)
    ctx.exit(0 if found.is_empty else EXIT_CHANGES)


@click.command()
@with_options(("config", "patches"))
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@output_option
@click.pass_context
def apply(ctx: click.Context, config: tuple[str, ...], patches: str | None, yes: bool, output: str) -> None:
    """Bring the node to its configuration, one component at a time.

    After each component it waits until the new container is healthy; when it does not get so, its old
    manifest is put back and the others are left alone.
    """
    options = _options(ctx)
    context = _context(options, config, patches, output)
    # In a staged tree nothing runs: there is no engine to have images and no container to wait for.
    is_live = options.root == Path("/")
    done = apply_node(
        context,
        confirm=lambda found: _agreed(found, output, color=options.color, yes=yes),
        fetch=ensure_images if is_live else None,
        gate=wait_for_component if is_live else None,
    )
    if done.plan.is_empty:
        _show(done.plan, output, color=options.color)
        return
    if not done.generation:
        click.echo("Nothing was changed.", err=True)
        ctx.exit(EXIT_TURNED_DOWN)
    _tell_applied(done.generation, output)


def _options(ctx: click.Context) -> GlobalOptions:
    return ctx.find_object(GlobalOptions) or GlobalOptions()


def _context(options: GlobalOptions, config: tuple[str, ...], patches: str | None, output: str) -> Context:
    from bootstrap.config.overrides import Overrides

    return open_context(options, config=config, overrides=Overrides(patches=patches), output=output)


def _agreed(found: Plan, output: str, *, color: bool, yes: bool) -> bool:
    _show(found, output, color=color)
    if yes:
        return True
    if not sys.stdin.isatty():
        raise ConfigError("there is nobody to ask: the input is no terminal", remedy="bootstrap apply --yes")
    return click.confirm("Apply these changes?", err=True)


def _show(found: Plan, output: str, *, color: bool) -> None:
    if output == "json":
        click.echo(json.dumps(plan_document(found)))
        return
    for line in plan_lines(found):
        click.secho(line, fg=_COLORS.get(line[:1]) if color else None)


def _tell_applied(generation: int, output: str) -> None:
    if output == "json":
        click.echo(json.dumps({"schema": APPLIED_SCHEMA, "generation": generation}))
    else:
        click.echo(f"Kept as generation {generation}.")
