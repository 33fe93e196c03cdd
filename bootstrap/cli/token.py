"""``bootstrap token``: make, list and delete bootstrap tokens, with kubeadm's flags and output.

Invariant: a token is printed on standard output by the command that was asked for it, and nowhere else.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, cast, get_args

import click

from bootstrap.cli.console import reporter_for
from bootstrap.cli.kubeconfigs import cluster_api, kubeconfig_option, read_kubeconfig
from bootstrap.cli.main import GlobalOptions
from bootstrap.cli.options import split_commas, with_options
from bootstrap.cli.tables import short_span, table
from bootstrap.config.defaults import DEFAULT_TTL, TOKEN_GROUPS
from bootstrap.errors import ConfigError
from bootstrap.kube.client import ApiClient
from bootstrap.kube.kubeconfig import Kubeconfig
from bootstrap.kube.tokens import StoredToken, new_token
from bootstrap.model.kubeadm import BootstrapToken, TokenUsage

API_VERSION = "output.kubeadm.k8s.io/v1alpha3"
HEADER = ("TOKEN", "TTL", "EXPIRES", "USAGES", "DESCRIPTION", "EXTRA GROUPS")

EPILOG = """\b
Examples:
  bootstrap token create --print-join-command        a token for a day, and what to type on a node
  bootstrap token create --ttl 2h --description lab
  bootstrap token list
  bootstrap token delete abcdef

A token in a file (bootstrapTokens of an InitConfiguration, given with --config) is seen by nobody else; one
on the command line is seen by every user of the machine while the command runs.
"""


@click.group(epilog=EPILOG)
def token() -> None:
    """Make, list and delete bootstrap tokens, with which nodes join."""


@token.command()
@click.argument("token", required=False, default="")
@with_options(("config", "certificate-key", "dry-run"))
@kubeconfig_option
@click.option("--ttl", default=DEFAULT_TTL, show_default=True, help="Life of the token; 0 for ever.")
@click.option("--usages", multiple=True, metavar="USAGES", help="What it is good for [default: both].")
@click.option("--groups", multiple=True, metavar="GROUPS", help="Whom it authenticates as.")
@click.option("--description", default="", help="What it is for, for people.")
@click.option("--print-join-command", is_flag=True, help="Print the whole `kubeadm join` command.")
@click.pass_context
def create(ctx: click.Context, /, kubeconfig: str, print_join_command: bool, **values: Any) -> None:
    """Make a bootstrap token; without TOKEN a random one."""
    certificate_key = values.pop("certificate_key") or ""
    dry_run = values.pop("dry_run")
    if certificate_key and not print_join_command:
        raise ConfigError(
            "--certificate-key goes into the join command, which is not asked for",
            remedy="add --print-join-command",
        )
    described = _described(ctx, values)
    cluster = read_kubeconfig(kubeconfig)
    api = _rehearsed(ctx) if dry_run else cluster_api(cluster)
    for text in _made(api, described):
        if print_join_command:
            text = _join_command(cluster, text, certificate_key)
        click.echo(text)


@token.command("list")
@kubeconfig_option
@click.option(
    "-o", "--output", type=click.Choice(["text", "json", "yaml"]), default="text", show_default=True
)
def list_(kubeconfig: str, output: str) -> None:
    """List the bootstrap tokens of the cluster."""
    from bootstrap.workflows.tokens import list_tokens

    tokens, damaged = list_tokens(cluster_api(read_kubeconfig(kubeconfig)))
    for error in damaged:
        click.echo(f"warning: {error.message}; {error.remedy}", err=True)
    for line in _shown(tokens, output):
        click.echo(line)


@token.command()
@click.argument("tokens", nargs=-1, required=True, metavar="TOKEN|ID...")
@click.option("--dry-run", is_flag=True, help="Show what would be done.")
@kubeconfig_option
@click.pass_context
def delete(ctx: click.Context, tokens: tuple[str, ...], dry_run: bool, kubeconfig: str) -> None:
    """Delete bootstrap tokens; the ID of one, the part before the dot, is enough."""
    from bootstrap.workflows.tokens import delete_tokens

    api = _rehearsed(ctx) if dry_run else cluster_api(read_kubeconfig(kubeconfig))
    for token_id in delete_tokens(api, tokens):
        click.echo(f'bootstrap token "{token_id}" deleted')


@token.command()
def generate() -> None:
    """Print a random token, and do nothing with it."""
    click.echo(new_token().reveal())


def token_document(found: StoredToken) -> dict[str, Any]:
    """As ``kubeadm token list -o json`` has it."""
    optional = {
        "description": found.description,
        "expires": _moment(found.expires) if found.expires else "",
        "usages": list(found.usages),
        "groups": list(found.groups),
    }
    return {
        "apiVersion": API_VERSION,
        "kind": "BootstrapToken",
        "token": found.token.reveal(),
        **{name: value for name, value in optional.items() if value},
    }


def token_row(found: StoredToken, now: datetime) -> tuple[str, ...]:
    """As ``kubeadm token list`` has it."""
    return (
        found.token.reveal(),
        short_span(found.expires - now) if found.expires else "<forever>",
        _moment(found.expires) if found.expires else "<never>",
        ",".join(found.usages) or "<none>",
        found.description or "<none>",
        ",".join(found.groups) or "<none>",
    )


def _described(ctx: click.Context, values: dict[str, Any]) -> tuple[BootstrapToken, ...]:
    from bootstrap.workflows.tokens import check_description

    config = values.pop("config")
    if config:
        given = sorted(name for name in values if ctx.get_parameter_source(name) is _COMMAND_LINE)
        if given:
            raise ConfigError(
                f"--config says what the token is; {', '.join(given)} beside it contradicts it",
                remedy="write it into bootstrapTokens of the InitConfiguration",
            )
        return _configured(ctx, config)
    usages = split_commas(values["usages"]) or get_args(TokenUsage)
    unknown = [usage for usage in usages if usage not in get_args(TokenUsage)]
    if unknown:
        raise ConfigError(
            f"a token has no usage {', '.join(unknown)}",
            remedy=f"--usages takes {' and '.join(get_args(TokenUsage))}",
        )
    described = BootstrapToken(
        token=values["token"],
        description=values["description"],
        ttl=values["ttl"] if values["ttl"] != "0" else "0s",
        usages=cast("tuple[TokenUsage, ...]", usages),
        groups=split_commas(values["groups"]) or TOKEN_GROUPS,
    )
    check_description(described)
    return (described,)


_COMMAND_LINE = click.core.ParameterSource.COMMANDLINE


def _configured(ctx: click.Context, config: tuple[str, ...]) -> tuple[BootstrapToken, ...]:
    from bootstrap.cli.compose import open_context

    options = ctx.find_object(GlobalOptions) or GlobalOptions()
    return open_context(options, config=config).control_plane.init.bootstrap_tokens


def _made(api: ApiClient, described: tuple[BootstrapToken, ...]) -> Iterator[str]:
    from bootstrap.workflows.tokens import create_token

    for one in described:
        yield create_token(api, one, datetime.now(UTC)).reveal()


def _join_command(cluster: Kubeconfig, token_text: str, certificate_key: str) -> str:
    from bootstrap.phases.show_join_command import command_for
    from bootstrap.render.join_command import in_one_line

    is_control_plane = bool(certificate_key)
    command = command_for(
        cluster, token_text, control_plane=is_control_plane, certificate_key=certificate_key
    )
    return in_one_line(command)


def _rehearsed(ctx: click.Context) -> ApiClient:
    from bootstrap.workflows.rehearsal import SayingApi

    options = ctx.find_object(GlobalOptions) or GlobalOptions()
    return SayingApi(reporter_for("text", color=options.color))


def _shown(tokens: tuple[StoredToken, ...], output: str) -> Iterator[str]:
    if output == "json":
        yield from (json.dumps(token_document(found), indent=4) for found in tokens)
    elif output == "yaml":
        from bootstrap.render.documents import dump

        yield from ("---\n" + dump(token_document(found)).rstrip("\n") for found in tokens)
    elif tokens:
        now = datetime.now(UTC)
        yield from table([HEADER, *(token_row(found, now) for found in tokens)])


def _moment(when: datetime) -> str:
    return f"{when.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
