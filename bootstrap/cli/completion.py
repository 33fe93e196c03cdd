"""``bootstrap completion``: click's own completion scripts."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

EPILOG = """\b
Examples:
  bootstrap completion bash > /etc/bash_completion.d/bootstrap
  bootstrap completion zsh > "${fpath[1]}/_bootstrap"
"""


@click.command(epilog=EPILOG)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print a completion script for a shell."""
    complete = get_completion_class(shell)
    assert complete is not None, shell
    root = ctx.find_root()
    click.echo(complete(root.command, {}, "bootstrap", "_BOOTSTRAP_COMPLETE").source())
