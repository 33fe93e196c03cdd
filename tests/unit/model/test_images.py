"""References of component images, as ``kubeadm config images list`` prints them."""

from __future__ import annotations

from typing import Any

from bootstrap.model.images import component_images
from tests.unit.config.cases import control_plane

CLUSTER = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n"


def images(text: str = "", **flags: str) -> list[str]:
    return list(component_images(control_plane(text, **dict[str, Any](flags))).values())


def test_the_images_of_1_37_are_kubeadms_in_its_order() -> None:
    assert images(kubernetes_version="v1.37.2") == [
        "registry.k8s.io/kube-apiserver:v1.37.2",
        "registry.k8s.io/kube-controller-manager:v1.37.2",
        "registry.k8s.io/kube-scheduler:v1.37.2",
        "registry.k8s.io/kube-proxy:v1.37.2",
        "registry.k8s.io/coredns/coredns:v1.14.6",
        "registry.k8s.io/pause:3.10.2",
        "registry.k8s.io/etcd:3.7.0-0",
    ]


def test_an_older_release_has_its_own_companions() -> None:
    assert images(kubernetes_version="v1.34.4")[4:] == [
        "registry.k8s.io/coredns/coredns:v1.12.1",
        "registry.k8s.io/pause:3.10.1",
        "registry.k8s.io/etcd:3.6.5-0",
    ]


def test_another_repository_has_no_folder_for_coredns() -> None:
    assert images(kubernetes_version="v1.37.2", image_repository="registry.example.com:5000/k8s")[3:] == [
        "registry.example.com:5000/k8s/kube-proxy:v1.37.2",
        "registry.example.com:5000/k8s/coredns:v1.14.6",
        "registry.example.com:5000/k8s/pause:3.10.2",
        "registry.example.com:5000/k8s/etcd:3.7.0-0",
    ]


def test_repositories_and_tags_can_be_given_one_by_one() -> None:
    assert images(
        f"{CLUSTER}kubernetesVersion: v1.37.2+vendor.1\n"
        "dns: {imageRepository: d.example.com, imageTag: v9}\n"
        "etcd: {local: {imageRepository: e.example.com, imageTag: 9-0}}\n"
        "---\napiVersion: bootstrap/v1alpha1\nkind: BootstrapConfiguration\n"
        "images: {pause: p.example.com/pause:9}\n"
    )[3:] == [
        "registry.k8s.io/kube-proxy:v1.37.2_vendor.1",
        "d.example.com/coredns:v9",
        "p.example.com/pause:9",
        "e.example.com/etcd:9-0",
    ]


def test_what_is_not_deployed_has_no_image() -> None:
    text = (
        f"{CLUSTER}proxy: {{disabled: true}}\ndns: {{disabled: true}}\n"
        "etcd: {external: {endpoints: [http://10.0.0.1:2379]}}\n"
    )

    assert list(component_images(control_plane(text))) == [
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
        "pause",
    ]
