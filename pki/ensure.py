"""The certificates directory as it should be: keep what fits, make what is missing, refuse the rest.

Invariant: when an existing file is wrong, nothing is written; when something is written, an interruption at
any instant is mended by the next run.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath

from pki import catalog, pending
from pki.catalog import CertificateSpec
from pki.cluster import ClusterPki
from pki.errors import refuse
from pki.examine import Decision, Examination, examine
from pki.issue import Authority, certificate_pem, issue, issue_authority
from pki.keys import PrivateKey
from pki.pem import private_pem, public_pem
from pki.pending import Announce, NewFile
from pki.pool import KeyPool
from pki.profile import Period
from pki.store import CERTIFICATE_MODE, KEY_MODE, Files


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of each certificate asked for.

    ``finished``: the files an earlier, interrupted run still owed. ``outlived``: authorities that expire
    before something they signed now, which is used all the same, as kubeadm does.
    """

    decisions: dict[str, Decision]
    finished: tuple[PurePosixPath, ...] = ()
    outlived: tuple[PurePosixPath, ...] = ()

    def having(self, decision: Decision) -> tuple[str, ...]:
        return tuple(name for name, decided in self.decisions.items() if decided == decision)


def ensure(
    names: Iterable[str],
    cluster: ClusterPki,
    files: Files,
    keys: KeyPool,
    now: datetime,
    announce: Announce = lambda _paths: None,
) -> Outcome:
    """Have these certificates (``catalog.NAMES``) in ``cluster.directory``.

    ``announce`` is told the paths that are about to be made. Raises PkiError with every problem of existing
    files, and passes on what ``files`` raises.
    """
    finished = pending.settle(files, cluster.directory)
    found = examine(names, cluster, files, now)
    refuse(found.problems)
    maker = _Maker(found, keys)
    new = maker.files()
    if new:
        pending.commit(files, cluster.directory, new, announce)
    return Outcome(found.decisions, finished, tuple(maker.outlived))


class _Maker:
    """Makes what an examination decided on, keys on all CPUs and signatures in between."""

    def __init__(self, found: Examination, keys: KeyPool) -> None:
        self._found = found
        self._cluster = found.cluster
        self._keys = keys
        self._authorities: dict[str, Authority] = {}
        self.outlived: dict[PurePosixPath, None] = {}

    def files(self) -> list[NewFile]:
        decisions = self._found.decisions
        made = [name for name, decision in decisions.items() if decision == "make"]
        self._keys.prepare(self._cluster.algorithm, len(made))
        specs = [catalog.SPECS[name] for name in made if name in catalog.SPECS]
        new = [file for spec in specs for file in self._pair(spec)]
        if decisions.get(catalog.SERVICE_ACCOUNT) in ("make", "restore"):
            new += self._service_account()
        return new

    def _pair(self, spec: CertificateSpec) -> tuple[NewFile, NewFile]:
        key = self._key()
        if spec.is_authority:
            period = Period.starting(self._found.now, self._cluster.authority_validity)
            self._authorities[spec.name] = issue_authority(spec.common_name, key, period)
            certificate = self._authorities[spec.name].certificate
        else:
            period = Period.starting(self._found.now, self._cluster.validity)
            authority = self._authority(spec.authority)
            certificate = issue(self._cluster.profile(spec), key.public_key(), authority, period)
            if period.not_after > authority.certificate.not_valid_after_utc:
                self.outlived[self._cluster.certificate_path(catalog.SPECS[spec.authority])] = None
        return (
            NewFile(str(self._cluster.key_path(spec)), private_pem(key), KEY_MODE),
            NewFile(
                str(self._cluster.certificate_path(spec)), certificate_pem(certificate), CERTIFICATE_MODE
            ),
        )

    def _authority(self, name: str) -> Authority:
        if name not in self._authorities:
            pair = self._found.pair(catalog.SPECS[name])
            assert pair.chain is not None
            assert pair.key is not None
            self._authorities[name] = Authority(pair.chain[0], pair.key)
        return self._authorities[name]

    def _service_account(self) -> list[NewFile]:
        kept = self._found.service_account
        key = kept or self._key()
        public = NewFile(
            str(self._cluster.service_account_public_key), public_pem(key.public_key()), KEY_MODE
        )
        if kept:
            return [public]
        return [NewFile(str(self._cluster.service_account_key), private_pem(key), KEY_MODE), public]

    def _key(self) -> PrivateKey:
        return self._keys.take(self._cluster.algorithm)
