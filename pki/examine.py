"""What is to be made in a certificates directory, and what keeps that from happening.

Invariant: reads, never writes. An existing file is either kept as it is or a problem; nothing is replaced.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePosixPath
from typing import Literal

from pki import catalog, checks, store
from pki.catalog import CertificateSpec
from pki.cluster import ClusterPki
from pki.errors import Problem
from pki.keys import PrivateKey
from pki.store import Files, Pair

Decision = Literal["make", "keep", "provided", "restore"]
"""``provided``: it belongs to an authority whose key is kept elsewhere; ``restore``: sa.pub, from sa.key."""


@dataclass(slots=True)
class Examination:
    """``pairs``: what was found, by certificate name; ``service_account``: sa.key when it is there."""

    cluster: ClusterPki
    files: Files
    now: datetime
    names: frozenset[str]
    decisions: dict[str, Decision] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    pairs: dict[str, Pair] = field(default_factory=dict)
    service_account: PrivateKey | None = None

    def pair(self, spec: CertificateSpec) -> Pair:
        if spec.name not in self.pairs:
            paths = self.cluster.certificate_path(spec), self.cluster.key_path(spec)
            self.pairs[spec.name] = store.read_pair(self.files, *paths)
        return self.pairs[spec.name]

    def command(self, name: str) -> str:
        return f"{self.cluster.command} {name}"

    def again(self, *paths: PurePosixPath) -> str:
        """How a certificate is made anew: by the command that found it, which knows its names."""
        return f"rm {' '.join(map(str, paths))}, then run the same command again"

    def add(self, message: str, remedy: str) -> None:
        self.problems.append(Problem(message, remedy))


def examine(names: Iterable[str], cluster: ClusterPki, files: Files, now: datetime) -> Examination:
    """Decide about each of ``names`` (``catalog.NAMES``); etcd's are left out when etcd is elsewhere."""
    wanted = frozenset(name for name in names if cluster.local_etcd or not catalog.belongs_to_etcd(name))
    found = Examination(cluster, files, now, wanted)
    for spec in catalog.CERTIFICATES:
        if spec.name in wanted:
            (_examine_authority if spec.is_authority else _examine_leaf)(found, spec)
    if catalog.SERVICE_ACCOUNT in wanted:
        _examine_service_account(found)
    return found


def authority_problems(found: Examination, spec: CertificateSpec) -> Iterator[Problem]:
    """What is wrong with a CA of which something is there."""
    pair = found.pair(spec)
    for fault in pair.faults:
        yield Problem(fault, f"put back a good copy of {_named(fault)}")
    if pair.chain is None:
        if pair.key is not None:
            yield Problem(
                f"{pair.key_path} is there without {pair.certificate_path}",
                f"put the certificate back, or to start with a new authority: {found.again(pair.key_path)}",
            )
        return
    for fault in checks.authority_faults(pair.chain[0], found.now):
        yield Problem(f"{pair.certificate_path} {fault}", _new_authority(found, spec))
    if pair.key is not None and not checks.same_key(pair.key.public_key(), pair.chain[0].public_key()):
        yield Problem(
            f"{pair.key_path} is not the key of {pair.certificate_path}",
            "put back the one that belongs to the other",
        )


def _examine_authority(found: Examination, spec: CertificateSpec) -> None:
    pair = found.pair(spec)
    found.problems += authority_problems(found, spec)
    if pair.is_absent:
        found.decisions[spec.name] = "make"
    else:
        found.decisions[spec.name] = "keep" if pair.key is not None else "provided"


def _examine_leaf(found: Examination, spec: CertificateSpec) -> None:
    pair, authority = found.pair(spec), found.pair(catalog.SPECS[spec.authority])
    if pair.is_absent:
        found.decisions[spec.name] = "make"
        found.problems += _cannot_sign(found, spec, authority)
        return
    is_external = authority.chain is not None and authority.key is None
    found.decisions[spec.name] = "provided" if is_external else "keep"
    there = [path for path in pair.paths if found.files.exists(path)]
    remedy = (
        f"replace {' and '.join(map(str, pair.paths))} by a pair that {authority.certificate_path} signed"
        if is_external
        else found.again(*there)
    )
    for fault in _leaf_faults(found, spec, pair, authority):
        found.add(fault, remedy)
    if authority.is_absent:
        found.add(
            f"{pair.paths[0]} or its key is there, but its authority {authority.certificate_path} is not",
            f"put the authority and its key back, or to start over: rm {' '.join(map(str, there))}",
        )


def _cannot_sign(found: Examination, spec: CertificateSpec, authority: Pair) -> Iterator[Problem]:
    """Why a leaf cannot be made; what is wrong with an authority that is asked for is told with it."""
    issuer = catalog.SPECS[spec.authority]
    own = found.cluster.certificate_path(spec), found.cluster.key_path(spec)
    if authority.is_absent:
        if issuer.name not in found.names:
            missing = f"{own[0]} cannot be made: there is no {authority.certificate_path}"
            yield Problem(missing, found.command(issuer.name))
    elif authority.chain is not None and authority.key is None and not authority.faults:
        yield Problem(
            f"{authority.certificate_path} is there without its key, so {own[0]} and {own[1]} must be too",
            f"put both there, signed by {authority.certificate_path}, or put {authority.key_path} there",
        )
    elif issuer.name not in found.names:
        yield from authority_problems(found, issuer)


def _leaf_faults(found: Examination, spec: CertificateSpec, pair: Pair, authority: Pair) -> Iterator[str]:
    yield from pair.faults
    if pair.chain is None or pair.key is None:
        if not pair.faults:
            there, gone = pair.paths if pair.key is None else reversed(pair.paths)
            yield f"{there} is there without {gone}"
        return
    if not checks.same_key(pair.key.public_key(), pair.chain[0].public_key()):
        yield f"{pair.key_path} is not the key of {pair.certificate_path}"
    for fault in checks.leaf_faults(pair.chain, found.cluster.profile(spec), found.now):
        yield f"{pair.certificate_path} {fault}"
    if authority.chain is not None and not checks.is_issued_by(pair.chain, authority.chain[0]):
        yield f"{pair.certificate_path} was not signed by {authority.certificate_path}"


def _examine_service_account(found: Examination) -> None:
    cluster, faults = found.cluster, list[str]()
    private = store.read_private_key(found.files, cluster.service_account_key, faults)
    public = store.read_public_key(found.files, cluster.service_account_public_key, faults)
    for fault in faults:
        found.add(fault, f"put back a good copy of {_named(fault)}, or {_new_service_account(found)}")
    found.service_account = private
    found.decisions[catalog.SERVICE_ACCOUNT] = _service_account_decision(
        private is not None, public is not None
    )
    if faults:
        return
    if private is None and public is not None:
        found.add(
            f"{cluster.service_account_public_key} is there without {cluster.service_account_key}",
            f"put the key back, or {_new_service_account(found)}",
        )
    if private is not None and public is not None and not checks.same_key(private.public_key(), public):
        found.add(
            f"{cluster.service_account_public_key} is not the public key of {cluster.service_account_key}",
            f"to have it made from the key: {found.again(cluster.service_account_public_key)}",
        )


def _service_account_decision(private: bool, public: bool) -> Decision:
    if not private:
        return "make"
    return "keep" if public else "restore"


def _new_service_account(found: Examination) -> str:
    cluster = found.cluster
    paths = (cluster.service_account_key, cluster.service_account_public_key)
    there = (path for path in paths if found.files.exists(path))
    return f"for a new pair, which ends all tokens: {found.again(*there)}"


def _new_authority(found: Examination, spec: CertificateSpec) -> str:
    signed = [leaf for leaf in catalog.CERTIFICATES if leaf.authority == spec.name]
    paths = [path for one in (spec, *signed) for path in found.pair(one).paths]
    there = [path for path in paths if found.files.exists(path)]
    names = " ".join(map(str, there))
    return (
        f"put a good one there, or for a new authority, which ends trust in all it signed: "
        f"rm {names} && bootstrap init"
    )


def _named(fault: str) -> str:
    """The path a fault starts with."""
    return fault.split(" ", 1)[0]
