"""``bootstrap init``. What it needs is loaded when it is needed, and keys are made meanwhile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bootstrap.cli.main import GlobalOptions, LateGroup, accept_global_options
from bootstrap.cli.options import INIT_OPTIONS, output_option, with_options

EPILOG = """\b
Examples:
  bootstrap init
  bootstrap init --config cluster.yaml --dry-run
  bootstrap init --pod-network-cidr 10.244.0.0/16 --control-plane-endpoint k8s.example:6443
  bootstrap init phase certs apiserver --config cluster.yaml
"""


KEYS_NICENESS = 10
"""Of the threads that make keys: until etcd starts, this program and the agent keep a small machine busy."""


class InitGroup(LateGroup):
    """A group whose only command brings all phases with it, and is imported when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return ["phase"]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name != "phase":
            return None
        from bootstrap.cli.initphase import phase

        return accept_global_options(phase)


@click.group(cls=InitGroup, invoke_without_command=True, epilog=EPILOG)
@with_options(INIT_OPTIONS)
@output_option
@click.pass_context
def init(ctx: click.Context, /, **values: Any) -> None:
    """Start a control plane on this machine.

    Safe to run again after any interruption: it continues where it was.
    """
    if ctx.invoked_subcommand is not None:
        return
    from bootstrap.cli.description import context_for
    from bootstrap.phases.agent_command import agent_command
    from bootstrap.phases.certs import prepare_keys
    from pki.pool import KeyPool

    context = context_for(ctx, values, KeyPool(niceness=KEYS_NICENESS))
    # Loading the rest takes as long as several keys do, or as the agent takes to load.
    prepare_keys(context)
    if not context.control_plane.init.dry_run:
        context.agent_service.prepare(agent_command(context.control_plane))
    from bootstrap.workflows.init import run_init, stage_init

    options = ctx.find_object(GlobalOptions) or GlobalOptions()
    start = run_init if options.root == Path("/") else stage_init
    start(context)
