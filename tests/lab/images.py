"""Engine data with component images in it, made once and shared by every node.

Invariant: prepared data appears as a whole, by a rename, never changes, and goes only when no run uses it.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from bootstrap.images.cache import CHECKSUMS, ProgramCache, cache_directory
from bootstrap.images.recipe import HOST_PROGRAMS, IMAGE_PROGRAMS
from bootstrap.model.version import KubernetesVersion, release_of
from bootstrap.runtime.docker_engine import DockerEngine
from tests.fixtures.probe_image import SOURCE, ensure_probe_image
from tests.lab.ground import PARENT
from tests.lab.node import LabNode

ETCD_PROGRAMS = ("etcd", "etcdctl", "etcdutl")
REPOSITORY = Path(__file__).parents[2]


class ProgramsMissingError(Exception):
    """The component programs have not been built on this machine."""


def program_directories(version: KubernetesVersion) -> tuple[Path, Path]:
    """Where kubectl, kubeadm, kubelet and the components lie, and where etcd and its tools do.

    Raises ProgramsMissingError.
    """
    cache = ProgramCache(cache_directory(os.environ))
    wanted = (
        ("kubernetes", version.text, (*IMAGE_PROGRAMS, *HOST_PROGRAMS)),
        ("etcd", f"v{release_of(version).etcd.partition('-')[0]}", ETCD_PROGRAMS),
    )
    for name, number, programs in wanted:
        if not all((cache.directory(name, number) / program).is_file() for program in programs):
            raise ProgramsMissingError(f"{name} {number} has not been built: make images")
    kubernetes, etcd = (cache.directory(name, number) for name, number, _programs in wanted)
    return kubernetes, etcd


@functools.cache
def prepared_engine(versions: tuple[KubernetesVersion, ...]) -> Path:
    """Engine data with the images of these releases and of probe-target; made anew when they changed.

    It stays as long as this process lives, whatever other runs make.
    """
    edition = PARENT / f"images-{edition_of(versions)}"
    PARENT.mkdir(mode=0o700, parents=True, exist_ok=True)
    with locked(PARENT / "images.lock"):
        edition.mkdir(mode=0o700, exist_ok=True)
        in_use = os.open(edition, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(in_use, fcntl.LOCK_SH)
        remove_unused_editions()
        prepared = edition / "docker"
        if not prepared.is_dir():
            fill(prepared, versions)
    return prepared


def remove_unused_editions() -> None:
    for edition in PARENT.glob("images-*"):
        descriptor = os.open(edition, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(edition)
        os.close(descriptor)


def edition_of(versions: tuple[KubernetesVersion, ...]) -> str:
    """A digest of everything the images are made of."""
    digest = hashlib.sha256()
    for version in versions:
        digest.update(version.text.encode())
        for directory in program_directories(version):
            digest.update((directory / CHECKSUMS).read_bytes())
    for source in (SOURCE, *sorted((REPOSITORY / "bootstrap" / "images").rglob("*.[pg][yo]"))):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def fill(prepared: Path, versions: tuple[KubernetesVersion, ...]) -> None:
    """Build the images in a node of their own, and keep its engine's data."""
    with LabNode("images") as node:
        # The pause image is compiled where it is built: Go is looked for where this run found it.
        node.environment["PATH"] += f":{os.environ['PATH']}"
        for version in versions:
            node.bootstrap("images", "build", "--kubernetes-version", version.text)
        engine = DockerEngine(str(node.path("/run/docker.sock")))
        ensure_probe_image(engine)
        engine.close()
        node.stop_engine()
        node.engine_data.rename(prepared)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
