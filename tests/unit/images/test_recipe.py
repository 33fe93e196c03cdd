from __future__ import annotations

import pytest

from bootstrap.images.gomodules import executable_of, go_mod_of, version_key
from bootstrap.images.recipe import ModuleInfo, etcd_recipe, kubernetes_recipe, linker_flags
from bootstrap.model.version import KubernetesVersion

V1372 = KubernetesVersion.parse("v1.37.2")


def test_kubernetes_is_one_module_whose_staging_modules_are_v0() -> None:
    recipe = kubernetes_recipe(V1372, ("kube-apiserver", "kubectl"))
    assert recipe.modules == ("k8s.io/kubernetes",)
    assert recipe.packages["kubectl"] == "k8s.io/kubernetes/cmd/kubectl"
    assert recipe.staging_version == "v0.37.2"


def test_a_release_candidate_keeps_its_suffix_in_the_staging_version() -> None:
    recipe = kubernetes_recipe(KubernetesVersion.parse("v1.38.0-rc.1"), ("kubectl",))
    assert recipe.staging_version == "v0.38.0-rc.1"


@pytest.mark.parametrize(
    ("tag", "version"), [("3.7.0-0", "v3.7.0"), ("v3.6.8", "v3.6.8"), ("3.6.11-12", "v3.6.11")]
)
def test_an_etcd_image_tag_names_the_module_version_and_an_image_build(tag: str, version: str) -> None:
    assert etcd_recipe(tag).version == version
    assert etcd_recipe(tag).programs == ("etcd", "etcdctl", "etcdutl")


def test_a_recipe_can_be_narrowed() -> None:
    recipe = kubernetes_recipe(V1372, ("kube-apiserver", "kubectl")).only(("kubectl",))
    assert recipe.programs == ("kubectl",)


def test_the_version_is_stamped_where_kubernetes_looks_for_it() -> None:
    flags = linker_flags(kubernetes_recipe(V1372, ("kubectl",)), ModuleInfo("2026-10-27T12:01:04Z", "abc"))
    for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version"):
        assert f"-X {package}.gitVersion=v1.37.2" in flags
        assert f"-X {package}.gitMinor=37" in flags
        assert f"-X {package}.buildDate=2026-10-27T12:01:04Z" in flags
        assert f"-X {package}.gitCommit=abc" in flags


def test_what_is_not_known_is_not_stamped() -> None:
    assert linker_flags(etcd_recipe("3.7.0-0"), ModuleInfo()) == "-s -w"
    assert "buildDate" not in linker_flags(kubernetes_recipe(V1372, ("kubectl",)), ModuleInfo())


def test_modules_kept_in_the_repository_are_taken_as_published() -> None:
    upstream = {
        "Go": "1.26.0",
        "Godebug": [{"Key": "default", "Value": "go1.26"}],
        "Require": [{"Path": "k8s.io/api", "Version": "v0.0.0"}, {"Path": "x.org/y", "Version": "v1.2.3"}],
        "Replace": [
            {"Old": {"Path": "k8s.io/api"}, "New": {"Path": "./staging/src/k8s.io/api"}},
            {
                "Old": {"Path": "x.org/y", "Version": "v1.2.3"},
                "New": {"Path": "z.org/y", "Version": "v1.2.4"},
            },
        ],
    }
    text = go_mod_of(upstream, kubernetes_recipe(V1372, ("kubectl",)))
    assert text.splitlines() == [
        "module podstrap.build/kubernetes",
        "go 1.26.0",
        "godebug default=go1.26",
        "require k8s.io/kubernetes v1.37.2",
        "require k8s.io/api v0.0.0",
        "require x.org/y v1.2.3",
        "replace k8s.io/api => k8s.io/api v0.37.2",
        "replace x.org/y v1.2.3 => z.org/y v1.2.4",
    ]


def test_modules_required_at_their_published_version_need_no_replacement() -> None:
    upstream = {
        "Go": "1.26",
        "Require": [{"Path": "go.etcd.io/etcd/api/v3", "Version": "v3.7.0"}],
        "Replace": [{"Old": {"Path": "go.etcd.io/etcd/api/v3"}, "New": {"Path": "../api"}}],
    }
    assert "replace" not in go_mod_of(upstream, etcd_recipe("3.7.0-0"))


@pytest.mark.parametrize(
    ("package", "name"),
    [
        ("k8s.io/kubernetes/cmd/kubectl", "kubectl"),
        ("go.etcd.io/etcd/server/v3", "server"),
        ("a.org/verify", "verify"),
    ],
)
def test_a_program_is_named_as_go_names_it(package: str, name: str) -> None:
    assert executable_of(package) == name


def test_go_versions_compare_as_numbers() -> None:
    assert version_key("1.26.8") > version_key("1.26.0") == version_key("1.26") > version_key("1.9.7")
    assert version_key("1.27rc1") == version_key("1.27")
