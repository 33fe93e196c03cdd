"""New certificates in the place of those that are there: another key, another period, all else the same.

Source: cmd/kubeadm/app/phases/certs/renewal. Invariant: nothing is written here; what comes out is files that
replace exactly the content they were made from.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath

from cryptography.x509 import Certificate

from pki import catalog, checks, pending
from pki.catalog import CertificateSpec
from pki.checks import Chain
from pki.cluster import ClusterPki
from pki.errors import PkiError, Problem, refuse
from pki.examine import Examination, authority_problems
from pki.issue import Authority, certificate_pem, issue
from pki.keys import PrivateKey
from pki.pem import private_pem
from pki.pending import NewFile
from pki.profile import AltNames, Period, Profile
from pki.store import CERTIFICATE_MODE, KEY_MODE, Files, Pair


@dataclass(frozen=True, slots=True)
class Holding:
    """An authority as it is on the node; ``authority`` None when its key is kept elsewhere."""

    chain: Chain
    authority: Authority | None

    @property
    def pem(self) -> str:
        """The certificate that signs."""
        return certificate_pem(self.chain[0])


class Directory:
    """A certificates directory, read once."""

    def __init__(self, cluster: ClusterPki, files: Files, now: datetime) -> None:
        self.cluster = cluster
        self._files = files
        self._found = Examination(cluster, files, now, frozenset())

    def pair(self, spec: CertificateSpec) -> Pair:
        """Raises PkiError for a file that cannot be read."""
        pair = self._found.pair(spec)
        refuse([Problem(fault, f"put back a good copy of {fault.split(' ', 1)[0]}") for fault in pair.faults])
        return pair

    def holding(self, name: str) -> Holding:
        """An authority that is to sign. Raises PkiError when it is missing, expired or otherwise no good."""
        spec = catalog.SPECS[name]
        refuse(tuple(authority_problems(self._found, spec)))
        pair = self._found.pair(spec)
        if pair.chain is None:
            raise PkiError(f"there is no {pair.certificate_path}", remedy=self._found.command(name))
        return Holding(pair.chain, Authority(pair.chain[0], pair.key) if pair.key else None)

    def renewed(self, spec: CertificateSpec, key: PrivateKey, period: Period) -> tuple[NewFile, NewFile]:
        """Key and certificate in the place of a pair that is there, with its names and those it should have.

        Raises PkiError when there is nothing to renew, or nothing to sign with.
        """
        pair, authority = self.pair(spec), self.holding(spec.authority).authority
        if pair.chain is None or authority is None:
            raise PkiError(
                f"{pair.certificate_path} cannot be renewed: "
                f"{'it is not there' if authority else 'its authority signs elsewhere'}"
            )
        profile = renewed_profile(pair.chain[0], self.cluster.profile(spec))
        certificate = issue(profile, key.public_key(), authority, period)
        return (
            self._replacing(pair.key_path, private_pem(key), KEY_MODE),
            self._replacing(pair.certificate_path, certificate_pem(certificate), CERTIFICATE_MODE),
        )

    def _replacing(self, path: PurePosixPath, content: str, mode: int) -> NewFile:
        old = pending.digest(self._files.read_bytes(path)) if self._files.exists(path) else ""
        return NewFile(str(path), content, mode, old)


def renewed_profile(certificate: Certificate, wanted: Profile) -> Profile:
    """Names that somebody added by hand stay; usages and organizations are those of the release."""
    common_name, _organizations = checks.subject_of(certificate)
    existing = checks.alt_names(certificate)
    names = (*existing.dns, *map(str, existing.addresses))
    added = wanted.alt_names.without(existing)
    return Profile(
        common_name=common_name or wanted.common_name,
        usages=wanted.usages,
        organizations=wanted.organizations,
        alt_names=AltNames.of((*names, *added.dns, *map(str, added.addresses))),
    )


def renewed_client(certificate: Certificate) -> Profile:
    """A user stays who he is."""
    common_name, organizations = checks.subject_of(certificate)
    return Profile(common_name, ("clientAuth",), organizations)
