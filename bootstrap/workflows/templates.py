"""``bootstrap templates``: a site's templates, kept in step with the built-in ones they were made from.

Invariant: a template is written before the bases it is now made from, so that an interruption leaves a
change to be merged again, never one that is forgotten; nothing is written that does not render.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path, PurePosixPath

from bootstrap.errors import BootstrapError, ConfigError
from bootstrap.host.files import Files
from bootstrap.phases.addon import coredns_objects, kube_proxy_objects
from bootstrap.phases.agent_start import agent_unit
from bootstrap.phases.context import Context
from bootstrap.phases.manifests import manifests_by
from bootstrap.phases.overlays import read_site
from bootstrap.render.engine import Templates
from bootstrap.render.overlays import BASES, BUILTIN, Overlay, Site, Texts, check
from bootstrap.render.three_way import Labels, Merged, difference, merge

_MODE = 0o644


@dataclass(frozen=True, slots=True)
class Row:
    """``state``: ``built-in``, ``yours``, ``changed`` (the built-in has), ``unknown`` (whether it has)."""

    name: str
    state: str
    file: str


def rows(site: Site) -> tuple[Row, ...]:
    """Every template there is. Raises TemplateFailedError."""
    check(site)
    return tuple(_row(site, name) for name in sorted({*site.builtin, *site.texts}))


def full_name(site: Site, given: str) -> str:
    """``kube-apiserver`` is ``manifests/kube-apiserver.yaml.j2``. Raises ConfigError."""
    known = sorted({*site.builtin, *site.texts})
    found = [name for name in known if given in (name, PurePosixPath(name).name.split(".")[0])]
    if len(found) == 1:
        return found[0]
    if found:
        raise ConfigError(
            f"there is more than one template {given}", remedy=f"choose from {', '.join(found)}"
        )
    close = get_close_matches(given, [*known, *(PurePosixPath(name).name.split(".")[0] for name in known)], 1)
    raise ConfigError(
        f"there is no template {given}",
        remedy=f"did you mean {close[0]}?" if close else "bootstrap templates list",
    )


def copy(site: Site, names: Sequence[str], *, extend: bool = False) -> tuple[PurePosixPath, ...]:
    """New templates of the site: the built-in ones, or, to ``extend`` them, nothing but a reference to each.

    Returns their files. Raises ConfigError when one is there already.
    """
    for name in names:
        if name in site.texts:
            raise ConfigError(
                f"{site.file(name)} is there already", remedy=f"bootstrap templates diff {name}, or edit it"
            )
        if name not in site.builtin:
            raise ConfigError(f"there is no built-in template {name}", remedy="bootstrap templates list")
    made = {name: f'{{% extends "{BUILTIN}{name}" %}}\n' if extend else site.builtin[name] for name in names}
    after = replace(site, texts={**site.texts, **made})
    for name in names:  # here the base comes first: alone it means nothing
        _keep_bases(after, name)
        _write(site, name, made[name])
    return tuple(PurePosixPath(site.file(name)) for name in names)


def accept(site: Site, names: Sequence[str]) -> None:
    """From now on these are made from the built-in ones as they are. Raises TemplateFailedError."""
    check(site)
    for name in names:
        _keep_bases(site, name)


def differences(site: Site, name: str) -> Iterator[str]:
    """Unified diffs: how the built-in ones have changed, and how yours differs from what it was made from."""
    overlay = site.overlay(name)
    bases = site.bases[name]
    for origin in overlay.changed:
        yield from difference(
            bases[origin],
            site.builtin[origin],
            f"built-in {origin}, as yours was made from it",
            f"built-in {origin}, as it is now",
        )
    if name in site.builtin and overlay.is_whole:
        is_known = name in bases
        yield from difference(
            bases[name] if is_known else site.builtin[name],
            overlay.text,
            f"built-in {name}, as {'yours was made from it' if is_known else 'it is now'}",
            overlay.file,
        )


def mergeable(site: Site) -> list[str]:
    """Templates that take the place of a built-in one that has changed."""
    return [name for name in site.texts if site.overlay(name).changed == (name,)]


def merged(site: Site, name: str) -> Merged | None:
    """What both sides changed, in one text; None when the built-in one has not changed.

    Raises ConfigError where they cannot be merged.
    """
    overlay = site.overlay(name)
    if overlay.unknown:
        raise ConfigError(
            f"it is not known which version of {', '.join(overlay.unknown)} {overlay.file} was made from",
            remedy=f"compare them (bootstrap templates diff {name}), then bootstrap templates accept {name}",
        )
    if overlay.changed and overlay.changed != (name,):
        raise ConfigError(
            f"{overlay.file} takes the place of blocks of {', '.join(overlay.changed)}: these are not merged",
            remedy=f"bootstrap templates diff {name}; edit it, then bootstrap templates accept {name}",
        )
    if not overlay.changed:
        return None
    labels = Labels(overlay.file, "the built-in one it was made from", "the built-in one now")
    return merge(site.bases[name][name], overlay.text, site.builtin[name], labels)


def merge_all(
    context: Context, site: Site, names: Sequence[str], *, write_conflicts: bool
) -> tuple[tuple[Overlay, Merged], ...]:
    """Merge these templates, all or none; those whose built-in one has not changed are left out.

    Conflicts are refused, or written to be resolved in the file, whose former text is kept as ``FILE.orig``.
    Raises ConfigError when there are some, or when what comes out does not render.
    """
    check(site)
    found = [(site.overlay(name), result) for name in names if (result := merged(site, name)) is not None]
    conflicting = [pair for pair in found if pair[1].conflicts]
    if conflicting and not write_conflicts:
        raise _conflicting(conflicting)
    clean = {overlay.name: result.text for overlay, result in found if not result.conflicts}
    if clean:
        _require_rendering(context, site.directory, clean)
    for overlay, result in found:
        if result.conflicts:
            _write(site, f"{overlay.name}.orig", overlay.text)
        _write(site, overlay.name, result.text)
        _keep_bases(site, overlay.name)
    return tuple(found)


def _row(site: Site, name: str) -> Row:
    if name not in site.texts:
        return Row(name, "built-in", "")
    overlay = site.overlay(name)
    state = "changed" if overlay.changed else "unknown" if overlay.unknown else "yours"
    return Row(name, state, overlay.file)


def _conflicting(pairs: Sequence[tuple[Overlay, Merged]]) -> ConfigError:
    names = " ".join(overlay.name for overlay, _result in pairs)
    return ConfigError(
        "yours and the built-in one changed the same lines; nothing was written",
        details=tuple(
            f"{overlay.file}: {len(result.conflicts)} conflict{'s' * (len(result.conflicts) > 1)}, at line"
            f" {', '.join(map(str, result.conflicts))} of bootstrap templates merge {overlay.name} --print"
            for overlay, result in pairs
        ),
        remedy=f"bootstrap templates merge {names} --conflicts writes them into the file, to be resolved",
    )


_RENDERERS: tuple[Callable[[Context, Templates], object], ...] = (
    manifests_by,
    coredns_objects,
    kube_proxy_objects,
    agent_unit,
)


def _require_rendering(context: Context, directory: str, texts: Texts) -> None:
    """Render everything as if the site had these texts. Raises ConfigError."""
    templates = Templates(directory, texts)
    for render in _RENDERERS:
        try:
            render(context, templates)
        except BootstrapError as error:
            names = " ".join(texts)
            raise ConfigError(
                f"merged without a conflict, but not usable, so nothing was written: {error.message}",
                details=error.details,
                remedy=f"see it: bootstrap templates merge {names} --print; edit yours, then bootstrap"
                f" templates accept {names}",
            ) from error


def _keep_bases(site: Site, name: str) -> None:
    origins = site.origins(name)
    here, directory = Files(), PurePosixPath(site.file(f"{BASES}/{name}"))
    for origin, text in origins.items():
        if site.bases.get(name, {}).get(origin) != text:
            here.write(directory / origin, text, _MODE)
    for gone in site.bases.get(name, {}).keys() - origins.keys():
        here.remove(directory / gone)


def _write(site: Site, name: str, text: str) -> None:
    """Where a link leads, the file it leads to is written."""
    path = PurePosixPath(Path(site.file(name)).resolve())
    here = Files()
    here.write(path, text, here.mode(path) if here.exists(path) else _MODE)


def site_of(directory: str) -> Site:
    """Raises ConfigError when no directory is configured."""
    if not directory:
        raise ConfigError(
            "no directory of templates is configured",
            remedy="set templates.directory in the BootstrapConfiguration, or name one with --directory",
        )
    return read_site(directory)
