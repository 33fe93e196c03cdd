"""``bootstrap certs renew``: certificates and the ones in kubeconfig files, with new keys and a new period.

Invariant: what is asked for in one command is renewed as one act: an interruption is finished by the next
run, and while one authority is no good, nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from bootstrap.apply import inventory
from bootstrap.errors import BootstrapError, ConfigError
from bootstrap.host.lock import NodeLock
from bootstrap.model.certificates import LEAVES, PEOPLE, READ_ONCE
from bootstrap.model.secret import Secret
from bootstrap.phases.certs import translated
from bootstrap.phases.context import Context
from bootstrap.render.kubeconfigs import with_client
from bootstrap.workflows.certificates import (
    CertificateState,
    directory,
    kubeconfig_path,
    leaf_specs,
    names,
    read_client,
    states,
)
from pki import pending
from pki.catalog import CLUSTER_AUTHORITY
from pki.clients import TrustAnchor, is_anchored
from pki.issue import certificate_pem, issue
from pki.keys import PrivateKey
from pki.pem import private_pem
from pki.pending import NewFile
from pki.profile import Period
from pki.renew import Directory, renewed_client

ALL = "all"


@dataclass(frozen=True, slots=True)
class Outcome:
    """``outlived``: authorities that expire before something they have just signed."""

    renewed: tuple[str, ...]
    missing: tuple[str, ...]
    external: tuple[str, ...]
    outlived: tuple[str, ...] = ()

    def to_restart(self) -> tuple[str, ...]:
        """Components that go on with the old certificate until they are started again."""
        return tuple(component for component, name in READ_ONCE.items() if name in self.renewed)

    def reloading(self) -> tuple[str, ...]:
        found = (LEAVES[name] for name in self.renewed)
        return tuple(dict.fromkeys(leaf.reader for leaf in found if leaf.reloads and leaf.reader))

    def copied(self) -> tuple[str, ...]:
        """Files people have copies of."""
        return tuple(name for name in self.renewed if LEAVES[name].reader == PEOPLE)


def renew(context: Context, wanted: str) -> Outcome:
    """Renew ``all``, or one by its name. Raises ConfigError for an unknown name, BootstrapError else."""
    known = names(context)
    if wanted != ALL and wanted not in known:
        raise ConfigError(
            f"there is no certificate named {wanted} to renew", remedy=f"one of: {', '.join((*known, ALL))}"
        )
    with NodeLock(context.files, context.layout.lock, f"bootstrap certs renew {wanted}"), translated():
        pending.settle(context.files, context.layout.pki)
        certificates, authorities = states(context)
        chosen = [state for state in certificates if wanted in (ALL, state.name)]
        if wanted != ALL:
            _refuse(chosen[0])
        due = [state.name for state in chosen if state.expires and not state.is_external]
        commit(context, due)
    signers = {state.authority for state in chosen if state.name in due}
    return Outcome(
        renewed=tuple(due),
        missing=tuple(state.name for state in chosen if not state.expires),
        external=tuple(state.name for state in chosen if state.expires and state.is_external),
        outlived=tuple(
            authority.name
            for authority in authorities
            if authority.name in signers and is_outlived(context, authority)
        ),
    )


def is_outlived(context: Context, authority: CertificateState) -> bool:
    """Whether it expires before what it signs now."""
    end = authority.expires
    return end is not None and end < _period(context).not_after


def _refuse(state: CertificateState) -> None:
    """One that was asked for by name has to be renewable."""
    if state.expires is None:
        raise BootstrapError(
            f"there is no {state.name} to renew", remedy="bootstrap init makes what is missing"
        )
    if state.is_external:
        raise BootstrapError(
            f"{state.name} is signed elsewhere: the key of {state.authority} is not on this node",
            remedy="bootstrap certs generate-csr makes a new key and a request to have signed",
        )


def commit(context: Context, due: Sequence[str]) -> None:
    """Renew these, as one act, with the node's lock held and what was pending settled.

    Raises PkiError, BootstrapError; nothing is written then.
    """
    cluster = directory(context).cluster
    context.keys.prepare(cluster.algorithm, len(due))
    new = list(_files(context, due))
    if not new:
        return

    def announce(paths: tuple[PurePosixPath, ...]) -> None:
        # The note alone: a file that somebody else made stays his.
        inventory.record(context.files, context.layout, paths[:1])

    pending.commit(context.files, context.layout.pki, new, announce)


def _files(context: Context, due: Sequence[str]) -> Iterator[NewFile]:
    found, period = directory(context), _period(context)
    specs = {spec.name: spec for spec in leaf_specs(context)}
    for name in due:
        key = context.keys.take(found.cluster.algorithm)
        if name in specs:
            yield from found.renewed(specs[name], key, period)
        else:
            yield _kubeconfig(context, found, name, key, period)


def _kubeconfig(context: Context, found: Directory, name: str, key: PrivateKey, period: Period) -> NewFile:
    """The same file with another client certificate; it trusts the authority that has signed that."""
    text, current, certificate = read_client(context, name)
    holding = found.holding(CLUSTER_AUTHORITY)
    assert holding.authority is not None
    renewed = issue(renewed_client(certificate), key.public_key(), holding.authority, period)
    ca = "" if is_anchored(current.ca, TrustAnchor(holding.chain, None)) else holding.pem
    content = with_client(text, certificate_pem(renewed), Secret(private_pem(key)), ca)
    return NewFile(str(kubeconfig_path(context, name)), content, 0o600, pending.digest(text.encode()))


def _period(context: Context) -> Period:
    return Period.starting(context.clock.now(), directory(context).cluster.validity)
