"""Templates of a site against the built-in ones they were made from.

Of a template that replaces a built-in one, or some blocks of it, the built-in ones it was made from are kept
(its bases). Invariant: pure; a built-in that changed where a site's template takes its place is always told,
and so is a template that can have no effect.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from pathlib import PurePosixPath

from bootstrap.render.anatomy import Anatomy, anatomy
from bootstrap.render.engine import TemplateFailedError, builtin_directory
from bootstrap.render.three_way import first_marker

BASES = ".base"
"""The directory of bases in the site's: ``.base/NAME/ORIGIN``."""

BUILTIN = "builtin/"
"""In front of a name: the template that came with the program, whatever the site has."""

Texts = Mapping[str, str]
"""By relative path: ``manifests/etcd.yaml.j2``."""


@dataclass(frozen=True, slots=True)
class Overlay:
    """A template of the site.

    ``changed`` and ``unknown`` are built-in templates: those that are no longer what this one was made from,
    and those of which that is not known. ``is_whole``: it takes the place of the built-in one of its name, so
    that the two can be merged; otherwise it takes the place of blocks.
    """

    name: str
    file: str
    text: str
    is_whole: bool
    changed: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True)
class Site:
    """``bases``: of each template of the site, the built-in ones it was made from."""

    directory: str
    texts: Texts
    builtin: Texts
    bases: Mapping[str, Texts]

    def file(self, name: str) -> str:
        return str(PurePosixPath(self.directory, name))

    @cached_property
    def anatomies(self) -> Mapping[str, Anatomy]:
        """Of the site's templates. Raises TemplateFailedError."""
        return {name: anatomy(text, self.file(name)) for name, text in self.texts.items()}

    def overlay(self, name: str) -> Overlay:
        """Raises TemplateFailedError when one of those it depends on is none."""
        text = self.texts[name]
        is_whole = name in self.builtin and self.anatomies[name].extends != BUILTIN + name
        changed, unknown = [], []
        if is_whole and text != self.builtin[name]:
            base = self._base(name, name)
            if base is None:
                unknown.append(name)
            elif base != self.builtin[name]:
                changed.append(name)
        for block, origin in self._replaced_blocks(name):
            base = self._base(name, origin)
            if base is None:
                unknown.append(origin)
            elif self._has_changed(name, base, origin, block):
                changed.append(origin)
        return Overlay(
            name,
            self.file(name),
            text,
            is_whole,
            tuple(dict.fromkeys(changed)),
            tuple(dict.fromkeys(unknown)),
        )

    def origins(self, name: str) -> Texts:
        """The built-in templates that this one is made from, as they are now."""
        inherited = [origin for is_builtin, origin, _parts in self._lineage(name) if is_builtin]
        return {origin: self.builtin[origin] for origin in (name, *inherited) if origin in self.builtin}

    def faults(self) -> Iterator[TemplateFailedError]:
        """What makes them unusable: conflicts, mistakes in syntax, names and blocks that nothing uses."""
        conflicts = {name: line for name, text in self.texts.items() if (line := first_marker(text))}
        for name, line in conflicts.items():
            yield TemplateFailedError(
                f"template {self.file(name)}, line {line}: a conflict of a merge is not resolved",
                remedy="choose between the versions there, and remove the lines with their markers",
            )
        if conflicts:
            return
        try:
            self.anatomies  # noqa: B018 - reads them all
        except TemplateFailedError as error:
            yield error
            return
        used = self._used()
        for name in self.texts:
            yield from () if name in used else (self._unused(name),)
            yield from self._lost_blocks(name)

    def _base(self, name: str, origin: str) -> str | None:
        return self.bases.get(name, {}).get(origin)

    def _has_changed(self, name: str, base: str, origin: str, block: str) -> bool:
        """A block of a built-in template, since the text in ``base``; being there is part of it."""
        before = anatomy(base, self.file(f"{BASES}/{name}/{origin}")).blocks.get(block)
        return before is None or before.body != _parts(self.builtin[origin], origin).blocks[block].body

    def _replaced_blocks(self, name: str) -> Iterator[tuple[str, str]]:
        """Blocks of built-in templates that this one does without, each with the template it is in."""
        parts, lineage = self.anatomies[name], tuple(self._lineage(name))
        for block in sorted(parts.replaced):
            if parts.blocks[block].keeps_parent:
                continue
            for is_builtin, origin, above in lineage:
                if block in above.blocks:
                    if is_builtin:
                        yield block, origin
                    break

    def _lineage(self, name: str) -> Iterator[tuple[bool, str, Anatomy]]:
        """What it extends, and what that extends: whether each is built-in, its name, its parts."""
        seen, parts = {(False, name)}, self.anatomies[name]
        while parts.extends:
            parent = parts.extends.removeprefix(BUILTIN)
            is_builtin = parent != parts.extends or parent not in self.texts
            known = self.builtin if is_builtin else self.texts
            if (is_builtin, parent) in seen or parent not in known:
                return
            seen.add((is_builtin, parent))
            parts = _parts(self.builtin[parent], parent) if is_builtin else self.anatomies[parent]
            yield is_builtin, parent, parts

    def _used(self) -> frozenset[str]:
        """Templates that can have an effect: those with a built-in's name, and what they use in turn."""
        if any(parts.chooses for parts in self.anatomies.values()):
            return frozenset(self.texts)
        found: set[str] = set()
        waiting = [name for name in self.texts if name in self.builtin]
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += [used for used in self.anatomies[name].uses if used in self.texts]
        return frozenset(found)

    def _unused(self, name: str) -> TemplateFailedError:
        close = get_close_matches(name, self.builtin, 1, 0.5)
        return TemplateFailedError(
            f"template {self.file(name)}: it has no built-in template's name, and no other one uses it",
            remedy=f"did you mean {close[0]}? Rename it, or remove it"
            if close
            else "bootstrap templates list",
        )

    def _lost_blocks(self, name: str) -> Iterator[TemplateFailedError]:
        parts, lineage = self.anatomies[name], tuple(self._lineage(name))
        if not lineage or lineage[-1][2].extends:
            return
        there = sorted({block for _is_builtin, _name, above in lineage for block in above.blocks})
        for block in sorted(parts.replaced.difference(there)):
            yield TemplateFailedError(
                f"template {self.file(name)}, line {parts.blocks[block].line}: there is no block {block} in"
                " what it extends, so it changes nothing",
                remedy=f"blocks that are there: {', '.join(there) or 'none'}",
            )


def check(site: Site) -> None:
    """Raises TemplateFailedError when a template of the site cannot be used."""
    faults = tuple(site.faults())
    if len(faults) == 1:
        raise faults[0]
    if faults:
        raise TemplateFailedError(
            f"{len(faults)} templates in {site.directory} cannot be used",
            details=tuple(f"{fault.message}; {fault.remedy}" for fault in faults),
            remedy="correct them, or remove them to use the built-in ones",
        )


def warnings(site: Site) -> Iterator[str]:
    """A sentence for each template that a change of a built-in one passes by, or may pass by."""
    for overlay in map(site.overlay, site.texts):
        for origin in overlay.changed:
            what = (
                "yours was made from it" if origin == overlay.name else "yours took the place of a part of it"
            )
            yield (
                f"template {overlay.file}: the built-in {origin} has changed since {what}:"
                f" bootstrap templates diff {overlay.name}"
            )
        if overlay.unknown:
            yield (
                f"template {overlay.file}: it is not known which version of the built-in"
                f" {', '.join(overlay.unknown)} it was made from: compare them (bootstrap templates diff"
                f" {overlay.name}), then bootstrap templates accept {overlay.name}"
            )


def _parts(text: str, origin: str) -> Anatomy:
    return anatomy(text, str(builtin_directory() / origin))
