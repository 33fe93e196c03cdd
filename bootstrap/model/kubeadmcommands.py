"""What kubeadm's other commands read: JoinConfiguration, ResetConfiguration and UpgradeConfiguration.

Source: cmd/kubeadm/app/apis/kubeadm/v1beta4/types.go. Invariant: as in ``bootstrap.model.kubeadm``, an absent
field is ``None`` or empty, and no default is written here.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

from bootstrap.model.kubeadm import (
    APIEndpoint,
    Document,
    ImagePullPolicy,
    NodeRegistrationOptions,
    Patches,
    Timeouts,
)

UnmountFlag = Literal["MNT_FORCE", "MNT_DETACH", "MNT_EXPIRE", "UMOUNT_NOFOLLOW"]


class BootstrapTokenDiscovery(Document, frozen=True, kw_only=True):
    """Trust in the cluster from a token, and from hashes of its CA's public key."""

    secret_fields: ClassVar[frozenset[str]] = frozenset({"token"})

    token: str = ""
    api_server_endpoint: str = msgspec.field(default="", name="apiServerEndpoint")
    ca_cert_hashes: tuple[str, ...] = ()
    unsafe_skip_ca_verification: bool = msgspec.field(default=False, name="unsafeSkipCAVerification")


class FileDiscovery(Document, frozen=True, kw_only=True):
    """Trust in the cluster from a kubeconfig: a file, or an https URL."""

    kube_config_path: str = ""


class Discovery(Document, frozen=True, kw_only=True):
    """One of the two; ``tls_bootstrap_token`` "" means that of ``bootstrap_token``."""

    secret_fields: ClassVar[frozenset[str]] = frozenset({"tls_bootstrap_token"})

    bootstrap_token: BootstrapTokenDiscovery | None = None
    file: FileDiscovery | None = None
    tls_bootstrap_token: str = ""


class JoinControlPlane(Document, frozen=True, kw_only=True):
    """Present when the node becomes a control plane node."""

    secret_fields: ClassVar[frozenset[str]] = frozenset({"certificate_key"})

    local_api_endpoint: APIEndpoint = msgspec.field(default=APIEndpoint(), name="localAPIEndpoint")
    certificate_key: str = ""


class JoinConfiguration(Document, frozen=True, kw_only=True):
    """How a node joins a cluster."""

    dry_run: bool = False
    node_registration: NodeRegistrationOptions = NodeRegistrationOptions()
    ca_cert_path: str = ""
    discovery: Discovery = Discovery()
    control_plane: JoinControlPlane | None = None
    skip_phases: tuple[str, ...] = ()
    patches: Patches | None = None
    timeouts: Timeouts = Timeouts()


class ResetConfiguration(Document, frozen=True, kw_only=True):
    """How a node is taken out of a cluster."""

    cleanup_tmp_dir: bool = False
    certificates_dir: str = ""
    cri_socket: str = ""
    dry_run: bool = False
    force: bool = False
    ignore_preflight_errors: tuple[str, ...] = ()
    skip_phases: tuple[str, ...] = ()
    unmount_flags: tuple[UnmountFlag, ...] = ()
    timeouts: Timeouts = Timeouts()


class UpgradeApply(Document, frozen=True, kw_only=True):
    """``kubeadm upgrade apply``"""

    kubernetes_version: str = ""
    allow_experimental_upgrades: bool | None = None
    allow_rc_upgrades: bool | None = msgspec.field(default=None, name="allowRCUpgrades")
    certificate_renewal: bool | None = None
    dry_run: bool | None = None
    etcd_upgrade: bool | None = None
    force_upgrade: bool | None = None
    ignore_preflight_errors: tuple[str, ...] = ()
    patches: Patches | None = None
    print_config: bool | None = None
    skip_phases: tuple[str, ...] = ()
    image_pull_policy: ImagePullPolicy = ""
    image_pull_serial: bool | None = None


class UpgradeNode(Document, frozen=True, kw_only=True):
    """``kubeadm upgrade node``"""

    certificate_renewal: bool | None = None
    dry_run: bool | None = None
    etcd_upgrade: bool | None = None
    ignore_preflight_errors: tuple[str, ...] = ()
    skip_phases: tuple[str, ...] = ()
    patches: Patches | None = None
    image_pull_policy: ImagePullPolicy = ""
    image_pull_serial: bool | None = None


class UpgradeDiff(Document, frozen=True, kw_only=True):
    """``kubeadm upgrade diff``"""

    kubernetes_version: str = ""
    context_lines: int | None = msgspec.field(default=None, name="contextLines")


class UpgradePlan(Document, frozen=True, kw_only=True):
    """``kubeadm upgrade plan``"""

    kubernetes_version: str = ""
    allow_experimental_upgrades: bool | None = None
    allow_rc_upgrades: bool | None = msgspec.field(default=None, name="allowRCUpgrades")
    dry_run: bool | None = None
    etcd_upgrade: bool | None = None
    ignore_preflight_errors: tuple[str, ...] = ()
    print_config: bool | None = None


class UpgradeConfiguration(Document, frozen=True, kw_only=True):
    """How a cluster and its nodes are upgraded."""

    apply: UpgradeApply = UpgradeApply()
    diff: UpgradeDiff = UpgradeDiff()
    node: UpgradeNode = UpgradeNode()
    plan: UpgradePlan = UpgradePlan()
    timeouts: Timeouts = Timeouts()
