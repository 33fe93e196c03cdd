"""What the API's validation refuses in a static pod. Pure.

Source: pkg/apis/core/validation, the rules that concern fields of ``podspec``. Invariant: one line
``path: reason`` for each problem, all problems at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from bootstrap.model.containerrules import container_problems
from bootstrap.model.downwardrules import downward_problems
from bootstrap.model.podspec import Pod, Volume
from bootstrap.model.podsyntax import (
    LABEL,
    LONGEST_HOSTNAME,
    LONGEST_LABEL,
    LONGEST_NAME,
    QUALIFIED_NAME,
    SUBDOMAIN,
    SYSCTL,
    UID,
    is_address,
    matches,
    repeated,
)
from bootstrap.model.quantity import parse_quantity

IPC_SYSCTLS = ("kernel.shm", "kernel.msg", "kernel.sem", "fs.mqueue.")
"""Beginnings of those that belong to the IPC namespace."""


def problems_of(pod: Pod) -> tuple[str, ...]:
    """Every rule the pod breaks, in the order of its fields."""
    return (*_metadata(pod), *_spec(pod), *container_problems(pod), *_volumes(pod))


def _metadata(pod: Pod) -> Iterator[str]:
    meta = pod.metadata
    if not matches(SUBDOMAIN, meta.name, LONGEST_NAME):
        yield f"metadata.name: {meta.name!r} is not a DNS subdomain (lower case letters, digits, '-' and '.')"
    if not matches(LABEL, meta.namespace, LONGEST_LABEL):
        yield f"metadata.namespace: {meta.namespace!r} is not a DNS label"
    if meta.uid and not UID.fullmatch(meta.uid):
        yield f"metadata.uid: {meta.uid!r} may have letters, digits and '-', at most 64"
    for field, keys in (("labels", meta.labels), ("annotations", meta.annotations)):
        for key in keys:
            prefix, slash, name = key.rpartition("/")
            valid = matches(QUALIFIED_NAME, name, LONGEST_LABEL)
            if not valid or (slash and not matches(SUBDOMAIN, prefix.lower(), LONGEST_NAME)):
                yield f"metadata.{field}: {key!r} is not a qualified name"
    for key, value in meta.labels.items():
        if value and not matches(QUALIFIED_NAME, value, LONGEST_LABEL):
            yield f"metadata.labels[{key}]: {value!r} is not a label value"


def _spec(pod: Pod) -> Iterator[str]:
    spec = pod.spec
    if not spec.containers:
        yield "spec.containers: at least one is required"
    if spec.termination_grace_period_seconds < 0:
        yield "spec.terminationGracePeriodSeconds: must not be negative"
    if spec.active_deadline_seconds is not None and not 0 < spec.active_deadline_seconds < 2**31:
        yield "spec.activeDeadlineSeconds: must be positive"
    if not spec.host_users:
        yield "spec.hostUsers: Docker Engine has no user namespaces for single containers"
    if spec.security_context.supplemental_groups_policy == "Strict":
        yield "spec.securityContext.supplementalGroupsPolicy: Docker Engine always adds the image's groups"
    if spec.hostname_override and not matches(SUBDOMAIN, spec.hostname_override, LONGEST_HOSTNAME):
        yield f"spec.hostnameOverride: {spec.hostname_override!r} is not a DNS subdomain of at most 64"
    if spec.hostname_override and (spec.host_network or spec.set_hostname_as_fqdn):
        yield "spec.hostnameOverride: not together with hostNetwork or setHostnameAsFQDN"
    for field, value in (("hostname", spec.hostname), ("subdomain", spec.subdomain)):
        if value and not matches(LABEL, value, LONGEST_LABEL):
            yield f"spec.{field}: {value!r} is not a DNS label"
    if spec.share_process_namespace and spec.host_pid:
        yield "spec.shareProcessNamespace: not together with hostPID"
    if spec.dns_policy == "None" and not (spec.dns_config and spec.dns_config.nameservers):
        yield "spec.dnsConfig.nameservers: at least one is required when dnsPolicy is None"
    for index, alias in enumerate(spec.host_aliases):
        if not is_address(alias.ip):
            yield f"spec.hostAliases[{index}].ip: {alias.ip!r} is not an IP address"
    for index, sysctl in enumerate(spec.security_context.sysctls):
        at = f"spec.securityContext.sysctls[{index}]"
        if not matches(SYSCTL, sysctl.name, LONGEST_NAME):
            yield f"{at}.name: {sysctl.name!r} is not a sysctl name"
        elif spec.host_network and sysctl.name.replace("/", ".").startswith("net."):
            yield f"{at}.name: {sysctl.name} would change the node, as the pod has hostNetwork"
        elif spec.host_ipc and sysctl.name.replace("/", ".").startswith(IPC_SYSCTLS):
            yield f"{at}.name: {sysctl.name} would change the node, as the pod has hostIPC"


def _volumes(pod: Pod) -> Iterator[str]:
    yield from repeated("spec.volumes", (volume.name for volume in pod.spec.volumes))
    for index, volume in enumerate(pod.spec.volumes):
        yield from _volume(f"spec.volumes[{index}]", volume)
        yield from downward_problems(f"spec.volumes[{index}]", volume, pod)


def _volume(at: str, volume: Volume) -> Iterator[str]:
    if not matches(LABEL, volume.name, LONGEST_LABEL):
        yield f"{at}.name: {volume.name!r} is not a DNS label"
    sources = (volume.host_path, volume.empty_dir, volume.downward_api, volume.projected)
    if sum(each is not None for each in sources) > 1:
        yield f"{at}: only one volume source is allowed"
    if volume.host_path:
        if not volume.host_path.path:
            yield f"{at}.hostPath.path: is required"
        elif ".." in PurePosixPath(volume.host_path.path).parts:
            yield f"{at}.hostPath.path: {volume.host_path.path!r} must not contain '..'"
    if volume.empty_dir and volume.empty_dir.medium not in ("", "Memory"):
        yield f"{at}.emptyDir.medium: {volume.empty_dir.medium!r} is not supported"
    if volume.empty_dir and volume.empty_dir.size_limit is not None:
        try:
            parse_quantity(volume.empty_dir.size_limit)
        except ValueError as error:
            yield f"{at}.emptyDir.sizeLimit: {error}"
