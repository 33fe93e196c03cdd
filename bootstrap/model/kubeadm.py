"""The kubeadm.k8s.io/v1beta4 documents that describe a control plane, as frozen values.

Source: cmd/kubeadm/app/apis/kubeadm/v1beta4/types.go. The wire form is the internal form: an absent optional
field is ``None`` or empty until ``bootstrap.config.defaults`` fills it, after which the properties of
``bootstrap.model.cluster.ControlPlane`` may be trusted. Durations are kept as Go duration text.

Invariant: no default that depends on the machine or the moment is written here.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import msgspec

ImagePullPolicy = Literal["", "Always", "IfNotPresent", "Never"]
EncryptionAlgorithm = Literal["", "RSA-2048", "RSA-3072", "RSA-4096", "ECDSA-P256", "ECDSA-P384"]
HostPathType = Literal[
    "", "DirectoryOrCreate", "Directory", "FileOrCreate", "File", "Socket", "CharDevice", "BlockDevice"
]
TaintEffect = Literal["NoSchedule", "PreferNoSchedule", "NoExecute"]
TokenUsage = Literal["signing", "authentication"]


class Document(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True
):
    """What all wire values share: camelCase keys, unknown keys refused, empty fields left out of output.

    ``secret_fields`` are not shown by ``repr``, so a value may be logged.
    """

    secret_fields: ClassVar[frozenset[str]] = frozenset()

    def __repr__(self) -> str:
        shown = (
            f"{name}=…" if name in self.secret_fields and value else f"{name}={value!r}"
            for name, value in ((name, getattr(self, name)) for name in self.__struct_fields__)
        )
        return f"{type(self).__name__}({', '.join(shown)})"


class Arg(Document, frozen=True, kw_only=True):
    """One command line flag without its dashes; a list may repeat a name."""

    name: str
    value: str = ""


class EnvVar(Document, frozen=True, kw_only=True):
    """corev1.EnvVar; ``value_from`` is carried as it is."""

    name: str
    value: str = ""
    value_from: dict[str, Any] | None = None


class HostPathMount(Document, frozen=True, kw_only=True):
    """A host path mounted into a control plane component."""

    name: str
    host_path: str
    mount_path: str
    read_only: bool = False
    path_type: HostPathType = ""


class Taint(Document, frozen=True, kw_only=True):
    """corev1.Taint"""

    key: str
    effect: TaintEffect
    value: str = ""
    time_added: str | None = None


class BootstrapToken(Document, frozen=True, kw_only=True):
    """bootstraptoken/v1; ``ttl`` and ``expires`` exclude each other.

    An empty ``token`` asks the phase that stores it to make a random one.
    """

    secret_fields: ClassVar[frozenset[str]] = frozenset({"token"})

    token: str = ""
    description: str = ""
    ttl: str | None = None
    expires: str | None = None
    usages: tuple[TokenUsage, ...] = ()
    groups: tuple[str, ...] = ()


class NodeRegistrationOptions(Document, frozen=True, kw_only=True):
    """``taints`` None means the control plane taint; an empty list means none."""

    name: str = ""
    cri_socket: str = ""
    taints: tuple[Taint, ...] | None = None
    kubelet_extra_args: tuple[Arg, ...] = ()
    ignore_preflight_errors: tuple[str, ...] = ()
    image_pull_policy: ImagePullPolicy = ""
    image_pull_serial: bool | None = None


class APIEndpoint(Document, frozen=True, kw_only=True):
    """Where this node's API server is reached."""

    advertise_address: str = ""
    bind_port: int = 0


class Patches(Document, frozen=True, kw_only=True):
    """A directory of kubeadm patches (target+type.yaml)."""

    directory: str = ""


class Timeouts(Document, frozen=True, kw_only=True):
    """Go duration texts; empty means kubeadm's default."""

    control_plane_component_health_check: str = ""
    kubelet_health_check: str = ""
    kubernetes_api_call: str = msgspec.field(default="", name="kubernetesAPICall")
    etcd_api_call: str = msgspec.field(default="", name="etcdAPICall")
    tls_bootstrap: str = ""
    discovery: str = ""
    upgrade_manifests: str = ""


class InitConfiguration(Document, frozen=True, kw_only=True):
    """What concerns this one node and this one run of init; never uploaded to the cluster."""

    secret_fields: ClassVar[frozenset[str]] = frozenset({"certificate_key"})

    bootstrap_tokens: tuple[BootstrapToken, ...] = ()
    dry_run: bool = False
    node_registration: NodeRegistrationOptions = NodeRegistrationOptions()
    local_api_endpoint: APIEndpoint = msgspec.field(default=APIEndpoint(), name="localAPIEndpoint")
    certificate_key: str = ""
    skip_phases: tuple[str, ...] = ()
    patches: Patches | None = None
    timeouts: Timeouts = Timeouts()


class LocalEtcd(Document, frozen=True, kw_only=True):
    """etcd as a static pod of this node."""

    image_repository: str = ""
    image_tag: str = ""
    data_dir: str = ""
    extra_args: tuple[Arg, ...] = ()
    extra_envs: tuple[EnvVar, ...] = ()
    server_cert_sans: tuple[str, ...] = msgspec.field(default=(), name="serverCertSANs")
    peer_cert_sans: tuple[str, ...] = msgspec.field(default=(), name="peerCertSANs")


class ExternalEtcd(Document, frozen=True, kw_only=True):
    """``http_endpoints`` (1.35+) serve /health, /metrics and /version; they default to ``endpoints``."""

    endpoints: tuple[str, ...]
    http_endpoints: tuple[str, ...] = msgspec.field(default=(), name="httpEndpoints")
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""


class Etcd(Document, frozen=True, kw_only=True):
    """Exactly one of the two is set once defaults are filled."""

    local: LocalEtcd | None = None
    external: ExternalEtcd | None = None


class Networking(Document, frozen=True, kw_only=True):
    """Subnets are CIDRs, two of them comma-separated for dual stack; the pod subnet may stay unset."""

    service_subnet: str = ""
    pod_subnet: str = ""
    dns_domain: str = ""


class ControlPlaneComponent(Document, frozen=True, kw_only=True):
    """Settings of kube-controller-manager or kube-scheduler."""

    extra_args: tuple[Arg, ...] = ()
    extra_volumes: tuple[HostPathMount, ...] = ()
    extra_envs: tuple[EnvVar, ...] = ()


class APIServer(Document, frozen=True, kw_only=True):
    """Settings of kube-apiserver."""

    extra_args: tuple[Arg, ...] = ()
    extra_volumes: tuple[HostPathMount, ...] = ()
    extra_envs: tuple[EnvVar, ...] = ()
    cert_sans: tuple[str, ...] = msgspec.field(default=(), name="certSANs")


class DNS(Document, frozen=True, kw_only=True):
    """The CoreDNS add-on."""

    image_repository: str = ""
    image_tag: str = ""
    disabled: bool = False


class Proxy(Document, frozen=True, kw_only=True):
    """The kube-proxy add-on."""

    disabled: bool = False


class ClusterConfiguration(Document, frozen=True, kw_only=True):
    """What all nodes of the cluster share; stored in the kubeadm-config ConfigMap."""

    etcd: Etcd = Etcd()
    networking: Networking = Networking()
    kubernetes_version: str = ""
    control_plane_endpoint: str = ""
    api_server: APIServer = msgspec.field(default=APIServer(), name="apiServer")
    controller_manager: ControlPlaneComponent = ControlPlaneComponent()
    scheduler: ControlPlaneComponent = ControlPlaneComponent()
    dns: DNS = DNS()
    proxy: Proxy = Proxy()
    certificates_dir: str = ""
    image_repository: str = ""
    feature_gates: dict[str, bool] = msgspec.field(default_factory=dict)
    cluster_name: str = ""
    encryption_algorithm: EncryptionAlgorithm = ""
    certificate_validity_period: str = ""
    ca_certificate_validity_period: str = msgspec.field(default="", name="caCertificateValidityPeriod")
