"""The part of a v1 Pod a static pod can use, as frozen values.

Source: staging/src/k8s.io/api/core/v1/types.go. Invariant: every field with a fixed API default has it here
(apis/core/v1/defaults.go), and an unset field is left out of the encoded form, so that a manifest that spells
a default out and one that does not are the same value. Fields typed ``Any`` are carried, not interpreted.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

PullPolicy = Literal["", "Always", "IfNotPresent", "Never"]
RestartPolicy = Literal["Always", "OnFailure", "Never"]
Protocol = Literal["TCP", "UDP", "SCTP"]
PathType = Literal[
    "", "DirectoryOrCreate", "Directory", "FileOrCreate", "File", "Socket", "CharDevice", "BlockDevice"
]
Quantities = dict[str, str | int | float]


class _Part(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What all parts share: camelCase keys, unknown keys left aside, defaults left out of the output."""


class ObjectFieldSelector(_Part, frozen=True, kw_only=True):
    """``field_path`` such as ``status.podIP`` or ``metadata.labels['app']``."""

    field_path: str
    api_version: str = "v1"


class ResourceFieldSelector(_Part, frozen=True, kw_only=True):
    """``resource`` such as ``limits.cpu``, in units of ``divisor`` (0 counts as 1)."""

    resource: str
    container_name: str = ""
    divisor: str | int | float = "0"


class EnvVarSource(_Part, frozen=True, kw_only=True):
    """Exactly one is set."""

    field_ref: ObjectFieldSelector | None = None
    resource_field_ref: ResourceFieldSelector | None = None


class EnvVar(_Part, frozen=True, kw_only=True):
    name: str
    value: str = ""
    value_from: EnvVarSource | None = None


class ContainerPort(_Part, frozen=True, kw_only=True):
    """``host_port`` 0 is not published."""

    container_port: int
    name: str = ""
    host_port: int = 0
    host_ip: str = msgspec.field(default="", name="hostIP")
    protocol: Protocol = "TCP"


class ResourceRequirements(_Part, frozen=True, kw_only=True):
    limits: Quantities = {}
    requests: Quantities = {}


class VolumeMount(_Part, frozen=True, kw_only=True):
    name: str
    mount_path: str
    read_only: bool = False
    sub_path: str = ""
    sub_path_expr: str = ""
    mount_propagation: Literal["None", "HostToContainer", "Bidirectional"] = "None"
    recursive_read_only: Literal["Disabled", "IfPossible", "Enabled"] = "Disabled"


class ExecAction(_Part, frozen=True, kw_only=True):
    command: tuple[str, ...] = ()


class HTTPHeader(_Part, frozen=True, kw_only=True):
    name: str
    value: str = ""


class HTTPGetAction(_Part, frozen=True, kw_only=True):
    """``port`` is a number or the name of a port of the container; ``host`` "" is the pod's address."""

    port: int | str
    path: str = "/"
    host: str = ""
    scheme: Literal["HTTP", "HTTPS"] = "HTTP"
    http_headers: tuple[HTTPHeader, ...] = ()


class TCPSocketAction(_Part, frozen=True, kw_only=True):
    port: int | str
    host: str = ""


class GRPCAction(_Part, frozen=True, kw_only=True):
    """``service`` "" asks after the server as a whole."""

    port: int
    service: str = ""


class SleepAction(_Part, frozen=True, kw_only=True):
    seconds: int


class LifecycleHandler(_Part, frozen=True, kw_only=True):
    """One is set. ``tcp_socket`` is carried: no kubelet ever did it."""

    exec: ExecAction | None = None
    http_get: HTTPGetAction | None = None
    sleep: SleepAction | None = None
    tcp_socket: TCPSocketAction | None = None


class Lifecycle(_Part, frozen=True, kw_only=True):
    """``stop_signal`` such as SIGUSR1 instead of the image's."""

    post_start: LifecycleHandler | None = None
    pre_stop: LifecycleHandler | None = None
    stop_signal: str = ""


class Probe(_Part, frozen=True, kw_only=True):
    """Exactly one of the four handlers is set. Times are seconds, thresholds consecutive results."""

    exec: ExecAction | None = None
    http_get: HTTPGetAction | None = None
    tcp_socket: TCPSocketAction | None = None
    grpc: GRPCAction | None = None
    initial_delay_seconds: int = 0
    timeout_seconds: int = 1
    period_seconds: int = 10
    success_threshold: int = 1
    failure_threshold: int = 3
    termination_grace_period_seconds: int | None = None


class Capabilities(_Part, frozen=True, kw_only=True):
    add: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()


class SeccompProfile(_Part, frozen=True, kw_only=True):
    type: Literal["RuntimeDefault", "Unconfined", "Localhost"]
    localhost_profile: str = ""


class AppArmorProfile(_Part, frozen=True, kw_only=True):
    type: Literal["RuntimeDefault", "Unconfined", "Localhost"]
    localhost_profile: str = ""


class SELinuxOptions(_Part, frozen=True, kw_only=True):
    user: str = ""
    role: str = ""
    type: str = ""
    level: str = ""


class SecurityContext(_Part, frozen=True, kw_only=True):
    """A container's; None leaves the pod's or the engine's setting."""

    privileged: bool = False
    capabilities: Capabilities = Capabilities()
    run_as_user: int | None = None
    run_as_group: int | None = None
    run_as_non_root: bool | None = None
    read_only_root_filesystem: bool = False
    allow_privilege_escalation: bool | None = None
    seccomp_profile: SeccompProfile | None = None
    app_armor_profile: AppArmorProfile | None = None
    se_linux_options: SELinuxOptions | None = None
    proc_mount: Literal["Default", "Unmasked"] = "Default"


class Sysctl(_Part, frozen=True, kw_only=True):
    name: str
    value: str


class PodSecurityContext(_Part, frozen=True, kw_only=True):
    run_as_user: int | None = None
    run_as_group: int | None = None
    run_as_non_root: bool | None = None
    supplemental_groups: tuple[int, ...] = ()
    supplemental_groups_policy: Literal["Merge", "Strict"] = "Merge"
    fs_group: int | None = None
    fs_group_change_policy: Any = None
    seccomp_profile: SeccompProfile | None = None
    app_armor_profile: AppArmorProfile | None = None
    se_linux_options: SELinuxOptions | None = None
    sysctls: tuple[Sysctl, ...] = ()


class Container(_Part, frozen=True, kw_only=True):
    """``command`` and ``args`` replace the image's entrypoint and arguments when not empty.

    ``restart_policy`` "" is the pod's; an init container with Always is a sidecar.
    """

    name: str
    image: str
    image_pull_policy: PullPolicy = ""
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    working_dir: str = ""
    env: tuple[EnvVar, ...] = ()
    ports: tuple[ContainerPort, ...] = ()
    resources: ResourceRequirements = ResourceRequirements()
    volume_mounts: tuple[VolumeMount, ...] = ()
    liveness_probe: Probe | None = None
    readiness_probe: Probe | None = None
    startup_probe: Probe | None = None
    lifecycle: Lifecycle | None = None
    restart_policy: Literal["", "Always", "OnFailure", "Never"] = ""
    termination_message_path: str = "/dev/termination-log"
    termination_message_policy: Literal["File", "FallbackToLogsOnError"] = "File"
    security_context: SecurityContext = SecurityContext()
    stdin: bool = False
    stdin_once: bool = False
    tty: bool = False


class HostPathVolumeSource(_Part, frozen=True, kw_only=True):
    path: str
    type: PathType = ""


class EmptyDirVolumeSource(_Part, frozen=True, kw_only=True):
    """``medium`` "Memory" is a tmpfs of at most ``size_limit``."""

    medium: str = ""
    size_limit: str | int | float | None = None


class DownwardAPIVolumeFile(_Part, frozen=True, kw_only=True):
    """``path`` is relative; one of the references is set."""

    path: str
    field_ref: ObjectFieldSelector | None = None
    resource_field_ref: ResourceFieldSelector | None = None
    mode: int | None = None


class DownwardAPIVolumeSource(_Part, frozen=True, kw_only=True):
    items: tuple[DownwardAPIVolumeFile, ...] = ()
    default_mode: int = 0o644


class DownwardAPIProjection(_Part, frozen=True, kw_only=True):
    items: tuple[DownwardAPIVolumeFile, ...] = ()


class VolumeProjection(_Part, frozen=True, kw_only=True):
    """All other sources need the API."""

    downward_api: DownwardAPIProjection | None = msgspec.field(default=None, name="downwardAPI")


class ProjectedVolumeSource(_Part, frozen=True, kw_only=True):
    sources: tuple[VolumeProjection, ...] = ()
    default_mode: int = 0o644


class Volume(_Part, frozen=True, kw_only=True):
    """At most one source; with none it is an emptyDir."""

    name: str
    host_path: HostPathVolumeSource | None = None
    empty_dir: EmptyDirVolumeSource | None = None
    downward_api: DownwardAPIVolumeSource | None = msgspec.field(default=None, name="downwardAPI")
    projected: ProjectedVolumeSource | None = None


class HostAlias(_Part, frozen=True, kw_only=True):
    ip: str
    hostnames: tuple[str, ...] = ()


class PodDNSConfigOption(_Part, frozen=True, kw_only=True):
    name: str = ""
    value: str | None = None


class PodDNSConfig(_Part, frozen=True, kw_only=True):
    nameservers: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()
    options: tuple[PodDNSConfigOption, ...] = ()


class PodSpec(_Part, frozen=True, kw_only=True):
    """Times are seconds."""

    containers: tuple[Container, ...]
    init_containers: tuple[Container, ...] = ()
    volumes: tuple[Volume, ...] = ()
    restart_policy: RestartPolicy = "Always"
    termination_grace_period_seconds: int = 30
    active_deadline_seconds: int | None = None
    host_network: bool = False
    host_pid: bool = msgspec.field(default=False, name="hostPID")
    host_ipc: bool = msgspec.field(default=False, name="hostIPC")
    host_users: bool = True
    share_process_namespace: bool = False
    hostname: str = ""
    hostname_override: str = ""
    subdomain: str = ""
    set_hostname_as_fqdn: bool = msgspec.field(default=False, name="setHostnameAsFQDN")
    host_aliases: tuple[HostAlias, ...] = ()
    dns_policy: Literal["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"] = "ClusterFirst"
    dns_config: PodDNSConfig | None = None
    security_context: PodSecurityContext = PodSecurityContext()
    node_name: str = ""
    runtime_class_name: str = ""
    priority: int | None = None
    priority_class_name: str = ""
    scheduler_name: str = "default-scheduler"
    enable_service_links: bool = True
    service_account_name: str = ""
    automount_service_account_token: bool | None = None
    node_selector: dict[str, str] = {}
    tolerations: Any = None
    affinity: Any = None
    readiness_gates: Any = None
    topology_spread_constraints: Any = None
    preemption_policy: Any = None
    overhead: Any = None
    os: Any = None


class ObjectMeta(_Part, frozen=True, kw_only=True):
    """``uid`` "" is the usual case: the agent derives one from the content."""

    name: str
    namespace: str = "default"
    uid: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    deletion_grace_period_seconds: int | None = None


class Pod(_Part, frozen=True, kw_only=True):
    """A pod with the API's defaults, as its author named it (no node suffix)."""

    metadata: ObjectMeta
    spec: PodSpec
    api_version: Literal["v1"] = "v1"
    kind: Literal["Pod"] = "Pod"

    @property
    def key(self) -> str:
        """``namespace/name``"""
        return f"{self.metadata.namespace}/{self.metadata.name}"

    @property
    def all_containers(self) -> tuple[Container, ...]:
        """Init containers first."""
        return self.spec.init_containers + self.spec.containers
