"""kube-scheduler: flags, mounts and probes.

Source: cmd/kubeadm/app/phases/controlplane/manifests.go. Invariant: it sees its own kubeconfig and no key of
the cluster.
"""

from __future__ import annotations

from bootstrap.model.cluster import ControlPlane
from bootstrap.model.images import kubernetes_image
from bootstrap.model.layout import KUBE_SCHEDULER
from bootstrap.model.node import NodeFacts
from bootstrap.render import arguments, environment, volumes
from bootstrap.render.component import Component
from bootstrap.render.probes import Target, probe_host, startup_timeout

_PORT = 10259
_BIND_ADDRESS = "127.0.0.1"


def component(control_plane: ControlPlane, facts: NodeFacts) -> Component:
    settings = control_plane.cluster.scheduler
    kubeconfig = str(control_plane.layout.kubeconfig("scheduler"))
    bound = arguments.last_value(settings.extra_args, "bind-address")
    target = Target(probe_host(_BIND_ADDRESS if bound is None else bound))
    return Component(
        name=KUBE_SCHEDULER,
        image=kubernetes_image(control_plane, KUBE_SCHEDULER),
        command=arguments.command(
            KUBE_SCHEDULER, _flags(kubeconfig), settings.extra_args, control_plane.version
        ),
        environment=environment.merged(environment.proxy_variables(facts), settings.extra_envs),
        mounts=volumes.merged((volumes.file("kubeconfig", kubeconfig),), settings.extra_volumes),
        port=_PORT,
        liveness=target.liveness("/livez"),
        readiness=target.readiness("/readyz"),
        startup=target.startup("/livez", startup_timeout(control_plane)),
        requests=(("cpu", "100m"),),
    )


def _flags(kubeconfig: str) -> dict[str, str]:
    return {
        "authentication-kubeconfig": kubeconfig,
        "authorization-kubeconfig": kubeconfig,
        "bind-address": _BIND_ADDRESS,
        "kubeconfig": kubeconfig,
        "leader-elect": "true",
    }
