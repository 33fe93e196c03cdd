"""``bootstrap templates``: a site's own templates, and what became of the built-in ones they were made from.

Invariant: templates and diffs go to stdout and nothing else does.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bootstrap.cli.compose import open_context
from bootstrap.cli.main import GlobalOptions
from bootstrap.cli.options import with_options
from bootstrap.cli.tables import table
from bootstrap.errors import ConfigError

if TYPE_CHECKING:
    from bootstrap.phases.context import Context
    from bootstrap.render.overlays import Site

EXIT_CHANGES = 2
EXIT_CONFLICTS = 1
SCHEMA = "bootstrap/templates/v1"

EPILOG = """\b
Examples:
  bootstrap templates list
  bootstrap templates copy kube-apiserver --extend --directory /etc/bootstrap/templates
  bootstrap templates diff                     what changed in built-in ones since yours were made
  bootstrap templates merge                    take those changes over
  bootstrap templates accept kube-apiserver    yours is right as it is
"""

_NAMES = click.argument("names", nargs=-1, metavar="[NAME]...")


@click.group(epilog=EPILOG)
def templates() -> None:
    """Templates of your own: copy built-in ones, and follow their changes."""


def _command(name: str) -> Callable[[Callable[..., Any]], click.Command]:
    """A subcommand that knows the configuration and the directory."""

    def decorate(function: Callable[..., Any]) -> click.Command:
        function = click.option(
            "--directory",
            type=click.Path(file_okay=False, path_type=Path),
            metavar="DIR",
            help="Your templates [default: templates.directory of the configuration].",
        )(click.pass_context(function))
        return templates.command(name)(with_options(("config",))(function))

    return decorate


@_command("list")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    help=f"json: one object, schema {SCHEMA}.",
)
def list_(ctx: click.Context, config: tuple[str, ...], directory: Path | None, output: str) -> None:
    """List all templates, and which of yours a built-in one has left behind.

    Of yours, `changed`: the built-in one is no longer what it was made from; `unknown`: nobody knows.
    """
    from bootstrap.workflows.templates import rows

    found = rows(_open(ctx, config, directory, needed=False)[1])
    if output == "json":
        listed = [{"name": row.name, "state": row.state, "file": row.file or None} for row in found]
        click.echo(json.dumps({"schema": SCHEMA, "templates": listed}))
        return
    lines = table([("TEMPLATE", "STATE", "FILE"), *((row.name, row.state, row.file) for row in found)])
    click.echo("\n".join(lines))


@_command("copy")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--extend", is_flag=True, help="Make one that extends the built-in one, to change its blocks.")
def copy_(
    ctx: click.Context, config: tuple[str, ...], directory: Path | None, names: tuple[str, ...], extend: bool
) -> None:
    """Make templates of your own out of built-in ones, and remember what they were made from."""
    from bootstrap.workflows.templates import copy, full_name

    context, site = _open(ctx, config, directory)
    for path in copy(site, [full_name(site, name) for name in names], extend=extend):
        click.echo(path)
    if context.control_plane.bootstrap.templates.directory != site.directory:
        context.reporter.warn(
            f"the configuration does not name {site.directory}: set templates.directory in the"
            " BootstrapConfiguration, or these are not used"
        )


@_command("diff")
@_NAMES
def diff(ctx: click.Context, config: tuple[str, ...], directory: Path | None, names: tuple[str, ...]) -> None:
    """Show how built-in templates changed, and yours; exit code 2 when a built-in one did.

    For each of yours: what it was made from against the built-in one now, then against yours.
    """
    from bootstrap.render.overlays import check
    from bootstrap.workflows.templates import differences

    _context, site = _open(ctx, config, directory)
    check(site)
    chosen = _chosen(site, names)
    for name in chosen:
        for line in differences(site, name):
            click.secho(line, fg=_color(line) if _options(ctx).color else None)
    ctx.exit(EXIT_CHANGES if any(site.overlay(name).changed for name in chosen) else 0)


@_command("merge")
@_NAMES
@click.option("--print", "print_only", is_flag=True, help="Print what would be written; write nothing.")
@click.option("--conflicts", is_flag=True, help="Write conflicts too, to be resolved in the file.")
def merge(
    ctx: click.Context,
    config: tuple[str, ...],
    directory: Path | None,
    names: tuple[str, ...],
    print_only: bool,
    conflicts: bool,
) -> None:
    """Take over into yours what changed in built-in templates.

    Nothing is written when both changed the same lines, or when what comes out cannot be used. While a
    conflict in a file is not resolved, `plan`, `apply` and `init` refuse to use it.
    """
    from bootstrap.render.overlays import check, warnings
    from bootstrap.workflows.templates import merge_all, mergeable, merged, site_of

    context, site = _open(ctx, config, directory)
    check(site)
    chosen = _chosen(site, names) if names else mergeable(site)
    if print_only:
        for name in chosen:
            result = merged(site, name)
            click.echo(result.text if result else site.texts[name], nl=False)
        return
    done = merge_all(context, site, chosen, write_conflicts=conflicts)
    for overlay, result in done:
        where = f", conflicts at line {', '.join(map(str, result.conflicts))}" if result.conflicts else ""
        click.echo(f"{overlay.file}: merged{where}", err=True)
    if not done:
        click.echo("Nothing to merge.", err=True)
    if any(result.conflicts for _overlay, result in done):
        ctx.exit(EXIT_CONFLICTS)
    for sentence in warnings(site_of(site.directory)):
        context.reporter.warn(sentence)


@_command("accept")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
def accept_(
    ctx: click.Context, config: tuple[str, ...], directory: Path | None, names: tuple[str, ...]
) -> None:
    """Say that yours are right as they are beside the built-in ones of this version."""
    from bootstrap.workflows.templates import accept

    _context, site = _open(ctx, config, directory)
    accept(site, _chosen(site, names))


def _open(
    ctx: click.Context, config: tuple[str, ...], directory: Path | None, *, needed: bool = True
) -> tuple[Context, Site]:
    from bootstrap.phases.overlays import read_site
    from bootstrap.workflows.templates import site_of

    options = _options(ctx)
    if options.root != Path("/"):
        raise ConfigError(
            "--root does not apply to templates, which are read where they are", remedy="leave out --root"
        )
    context = open_context(options, config=config)
    where = str(directory.absolute()) if directory else context.control_plane.bootstrap.templates.directory
    return context, site_of(where) if where or needed else read_site("")


def _chosen(site: Site, names: tuple[str, ...]) -> list[str]:
    """All of the site's when none is named."""
    from bootstrap.workflows.templates import full_name

    chosen = [full_name(site, name) for name in names] or list(site.texts)
    for name in chosen:
        if name not in site.texts:
            raise ConfigError(
                f"there is no {site.file(name)}: the built-in {name} is used as it is",
                remedy=f"bootstrap templates copy {name}",
            )
    return chosen


def _options(ctx: click.Context) -> GlobalOptions:
    return ctx.find_object(GlobalOptions) or GlobalOptions()


def _color(line: str) -> str | None:
    if line.startswith(("---", "+++")):
        return None
    return {"+": "green", "-": "red", "@": "cyan"}.get(line[:1])
