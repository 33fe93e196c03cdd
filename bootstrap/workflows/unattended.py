"""Renewal on behalf of the agent, when nobody is there to read an error.

Invariant: an authority that is no good, or whose key is kept elsewhere, keeps nothing else from being
renewed, and every certificate that was asked for has an answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bootstrap.agent.renewing import Answer
from bootstrap.apply import generations
from bootstrap.errors import BootstrapError
from bootstrap.host.lock import NodeLock
from bootstrap.model.certificates import AGENT_SERVING
from bootstrap.phases.certs import translated
from bootstrap.phases.context import Context
from bootstrap.phases.serving_certificate import ensure_serving_certificate
from bootstrap.workflows.certificates import names, state
from bootstrap.workflows.renew import commit, is_outlived
from pki import pending

REMARK = "{0} expires before what it has just signed: it has to be replaced by then"


def renew_for_agent(context: Context, wanted: Sequence[str]) -> Answer:
    """Renew what can be renewed. Never raises BootstrapError."""
    try:
        _refuse_unfinished(context)
        with NodeLock(context.files, context.layout.lock, "the agent, which renews certificates"):
            with translated():
                pending.settle(context.files, context.layout.pki)
            return _renew(context, wanted)
    except BootstrapError as error:
        return Answer(problems=dict.fromkeys(wanted, error.message))


def _refuse_unfinished(context: Context) -> None:
    if not generations.latest_number(context.files, context.layout):
        raise BootstrapError(
            "no control plane was finished on this node, so it is not known what its certificates should say",
            remedy="bootstrap init",
        )


def _renew(context: Context, wanted: Sequence[str]) -> Answer:
    by_authority, problems = _sorted_out(context, wanted)
    renewed: list[str] = []
    for chosen in by_authority.values():
        try:
            with translated():
                commit(context, chosen)
            renewed += chosen
        except BootstrapError as error:
            problems |= dict.fromkeys(chosen, error.message)
    if AGENT_SERVING in wanted:
        try:
            ensure_serving_certificate(context, renew=True)
            renewed.append(AGENT_SERVING)
        except BootstrapError as error:
            problems[AGENT_SERVING] = error.message
    signers = {authority for authority, chosen in by_authority.items() if {*chosen} & {*renewed}}
    return Answer(renewed=tuple(renewed), problems=problems, remarks=tuple(_remarks(context, signers)))


def _sorted_out(context: Context, wanted: Sequence[str]) -> tuple[dict[str, list[str]], dict[str, str]]:
    """What can be renewed, by authority, and why the rest cannot."""
    by_authority: dict[str, list[str]] = {}
    problems: dict[str, str] = {}
    known = names(context)
    for name in wanted:
        if name == AGENT_SERVING:
            continue
        try:
            found = state(context, name) if name in known else None
        except BootstrapError as error:
            problems[name] = error.message
            continue
        if found is None:
            # As the one for an etcd elsewhere.
            problems[name] = "it is not made on this node: whoever has signed it has to renew it"
        elif found.expires is None:
            problems[name] = "it is not there any more"
        elif found.is_external:
            problems[name] = (
                f"the key of {found.authority} is not on this node: have a new certificate signed"
                " (bootstrap certs generate-csr)"
            )
        else:
            by_authority.setdefault(found.authority, []).append(name)
    return by_authority, problems


def _remarks(context: Context, signers: set[str]) -> Iterator[str]:
    for name in sorted(signers):
        if is_outlived(context, state(context, name)):
            yield REMARK.format(name)
