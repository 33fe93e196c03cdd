"""A container's security context as Docker's options. Pure, but for the text of a seccomp profile.

Source: dockershim's security_context.go and docker_service. Invariant: a container's field wins over the
pod's, and what neither sets keeps the meaning it has under a kubelet: no seccomp profile at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bootstrap.errors import BootstrapError
from bootstrap.model.podspec import (
    AppArmorProfile,
    Container,
    Pod,
    PodSecurityContext,
    SeccompProfile,
    SELinuxOptions,
)
from bootstrap.runtime.api import Image

POD_SECCOMP = "seccomp.security.alpha.kubernetes.io/pod"
CONTAINER_SECCOMP = "container.seccomp.security.alpha.kubernetes.io/"
CONTAINER_APPARMOR = "container.apparmor.security.beta.kubernetes.io/"
"""Annotations from before there were fields; the latter two end with a container's name."""


class SecurityContextError(BootstrapError):
    """The engine must not be asked to run this container so."""


@dataclass(frozen=True, slots=True)
class UserIds:
    """``user`` as Docker's ``--user``; ``groups`` in addition to those of the image."""

    user: str
    groups: tuple[str, ...]


def user_ids(pod: PodSecurityContext, container: Container) -> UserIds:
    """Raises SecurityContextError for a group without a user."""
    security = container.security_context
    uid = pod.run_as_user if security.run_as_user is None else security.run_as_user
    gid = pod.run_as_group if security.run_as_group is None else security.run_as_group
    if gid is not None and uid is None:
        raise SecurityContextError(f"container {container.name}: runAsGroup needs a runAsUser")
    user = "" if uid is None else str(uid) if gid is None else f"{uid}:{gid}"
    return UserIds(user, pod_groups(pod))


def pod_groups(pod: PodSecurityContext) -> tuple[str, ...]:
    """The supplemental groups of every process of the pod."""
    own = () if pod.fs_group is None else (pod.fs_group,)
    return tuple(str(group) for group in dict.fromkeys((*pod.supplemental_groups, *own)))


def must_not_be_root(pod: PodSecurityContext, container: Container) -> bool:
    """Whether the image's own user has to be looked at before the container may be made."""
    wanted = container.security_context.run_as_non_root
    return bool(pod.run_as_non_root if wanted is None else wanted)


def refuse_root(pod: PodSecurityContext, container: Container, image: Image | None) -> None:
    """Raises SecurityContextError when runAsNonRoot cannot be shown to hold."""
    security = container.security_context
    uid = pod.run_as_user if security.run_as_user is None else security.run_as_user
    if uid is None:
        name = (image.user if image else "").partition(":")[0]
        if name and not name.isdecimal():
            raise SecurityContextError(
                f"container {container.name}: runAsNonRoot, and the image's user {name!r} is no number",
                remedy="set securityContext.runAsUser",
            )
        uid = int(name or 0)
    if uid == 0:
        raise SecurityContextError(
            f"container {container.name}: runAsNonRoot, and it would run as root",
            remedy="set securityContext.runAsUser",
        )


def security_options(pod: Pod, container: Container, profiles: Path) -> tuple[str, ...]:
    """Docker's ``--security-opt`` values; ``profiles`` is the directory of Localhost seccomp profiles.

    Raises SecurityContextError for a profile that cannot be read.
    """
    security, general = container.security_context, pod.spec.security_context
    options = [] if security.privileged else list(_seccomp(seccomp_profile(pod, container), profiles))
    armor = apparmor_profile(pod, container)
    if armor and armor.type != "RuntimeDefault":
        options.append(f"apparmor={armor.localhost_profile or 'unconfined'}")
    if security.allow_privilege_escalation is False:
        options.append("no-new-privileges")
    return (*options, *selinux_options(security.se_linux_options or general.se_linux_options))


def seccomp_profile(pod: Pod, container: Container) -> SeccompProfile | None:
    """The container's field, then its old annotation, then the pod's field, then its annotation."""
    annotations = pod.metadata.annotations
    own = annotations.get(f"{CONTAINER_SECCOMP}{container.name}")
    return (
        container.security_context.seccomp_profile
        or (_annotated_seccomp(own) if own else None)
        or pod.spec.security_context.seccomp_profile
        or _annotated_seccomp(annotations.get(POD_SECCOMP, ""))
    )


def apparmor_profile(pod: Pod, container: Container) -> AppArmorProfile | None:
    """The container's field, then its old annotation, then the pod's field."""
    text = pod.metadata.annotations.get(f"{CONTAINER_APPARMOR}{container.name}", "")
    return (
        container.security_context.app_armor_profile
        or _annotated_apparmor(text)
        or pod.spec.security_context.app_armor_profile
    )


def _annotated_seccomp(text: str) -> SeccompProfile | None:
    if text in ("runtime/default", "docker/default"):
        return SeccompProfile(type="RuntimeDefault")
    if text == "unconfined":
        return SeccompProfile(type="Unconfined")
    kind, _, path = text.partition("/")
    return SeccompProfile(type="Localhost", localhost_profile=path) if kind == "localhost" and path else None


def _annotated_apparmor(text: str) -> AppArmorProfile | None:
    if text == "runtime/default":
        return AppArmorProfile(type="RuntimeDefault")
    if text == "unconfined":
        return AppArmorProfile(type="Unconfined")
    kind, _, name = text.partition("/")
    return AppArmorProfile(type="Localhost", localhost_profile=name) if kind == "localhost" and name else None


def selinux_options(labels: SELinuxOptions | None) -> tuple[str, ...]:
    if labels is None:
        return ()
    parts = (("user", labels.user), ("role", labels.role), ("type", labels.type), ("level", labels.level))
    return tuple(f"label={key}:{value}" for key, value in parts if value)


def _seccomp(profile: SeccompProfile | None, profiles: Path) -> tuple[str, ...]:
    if profile is None or profile.type == "Unconfined":
        return ("seccomp=unconfined",)
    if profile.type == "RuntimeDefault":
        return ()
    path = profiles / profile.localhost_profile
    if profile.localhost_profile.startswith("/") or ".." in path.parts:
        raise SecurityContextError(f"seccomp profile {profile.localhost_profile} is not below {profiles}")
    try:
        return (f"seccomp={path.read_text()}",)
    except OSError as error:
        raise SecurityContextError(
            f"seccomp profile {path} cannot be read: {error.strerror}", remedy=f"ls -l {path}"
        ) from error
