"""kube-apiserver: flags, mounts and probes.

Source: cmd/kubeadm/app/phases/controlplane/manifests.go. Invariant: probes follow localAPIEndpoint, never an
extra argument.
"""

from __future__ import annotations

from bootstrap.model.cluster import ControlPlane, host_port
from bootstrap.model.images import kubernetes_image
from bootstrap.model.kubeadm import HostPathMount
from bootstrap.model.layout import KUBE_APISERVER
from bootstrap.model.node import NodeFacts
from bootstrap.render import arguments, environment, volumes
from bootstrap.render.component import Component
from bootstrap.render.probes import Target, probe_host, startup_timeout

_ETCD_CLIENT_PORT = 2379
_ENDPOINT_ANNOTATION = "kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint"


def component(control_plane: ControlPlane, facts: NodeFacts) -> Component:
    settings = control_plane.cluster.api_server
    target = Target(probe_host(control_plane.advertise_address))
    return Component(
        name=KUBE_APISERVER,
        image=kubernetes_image(control_plane, KUBE_APISERVER),
        command=arguments.command(
            KUBE_APISERVER, _flags(control_plane), settings.extra_args, control_plane.version
        ),
        environment=environment.merged(environment.proxy_variables(facts), settings.extra_envs),
        mounts=_mounts(control_plane, facts),
        port=control_plane.bind_port,
        liveness=target.liveness("/livez"),
        readiness=target.readiness("/readyz"),
        startup=target.startup("/livez", startup_timeout(control_plane)),
        requests=(("cpu", "250m"),),
        annotations=(
            (_ENDPOINT_ANNOTATION, host_port(control_plane.advertise_address, control_plane.bind_port)),
        ),
    )


def _flags(control_plane: ControlPlane) -> dict[str, str]:
    networking = control_plane.cluster.networking
    pki = control_plane.layout.pki
    return {
        "advertise-address": control_plane.advertise_address,
        "allow-privileged": "true",
        "client-ca-file": f"{pki}/ca.crt",
        "enable-admission-plugins": "NodeRestriction",
        "enable-bootstrap-token-auth": "true",
        "kubelet-client-certificate": f"{pki}/apiserver-kubelet-client.crt",
        "kubelet-client-key": f"{pki}/apiserver-kubelet-client.key",
        "kubelet-preferred-address-types": "InternalIP,ExternalIP,Hostname",
        "proxy-client-cert-file": f"{pki}/front-proxy-client.crt",
        "proxy-client-key-file": f"{pki}/front-proxy-client.key",
        "requestheader-allowed-names": "front-proxy-client",
        "requestheader-client-ca-file": f"{pki}/front-proxy-ca.crt",
        "requestheader-extra-headers-prefix": "X-Remote-Extra-",
        "requestheader-group-headers": "X-Remote-Group",
        "requestheader-username-headers": "X-Remote-User",
        "secure-port": str(control_plane.bind_port),
        "service-account-issuer": f"https://kubernetes.default.svc.{networking.dns_domain}",
        "service-account-key-file": f"{pki}/sa.pub",
        "service-account-signing-key-file": f"{pki}/sa.key",
        "service-cluster-ip-range": networking.service_subnet,
        "tls-cert-file": f"{pki}/apiserver.crt",
        "tls-private-key-file": f"{pki}/apiserver.key",
        **_authorization_flags(control_plane),
        **_etcd_flags(control_plane),
    }


def _authorization_flags(control_plane: ControlPlane) -> dict[str, str]:
    """None when the user's authorization-config says it all: kube-apiserver refuses both together."""
    structured = arguments.last_value(control_plane.cluster.api_server.extra_args, "authorization-config")
    return {} if structured is not None else {"authorization-mode": "Node,RBAC"}


def _etcd_flags(control_plane: ControlPlane) -> dict[str, str]:
    external = control_plane.external_etcd
    if external:
        flags = {"etcd-servers": ",".join(external.endpoints), "etcd-cafile": external.ca_file}
        if external.cert_file and external.key_file:
            flags |= {"etcd-certfile": external.cert_file, "etcd-keyfile": external.key_file}
        return {name: value for name, value in flags.items() if value}
    pki = control_plane.layout.pki
    extra = control_plane.local_etcd.extra_args if control_plane.local_etcd else ()
    local_url = f"https://{host_port(control_plane.loopback, _ETCD_CLIENT_PORT)}"
    advertised = arguments.last_value(extra, "advertise-client-urls")
    return {
        "etcd-cafile": f"{pki}/etcd/ca.crt",
        "etcd-certfile": f"{pki}/apiserver-etcd-client.crt",
        "etcd-keyfile": f"{pki}/apiserver-etcd-client.key",
        "etcd-servers": local_url if advertised is None else advertised,
    }


def _mounts(control_plane: ControlPlane, facts: NodeFacts) -> tuple[HostPathMount, ...]:
    external = control_plane.external_etcd
    pki = control_plane.layout.pki
    return volumes.merged(
        volumes.certificates(control_plane, facts),
        volumes.external_etcd_certificates(external, pki) if external else (),
        control_plane.cluster.api_server.extra_volumes,
    )
