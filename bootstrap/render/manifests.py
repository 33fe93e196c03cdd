"""The static pod manifests of a control plane node.

Invariant: what leaves here has been read back: it is YAML, and a Pod this program can run.
"""

from __future__ import annotations

from bootstrap.errors import ConfigError
from bootstrap.model.cluster import ControlPlane
from bootstrap.model.desired import DesiredFile
from bootstrap.model.layout import ETCD, KUBE_APISERVER, KUBE_CONTROLLER_MANAGER, KUBE_SCHEDULER
from bootstrap.model.node import NodeFacts
from bootstrap.render import apiserver, controller_manager, etcd, scheduler
from bootstrap.render.component import PROBE_PORT_NAME, Component
from bootstrap.render.engine import Templates, templates_of


class InvalidManifestError(ConfigError):
    """A rendered manifest is no YAML, or no Pod that can run; nothing was written."""


def render_manifests(
    control_plane: ControlPlane, facts: NodeFacts, *, external_ca: bool = False
) -> tuple[DesiredFile, ...]:
    """The manifests of all components of this node, in dependency order.

    ``external_ca``: the cluster CA's certificate is here and its key is not. Raises TemplateFailedError or
    InvalidManifestError.
    """
    return tuple(
        render_manifest(name, control_plane, facts, external_ca=external_ca)
        for name in control_plane.components
    )


def render_manifest(
    name: str, control_plane: ControlPlane, facts: NodeFacts, *, external_ca: bool = False
) -> DesiredFile:
    """The manifest of one of ``control_plane.components``."""
    templates = templates_of(control_plane.bootstrap.templates.directory)
    text = _laid_out(templates, _component(name, control_plane, facts, external_ca=external_ca))
    return DesiredFile(
        path=control_plane.layout.manifest(name), content=text, mode=0o600, kind="manifest", component=name
    )


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


def _laid_out(templates: Templates, component: Component) -> str:
    return templates.yaml(
        f"manifests/{component.name}.yaml.j2",
        {
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
        },
    )
