"""What is particular to the certificates of one cluster and node.

Invariant: values only; everything a certificate says is a function of these, the catalog, and the moment.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import PurePosixPath

from pki import catalog
from pki.catalog import AltNamesKind, CertificateSpec, Version
from pki.profile import AltNames, Profile

YEAR = timedelta(hours=8760)
TEN_YEARS = timedelta(hours=87600)


@dataclass(frozen=True, slots=True)
class ClusterPki:
    """``service_subnet``: the first service CIDR. ``endpoint_host``: host of the stable control plane
    address, "" when there is none. ``*_sans``: further names and addresses. ``algorithm``: see
    ``keys.generate``. ``command``: what makes one certificate again when its name is added to it.
    """

    directory: PurePosixPath
    node_name: str
    advertise_address: str
    service_subnet: str
    dns_domain: str
    version: Version
    endpoint_host: str = ""
    apiserver_sans: tuple[str, ...] = ()
    etcd_server_sans: tuple[str, ...] = ()
    etcd_peer_sans: tuple[str, ...] = ()
    local_etcd: bool = True
    algorithm: str = ""
    validity: timedelta = YEAR
    authority_validity: timedelta = TEN_YEARS
    command: str = "bootstrap init phase certs"

    def certificate_path(self, spec: CertificateSpec) -> PurePosixPath:
        return self.directory / f"{spec.file}.crt"

    def key_path(self, spec: CertificateSpec) -> PurePosixPath:
        return self.directory / f"{spec.file}.key"

    @property
    def service_account_key(self) -> PurePosixPath:
        return self.directory / "sa.key"

    @property
    def service_account_public_key(self) -> PurePosixPath:
        return self.directory / "sa.pub"

    def profile(self, spec: CertificateSpec) -> Profile:
        """What a leaf says. Raises PkiError for a name that cannot be in a certificate."""
        return Profile(
            common_name=spec.common_name or self.node_name,
            usages=spec.usages,
            organizations=tuple(filter(None, (catalog.organization(spec.name, self.version),))),
            tolerated_organization=catalog.tolerated_organization(spec.name),
            alt_names=self._alt_names(spec),
        )

    def _alt_names(self, spec: CertificateSpec) -> AltNames:
        names = _ALT_NAMES[spec.alt_names](self)
        return AltNames.of(names, dns_names=(self.node_name,)) if names else AltNames()


def _apiserver_names(cluster: ClusterPki) -> tuple[str, ...]:
    service = ipaddress.ip_network(cluster.service_subnet, strict=False).network_address + 1
    in_cluster = ("kubernetes", "kubernetes.default", "kubernetes.default.svc")
    endpoint = (cluster.endpoint_host,) if cluster.endpoint_host else ()
    return (
        *in_cluster,
        f"kubernetes.default.svc.{cluster.dns_domain}",
        str(service),
        cluster.advertise_address,
        *endpoint,
        *cluster.apiserver_sans,
    )


def _etcd_names(cluster: ClusterPki) -> tuple[str, ...]:
    return ("localhost", cluster.advertise_address, "127.0.0.1", "::1")


_ALT_NAMES: dict[AltNamesKind, Callable[[ClusterPki], tuple[str, ...]]] = {
    "none": lambda _cluster: (),
    "apiserver": _apiserver_names,
    "etcd-server": lambda cluster: (*_etcd_names(cluster), *cluster.etcd_server_sans),
    "etcd-peer": lambda cluster: (*_etcd_names(cluster), *cluster.etcd_peer_sans),
}
