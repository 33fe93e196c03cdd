"""kubeadm.k8s.io/v1beta3 files give the control plane their v1beta4 translation gives."""

from __future__ import annotations

from bootstrap.config.dump import dump_cluster_configuration
from bootstrap.model.kubeadm import Arg
from tests.unit.config.cases import INIT, control_plane, load_text, problems_of

CLUSTER = "apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\n"
OLD_INIT = "apiVersion: kubeadm.k8s.io/v1beta3\nkind: InitConfiguration\n"


def test_mappings_of_flags_become_sorted_lists() -> None:
    plane = control_plane(
        f"{CLUSTER}apiServer: {{extraArgs: {{v: '4', audit-log-path: '-'}}}}\n"
        "etcd: {local: {extraArgs: {debug: 'true'}}}\n"
        f"---\n{OLD_INIT}nodeRegistration: {{kubeletExtraArgs: {{node-ip: 10.0.0.9}}}}\n"
    )

    assert plane.cluster.api_server.extra_args == (
        Arg(name="audit-log-path", value="-"),
        Arg(name="v", value="4"),
    )
    assert plane.local_etcd is not None
    assert plane.local_etcd.extra_args == (Arg(name="debug", value="true"),)
    assert plane.init.node_registration.kubelet_extra_args == (Arg(name="node-ip", value="10.0.0.9"),)


def test_the_wait_for_the_control_plane_moves_to_the_timeouts() -> None:
    text = f"{CLUSTER}apiServer: {{timeoutForControlPlane: 10m0s}}\n"

    alone = control_plane(text)
    beside = control_plane(f"{text}---\n{OLD_INIT}localAPIEndpoint: {{bindPort: 7443}}\n")

    assert alone.init.timeouts.control_plane_component_health_check == "10m0s"
    assert beside.init.timeouts.control_plane_component_health_check == "10m0s"
    assert beside.bind_port == 7443


def test_a_newer_init_configuration_says_how_long_to_wait() -> None:
    plane = control_plane(
        f"{CLUSTER}apiServer: {{timeoutForControlPlane: 10m0s}}\n"
        f"---\n{INIT}timeouts: {{controlPlaneComponentHealthCheck: 3m, discovery: 1m}}\n"
    )

    assert plane.init.timeouts.control_plane_component_health_check == "3m0s"
    assert plane.init.timeouts.discovery == "1m0s"


def test_it_is_stored_as_v1beta4() -> None:
    stored = dump_cluster_configuration(control_plane(f"{CLUSTER}scheduler: {{extraArgs: {{v: '4'}}}}\n"))

    assert stored == dump_cluster_configuration(
        control_plane(
            f"{CLUSTER}scheduler: {{extraArgs: [{{name: v, value: '4'}}]}}\n".replace("v1beta3", "v1beta4")
        )
    )


def test_the_old_version_is_a_warning() -> None:
    assert load_text(CLUSTER).warnings == (
        "cluster.yaml:1:13: kubeadm.k8s.io/v1beta3 is deprecated and gone from kubeadm 1.37;"
        " write kubeadm.k8s.io/v1beta4",
    )


def test_fields_that_came_later_are_unknown() -> None:
    assert problems_of(f"{CLUSTER}proxy: {{disabled: true}}\ndns: {{disabled: true}}\n") == (
        'cluster.yaml:3:1: unknown field "proxy" in kubeadm.k8s.io/v1beta3;'
        " write apiVersion: kubeadm.k8s.io/v1beta4",
        'cluster.yaml:4:7: unknown field "disabled" in kubeadm.k8s.io/v1beta3;'
        " write apiVersion: kubeadm.k8s.io/v1beta4",
    )


def test_a_list_of_flags_is_for_v1beta4() -> None:
    assert problems_of(f"{CLUSTER}scheduler: {{extraArgs: [{{name: v, value: '4'}}]}}\n") == (
        "cluster.yaml:3:24: scheduler.extraArgs must be a mapping in kubeadm.k8s.io/v1beta3;"
        " v1beta4 has the list",
    )


def test_problems_keep_the_place_they_have_in_the_file() -> None:
    assert problems_of(f"{CLUSTER}apiServer:\n  extraArgs:\n    v: 4\n  timeoutForControlPlane: soon\n") == (
        'cluster.yaml:5:8: apiServer.extraArgs[0].value must be text, but 4 is a number; quote it: "4"',
        'cluster.yaml:6:27: timeouts.controlPlaneComponentHealthCheck must be a duration, not "soon";'
        " write it as 4m0s, 90s or 500ms, for example",
    )
