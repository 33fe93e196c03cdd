"""``bootstrap certs``: when certificates end, new ones, and requests for an authority elsewhere.

Source: cmd/kubeadm/app/cmd/certs.go. Invariant: the names, flags and the output for programs are kubeadm's.
"""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

import click

from bootstrap.cli.compose import open_context
from bootstrap.cli.main import GlobalOptions
from bootstrap.cli.options import with_options
from bootstrap.cli.tables import span_text, table
from bootstrap.config.overrides import Overrides
from bootstrap.model.certificates import LEAVES
from bootstrap.phases.context import Context
from bootstrap.workflows.certificates import CertificateState, states
from bootstrap.workflows.renew import ALL, Outcome, renew

API_VERSION = "output.kubeadm.k8s.io/v1alpha3"
HEADER = ("CERTIFICATE", "EXPIRES", "RESIDUAL TIME", "CERTIFICATE AUTHORITY", "EXTERNALLY MANAGED")
AUTHORITIES_HEADER = ("CERTIFICATE AUTHORITY", "EXPIRES", "RESIDUAL TIME", "EXTERNALLY MANAGED")

EPILOG = """\b
Examples:
  bootstrap certs check-expiration
  bootstrap certs check-expiration -o json
  bootstrap certs renew all
  bootstrap certs renew apiserver
  bootstrap certs generate-csr --cert-dir /tmp/new/pki --kubeconfig-dir /tmp/new
"""


@click.group(epilog=EPILOG)
def certs() -> None:
    """See when certificates end, renew them, make requests for an authority elsewhere."""


@certs.command("check-expiration")
@with_options(("config", "cert-dir"))
@click.option(
    "-o", "--output", type=click.Choice(["text", "json", "yaml"]), default="text", show_default=True
)
@click.pass_context
def check_expiration(ctx: click.Context, config: tuple[str, ...], cert_dir: str | None, output: str) -> None:
    """Show when each certificate ends, and who signs it."""
    context = _context(ctx, config, cert_dir)
    certificates, authorities = states(context)
    now = context.clock.now()
    if output == "text":
        for line in expiration_lines(certificates, authorities, now):
            click.echo(line)
        return
    document = expiration_document(certificates, authorities, now)
    if output == "json":
        click.echo(json.dumps(document, indent=4))
    else:
        from bootstrap.render.documents import dump

        click.echo(dump(document), nl=False)


@certs.command("renew")
@click.argument("name", type=click.Choice([ALL, *sorted(LEAVES)]), metavar="NAME|all")
@with_options(("config", "cert-dir"))
@click.pass_context
def renew_(ctx: click.Context, name: str, config: tuple[str, ...], cert_dir: str | None) -> None:
    """Renew one certificate, or all: new keys, new period, everything else as it is.

    NAME is that of check-expiration. It says which components are restarted, or have to be, to use the new
    ones.
    """
    context = _context(ctx, config, cert_dir)
    outcome = renew(context, name)
    is_kept = context.control_plane.bootstrap.agent.renew_certificates
    for line in outcome_lines(outcome, agent_restarts=is_kept):
        click.echo(line)
    for authority in outcome.outlived:
        context.reporter.warn(f"{authority} expires before what it has just signed")


@certs.command("renew-for-agent", hidden=True)
@click.argument("names", nargs=-1, required=True)
@click.pass_context
def renew_for_agent_(ctx: click.Context, names: tuple[str, ...]) -> None:
    """What the agent runs: renew these, and print what became of each as JSON."""
    import msgspec

    from bootstrap.workflows.unattended import renew_for_agent

    answer = renew_for_agent(_context(ctx, (), None), names)
    click.echo(msgspec.json.encode(answer))


@certs.command("generate-csr")
@with_options(("config", "cert-dir"))
@click.option(
    "--kubeconfig-dir", default="/etc/kubernetes", show_default=True, help="Where kubeconfig files go."
)
@click.pass_context
def generate_csr(
    ctx: click.Context, config: tuple[str, ...], cert_dir: str | None, kubeconfig_dir: str
) -> None:
    """Make keys and certificate signing requests for all certificates and kubeconfig files.

    Have the requests signed, put each certificate beside its key as NAME.crt, and the one of X.conf into it.
    """
    from bootstrap.workflows.requests import generate_requests

    for path in generate_requests(_context(ctx, config, cert_dir), PurePosixPath(kubeconfig_dir)):
        click.echo(path)


@certs.command("certificate-key")
def certificate_key() -> None:
    """Print a random key for uploaded certificates (init --upload-certs)."""
    click.echo(secrets.token_hex(32))


def expiration_lines(
    certificates: tuple[CertificateState, ...], authorities: tuple[CertificateState, ...], now: datetime
) -> list[str]:
    """The two tables of kubeadm."""
    return [
        *table([HEADER, *(_row(state, now, state.authority) for state in certificates)]),
        "",
        *table([AUTHORITIES_HEADER, *(_row(state, now) for state in authorities)]),
    ]


def expiration_document(
    certificates: tuple[CertificateState, ...], authorities: tuple[CertificateState, ...], now: datetime
) -> dict[str, Any]:
    """kubeadm's CertificateExpirationInfo."""
    return {
        "kind": "CertificateExpirationInfo",
        "apiVersion": API_VERSION,
        "certificates": [_entry(state, now) for state in certificates],
        "certificateAuthorities": [_entry(state, now) for state in authorities],
    }


def outcome_lines(outcome: Outcome, *, agent_restarts: bool) -> list[str]:
    """What was done, and what is left for a person to do."""
    lines = [f"{name}: renewed" for name in outcome.renewed]
    lines += [f"{name}: not there" for name in outcome.missing]
    lines += [f"{name}: signed elsewhere, not renewed" for name in outcome.external]
    if outcome.reloading():
        lines.append(f"Taken up without a restart by: {', '.join(outcome.reloading())}")
    if agent_restarts and outcome.to_restart():
        lines.append(f"Restarted by the agent, one after the other: {', '.join(outcome.to_restart())}")
    for component in () if agent_restarts else outcome.to_restart():
        lines += [
            f"{component} goes on with the old one until it is started again; the agent does that after:",
            f"  docker stop $(docker ps -q --filter label=io.kubernetes.container.name={component})",
        ]
    if outcome.copied():
        lines.append(f"Copies of {', '.join(outcome.copied())} hold the old certificate: copy them again.")
    return lines


def _context(ctx: click.Context, config: tuple[str, ...], cert_dir: str | None) -> Context:
    options = ctx.find_object(GlobalOptions) or GlobalOptions()
    return open_context(options, config=config, overrides=Overrides(cert_dir=cert_dir))


def _row(state: CertificateState, now: datetime, *authority: str) -> tuple[str, ...]:
    if state.expires is None:
        return (f"!MISSING! {state.name}", "", "", *("" for _ in authority), "")
    return (
        state.name,
        f"{state.expires:%b %d, %Y %H:%M} UTC",
        span_text(state.expires - now),
        *authority,
        "yes" if state.is_external else "no",
    )


def _entry(state: CertificateState, now: datetime) -> dict[str, Any]:
    if state.expires is None:
        return {
            "name": state.name,
            "expirationDate": None,
            "residualTime": 0,
            "externallyManaged": False,
            "missing": True,
        }
    return {
        "name": state.name,
        "expirationDate": f"{state.expires.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "residualTime": int((state.expires - now).total_seconds()),
        "externallyManaged": state.is_external,
        **({"caName": state.authority} if state.authority else {}),
        "missing": False,
    }
