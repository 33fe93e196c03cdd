"""Image archives: ``docker save`` tars, and the server tarball of a Kubernetes release.

Invariant: what is loaded ends under the reference that was wanted. Release tarballs name their images with
the architecture (``kube-apiserver-amd64``) and upstream's registry; the engine is given the wanted name too.
"""

from __future__ import annotations

import shutil
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bootstrap.errors import BootstrapError
from bootstrap.images.cache import ARCHITECTURES
from bootstrap.runtime.api import ContainerRuntime
from bootstrap.runtime.reference import split_reference

ARCHIVE_SUFFIXES = (".tar", ".tar.gz", ".tgz")
MANIFEST = "manifest.json"
SERVER_IMAGES = "kubernetes/server/bin/"
"""Where kubernetes-server-*.tar.gz keeps one image archive for each component."""


class ArchiveError(BootstrapError):
    """A file is not an image archive, or cannot be read."""


def archives_of(paths: Iterable[str]) -> tuple[Path, ...]:
    """The archive files among ``paths``; of a directory, those in it by name. Raises ArchiveError."""
    found: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            found += sorted(each for each in path.iterdir() if each.name.endswith(ARCHIVE_SUFFIXES))
        elif path.is_file():
            found.append(path)
        else:
            raise ArchiveError(f"the image archive {path} does not exist", remedy=f"ls -l {path.parent}")
    return tuple(found)


def load_archive(runtime: ContainerRuntime, archive: Path, wanted: Iterable[str]) -> tuple[str, ...]:
    """Load what an archive has and name it as wanted; the wanted references that are present because of it.

    A ``docker save`` tar is loaded whole; of a server tarball only the images that are wanted.
    """
    wanted = tuple(wanted)
    loaded: list[str] = []
    with _opened(archive) as tar:
        names = tar.getnames()
        nested = [name for name in names if name.startswith(SERVER_IMAGES) and name.endswith(".tar")]
        if MANIFEST in names:
            loaded += runtime.load(archive)
        elif nested:
            components = {_component(reference) for reference in wanted}
            for name in nested:
                if Path(name).stem in components:
                    loaded += _load_member(runtime, tar, name)
        else:
            raise ArchiveError(
                f"{archive} is no image archive: it has no {MANIFEST}, and no images below {SERVER_IMAGES}",
                remedy="make one (bootstrap images save FILE), or take kubernetes-server-linux-ARCH.tar.gz",
            )
    return name_as_wanted(runtime, loaded, wanted)


def name_as_wanted(
    runtime: ContainerRuntime, loaded: Iterable[str], wanted: Iterable[str]
) -> tuple[str, ...]:
    """Tag loaded images with the wanted names they stand for; the wanted references now present."""
    loaded = tuple(loaded)
    present = []
    for reference in wanted:
        source = stands_for(reference, loaded)
        if source and source != reference:
            runtime.tag(source, reference)
        if source:
            present.append(reference)
    return tuple(present)


def stands_for(wanted: str, loaded: tuple[str, ...]) -> str:
    """Which loaded tag is the wanted image: itself, else its component and tag of any registry, else ""."""
    if wanted in loaded:
        return wanted
    tag = split_reference(wanted)[1]
    for each in loaded:
        if (_component(each), split_reference(each)[1]) == (_component(wanted), tag):
            return each
    return ""


def _component(reference: str) -> str:
    """The last part of the repository, without an architecture at its end."""
    name = split_reference(reference)[0].rpartition("/")[2]
    for architecture in ARCHITECTURES.values():
        name = name.removesuffix(f"-{architecture}")
    return name


def _load_member(runtime: ContainerRuntime, tar: tarfile.TarFile, name: str) -> tuple[str, ...]:
    stream = tar.extractfile(name)
    assert stream is not None
    with tempfile.NamedTemporaryFile(suffix=".tar") as copy:
        shutil.copyfileobj(stream, copy)
        copy.flush()
        return runtime.load(Path(copy.name))


@contextmanager
def _opened(archive: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(archive) as tar:
            yield tar
    except (tarfile.TarError, EOFError) as error:
        raise ArchiveError(
            f"{archive} is no tar archive, or a damaged one",
            remedy="compare its checksum with the original's",
        ) from error
    except OSError as error:
        raise ArchiveError(f"{archive} cannot be read: {error.strerror or error}") from error
