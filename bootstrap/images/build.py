"""Component images and host programs made on this machine from Go modules.

Invariant: a build that was done once is not done again: programs come from the cache when their checksums
agree, and an image whose label names the same programs is left alone.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from bootstrap.errors import BootstrapError
from bootstrap.host.process import ProcessRunner
from bootstrap.images.cache import ProgramCache, sha256_of
from bootstrap.images.gomodules import GoBuilder
from bootstrap.images.recipe import (
    HOST_PROGRAMS,
    IMAGE_PROGRAMS,
    Recipe,
    etcd_recipe,
    kubernetes_recipe,
)
from bootstrap.images.scratch import PROGRAM_DIRECTORY, SEARCH_PATH, write_root_filesystem
from bootstrap.model.images import PAUSE
from bootstrap.model.layout import ETCD
from bootstrap.model.report import Reporter, Step
from bootstrap.model.version import KubernetesVersion
from bootstrap.runtime.api import ContainerRuntime
from bootstrap.runtime.reference import split_reference

PROGRAMS_LABEL = "podstrap.programs"
"""SHA-256 over the digests of what an image was made of."""

ETCD_TOOLS = ("etcdctl", "etcdutl")


@dataclass(frozen=True, slots=True)
class ImageBuilder:
    """Makes what a release needs. ``runtime`` takes the images; programs alone need none."""

    cache: ProgramCache
    processes: ProcessRunner
    reporter: Reporter

    def images(
        self, references: Mapping[str, str], version: KubernetesVersion, runtime: ContainerRuntime
    ) -> tuple[str, ...]:
        """Build the images of ``references`` (component -> reference); the references that were made anew."""
        made = []
        programs = self._image_programs(references, version)
        for component, files in programs.items():
            reference = references[component]
            with self.reporter.step(f"Image {reference}") as step:
                if make_image(files, reference, runtime, self.cache.root):
                    made.append(reference)
                    step.done(f"Image {reference} made of {', '.join(path.name for path in files)}")
                else:
                    step.done(f"Image {reference} is up to date")
        return tuple(made)

    def host_programs(self, version: KubernetesVersion, etcd_tag: str, directory: Path) -> tuple[Path, ...]:
        """Put kubeadm, kubectl, kubelet and etcd's tools into ``directory``; their paths."""
        kubernetes = self.programs(kubernetes_recipe(version, (*IMAGE_PROGRAMS, *HOST_PROGRAMS)))
        etcd = self.programs(etcd_recipe(etcd_tag))
        wanted = [kubernetes[name] for name in HOST_PROGRAMS] + [etcd[name] for name in ETCD_TOOLS]
        try:
            directory.mkdir(parents=True, exist_ok=True)
            return tuple(_install(program, directory) for program in wanted)
        except OSError as error:
            raise BootstrapError(
                f"programs cannot be written to {directory}: {error.strerror}",
                remedy="choose another --programs",
            ) from error

    def _image_programs(
        self, references: Mapping[str, str], version: KubernetesVersion
    ) -> dict[str, tuple[Path, ...]]:
        """Component -> its programs, in the order of ``references``; the compiling happens here."""
        kubernetes = tuple(name for name in IMAGE_PROGRAMS if name in references)
        found: dict[str, tuple[Path, ...]] = {}
        if kubernetes:
            built = self.programs(kubernetes_recipe(version, kubernetes))
            found |= {name: (built[name],) for name in kubernetes}
        if ETCD in references:
            built = self.programs(etcd_recipe(split_reference(references[ETCD])[1]))
            found[ETCD] = tuple(built.values())
        if PAUSE in references:
            found[PAUSE] = (self._pause(split_reference(references[PAUSE])[1]),)
        return {component: found[component] for component in references if component in found}

    def programs(self, recipe: Recipe) -> dict[str, Path]:
        """Name -> path in the cache of every program of a recipe; what is missing is compiled."""
        directory = self.cache.directory(recipe.name, recipe.version)
        with self.reporter.step(f"Programs of {recipe.name} {recipe.version}") as step:
            if self.cache.missing(recipe.name, recipe.version, recipe.programs):
                self._compile(recipe, step)
                step.done(f"Programs of {recipe.name} {recipe.version} built")
            else:
                step.done(f"Programs of {recipe.name} {recipe.version} are in the cache")
        return {program: directory / program for program in recipe.programs}

    def _compile(self, recipe: Recipe, step: Step) -> None:
        def on_wait() -> None:
            step.update("waiting for another build of the same version")

        with self.cache.building(recipe.name, recipe.version, on_wait) as work:
            # Whoever held the lock before may have built what is missing.
            missing = self.cache.missing(recipe.name, recipe.version, recipe.programs)
            if missing:
                GoBuilder(self.processes).build(recipe.only(missing), work, step)

    def _pause(self, version: str) -> Path:
        source = resources.files("bootstrap.images").joinpath("pause", "main.go").read_text()
        # Our own program: another text is another version of it, whatever the image's tag says.
        edition = f"{version}-{hashlib.sha256(source.encode()).hexdigest()[:12]}"
        with self.reporter.step(f"Program {PAUSE}") as step:
            if self.cache.missing(PAUSE, edition, (PAUSE,)):
                with self.cache.building(PAUSE, edition, lambda: step.update("waiting")) as work:
                    (work / "main.go").write_text(source)
                    flags = f"-s -w -X main.version={version}"
                    GoBuilder(self.processes).build_file(work / "main.go", work / "bin" / PAUSE, flags)
        return self.cache.directory(PAUSE, edition) / PAUSE


def programs_in(directory: Path, component: str) -> tuple[Path, ...]:
    """What a component's image is made of in a folder of binaries; empty when its program is not there."""
    names = (component, *ETCD_TOOLS) if component == ETCD else (component,)
    found = tuple(directory / name for name in names if (directory / name).is_file())
    return found if found and found[0].name == component else ()


def make_image(programs: Iterable[Path], reference: str, runtime: ContainerRuntime, work: Path) -> bool:
    """Make a scratch image of static programs, the first of which it runs; False when it is there already.

    ``work`` is a directory for the passing tar.
    """
    files = tuple(programs)
    digest = _digest(files)
    present = runtime.image(reference)
    if present is not None and present.labels.get(PROGRAMS_LABEL) == digest:
        return False
    work.mkdir(parents=True, exist_ok=True)
    tar = work / f".{digest}.tar"
    try:
        write_root_filesystem({f"{PROGRAM_DIRECTORY}/{path.name}": path for path in files}, tar)
        runtime.import_filesystem(
            tar,
            reference,
            entrypoint=(f"/{PROGRAM_DIRECTORY}/{files[0].name}",),
            environment=(SEARCH_PATH,),
            labels={PROGRAMS_LABEL: digest},
        )
    finally:
        tar.unlink(missing_ok=True)
    return True


def _digest(programs: tuple[Path, ...]) -> str:
    whole = hashlib.sha256()
    for program in programs:
        whole.update(f"{program.name} {sha256_of(program)}\n".encode())
    return whole.hexdigest()


def _install(program: Path, directory: Path) -> Path:
    """Copy beside the target, then rename: a running program of that name is not disturbed."""
    target = directory / program.name
    partial = directory / f".{program.name}.partial"
    shutil.copyfile(program, partial)
    partial.chmod(0o755)
    partial.replace(target)
    return target
