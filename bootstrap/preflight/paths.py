"""Whether what init would write is not somebody else's already.

Invariant: what the inventory says we made is never a problem.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from pathlib import PurePosixPath

from bootstrap.model.layout import COMPONENTS, ETCD
from bootstrap.preflight.check import Problem, Subject, dashed

_BACKUP = re.compile(r"(\.(bak|backup|old|orig|save|tmp|sw[a-p]|rpmsave|rpmnew|rpmorig|dpkg-\w+)|~)$")
_FORWARDING = {
    4: PurePosixPath("/proc/sys/net/ipv4/ip_forward"),
    6: PurePosixPath("/proc/sys/net/ipv6/conf/default/forwarding"),
}


def manifests(subject: Subject) -> Iterator[Problem]:
    """Files in the manifest directory that we did not put there."""
    directory = subject.layout.manifests
    expected = {f"{component}.yaml" for component in COMPONENTS}
    for name in subject.files.list_names(directory):
        path = directory / name
        if path in subject.inventory.files or name.startswith("."):
            continue
        if name in expected:
            yield Problem(
                f"FileAvailable-{dashed(path)}",
                f"{path} exists and was not made by this program",
                f"move it away: mv {path} /root/",
            )
        elif _BACKUP.search(name):
            yield Problem(
                f"FileAvailable-{dashed(directory)}",
                f"{path} looks like a backup; the agent ignores it, but a kubelet would run it",
                f"move it away: mv {path} /root/",
                fatal=False,
            )
        else:
            yield Problem(
                f"FileAvailable-{dashed(directory)}",
                f"{path} is not ours; its pod will be run too",
                f"move it away if that is not wanted: mv {path} /root/",
                fatal=False,
            )


def etcd_data(subject: Subject) -> Iterator[Problem]:
    if subject.control_plane.local_etcd is None:
        return
    layout = subject.layout
    ours = subject.inventory.directories | subject.inventory.files
    if layout.etcd_data in ours or layout.manifest(ETCD) in ours:
        return
    names = subject.files.list_names(layout.etcd_data)
    if names:
        yield Problem(
            f"DirAvailable-{dashed(layout.etcd_data)}",
            f"{layout.etcd_data} is not empty ({', '.join(names[:3])}): it may hold another cluster's data",
            f"move it away: mv {layout.etcd_data} {layout.etcd_data}.old",
        )


def external_etcd_files(subject: Subject) -> Iterator[Problem]:
    external = subject.control_plane.external_etcd
    if external is None:
        return
    for name in (external.ca_file, external.cert_file, external.key_file):
        if name and not subject.files.exists(PurePosixPath(name)):
            yield Problem(
                "ExternalEtcdClientCertificates",
                f"{name} does not exist",
                "copy it from the etcd machines, or correct etcd.external",
            )


def manifest_url_headers(subject: Subject) -> Iterator[Problem]:
    """The agent would say so too, but only its status would."""
    name = subject.control_plane.bootstrap.agent.manifest_url_header_file
    if not name:
        return
    path = PurePosixPath(name)
    if not subject.files.exists(path):
        yield Problem(
            "ManifestURLHeaderFile",
            f"{path} does not exist",
            "write the headers into it, one on each line, or correct agent.manifestURLHeaderFile",
        )
    elif subject.files.mode(path) & stat.S_IROTH:
        yield Problem(
            "ManifestURLHeaderFile", f"{path} can be read by everybody", f"make it private: chmod 600 {path}"
        )


def forwarding(subject: Subject) -> Iterator[Problem]:
    """Pods need it, the control plane itself does not: a warning."""
    families = {6 if ":" in subnet else 4 for subnet in subject.control_plane.service_subnets}
    for family in sorted(families):
        path = _FORWARDING[family]
        if subject.files.exists(path) and subject.files.read_text(path).strip() != "1":
            key = str(path).removeprefix("/proc/sys/").replace("/", ".")
            yield Problem(
                f"FileContent-{dashed(path)}",
                f"the kernel does not forward packets: {path} is not 1",
                f"sysctl -w {key}=1, and put it into /etc/sysctl.d/",
                fatal=False,
            )
