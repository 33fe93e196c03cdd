"""The templates of the site, looked at before any is used. Not a phase itself.

Invariant: what is wrong with them is an error before anything is written; what passes them by is a warning,
told once in a run.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from bootstrap.host.files import Files
from bootstrap.phases.context import Context

if TYPE_CHECKING:
    from bootstrap.render.overlays import Site, Texts


def look_at_overlays(context: Context) -> None:
    """Raises TemplateFailedError for a template of the site that cannot be used.

    Without such templates, nothing is read and nothing imported.
    """
    directory = context.control_plane.bootstrap.templates.directory
    if not directory or context.overlays_seen.is_set():
        return
    from bootstrap.render.overlays import check, warnings

    site = read_site(directory)
    check(site)
    for sentence in warnings(site):
        context.reporter.warn(sentence)
    context.overlays_seen.set()


def read_site(directory: str) -> Site:
    """A directory that is not there, or "", has no templates of the site. Raises FileAccessError.

    It is the operator's, as a directory of patches is: read where it is, never below another root.
    """
    from bootstrap.render.engine import builtin_directory
    from bootstrap.render.overlays import BASES, Site

    builtin = _texts(PurePosixPath(builtin_directory()))
    if not directory:
        return Site("", {}, builtin, {})
    top = PurePosixPath(directory)
    texts = {name: text for name, text in _texts(top, builtin).items() if not name.startswith(".")}
    bases = {name: _texts(top / BASES / name) for name in texts}
    return Site(directory, texts, builtin, bases)


def _texts(directory: PurePosixPath, more: Texts | None = None) -> dict[str, str]:
    """Templates below a directory by relative path; ``more`` are looked for behind links, too."""
    here = Files()
    found = {str(path.relative_to(directory)) for path in here.walk(directory)}
    found.update(name for name in more or () if here.exists(directory / name))
    return {name: here.read_text(directory / name) for name in sorted(found) if name.endswith(".j2")}
