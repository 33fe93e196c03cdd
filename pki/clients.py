"""Client certificates that travel inside kubeconfig files, signed by the cluster's authority.

Invariant: pure but for ``load_authority``, which reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509

from pki import catalog, checks, store
from pki.catalog import CLUSTER_AUTHORITY
from pki.checks import Chain
from pki.cluster import ClusterPki
from pki.errors import PkiError, refuse
from pki.examine import Examination, authority_problems
from pki.issue import Authority, certificate_pem, issue
from pki.keys import PrivateKey
from pki.pem import private_pem, read_private
from pki.profile import Period, Profile
from pki.store import Files


@dataclass(frozen=True, slots=True)
class TrustAnchor:
    """The cluster's authority as it is on disk; ``key`` None when that is kept elsewhere."""

    chain: Chain
    key: PrivateKey | None

    @property
    def pem(self) -> str:
        """The certificate that signs, which is what kubeconfigs embed."""
        return certificate_pem(self.chain[0])


def client_profile(user: str, *groups: str) -> Profile:
    """The certificate of a user; a group "" is none."""
    return Profile(user, organizations=tuple(filter(None, groups)), usages=("clientAuth",))


def load_authority(cluster: ClusterPki, files: Files, now: datetime) -> TrustAnchor:
    """Raises PkiError when it is missing or wrong."""
    spec = catalog.SPECS[CLUSTER_AUTHORITY]
    found = Examination(cluster, files, now, frozenset())
    refuse(tuple(authority_problems(found, spec)))
    pair = found.pair(spec)
    if pair.chain is None:
        raise PkiError(f"there is no {pair.certificate_path}", remedy=found.command(spec.name))
    return TrustAnchor(pair.chain, pair.key)


def issue_client(
    profile: Profile, key: PrivateKey, anchor: TrustAnchor, validity: timedelta, now: datetime
) -> tuple[str, str]:
    """Certificate and key as PEM. Its period starts with the authority's, as kubeadm has it."""
    assert anchor.key is not None, "a certificate cannot be signed without the authority's key"
    period = Period(anchor.chain[0].not_valid_before_utc, Period.starting(now, validity).not_after)
    certificate = issue(profile, key.public_key(), Authority(anchor.chain[0], anchor.key), period)
    return certificate_pem(certificate), private_pem(key)


def client_faults(
    certificate: str, key: str, profile: Profile, anchor: TrustAnchor, now: datetime
) -> Iterator[str]:
    """What is wrong with a client certificate, as clauses to follow "its client certificate"."""
    try:
        chain = store.parse_chain(certificate.encode())
        private = read_private(key.encode())
    except ValueError as error:
        yield f"cannot be read, or whose key cannot: {error}"
        return
    if not checks.same_key(private.public_key(), chain[0].public_key()):
        yield "does not belong to its key"
    yield from checks.leaf_faults(chain, profile, now)
    if not checks.is_issued_by(chain, anchor.chain[0]):
        yield "was not signed by the cluster's authority"


def is_anchored(authority_data: str, anchor: TrustAnchor) -> bool:
    """Whether the first certificate of a kubeconfig's authority data is one of the cluster's."""
    try:
        first: x509.Certificate = store.parse_chain(authority_data.encode())[0]
    except ValueError:
        return False
    return first in anchor.chain
