"""The static pod manifests of a control plane node.

Invariant: what leaves here has been read back: it is YAML, and a Pod this program can run.
"""

from __future__ import annotations

from bootstrap.errors import BootstrapError, ConfigError
from bootstrap.model.cluster import ControlPlane
from bootstrap.model.desired import DesiredFile
from bootstrap.model.layout import ETCD, KUBE_APISERVER, KUBE_CONTROLLER_MANAGER, KUBE_SCHEDULER
from bootstrap.model.node import NodeFacts
from bootstrap.model.pod import decode_pod
from bootstrap.render import apiserver, controller_manager, etcd, scheduler
from bootstrap.render.component import PROBE_PORT_NAME, Component
from bootstrap.render.documents import InvalidYamlError, dump, load
from bootstrap.render.engine import Templates, templates_of
from bootstrap.render.patches import Patch, Patches, apply_patches


class InvalidManifestError(ConfigError):
    """A rendered manifest is no YAML, or no Pod that can run; nothing was written."""


def render_manifests(
    control_plane: ControlPlane,
    facts: NodeFacts,
    *,
    external_ca: bool = False,
    patches: Patches = Patches(),  # noqa: B008 - a frozen value
    templates: Templates | None = None,
) -> tuple[DesiredFile, ...]:
    """The manifests of all components of this node, in dependency order.

    ``external_ca``: the cluster CA's certificate is here and its key is not. ``templates`` are those of the
    configuration unless they are given. Raises TemplateFailedError, PatchError or InvalidManifestError.
    """
    return tuple(
        render_manifest(
            name, control_plane, facts, external_ca=external_ca, patches=patches, templates=templates
        )
        for name in control_plane.components
    )


def render_manifest(
    name: str,
    control_plane: ControlPlane,
    facts: NodeFacts,
    *,
    external_ca: bool = False,
    patches: Patches = Patches(),  # noqa: B008 - a frozen value
    templates: Templates | None = None,
) -> DesiredFile:
    """The manifest of one of ``control_plane.components``; raises as ``render_manifests`` does."""
    templates = templates or templates_of(control_plane.bootstrap.templates.directory)
    template = f"manifests/{name}.yaml.j2"
    component = _component(name, control_plane, facts, external_ca=external_ca)
    text = templates.yaml(template, _values(component))
    text = _checked(text, patches.of(name), templates.where(template))
    return DesiredFile(
        path=control_plane.layout.manifest(name), content=text, mode=0o600, kind="manifest", component=name
    )


def _checked(text: str, patches: tuple[Patch, ...], template: str) -> str:
    """The text of a template read back, patched if there are patches, and known to be a Pod."""
    try:
        document = load(text)
    except InvalidYamlError as error:
        raise InvalidManifestError(
            f"what template {template} produces is not YAML{error}", remedy="correct the template"
        ) from error
    if not patches:
        return _checked_pod(document, text, template, f"correct {template}")
    patched = apply_patches(document, patches)
    sources = ", ".join(dict.fromkeys(patch.source for patch in patches))
    return _checked_pod(patched, dump(patched), f"{template}, patched by {sources},", f"correct {sources}")


def _checked_pod(document: object, text: str, origin: str, remedy: str) -> str:
    try:
        decode_pod(document)
    except BootstrapError as error:
        raise InvalidManifestError(
            f"what {origin} produces cannot run: {error.message}",
            remedy=remedy,
            details=error.details,
        ) from error
    return text


def unknown_fields(manifest: DesiredFile) -> tuple[str, ...]:
    """Paths in a rendered manifest that are no field of a Pod as far as is known: misspelled, perhaps."""
    return decode_pod(load(manifest.content)).ignored


def _component(name: str, control_plane: ControlPlane, facts: NodeFacts, *, external_ca: bool) -> Component:
    if name == ETCD:
        assert control_plane.local_etcd, "an external etcd has no manifest"
        return etcd.component(control_plane, control_plane.local_etcd)
    if name == KUBE_APISERVER:
        return apiserver.component(control_plane, facts)
    if name == KUBE_CONTROLLER_MANAGER:
        return controller_manager.component(control_plane, facts, external_ca=external_ca)
    assert name == KUBE_SCHEDULER, f"{name} is no control plane component"
    return scheduler.component(control_plane, facts)


def _values(component: Component) -> dict[str, object]:
    """The names a manifest template may use."""
    return {
        "name": component.name,
        "image": component.image,
        "command": component.command,
        "annotations": component.annotations,
        "environment": component.environment,
        "liveness": component.liveness,
        "readiness": component.readiness,
        "startup": component.startup,
        "port": component.port,
        "port_name": PROBE_PORT_NAME,
        "requests": component.requests,
        "mounts": component.mounts,
        "volumes": component.volumes,
    }
