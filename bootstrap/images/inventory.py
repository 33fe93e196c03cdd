"""What the engine has of the component images, and copies of it for other machines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bootstrap.errors import BootstrapError
from bootstrap.images.archive import load_archive
from bootstrap.model.report import Reporter
from bootstrap.runtime.api import ContainerRuntime


@dataclass(frozen=True, slots=True)
class Entry:
    """One component image; ``id`` is "" and ``size`` (bytes) 0 while it is absent."""

    component: str
    reference: str
    id: str = ""
    size: int = 0

    @property
    def is_present(self) -> bool:
        return bool(self.id)


def inventory(references: Mapping[str, str], engine: ContainerRuntime) -> tuple[Entry, ...]:
    """An entry for each of ``references`` (component -> reference), in their order."""
    entries = []
    for component, reference in references.items():
        image = engine.image(reference)
        entries.append(
            Entry(component, reference, image.id, image.size) if image else Entry(component, reference)
        )
    return tuple(entries)


def save_images(
    references: Mapping[str, str],
    required: frozenset[str],
    engine: ContainerRuntime,
    archive: Path,
    reporter: Reporter,
) -> tuple[str, ...]:
    """Write the images that are present into one tar; their references.

    Raises BootstrapError when one of the ``required`` components is absent: the other machine would miss it.
    """
    entries = inventory(references, engine)
    absent = tuple(each.reference for each in entries if each.component in required and not each.is_present)
    if absent:
        raise BootstrapError(
            f"{len(absent)} component images are not in the engine",
            remedy="bootstrap images pull, or bootstrap images build; then save again",
            details=absent,
        )
    present = tuple(each.reference for each in entries if each.is_present)
    with reporter.step(f"Saving {len(present)} images") as step:
        if not archive.absolute().parent.is_dir():
            raise BootstrapError(f"{archive.parent} is no directory", remedy=f"mkdir -p {archive.parent}")
        engine.save(present, archive)
        step.done(f"{archive}: {len(present)} images, {archive.stat().st_size // 1_000_000} MB")
    return present


def load_images(
    references: Mapping[str, str], engine: ContainerRuntime, archives: tuple[Path, ...], reporter: Reporter
) -> tuple[str, ...]:
    """Load archives; the component images that came with them. Raises ArchiveError, EngineError."""
    loaded: list[str] = []
    for archive in archives:
        with reporter.step(f"Loading {archive}") as step:
            found = load_archive(engine, archive, references.values())
            loaded += found
            step.done(f"{archive}: {len(found)} of {len(references)} component images")
    return tuple(loaded)
