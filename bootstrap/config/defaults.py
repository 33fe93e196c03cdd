"""Every field that was left out, filled in as kubeadm does.

Source: cmd/kubeadm/app/apis/kubeadm/v1beta4/defaults.go and SetInitDynamicDefaults in app/util/config.
Invariant: a function of the documents and ``NodeFacts`` alone; no network, no clock, nothing random.
"""

from __future__ import annotations

from typing import TypeVar

from msgspec.structs import replace

from bootstrap.config.documents import Documents
from bootstrap.config.formats import parse_address, split_host_port
from bootstrap.config.problems import Problems, origin_of
from bootstrap.config.versions import resolve_version
from bootstrap.errors import ConfigError
from bootstrap.model.cluster import ControlPlane, host_port
from bootstrap.model.duration import format_duration, parse_duration
from bootstrap.model.kubeadm import (
    APIEndpoint,
    APIServer,
    BootstrapToken,
    ClusterConfiguration,
    ControlPlaneComponent,
    EnvVar,
    Etcd,
    ExternalEtcd,
    InitConfiguration,
    LocalEtcd,
    Networking,
    NodeRegistrationOptions,
    Taint,
    Timeouts,
)
from bootstrap.model.node import NodeFacts
from bootstrap.model.version import NEWEST

Component = TypeVar("Component", APIServer, ControlPlaneComponent, LocalEtcd)

BIND_PORT = 6443
CERTIFICATES_DIR = "/etc/kubernetes/pki"
CLUSTER_NAME = "kubernetes"
CRI_SOCKET = "unix:///var/run/containerd/containerd.sock"
DNS_DOMAIN = "cluster.local"
ENCRYPTION_ALGORITHM = "RSA-2048"
ETCD_DATA_DIR = "/var/lib/etcd"
IMAGE_REPOSITORY = "registry.k8s.io"
SERVICE_SUBNET = "10.96.0.0/12"
CERTIFICATE_VALIDITY = "8760h0m0s"
CA_CERTIFICATE_VALIDITY = "87600h0m0s"
DEFAULT_TTL = "24h0m0s"
TOKEN_GROUPS = ("system:bootstrappers:kubeadm:default-node-token",)
CONTROL_PLANE_TAINT = Taint(key="node-role.kubernetes.io/control-plane", effect="NoSchedule")

TIMEOUTS = Timeouts(
    control_plane_component_health_check="4m0s",
    kubelet_health_check="4m0s",
    kubernetes_api_call="1m0s",
    etcd_api_call="2m0s",
    tls_bootstrap="5m0s",
    discovery="5m0s",
    upgrade_manifests="5m0s",
)


def complete(documents: Documents, facts: NodeFacts, problems: Problems) -> ControlPlane:
    """The control plane the documents describe; what has no default is added to ``problems``."""
    init = _init(documents.init, facts, problems, documents)
    return ControlPlane(
        init=init,
        cluster=_cluster(documents.cluster, init.local_api_endpoint.bind_port, documents, problems),
        bootstrap=documents.bootstrap,
        component_configs=documents.component_configs,
    )


def _init(
    init: InitConfiguration, facts: NodeFacts, problems: Problems, documents: Documents
) -> InitConfiguration:
    endpoint = init.local_api_endpoint
    if not endpoint.advertise_address and not facts.default_address:
        problems.add(
            origin_of(("InitConfiguration", "localAPIEndpoint", "advertiseAddress"), documents.origins),
            "localAPIEndpoint.advertiseAddress has no default, because this machine has no default route;"
            " set it or pass --apiserver-advertise-address",
        )
    return replace(
        init,
        bootstrap_tokens=tuple(_token(token) for token in init.bootstrap_tokens or (BootstrapToken(),)),
        node_registration=_node_registration(init.node_registration, facts),
        local_api_endpoint=APIEndpoint(
            advertise_address=_address(endpoint.advertise_address) or facts.default_address,
            bind_port=endpoint.bind_port or BIND_PORT,
        ),
        timeouts=_timeouts(init.timeouts),
    )


def _address(text: str) -> str:
    """An address in its shortest spelling, which is how the components write it."""
    address = parse_address(text)
    return str(address) if address else text


def _token(token: BootstrapToken) -> BootstrapToken:
    """``ttl`` has a default only where ``expires`` does not already say when the token ends."""
    ttl = token.ttl if token.ttl or token.expires else DEFAULT_TTL
    return replace(
        token,
        ttl=_duration(ttl) if ttl else None,
        usages=token.usages or ("signing", "authentication"),
        groups=token.groups or TOKEN_GROUPS,
    )


def _node_registration(node: NodeRegistrationOptions, facts: NodeFacts) -> NodeRegistrationOptions:
    socket = node.cri_socket or CRI_SOCKET
    return replace(
        node,
        name=(node.name or facts.hostname).strip().lower(),
        cri_socket=socket if "://" in socket else f"unix://{socket}",
        taints=(CONTROL_PLANE_TAINT,) if node.taints is None else node.taints,
        ignore_preflight_errors=tuple(dict.fromkeys(name.lower() for name in node.ignore_preflight_errors)),
        image_pull_policy=node.image_pull_policy or "IfNotPresent",
        image_pull_serial=True if node.image_pull_serial is None else node.image_pull_serial,
    )


def _timeouts(timeouts: Timeouts) -> Timeouts:
    names = timeouts.__struct_fields__
    return Timeouts(**{name: _duration(getattr(timeouts, name)) or getattr(TIMEOUTS, name) for name in names})


def _duration(text: str) -> str:
    """The text Go would write for it; what is no duration stays, for validation to name."""
    try:
        return format_duration(parse_duration(text)) if text else ""
    except ConfigError:
        return text


def _cluster(
    cluster: ClusterConfiguration, bind_port: int, documents: Documents, problems: Problems
) -> ClusterConfiguration:
    sans = tuple(name.lower() for name in cluster.api_server.cert_sans)
    ecdsa = cluster.feature_gates.get("PublicKeysECDSA", False)
    return replace(
        cluster,
        etcd=_etcd(cluster.etcd),
        networking=_networking(cluster.networking),
        kubernetes_version=_version(cluster.kubernetes_version, documents, problems),
        control_plane_endpoint=_with_port(cluster.control_plane_endpoint, bind_port),
        api_server=replace(_component(cluster.api_server), cert_sans=sans),
        controller_manager=_component(cluster.controller_manager),
        scheduler=_component(cluster.scheduler),
        certificates_dir=cluster.certificates_dir or CERTIFICATES_DIR,
        image_repository=cluster.image_repository or IMAGE_REPOSITORY,
        cluster_name=cluster.cluster_name or CLUSTER_NAME,
        encryption_algorithm=(
            "ECDSA-P256" if ecdsa else cluster.encryption_algorithm or ENCRYPTION_ALGORITHM
        ),
        certificate_validity_period=_duration(cluster.certificate_validity_period) or CERTIFICATE_VALIDITY,
        ca_certificate_validity_period=(
            _duration(cluster.ca_certificate_validity_period) or CA_CERTIFICATE_VALIDITY
        ),
    )


def _component(component: Component) -> Component:
    return replace(component, extra_envs=tuple(_environment(variable) for variable in component.extra_envs))


def _environment(variable: EnvVar) -> EnvVar:
    """A field reference is of the v1 API when it does not say."""
    source = variable.value_from or {}
    reference = source.get("fieldRef")
    if not isinstance(reference, dict) or reference.get("apiVersion"):
        return variable
    return replace(variable, value_from={**source, "fieldRef": {**reference, "apiVersion": "v1"}})


def _networking(networking: Networking) -> Networking:
    return replace(
        networking,
        service_subnet=networking.service_subnet or SERVICE_SUBNET,
        dns_domain=networking.dns_domain or DNS_DOMAIN,
    )


def _etcd(etcd: Etcd) -> Etcd:
    if etcd.local is None and etcd.external is None:
        return Etcd(local=LocalEtcd(data_dir=ETCD_DATA_DIR))
    return Etcd(
        local=etcd.local and _component(replace(etcd.local, data_dir=etcd.local.data_dir or ETCD_DATA_DIR)),
        external=etcd.external and _external(etcd.external),
    )


def _external(external: ExternalEtcd) -> ExternalEtcd:
    return replace(external, http_endpoints=external.http_endpoints or external.endpoints)


def _version(text: str, documents: Documents, problems: Problems) -> str:
    """The release it means; the newest one, so that the rest can be checked, when it means none."""
    try:
        return resolve_version(text)
    except ConfigError as error:
        origin = origin_of(("ClusterConfiguration", "kubernetesVersion"), documents.origins)
        problems.add(origin, f"kubernetesVersion: {error.message}; {error.remedy}")
        return NEWEST.text


def _with_port(endpoint: str, bind_port: int) -> str:
    """controlPlaneEndpoint with its port; what is no endpoint stays, for validation to name."""
    parts = split_host_port(endpoint) if endpoint else None
    return host_port(parts[0], parts[1] or bind_port) if parts else endpoint
