"""A local etcd member: flags, mounts and probes.

Source: cmd/kubeadm/app/phases/etcd/local.go. Invariant: it gets no proxy settings, since it speaks to its
peers and to this machine only.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from bootstrap.errors import ConfigError
from bootstrap.model.cluster import ControlPlane, host_port
from bootstrap.model.images import etcd_image, etcd_tag
from bootstrap.model.kubeadm import LocalEtcd
from bootstrap.model.layout import ETCD
from bootstrap.model.version import KubernetesVersion
from bootstrap.render import arguments, environment, volumes
from bootstrap.render.component import Component
from bootstrap.render.probes import HTTP, HTTPS, Target, startup_timeout

_CLIENT_PORT = 2379
_PEER_PORT = 2380
_METRICS_PORT = 2381
_CLIENT_URLS_ANNOTATION = "kubeadm.kubernetes.io/etcd.advertise-client-urls"

_ETCD_3_6 = KubernetesVersion(3, 6)
_LAST_ASKING_FOR_THE_TAG = (1, 35)
"""Later releases of kubeadm take every etcd for 3.6 or newer."""


def component(control_plane: ControlPlane, local: LocalEtcd) -> Component:
    target, port = _probe_target(control_plane, local)
    client_url = _url(control_plane.advertise_address, _CLIENT_PORT)
    return Component(
        name=ETCD,
        image=etcd_image(control_plane),
        command=arguments.command(
            ETCD, _flags(control_plane, client_url), local.extra_args, control_plane.version
        ),
        environment=environment.merged(local.extra_envs),
        mounts=(
            volumes.directory("etcd-data", str(control_plane.layout.etcd_data), read_only=False),
            volumes.directory("etcd-certs", f"{control_plane.layout.pki}/etcd", read_only=False),
        ),
        port=port,
        liveness=target.liveness("/livez"),
        readiness=target.readiness("/readyz"),
        startup=target.startup("/readyz", startup_timeout(control_plane)),
        requests=(("cpu", "100m"), ("memory", "100Mi")),
        annotations=((_CLIENT_URLS_ANNOTATION, client_url),),
    )


def _flags(control_plane: ControlPlane, client_url: str) -> dict[str, str]:
    pki = f"{control_plane.layout.pki}/etcd"
    peer_url = _url(control_plane.advertise_address, _PEER_PORT)
    return {
        "advertise-client-urls": client_url,
        "cert-file": f"{pki}/server.crt",
        "client-cert-auth": "true",
        "data-dir": str(control_plane.layout.etcd_data),
        "initial-advertise-peer-urls": peer_url,
        "initial-cluster": f"{control_plane.node_name}={peer_url}",
        "key-file": f"{pki}/server.key",
        "listen-client-urls": f"{_url(control_plane.loopback, _CLIENT_PORT)},{client_url}",
        "listen-metrics-urls": f"http://{host_port(control_plane.loopback, _METRICS_PORT)}",
        "listen-peer-urls": peer_url,
        "name": control_plane.node_name,
        "peer-cert-file": f"{pki}/peer.crt",
        "peer-client-cert-auth": "true",
        "peer-key-file": f"{pki}/peer.key",
        "peer-trusted-ca-file": f"{pki}/ca.crt",
        "snapshot-count": "10000",
        "trusted-ca-file": f"{pki}/ca.crt",
        **_safety_flags(control_plane),
    }


def _safety_flags(control_plane: ControlPlane) -> dict[str, str]:
    """The same two settings under the names this etcd knows them by."""
    if _is_before_3_6(control_plane):
        return {
            "experimental-initial-corrupt-check": "true",
            "experimental-watch-progress-notify-interval": "5s",
        }
    return {"feature-gates": "InitialCorruptCheck=true", "watch-progress-notify-interval": "5s"}


def _is_before_3_6(control_plane: ControlPlane) -> bool:
    """By the image tag; a tag that is no version counts as an old one, as in kubeadm."""
    version = control_plane.version
    if (version.major, version.minor) > _LAST_ASKING_FOR_THE_TAG:
        return False
    try:
        return KubernetesVersion.parse(etcd_tag(control_plane)) < _ETCD_3_6
    except ConfigError:
        return True


def _probe_target(control_plane: ControlPlane, local: LocalEtcd) -> tuple[Target, int]:
    """What to ask and its port: the first URL of the user's listen-metrics-urls, else the default one."""
    urls = arguments.last_value(local.extra_args, "listen-metrics-urls") or ""
    try:
        first = urlsplit(urls.split(",")[0])
        host, port = first.hostname or control_plane.loopback, first.port or _METRICS_PORT
    except ValueError:
        return Target(control_plane.loopback, HTTP), _METRICS_PORT
    return Target(host, HTTPS if first.scheme == "https" else HTTP), port


def _url(host: str, port: int) -> str:
    return f"https://{host_port(host, port)}"
