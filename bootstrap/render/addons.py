"""The add-ons as objects of the API: CoreDNS and kube-proxy, laid out by ``templates/addons/``.

Invariant: pure; what comes out is a tuple of objects with a kind and a name, or an error naming the template.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bootstrap.errors import ConfigError
from bootstrap.model.cluster import ControlPlane
from bootstrap.model.images import COREDNS, KUBE_PROXY, coredns_image, kubernetes_image
from bootstrap.model.node import NodeFacts
from bootstrap.render.documents import InvalidYamlError, load_all
from bootstrap.render.engine import Templates, templates_of
from bootstrap.render.environment import proxy_variables
from bootstrap.render.patches import Patches, apply_patches

ApiObject = dict[str, Any]

REPLICAS = 2
"""Of CoreDNS."""

_TARGETS = {("Deployment", "coredns"): "corednsdeployment", ("DaemonSet", "kube-proxy"): "kubeproxydaemonset"}
"""What kubeadm's patches may change, and how they call it."""


class InvalidAddonError(ConfigError):
    """A template makes something that is no object of the API."""


def render_coredns(
    control_plane: ControlPlane,
    *,
    address: str,
    patches: Patches = Patches(),  # noqa: B008 - a frozen value
    templates: Templates | None = None,
) -> tuple[ApiObject, ...]:
    """``address`` is that of the DNS service; ``templates`` are those of the configuration by default.

    Raises TemplateFailedError, InvalidAddonError, PatchError.
    """
    values = {
        "image": coredns_image(control_plane),
        "replicas": REPLICAS,
        "dns_address": address,
        "dns_domain": control_plane.cluster.networking.dns_domain,
    }
    return _render(control_plane, COREDNS, values, patches, templates)


def render_kube_proxy(
    control_plane: ControlPlane,
    facts: NodeFacts,
    *,
    configuration: str,
    patches: Patches = Patches(),  # noqa: B008 - a frozen value
    templates: Templates | None = None,
) -> tuple[ApiObject, ...]:
    """``configuration`` is the text of a KubeProxyConfiguration. Raises as ``render_coredns`` does."""
    values = {
        "image": kubernetes_image(control_plane, KUBE_PROXY),
        "server": control_plane.control_plane_endpoint,
        "configuration": configuration,
        "environment": proxy_variables(facts),
    }
    return _render(control_plane, KUBE_PROXY, values, patches, templates)


def _render(
    control_plane: ControlPlane,
    addon: str,
    values: Mapping[str, object],
    patches: Patches,
    templates: Templates | None,
) -> tuple[ApiObject, ...]:
    templates = templates or templates_of(control_plane.bootstrap.templates.directory)
    name = f"addons/{addon}.yaml.j2"
    try:
        documents = [document for document in load_all(templates.yaml(name, values)) if document is not None]
    except InvalidYamlError as error:
        raise _invalid(templates.where(name), f"it makes no YAML{error}") from error
    for document in documents:
        if not _is_object(document):
            raise _invalid(templates.where(name), "a document has no apiVersion, kind or metadata.name")
    return tuple(_patched(document, patches) for document in documents)


def _is_object(document: Any) -> bool:
    if not isinstance(document, dict) or not isinstance(document.get("metadata"), dict):
        return False
    texts = (document.get("apiVersion"), document.get("kind"), document["metadata"].get("name"))
    return all(isinstance(text, str) and text for text in texts)


def _patched(document: ApiObject, patches: Patches) -> ApiObject:
    target = _TARGETS.get((document["kind"], document["metadata"]["name"]), "")
    return apply_patches(document, patches.of(target))


def _invalid(template: str, why: str) -> InvalidAddonError:
    return InvalidAddonError(
        f"template {template}: {why}", remedy="correct the template, or remove it to use the built-in one"
    )
