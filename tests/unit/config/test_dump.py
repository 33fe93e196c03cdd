"""What is written is read back as the same control plane."""

from __future__ import annotations

import string
from typing import TypeVar

import yaml
from hypothesis import given
from hypothesis import strategies as st

from bootstrap.config.defaults import complete
from bootstrap.config.documents import Documents
from bootstrap.config.dump import dump, dump_cluster_configuration
from bootstrap.config.problems import Problems
from bootstrap.model.bootstrapconfig import AgentSettings, BootstrapConfiguration, ImageSettings
from bootstrap.model.kubeadm import (
    DNS,
    APIServer,
    Arg,
    BootstrapToken,
    ClusterConfiguration,
    ControlPlaneComponent,
    EnvVar,
    Etcd,
    ExternalEtcd,
    HostPathMount,
    InitConfiguration,
    LocalEtcd,
    Networking,
    NodeRegistrationOptions,
    Patches,
    Proxy,
    Taint,
    Timeouts,
)
from bootstrap.model.node import NodeFacts
from tests.unit.config.cases import FACTS, control_plane

Item = TypeVar("Item")

printable = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=12)
awkward = st.one_of(
    printable,
    st.sampled_from(["y", "no", "1.30", "~", "0x1f", "0o7", "1e3", "09", "1:30", "2027-01-31", "<<", "="]),
)
names = st.text(string.ascii_lowercase, min_size=1, max_size=8)
paths = names.map("/{}".format)
durations = st.integers(1, 10**6).map("{}s".format)
repositories = st.one_of(st.just(""), names)


def several(items: st.SearchStrategy[Item]) -> st.SearchStrategy[tuple[Item, ...]]:
    return st.lists(items, max_size=3).map(tuple)


arguments = several(st.builds(Arg, name=names, value=awkward))
environment = several(st.builds(EnvVar, name=names, value=awkward))
volumes = several(
    st.builds(
        HostPathMount,
        name=names,
        host_path=paths,
        mount_path=paths,
        read_only=st.booleans(),
        path_type=st.sampled_from(["", "Directory"]),
    )
)
components = st.builds(
    ControlPlaneComponent, extra_args=arguments, extra_volumes=volumes, extra_envs=environment
)
etcds = st.one_of(
    st.just(Etcd()),
    st.builds(
        Etcd,
        local=st.builds(
            LocalEtcd,
            image_repository=repositories,
            image_tag=awkward,
            data_dir=paths,
            extra_args=arguments,
            extra_envs=environment,
            peer_cert_sans=several(names),
        ),
    ),
    st.builds(
        Etcd,
        external=st.builds(
            ExternalEtcd,
            endpoints=st.just(("https://10.0.0.1:2379",)),
            http_endpoints=st.sampled_from([(), ("http://10.0.0.1:2380",)]),
            ca_file=st.sampled_from(["", "/ca.crt"]),
        ),
    ),
)
clusters = st.builds(
    ClusterConfiguration,
    etcd=etcds,
    networking=st.builds(Networking, dns_domain=names, pod_subnet=st.sampled_from(["", "10.244.0.0/16"])),
    kubernetes_version=st.sampled_from(["", "v1.34.4", "1.35.0", "v1.37.2+vendor", "stable-1.36"]),
    control_plane_endpoint=repositories,
    api_server=st.builds(APIServer, extra_args=arguments, cert_sans=several(names)),
    controller_manager=components,
    scheduler=components,
    dns=st.builds(DNS, image_repository=repositories, image_tag=awkward, disabled=st.booleans()),
    proxy=st.builds(Proxy, disabled=st.booleans()),
    feature_gates=st.sampled_from([{}, {"RootlessControlPlane": True}]),
    cluster_name=awkward,
    encryption_algorithm=st.sampled_from(["", "ECDSA-P384"]),
    certificate_validity_period=durations,
)
inits = st.builds(
    InitConfiguration,
    bootstrap_tokens=several(st.builds(BootstrapToken, description=awkward, ttl=st.none() | durations)),
    dry_run=st.booleans(),
    node_registration=st.builds(
        NodeRegistrationOptions,
        name=names,
        taints=st.none()
        | several(
            st.builds(Taint, key=names, effect=st.sampled_from(["NoSchedule", "NoExecute"]), value=awkward)
        ),
        kubelet_extra_args=arguments,
        image_pull_policy=st.sampled_from(["", "Never"]),
        image_pull_serial=st.sampled_from([None, True, False]),
    ),
    certificate_key=st.sampled_from(["", "ab" * 32]),
    skip_phases=several(names),
    patches=st.none() | st.builds(Patches, directory=paths),
    timeouts=st.builds(Timeouts, discovery=durations),
)
WITH_URL = AgentSettings(
    manifest_url="https://example.com/pods?of=me#1",
    manifest_url_header_file="/etc/head: ers",
    http_check_frequency="5s",
)
bootstraps = st.builds(
    BootstrapConfiguration,
    images=st.builds(
        ImageSettings,
        sources=several(st.sampled_from(["archive", "registry"])),
        archives=several(paths),
        pause=awkward,
    ),
    agent=st.sampled_from([AgentSettings(), WITH_URL]),
    docker_socket=paths,
)


@given(clusters, inits, bootstraps)
def test_what_is_dumped_loads_as_the_same_control_plane_on_any_machine(
    cluster: ClusterConfiguration, init: InitConfiguration, bootstrap: BootstrapConfiguration
) -> None:
    plane = complete(Documents(init=init, cluster=cluster, bootstrap=bootstrap), FACTS, Problems())

    assert control_plane(dump(plane), facts=NodeFacts("elsewhere", "10.200.0.1")) == plane


def test_component_configurations_are_dumped_as_they_were_written() -> None:
    text = (
        "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n---\n"
        "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n"
        "maxPods: 0x10\nevictionHard: {memory.available: 5%}\nseccompDefault: yes\n"
    )
    plane = control_plane(text)

    assert control_plane(dump(plane)) == plane
    assert plane.component_configs[0]["maxPods"] == 16
    assert plane.component_configs[0]["seccompDefault"] is True


def test_what_kubernetes_would_read_as_a_boolean_is_quoted() -> None:
    stored = dump_cluster_configuration(
        control_plane("apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nclusterName: 'y'\n")
    )

    assert 'clusterName: "y"\n' in stored


def test_a_release_before_http_endpoints_is_not_given_them() -> None:
    text = (
        "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nkubernetesVersion: %s\n"
        "etcd: {external: {endpoints: [http://10.0.0.1:2379]}}\n"
    )

    stored = {
        version: yaml.safe_load(dump_cluster_configuration(control_plane(text % version)))["etcd"]["external"]
        for version in ("v1.34.4", "v1.35.4")
    }

    assert "httpEndpoints" not in stored["v1.34.4"]
    assert stored["v1.35.4"]["httpEndpoints"] == ["http://10.0.0.1:2379"]
