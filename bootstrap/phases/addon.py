"""Phase ``addon``: CoreDNS and kube-proxy. Source: cmd/kubeadm/app/phases/addons.

Invariant: nothing waits for their pods, which stay Pending until a node that runs pods has joined; a Corefile
and a number of replicas that are in the cluster belong to its users.
"""

from __future__ import annotations

from collections.abc import Callable

from bootstrap.config.dump import to_yaml
from bootstrap.config.kubelet import dns_address
from bootstrap.config.kubeproxy import KIND as KUBE_PROXY_CONFIGURATION
from bootstrap.config.kubeproxy import kube_proxy_configuration
from bootstrap.kube.client import JsonObject
from bootstrap.phases.cluster import (
    ADMIN_KUBECONFIG,
    Existing,
    Wanted,
    admin_client,
    bring_about,
    kept,
    replaced,
)
from bootstrap.phases.context import Context
from bootstrap.phases.manifests import configured_patches
from bootstrap.phases.overlays import look_at_overlays
from bootstrap.phases.phase import Need, Phase
from bootstrap.phases.upload_config import signature
from bootstrap.render.addons import render_coredns, render_kube_proxy
from bootstrap.render.documents import dump
from bootstrap.render.engine import Templates

Render = Callable[[Context], tuple[JsonObject, ...]]

_SHARED = ("config", "dry-run", "image-repository", "kubernetes-version", "print-manifest")
_COREDNS = ("feature-gates", "service-cidr", "service-dns-domain")
_KUBE_PROXY = (
    "apiserver-advertise-address",
    "apiserver-bind-port",
    "control-plane-endpoint",
    "pod-network-cidr",
)
"""Source of the options: cmd/kubeadm/app/cmd/phases/init/addons.go."""


def coredns_objects(context: Context, templates: Templates | None = None) -> tuple[JsonObject, ...]:
    """Raises ConfigError for a template or a patch that does not fit.

    ``templates`` are those of the configuration unless they are given.
    """
    look_at_overlays(context)
    control_plane = context.control_plane
    address = dns_address(control_plane)
    patches = configured_patches(context)
    return render_coredns(control_plane, address=address, patches=patches, templates=templates)


def kube_proxy_objects(context: Context, templates: Templates | None = None) -> tuple[JsonObject, ...]:
    """Raises as ``coredns_objects`` does."""
    look_at_overlays(context)
    control_plane = context.control_plane
    rendered = render_kube_proxy(
        control_plane,
        context.facts,
        configuration=to_yaml(kube_proxy_configuration(control_plane)).removesuffix("\n"),
        patches=configured_patches(context),
        templates=templates,
    )
    for body in rendered:
        if (body["kind"], body["metadata"]["name"]) == ("ConfigMap", "kube-proxy"):
            signed = signature(control_plane, KUBE_PROXY_CONFIGURATION, body["data"])
            if signed:
                body["metadata"]["annotations"] = {**body["metadata"].get("annotations", {}), **signed}
    return rendered


def check_addons(context: Context) -> None:
    """Find out what is wrong with the site's templates and patches before anything is written."""
    if context.control_plane.bootstrap.templates.directory or context.control_plane.init.patches:
        for render in (coredns_objects, kube_proxy_objects):
            render(context)


def _with_replicas(current: JsonObject, wanted: JsonObject) -> JsonObject:
    return {**wanted, "spec": {**wanted["spec"], "replicas": current["spec"]["replicas"]}}


_EXISTING: dict[tuple[str, str], Existing] = {
    ("ConfigMap", "coredns"): kept,
    ("Deployment", "coredns"): _with_replicas,
}


def _installer(title: str, render: Render) -> Callable[[Context], None]:
    def install(context: Context) -> None:
        if context.wishes.print_manifest:
            context.reporter.result("---\n".join(dump(body) for body in render(context)).removesuffix("\n"))
            return
        with context.reporter.step(f"Installing {title}") as step, admin_client(context) as api:
            wanted = [
                Wanted(body, _EXISTING.get((body["kind"], body["metadata"]["name"]), replaced))
                for body in render(context)
            ]
            bring_about(context, api, wanted)
            step.done(f"{title} installed; its pods run once a node has joined")

    return install


def _missing_kubeconfig(context: Context) -> str:
    return "" if context.wishes.print_manifest else ADMIN_KUBECONFIG.missing(context)


def _dns_is_disabled(context: Context) -> str:
    return "dns.disabled is set" if context.control_plane.cluster.dns.disabled else ""


def _proxy_is_disabled(context: Context) -> str:
    return "proxy.disabled is set" if context.control_plane.cluster.proxy.disabled else ""


_NEEDS = (Need(_missing_kubeconfig, ADMIN_KUBECONFIG.remedy),)

ADDON = Phase(
    "addon",
    "Install the add-ons",
    steps=(
        Phase(
            "coredns",
            "Install CoreDNS",
            run=_installer("CoreDNS", coredns_objects),
            needs=_NEEDS,
            skip=_dns_is_disabled,
            options=(*_SHARED, *_COREDNS),
        ),
        Phase(
            "kube-proxy",
            "Install kube-proxy",
            run=_installer("kube-proxy", kube_proxy_objects),
            needs=_NEEDS,
            skip=_proxy_is_disabled,
            options=(*_SHARED, *_KUBE_PROXY),
        ),
    ),
    options=(*_SHARED, *_COREDNS, *_KUBE_PROXY),
)
