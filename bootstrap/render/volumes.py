"""Host paths mounted into the components.

Source: cmd/kubeadm/app/phases/controlplane/volumes.go. Invariant: a volume name occurs once; a user's volume
of the same name takes the place of ours.
"""

from __future__ import annotations

from pathlib import PurePosixPath

from bootstrap.model.cluster import ControlPlane
from bootstrap.model.kubeadm import ExternalEtcd, HostPathMount, HostPathType
from bootstrap.model.node import HOST_CA_DIRECTORIES, NodeFacts

_SYSTEM_CERTIFICATES = "/etc/ssl/certs"


def directory(name: str, path: str, *, read_only: bool = True) -> HostPathMount:
    """A host directory at the same path in the container, created when it is missing."""
    return _mount(name, path, "DirectoryOrCreate", read_only=read_only)


def file(name: str, path: str) -> HostPathMount:
    """A host file at the same path in the container, read-only, created when it is missing."""
    return _mount(name, path, "FileOrCreate", read_only=True)


def merged(*groups: tuple[HostPathMount, ...]) -> tuple[HostPathMount, ...]:
    """Mounts by volume name, sorted, a later group winning."""
    by_name = {mount.name: mount for group in groups for mount in group}
    return tuple(by_name[name] for name in sorted(by_name))


def certificates(control_plane: ControlPlane, facts: NodeFacts) -> tuple[HostPathMount, ...]:
    """The cluster's certificates and the machine's trusted CAs, wherever this distribution keeps them."""
    return (
        directory("k8s-certs", str(control_plane.layout.pki)),
        directory("ca-certs", _SYSTEM_CERTIFICATES),
        *(
            directory(path.strip("/").replace("/", "-"), path)
            for path in HOST_CA_DIRECTORIES
            if path in facts.existing_paths
        ),
    )


def external_etcd_certificates(etcd: ExternalEtcd, pki: PurePosixPath) -> tuple[HostPathMount, ...]:
    """The directories of the client certificate for an external etcd, less those mounted anyway.

    Directories are compared by path, where kubeadm compares text and takes /etc/etcd-ca for a part of
    /etc/etcd.
    """
    mounted = {PurePosixPath(path) for path in (_SYSTEM_CERTIFICATES, *HOST_CA_DIRECTORIES)} | {pki}
    wanted = {PurePosixPath(path).parent for path in (etcd.ca_file, etcd.cert_file, etcd.key_file) if path}
    outermost = sorted(str(path) for path in wanted if not _covered(path, mounted | (wanted - {path})))
    return tuple(directory(f"etcd-certs-{index}", path) for index, path in enumerate(outermost))


def _covered(path: PurePosixPath, directories: set[PurePosixPath]) -> bool:
    return path in directories or not directories.isdisjoint(path.parents)


def _mount(name: str, path: str, path_type: HostPathType, *, read_only: bool) -> HostPathMount:
    return HostPathMount(name=name, host_path=path, mount_path=path, read_only=read_only, path_type=path_type)
