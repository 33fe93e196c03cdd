"""Rules of the etcd section."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from bootstrap.config.problems import FieldPath
from bootstrap.config.rules.fault import (
    Fault,
    absolute_path,
    arguments,
    certificate_names,
    image_repository,
    variables,
)
from bootstrap.model.cluster import ControlPlane
from bootstrap.model.kubeadm import ExternalEtcd

_ETCD = ("ClusterConfiguration", "etcd")
_LOCAL = (*_ETCD, "local")
_EXTERNAL = (*_ETCD, "external")


def one_of(control_plane: ControlPlane) -> Iterator[Fault]:
    if control_plane.local_etcd and control_plane.external_etcd:
        yield Fault(_EXTERNAL, "and etcd.local exclude each other; keep one")


def local(control_plane: ControlPlane) -> Iterator[Fault]:
    etcd = control_plane.local_etcd
    if etcd is None:
        return
    yield from absolute_path((*_LOCAL, "dataDir"), etcd.data_dir)
    yield from certificate_names((*_LOCAL, "serverCertSANs"), etcd.server_cert_sans)
    yield from certificate_names((*_LOCAL, "peerCertSANs"), etcd.peer_cert_sans)
    if etcd.image_repository:
        yield from image_repository((*_LOCAL, "imageRepository"), etcd.image_repository)
    yield from arguments((*_LOCAL, "extraArgs"), (arg.name for arg in etcd.extra_args))
    yield from variables((*_LOCAL, "extraEnvs"), etcd.extra_envs)


def external(control_plane: ControlPlane) -> Iterator[Fault]:
    etcd = control_plane.external_etcd
    if etcd is None:
        return
    yield from _key_pair(etcd)
    tls = bool(etcd.ca_file or etcd.cert_file or etcd.key_file)
    if not etcd.endpoints:
        yield Fault((*_EXTERNAL, "endpoints"), "must name at least one endpoint")
    yield from _urls((*_EXTERNAL, "endpoints"), etcd.endpoints, https=tls)
    if etcd.http_endpoints != etcd.endpoints:
        yield from _urls((*_EXTERNAL, "httpEndpoints"), etcd.http_endpoints, https=False)
    for key, path in (("caFile", etcd.ca_file), ("certFile", etcd.cert_file), ("keyFile", etcd.key_file)):
        if path:
            yield from absolute_path((*_EXTERNAL, key), path)


def _key_pair(etcd: ExternalEtcd) -> Iterator[Fault]:
    if bool(etcd.cert_file) != bool(etcd.key_file):
        yield Fault(_EXTERNAL, "must have both certFile and keyFile, or neither")
    if etcd.cert_file and etcd.key_file and not etcd.ca_file:
        yield Fault(_EXTERNAL, "must have caFile beside certFile and keyFile")


def _urls(path: FieldPath, urls: tuple[str, ...], *, https: bool) -> Iterator[Fault]:
    for index, url in enumerate(urls):
        scheme, host = _parts(url)
        if not host or scheme not in ("http", "https"):
            yield Fault((*path, index), f'must be a URL such as https://10.0.0.1:2379, not "{url}"')
        elif https and scheme != "https":
            yield Fault(
                (*path, index), f'must be an https:// URL, because certificates are given, not "{url}"'
            )


def _parts(url: str) -> tuple[str, str | None]:
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname if parts.port != 0 else None
    except ValueError:
        return "", None


RULES = (one_of, local, external)
