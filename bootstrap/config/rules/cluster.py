"""Rules of ClusterConfiguration, apart from its networks and etcd."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from bootstrap.config.defaults import CA_CERTIFICATE_VALIDITY, CERTIFICATE_VALIDITY
from bootstrap.config.featuregates import gate_faults
from bootstrap.config.formats import is_label, split_host_port
from bootstrap.config.rules.fault import (
    Fault,
    absolute_path,
    arguments,
    certificate_names,
    image_repository,
    variables,
)
from bootstrap.config.rules.init import duration
from bootstrap.errors import ConfigError
from bootstrap.model.cluster import ControlPlane
from bootstrap.model.duration import parse_duration

_CLUSTER = "ClusterConfiguration"


def components(control_plane: ControlPlane) -> Iterator[Fault]:
    cluster = control_plane.cluster
    yield from certificate_names((_CLUSTER, "apiServer", "certSANs"), cluster.api_server.cert_sans)
    for key, component in (
        ("apiServer", cluster.api_server),
        ("controllerManager", cluster.controller_manager),
        ("scheduler", cluster.scheduler),
    ):
        yield from arguments((_CLUSTER, key, "extraArgs"), (arg.name for arg in component.extra_args))
        yield from variables((_CLUSTER, key, "extraEnvs"), component.extra_envs)
        for index, volume in enumerate(component.extra_volumes):
            place = (_CLUSTER, key, "extraVolumes", index)
            if not is_label(volume.name):
                yield Fault(
                    (*place, "name"),
                    f'must be a DNS label (lower case letters, digits and -), not "{volume.name}"',
                )
            yield from absolute_path((*place, "hostPath"), volume.host_path)
            yield from absolute_path((*place, "mountPath"), volume.mount_path)


def certificates_dir(control_plane: ControlPlane) -> Iterator[Fault]:
    yield from absolute_path((_CLUSTER, "certificatesDir"), control_plane.cluster.certificates_dir)


def control_plane_endpoint(control_plane: ControlPlane) -> Iterator[Fault]:
    endpoint = control_plane.cluster.control_plane_endpoint
    if endpoint and split_host_port(endpoint) is None:
        yield Fault(
            (_CLUSTER, "controlPlaneEndpoint"),
            f'must be HOST or HOST:PORT, the host a lower case name or an address, not "{endpoint}"',
        )


def image_repositories(control_plane: ControlPlane) -> Iterator[Fault]:
    cluster = control_plane.cluster
    yield from image_repository((_CLUSTER, "imageRepository"), cluster.image_repository)
    if cluster.dns.image_repository:
        yield from image_repository((_CLUSTER, "dns", "imageRepository"), cluster.dns.image_repository)


def feature_gates(control_plane: ControlPlane) -> Iterator[Fault]:
    for name, text, is_warning in gate_faults(control_plane.cluster.feature_gates, control_plane.version):
        yield Fault((_CLUSTER, "featureGates", name), text, is_warning)


def certificate_validity(control_plane: ControlPlane) -> Iterator[Fault]:
    """Odd periods only warn, as in kubeadm: somebody may have a reason."""
    cluster = control_plane.cluster
    leaf = (_CLUSTER, "certificateValidityPeriod")
    authority = (_CLUSTER, "caCertificateValidityPeriod")
    yield from duration(leaf, cluster.certificate_validity_period)
    yield from duration(authority, cluster.ca_certificate_validity_period)
    life, ca_life = _span(cluster.certificate_validity_period), _span(cluster.ca_certificate_validity_period)
    if life > parse_duration(CERTIFICATE_VALIDITY):
        yield Fault(leaf, "is longer than the recommended year", is_warning=True)
    if ca_life > parse_duration(CA_CERTIFICATE_VALIDITY):
        yield Fault(authority, "is longer than the recommended ten years", is_warning=True)
    if life > ca_life > timedelta(0):
        yield Fault(leaf, "is longer than caCertificateValidityPeriod", is_warning=True)


def _span(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ConfigError:
        return timedelta(0)


RULES = (
    components,
    certificates_dir,
    control_plane_endpoint,
    image_repositories,
    feature_gates,
    certificate_validity,
)
