"""Phase ``show-join-command``: what to type on the machines that are to join.

Invariant: it shows what is in the cluster and in admin.conf, so it can be run alone at any time; secrets go
to standard output and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator

from bootstrap.kube.kubeconfig import Kubeconfig, parse_kubeconfig
from bootstrap.kube.tokens import StoredToken
from bootstrap.model.secret import Secret
from bootstrap.phases.bootstrap_token import offered, valid_tokens
from bootstrap.phases.certs import translated
from bootstrap.phases.cluster import ADMIN_KUBECONFIG, admin_client
from bootstrap.phases.context import Context
from bootstrap.phases.phase import Phase
from bootstrap.render.join_command import WITHHELD, in_lines, join_command

REMEDY = "bootstrap token create --print-join-command"


def show_join_command(context: Context) -> None:
    path = context.layout.kubeconfig("admin")
    admin = parse_kubeconfig(context.files.read_text(path), str(path))
    tokens = tuple(_tokens(context))
    if not tokens:
        context.reporter.info(f"There is no bootstrap token that lets nodes join; to make one: {REMEDY}")
    for token in tokens:
        shown = WITHHELD if context.wishes.skip_token_print else token.reveal()
        _show(context, admin, shown)


def command_for(
    admin: Kubeconfig, token: str, *, control_plane: bool = False, certificate_key: str = ""
) -> tuple[str, ...]:
    """The lines of the command that joins the cluster an administrator's kubeconfig leads to."""
    from pki.pins import pins

    with translated():
        found = pins(admin.ca)
    return join_command(
        admin.server.removeprefix("https://"),
        token,
        found,
        control_plane=control_plane,
        certificate_key=certificate_key,
    )


def _tokens(context: Context) -> Iterator[Secret]:
    described = context.control_plane.init.bootstrap_tokens
    stored: tuple[StoredToken, ...] = ()
    if not all(one.token for one in described):
        with admin_client(context) as api:
            stored = valid_tokens(context, api)
    for one in described:
        token = offered(one, stored)
        if token:
            yield token


def _show(context: Context, admin: Kubeconfig, token: str) -> None:
    reporter, wishes = context.reporter, context.wishes
    if context.control_plane.cluster.control_plane_endpoint:
        key = WITHHELD if wishes.skip_certificate_key_print else context.certificate_key.reveal()
        reporter.info(
            "Further control planes join with this, as root, within two hours; the key opens the cluster:"
            if wishes.upload_certs
            else "Further control planes join with this, as root, once the shared certificates are on them:"
        )
        shared = key if wishes.upload_certs else ""
        reporter.result(in_lines(command_for(admin, token, control_plane=True, certificate_key=shared)))
    reporter.info("Nodes join with this, as root:")
    reporter.result(in_lines(command_for(admin, token)))


SHOW_JOIN_COMMAND = Phase(
    "show-join-command",
    "Show how machines join",
    run=show_join_command,
    needs=(ADMIN_KUBECONFIG,),
    options=("config", "skip-token-print"),
)
