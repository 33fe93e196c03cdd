"""The static pod manifests of this node: rendered all together, written one component at a time.

Invariant: a manifest is written only after every manifest of this node has been rendered without an error.
Not a phase itself; ``etcd`` and ``control-plane`` are.
"""

from __future__ import annotations

import functools
from pathlib import Path, PurePosixPath

from bootstrap.apply import inventory
from bootstrap.apply.commit import commit
from bootstrap.apply.plan import make_plan
from bootstrap.errors import ConfigError
from bootstrap.host.files import Files
from bootstrap.model.desired import DesiredFile
from bootstrap.model.layout import COMPONENTS
from bootstrap.phases.context import Context
from bootstrap.phases.overlays import look_at_overlays
from bootstrap.render.engine import Templates
from bootstrap.render.manifests import render_manifests, unknown_fields
from bootstrap.render.patches import Patches, read_patches

_MANIFESTS_MODE = 0o700


def desired_manifests(context: Context) -> tuple[DesiredFile, ...]:
    """All manifests of this node, in dependency order; nothing is written.

    They are rendered once for a context, and again only when it turned out that the CA's key is elsewhere.
    Raises TemplateFailedError, PatchError or InvalidManifestError, all of them ConfigErrors.
    """
    look_at_overlays(context)
    external_ca = _is_ca_external(context)
    if external_ca not in context.rendered:
        context.rendered[external_ca] = manifests_by(context)
    return context.rendered[external_ca]


def manifests_by(context: Context, templates: Templates | None = None) -> tuple[DesiredFile, ...]:
    """The same, of other templates than those of the configuration if they are given. Raises the same."""
    return render_manifests(
        context.control_plane,
        context.facts,
        external_ca=_is_ca_external(context),
        patches=configured_patches(context),
        templates=templates,
    )


def configured_patches(context: Context) -> Patches:
    """What is in patches.directory, files in subdirectories too, ordered by path as kubeadm orders them.

    Raises ConfigError when it is not a directory, PatchError for what is in it. The directory is the
    operator's, so it is read where it is, never below another root.
    """
    settings = context.control_plane.init.patches
    if settings is None or not settings.directory:
        return Patches()
    here = Files()
    directory = PurePosixPath(Path(settings.directory).absolute())
    if not here.is_directory(directory):
        raise ConfigError(
            f"the patches directory {settings.directory} does not exist",
            remedy="create it, or correct --patches or patches.directory",
        )
    paths = sorted(here.walk(directory), key=lambda path: path.parts)
    return read_patches({str(path.relative_to(directory)): here.read_text(path) for path in paths})


def write_manifest(context: Context, component: str) -> None:
    """Bring one manifest about; a file that means the same already is left alone.

    Raises what ``desired_manifests`` raises, and DiskFullError or FileAccessError.
    """
    layout, files = context.layout, context.files
    with context.reporter.step(f"Writing the manifest of {component}") as step:
        wanted = [file for file in desired_manifests(context) if file.component == component]
        _warn_of_unknown_fields(context, wanted)
        if component == context.control_plane.components[0]:  # so that it is told once
            _warn_of_what_is_ignored(context)
        inventory.record(files, layout, directories=(layout.manifests,))
        files.make_directory(layout.manifests, _MANIFESTS_MODE)
        plan = make_plan(wanted, files)
        commit(plan, files, layout, clock=context.clock)
        step.done(f"{component}: {'unchanged' if plan.is_empty else layout.manifest(component)}")


def writer(component: str) -> functools.partial[None]:
    """``write_manifest`` of one component, as the action of a phase."""
    return functools.partial(write_manifest, component=component)


def _is_ca_external(context: Context) -> bool:
    pki = context.layout.pki
    return context.files.exists(pki / "ca.crt") and not context.files.exists(pki / "ca.key")


def _warn_of_unknown_fields(context: Context, files: list[DesiredFile]) -> None:
    for file in files:
        for path in unknown_fields(file):
            context.reporter.warn(f"{file.path}: {path} is no known field, check its spelling")


def _warn_of_what_is_ignored(context: Context) -> None:
    patches = configured_patches(context)
    for line in patches.ignored:
        context.reporter.warn(line)
    for patch in patches.patches:
        if patch.target in COMPONENTS and patch.target not in context.control_plane.components:
            context.reporter.warn(
                f"patch file {patch.source} changes nothing: {patch.target} does not run here"
            )
    if context.control_plane.cluster.feature_gates.get("RootlessControlPlane"):
        context.reporter.warn("feature gate RootlessControlPlane is ignored: the components run as root")
