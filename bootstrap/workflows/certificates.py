"""Every certificate of the node, those inside kubeconfig files too: when it ends, and who signs it.

Names are kubeadm's (``apiserver``, ``admin.conf``). Invariant: looking changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath

from cryptography.x509 import Certificate

from bootstrap.errors import BootstrapError, ConfigError
from bootstrap.kube.kubeconfig import Kubeconfig, parse_kubeconfig
from bootstrap.phases.certs import cluster_pki, translated
from bootstrap.phases.context import Context
from bootstrap.render.kubeconfigs import IDENTITIES
from pki import catalog
from pki.catalog import CLUSTER_AUTHORITY, CertificateSpec
from pki.renew import Directory
from pki.store import parse_chain

KUBECONFIGS = {f"{identity.name}.conf": identity.name for identity in IDENTITIES}


@dataclass(frozen=True, slots=True)
class CertificateState:
    """``expires`` None: it is not there. ``authority`` "": it is one itself.

    ``is_external``: the key that signs it is kept elsewhere.
    """

    name: str
    authority: str
    expires: datetime | None
    is_external: bool = False


def leaf_specs(context: Context) -> tuple[CertificateSpec, ...]:
    """The certificates of this node that an authority signs."""
    return tuple(spec for spec in _specs(context) if not spec.is_authority)


def names(context: Context) -> tuple[str, ...]:
    """What can be renewed, by name."""
    kubeconfigs = (name for name in KUBECONFIGS if not _is_rotated_elsewhere(context, name))
    return tuple(sorted((*(spec.name for spec in leaf_specs(context)), *kubeconfigs)))


def directory(context: Context) -> Directory:
    """The certificates directory as it is now."""
    return Directory(cluster_pki(context.control_plane), context.files, context.clock.now())


def states(context: Context) -> tuple[tuple[CertificateState, ...], tuple[CertificateState, ...]]:
    """Certificates and authorities, each by name. Raises BootstrapError for a file that cannot be read."""
    with translated():
        return tuple(_leaves(context)), tuple(_authorities(context))


def state(context: Context, name: str) -> CertificateState:
    """Of one of ``names``, or of an authority. Raises BootstrapError for a file that cannot be read."""
    spec = catalog.SPECS.get(name)
    with translated():
        found = directory(context)
        return _authority(found, spec) if spec and spec.is_authority else _leaf(context, found, name)


def kubeconfig_path(context: Context, name: str) -> PurePosixPath:
    """Of ``NAME.conf``."""
    return context.layout.kubeconfig(KUBECONFIGS[name])


def read_client(context: Context, name: str) -> tuple[str, Kubeconfig, Certificate]:
    """Text, meaning and client certificate of a kubeconfig that is there. Raises BootstrapError."""
    path = kubeconfig_path(context, name)
    text = context.files.read_text(path)
    found = parse_kubeconfig(text, str(path))
    try:
        return text, found, parse_chain(found.certificate.encode())[0]
    except ValueError as error:
        raise BootstrapError(
            f"the client certificate in {path} cannot be read: {error}",
            remedy=f"rm {path} && bootstrap init phase kubeconfig {KUBECONFIGS[name]}",
        ) from error


def _leaves(context: Context) -> Iterator[CertificateState]:
    found = directory(context)
    for name in names(context):
        yield _leaf(context, found, name)


def _leaf(context: Context, found: Directory, name: str) -> CertificateState:
    specs = {spec.name: spec for spec in leaf_specs(context)}
    authority = specs[name].authority if name in specs else CLUSTER_AUTHORITY
    if name in specs:
        chain = found.pair(specs[name]).chain
        expires = chain[0].not_valid_after_utc if chain else None
    else:
        there = context.files.exists(kubeconfig_path(context, name))
        expires = read_client(context, name)[2].not_valid_after_utc if there else None
    signer = found.pair(catalog.SPECS[authority])
    is_external = signer.chain is not None and signer.key is None
    return CertificateState(name, authority, expires, is_external)


def _authorities(context: Context) -> Iterator[CertificateState]:
    found = directory(context)
    for spec in sorted(_specs(context), key=lambda spec: spec.name):
        if spec.is_authority:
            yield _authority(found, spec)


def _authority(found: Directory, spec: CertificateSpec) -> CertificateState:
    pair = found.pair(spec)
    expires = pair.chain[0].not_valid_after_utc if pair.chain else None
    return CertificateState(spec.name, "", expires, pair.chain is not None and pair.key is None)


def _specs(context: Context) -> tuple[CertificateSpec, ...]:
    """As kubeadm, none of etcd when that is elsewhere."""
    is_local = context.control_plane.local_etcd is not None
    return tuple(spec for spec in catalog.CERTIFICATES if is_local or not catalog.belongs_to_etcd(spec.name))


def _is_rotated_elsewhere(context: Context, name: str) -> bool:
    """A kubelet renews its own certificate, which kubelet.conf then names by path."""
    if name != "kubelet.conf":
        return False
    path = kubeconfig_path(context, name)
    if not context.files.exists(path):
        return True
    try:
        parse_kubeconfig(context.files.read_text(path), str(path))
    except ConfigError:
        return True
    return False
