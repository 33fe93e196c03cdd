"""The situations whose manifests are kept as golden files, one directory per name."""

from __future__ import annotations

from dataclasses import dataclass, field

from msgspec.structs import replace

from bootstrap.model.cluster import ControlPlane
from bootstrap.model.kubeadm import (
    APIEndpoint,
    APIServer,
    Arg,
    ControlPlaneComponent,
    EnvVar,
    Etcd,
    ExternalEtcd,
    HostPathMount,
    Timeouts,
)
from bootstrap.model.node import HOST_CA_DIRECTORIES, NodeFacts
from tests.golden.control_planes import (
    CLUSTER,
    FACTS,
    INIT,
    control_plane,
    with_local_etcd,
    with_networking,
)


@dataclass(frozen=True)
class Case:
    control_plane: ControlPlane
    facts: NodeFacts = FACTS
    external_ca: bool = False
    patches: dict[str, str] = field(default_factory=dict)


def _release(version: str) -> Case:
    return Case(control_plane(replace(CLUSTER, kubernetes_version=version)))


def _extra_args(version: str) -> Case:
    cluster = replace(
        with_local_etcd(
            extra_args=(
                Arg(name="listen-metrics-urls", value="https://0.0.0.0:2391,http://127.0.0.1:2381"),
                Arg(name="advertise-client-urls", value="https://etcd.example:2379"),
                Arg(name="quota-backend-bytes", value="8589934592"),
            )
        ),
        kubernetes_version=version,
        api_server=APIServer(
            extra_args=(
                Arg(name="service-account-issuer", value="https://new.example"),
                Arg(name="service-account-issuer", value="https://kubernetes.default.svc.cluster.local"),
                Arg(name="authorization-mode", value="Node,RBAC,Bogus"),
                Arg(name="audit-log-path", value=""),
                Arg(name="enable-admission-plugins", value="NodeRestriction,PodNodeSelector"),
            )
        ),
        controller_manager=ControlPlaneComponent(
            extra_args=(
                Arg(name="flex-volume-plugin-dir", value="/opt/flexvolume"),
                Arg(name="bind-address", value="0.0.0.0"),
            )
        ),
        scheduler=ControlPlaneComponent(extra_args=(Arg(name="bind-address", value="10.0.0.5"),)),
    )
    return Case(control_plane(cluster))


def _structured_authorization() -> Case:
    extra = (Arg(name="authorization-config", value="/etc/kubernetes/authorization.yaml"),)
    return Case(control_plane(replace(CLUSTER, api_server=APIServer(extra_args=extra))))


def _external_etcd() -> Case:
    etcd = ExternalEtcd(
        endpoints=("https://10.0.0.1:2379", "https://10.0.0.2:2379"),
        ca_file="/opt/e/ca.crt",
        cert_file="/opt/e/sub/client.crt",
        key_file="/opt/f/client.key",
    )
    return Case(control_plane(replace(CLUSTER, etcd=Etcd(external=etcd))))


def _ipv6() -> Case:
    init = replace(INIT, local_api_endpoint=APIEndpoint(advertise_address="fd00::10", bind_port=6444))
    cluster = with_networking(service_subnet="fd01::/112", pod_subnet="fd02::/56")
    return Case(control_plane(cluster, init))


def _extra_volumes_and_envs() -> Case:
    mounts = (
        HostPathMount(name="audit", host_path="/var/log/audit", mount_path="/audit"),
        HostPathMount(
            name="ca-certs",
            host_path="/opt/ca",
            mount_path="/etc/ssl/certs",
            read_only=True,
            path_type="Directory",
        ),
    )
    envs = (
        EnvVar(name="NODE_IP", value_from={"fieldRef": {"apiVersion": "v1", "fieldPath": "status.hostIP"}}),
        EnvVar(name="EMPTY"),
        EnvVar(name="GODEBUG", value="http2client=0"),
    )
    component = ControlPlaneComponent(extra_volumes=mounts, extra_envs=envs)
    cluster = replace(
        with_local_etcd(extra_envs=(EnvVar(name="ETCD_HEARTBEAT_INTERVAL", value="200"),)),
        api_server=APIServer(extra_volumes=mounts, extra_envs=envs),
        controller_manager=component,
        scheduler=component,
    )
    return Case(control_plane(cluster))


def _proxy() -> Case:
    facts = NodeFacts(
        hostname="master",
        default_address="192.0.2.10",
        existing_paths=frozenset(HOST_CA_DIRECTORIES),
        proxy_environment=(("HTTPS_PROXY", "http://user:p%40ss@proxy:3128"), ("no_proxy", "10.0.0.0/8,.svc")),
    )
    own = APIServer(extra_envs=(EnvVar(name="HTTPS_PROXY", value="http://mine:3128"),))
    return Case(control_plane(replace(CLUSTER, api_server=own)), facts)


def _elsewhere() -> Case:
    init = replace(INIT, timeouts=Timeouts(control_plane_component_health_check="3m5s"))
    cluster = replace(
        with_local_etcd(data_dir="/data/etcd", image_repository="registry.example/etcd", image_tag="3.6.1-1"),
        certificates_dir="/srv/pki",
        image_repository="registry.example/k8s",
        kubernetes_version="v1.37.2+build.7",
        cluster_name="blue",
    )
    return Case(control_plane(cluster, init))


_PATCHES = {
    "etcd.yaml": """\
spec:
  containers:
  - name: etcd
    resources:
      limits: {memory: 2Gi}
      requests: {cpu: null, memory: 1Gi}
---
metadata:
  annotations: {example.com/since: 2026-01-01, example.com/ratio: "1e3"}
""",
    "kube-apiserver0+strategic.yaml": """\
spec:
  containers:
  - name: kube-apiserver
    env: [{name: GODEBUG, value: gctrace=1}]
    volumeMounts:
    - {mountPath: /audit, name: audit}
    - {mountPath: /etc/ssl/certs, $patch: delete}
  - name: sidecar
    image: registry.example/sidecar:1
  volumes:
  - {name: audit, emptyDir: {}}
  - {name: ca-certs, $patch: delete}
  securityContext: {$patch: replace, runAsNonRoot: false}
  hostAliases: [{ip: 10.0.0.1, hostnames: [vip]}]
""",
    "kube-apiserver1+json.json": """\
[{"op": "add", "path": "/spec/containers/0/command/-", "value": "--profiling=false"},
 {"op": "replace", "path": "/metadata/labels/tier", "value": "edge"}]
""",
    "kube-controller-manager+merge.yaml": """\
metadata: {labels: {tier: null, team: "yes"}}
spec: {hostAliases: [{ip: 10.0.0.1, hostnames: [vip]}]}
""",
    "notes.txt": "not a patch",
}

CASES: dict[str, Case] = {
    "defaults-1.34": _release("v1.34.4"),
    "defaults-1.35": _release("v1.35.4"),
    "defaults-1.36": _release("v1.36.3"),
    "defaults-1.37": _release("v1.37.2"),
    "external-etcd": _external_etcd(),
    "external-ca": Case(control_plane(), external_ca=True),
    "ipv6": _ipv6(),
    "pod-subnet": Case(control_plane(with_networking(pod_subnet="10.244.0.0/16,fd02::/56"))),
    "extra-args-sorted-1.35.0": _extra_args("v1.35.0"),
    "extra-args-1.37": _extra_args("v1.37.2"),
    "structured-authorization": _structured_authorization(),
    "extra-volumes-and-envs": _extra_volumes_and_envs(),
    "old-etcd-1.35": Case(
        control_plane(replace(with_local_etcd(image_tag="3.5.24-0"), kubernetes_version="v1.35.4"))
    ),
    "old-etcd-1.37": Case(control_plane(with_local_etcd(image_tag="3.5.24-0"))),
    "proxy-and-host-cas": _proxy(),
    "elsewhere": _elsewhere(),
    "patches": Case(control_plane(), patches=_PATCHES),
}
