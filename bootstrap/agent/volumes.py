"""A container's mounts, made ready on the node's disk.

Source: pkg/volume/hostpath, emptydir, downwardapi, projected. Invariants: every bind source exists when the
engine is asked to mount it; content of a hostPath is never removed, and nothing below a mount is.
"""

from __future__ import annotations

import logging
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

from bootstrap.agent.dns import hosts_file, pod_names
from bootstrap.agent.downward import downward_files, write_files
from bootstrap.agent.environment import Addresses, expand
from bootstrap.agent.identity import StaticPod
from bootstrap.agent.lastwords import message_file
from bootstrap.agent.node import Node
from bootstrap.agent.resources import pod_memory_limit
from bootstrap.agent.subpath import SUB_PATHS, VolumeError, bind_sub_path
from bootstrap.host.mounts import mounts_below
from bootstrap.host.process import ProcessRunner
from bootstrap.model.podspec import Container, EmptyDirVolumeSource, HostPathVolumeSource, Volume, VolumeMount
from bootstrap.model.quantity import whole
from bootstrap.runtime.api import Mount

log = logging.getLogger("bootstrap.agent")

EMPTY_DIRS = "volumes/kubernetes.io~empty-dir"
DOWNWARD = "volumes/kubernetes.io~downward-api"
"""Below a pod's directory; the kubelet's own names for them."""

HOSTS_PATH = "/etc/hosts"
PROPAGATION = {"None": "", "HostToContainer": "rslave", "Bidirectional": "rshared"}

_CHECKS: dict[str, tuple[Callable[[int], bool], str]] = {
    "Directory": (stat.S_ISDIR, "a directory"),
    "DirectoryOrCreate": (stat.S_ISDIR, "a directory"),
    "File": (stat.S_ISREG, "a file"),
    "FileOrCreate": (stat.S_ISREG, "a file"),
    "Socket": (stat.S_ISSOCK, "a socket"),
    "CharDevice": (stat.S_ISCHR, "a character device"),
    "BlockDevice": (stat.S_ISBLK, "a block device"),
}


def remove_pod_directory(directory: Path, processes: ProcessRunner) -> Path | None:
    """Undo the mounts in it, then remove it; a mount that is still in use stays, and is returned."""
    mounts = mounts_below(directory)
    for mount in mounts:
        if not processes.run(["umount", str(mount)]).ok:
            return mount
    left = mounts_below(directory) if mounts else ()
    if left:
        return left[0]
    shutil.rmtree(directory, ignore_errors=True)
    return None


class Volumes:
    """The mounts of this node's pods."""

    def __init__(self, node: Node, processes: ProcessRunner) -> None:
        self._node = node
        self._processes = processes

    def mounts(
        self, pod: StaticPod, container: Container, attempt: int, pod_ip: str, variables: dict[str, str]
    ) -> tuple[Mount, ...]:
        """Prepare what the container mounts, its hosts file and termination message file too.

        Raises VolumeError, FieldReferenceError.
        """
        try:
            named = {volume.name: volume for volume in pod.pod.spec.volumes}
            found = []
            for place, mount in enumerate(container.volume_mounts):
                source = self._source(pod, named[mount.name], pod_ip)
                sub_path = expand(mount.sub_path_expr, variables) or mount.sub_path
                if sub_path:
                    parts = self._node.pod_directory(pod.uid) / SUB_PATHS
                    target = parts / mount.name / container.name / str(place)
                    source = bind_sub_path(source, sub_path, target, self._processes)
                found.append(_mount(source, mount))
            taken = {mount.target for mount in found}
            if HOSTS_PATH not in taken:
                found.append(self._hosts(pod, pod_ip))
            if container.termination_message_path and container.termination_message_path not in taken:
                found.append(self._termination_message(pod, container, attempt))
        except OSError as error:
            raise VolumeError(f"{error.filename}: {error.strerror}") from error
        return tuple(found)

    def remove_pod(self, uid: str) -> None:
        """Remove what belonged to a pod of which nothing runs any more."""
        busy = remove_pod_directory(self._node.pod_directory(uid), self._processes)
        if busy:
            log.warning("%s is still in use and stays", busy)

    def uids(self) -> frozenset[str]:
        """The pods that have something on disk."""
        try:
            return frozenset(os.listdir(self._node.pod_directory("")))
        except FileNotFoundError:
            return frozenset()

    def _source(self, pod: StaticPod, volume: Volume, pod_ip: str) -> Path:
        if volume.host_path is not None:
            return prepare_host_path(volume.host_path)
        if volume.downward_api is not None or volume.projected is not None:
            return self._downward(pod, volume, pod_ip)
        return self._empty_dir(pod, volume)

    def _downward(self, pod: StaticPod, volume: Volume, pod_ip: str) -> Path:
        directory = self._node.pod_directory(pod.uid) / DOWNWARD / volume.name
        _make_private(directory.parent)
        addresses = Addresses(pod_ip, self._node.address, self._node.cores, self._node.memory)
        files = downward_files(volume, pod, self._node.name, addresses)
        write_files(directory, files, pod.pod.spec.security_context.fs_group)
        return directory

    def _empty_dir(self, pod: StaticPod, volume: Volume) -> Path:
        directory = self._node.pod_directory(pod.uid) / EMPTY_DIRS / volume.name
        source = volume.empty_dir or EmptyDirVolumeSource()
        group = pod.pod.spec.security_context.fs_group
        if directory.is_dir() and (source.medium != "Memory" or directory.is_mount()):
            return directory
        _make_private(directory.parent)
        directory.mkdir(exist_ok=True)
        if source.medium == "Memory":
            self._mount_tmpfs(directory, source, pod)
        directory.chmod(0o777 if group is None else 0o2777)
        if group is not None:
            os.chown(directory, -1, group)
        return directory

    def _mount_tmpfs(self, directory: Path, source: EmptyDirVolumeSource, pod: StaticPod) -> None:
        """As large as it may be: no larger than its limit, the pod's memory, or the node's."""
        own = 0 if source.size_limit is None else whole(source.size_limit)
        limits = [each for each in (own, pod_memory_limit(pod.pod), self._node.memory) if each]
        argv = ["mount", "-t", "tmpfs"]
        if limits:
            argv += ["-o", f"size={min(limits)}"]
        done = self._processes.run([*argv, "tmpfs", str(directory)])
        if not done.ok:
            raise VolumeError(f"no tmpfs at {directory}: {done.stderr.strip()}")

    def _hosts(self, pod: StaticPod, pod_ip: str) -> Mount:
        path = self._node.pod_directory(pod.uid) / "etc-hosts"
        node_hosts = self._node.etc / "hosts"
        text = hosts_file(
            pod.pod,
            pod_names(pod.pod, pod.name, self._node.cluster_domain),
            pod_ip,
            node_hosts.read_text(errors="replace") if node_hosts.is_file() else "",
        )
        _make_private(path.parent)
        path.write_text(text)
        path.chmod(0o644)
        return Mount(str(path), HOSTS_PATH)

    def _termination_message(self, pod: StaticPod, container: Container, attempt: int) -> Mount:
        path = message_file(self._node, pod.uid, container.name, attempt)
        _make_private(path.parent)
        path.write_bytes(b"")
        path.chmod(0o666)
        return Mount(str(path), container.termination_message_path)


def prepare_host_path(source: HostPathVolumeSource) -> Path:
    """The path, checked against its type and created where the type says so. Raises VolumeError, OSError."""
    path = Path(source.path)
    if source.type in ("", "DirectoryOrCreate") and not path.exists():
        path.mkdir(mode=0o755, parents=True, exist_ok=True)
    if source.type == "FileOrCreate" and not path.exists():
        path.touch(mode=0o644)
    if source.type:
        check, kind = _CHECKS[source.type]
        if not path.exists():
            raise VolumeError(f"hostPath {path} does not exist", remedy=f"ls -ld {path.parent}")
        if not check(path.stat().st_mode):
            raise VolumeError(f"hostPath {path} is not {kind}", remedy=f"ls -ld {path}")
    return path


def _mount(source: Path, mount: VolumeMount) -> Mount:
    return Mount(str(source), mount.mount_path, mount.read_only, PROPAGATION[mount.mount_propagation])


def _make_private(directory: Path) -> None:
    """The directories of a pod are not for other users of the machine to list."""
    directory.mkdir(mode=0o750, parents=True, exist_ok=True)
