"""Which Go modules the programs of a release come from, and what their linker is told. Data, pure functions.

Invariant: the same release and module time give the same recipe, and the same recipe the same bytes: no
clock, user name or path of this machine goes into a program.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from bootstrap.model.layout import KUBE_APISERVER, KUBE_CONTROLLER_MANAGER, KUBE_SCHEDULER
from bootstrap.model.version import KubernetesVersion

KUBERNETES_MODULE = "k8s.io/kubernetes"
ETCD_MODULE = "go.etcd.io/etcd/server/v3"
STAMPED_PACKAGES = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
"""What Kubernetes' own hack/lib/version.sh stamps."""

IMAGE_PROGRAMS = (KUBE_APISERVER, KUBE_CONTROLLER_MANAGER, KUBE_SCHEDULER)
HOST_PROGRAMS = ("kubeadm", "kubectl", "kubelet")


@dataclass(frozen=True, slots=True)
class ModuleInfo:
    """What the module proxy says of a version: commit time (RFC 3339) and hash, "" when it does not say."""

    time: str = ""
    commit: str = ""


@dataclass(frozen=True, slots=True)
class Recipe:
    """One ``go build``: ``packages`` maps a program's name to its main package.

    ``modules`` are required at ``version``, the first is the one whose requirements are taken over; modules
    that it replaces by directories of its own repository are taken at ``staging_version`` ("" when the
    requirement already names their published version).
    """

    name: str
    version: str
    modules: tuple[str, ...]
    packages: dict[str, str]
    staging_version: str = ""

    @property
    def main_module(self) -> str:
        return self.modules[0]

    @property
    def programs(self) -> tuple[str, ...]:
        return tuple(self.packages)

    def only(self, programs: tuple[str, ...]) -> Recipe:
        """The same recipe for fewer programs."""
        return replace(self, packages={program: self.packages[program] for program in programs})


def kubernetes_recipe(version: KubernetesVersion, programs: tuple[str, ...]) -> Recipe:
    """Programs of a Kubernetes release; its staging modules are published as v0.MINOR.PATCH."""
    text = version.text
    return Recipe(
        name="kubernetes",
        version=text,
        modules=(KUBERNETES_MODULE,),
        packages={program: f"{KUBERNETES_MODULE}/cmd/{program}" for program in programs},
        staging_version=f"v0{text.removeprefix(f'v{version.major}')}",
    )


def etcd_recipe(image_tag: str) -> Recipe:
    """etcd and its tools for an image tag such as ``3.7.0-0``; what follows the dash counts image builds."""
    version = f"v{image_tag.removeprefix('v').partition('-')[0]}"
    tools = {"etcdctl": "go.etcd.io/etcd/etcdctl/v3", "etcdutl": "go.etcd.io/etcd/etcdutl/v3"}
    return Recipe(
        name="etcd",
        version=version,
        modules=(ETCD_MODULE, *tools.values()),
        packages={"etcd": ETCD_MODULE, **tools},
    )


def linker_flags(recipe: Recipe, info: ModuleInfo) -> str:
    """``-ldflags``: no symbol tables, and the version each program prints."""
    if recipe.name == "etcd":
        stamps = {"go.etcd.io/etcd/api/v3/version.GitSHA": info.commit[:9]}
    else:
        version = KubernetesVersion.parse(recipe.version)
        values = {
            "gitVersion": recipe.version,
            "gitMajor": str(version.major),
            "gitMinor": str(version.minor),
            "gitTreeState": "clean",
            "gitCommit": info.commit or "unknown",
            "buildDate": info.time,
        }
        stamps = {f"{package}.{key}": value for package in STAMPED_PACKAGES for key, value in values.items()}
    words = ["-s", "-w"]
    for variable, value in stamps.items():
        if value:
            words += ["-X", f"{variable}={value}"]
    return " ".join(words)
