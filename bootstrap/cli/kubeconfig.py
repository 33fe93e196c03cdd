"""``bootstrap kubeconfig``: kubeconfig files for people. Source: cmd/kubeadm/app/cmd/kubeconfig.go.

Invariant: what holds a key or a token goes to standard output alone.
"""

from __future__ import annotations

import click

from bootstrap.cli.compose import open_context
from bootstrap.cli.main import GlobalOptions
from bootstrap.cli.options import split_commas, with_options
from bootstrap.model.duration import parse_duration
from bootstrap.model.secret import Secret
from bootstrap.workflows.users import user_kubeconfig
from pki.cluster import YEAR

EPILOG = """\b
Examples:
  bootstrap kubeconfig user --client-name jane --org developers --validity-period 720h > jane.conf
  kubectl create clusterrolebinding jane --clusterrole=view --user=jane
"""


@click.group()
def kubeconfig() -> None:
    """Make kubeconfig files for people."""


@kubeconfig.command(epilog=EPILOG)
@with_options(("config",))
@click.option("--client-name", required=True, metavar="NAME", help="The user (CN of the certificate).")
@click.option("--org", multiple=True, metavar="GROUPS", help="The user's groups (O of the certificate).")
@click.option("--token", default="", metavar="TOKEN", help="Show this token, have no certificate.")
@click.option("--validity-period", default="8760h", show_default=True, help="Life of the certificate.")
@click.pass_context
def user(
    ctx: click.Context,
    config: tuple[str, ...],
    client_name: str,
    org: tuple[str, ...],
    token: str,
    validity_period: str,
) -> None:
    """Print a kubeconfig for one more user, signed by the cluster's authority on this node.

    The user may do nothing until a role is bound to the name or to one of the groups.
    """
    options = ctx.find_object(GlobalOptions) or GlobalOptions()
    context = open_context(options, config=config)
    validity = parse_duration(validity_period)
    if validity > YEAR:
        context.reporter.warn("a certificate cannot be revoked: one that lives longer than a year is a risk")
    made = user_kubeconfig(context, client_name, split_commas(org), validity, Secret(token))
    click.echo(made.reveal(), nl=False)
