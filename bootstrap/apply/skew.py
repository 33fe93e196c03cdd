"""Which Kubernetes version may follow which.

Source: https://kubernetes.io/releases/version-skew-policy/, and kubeadm's upgrade policy
(cmd/kubeadm/app/phases/upgrade/policy.go). Invariant: stricter than kubeadm in one point, no minor is ever
taken back: an API server that has stored objects in a newer version may not be followed by one that cannot
read them.
"""

from __future__ import annotations

from collections.abc import Mapping

from bootstrap.errors import ConfigError
from bootstrap.host.files import Files
from bootstrap.model.layout import KUBE_APISERVER, KUBE_CONTROLLER_MANAGER, KUBE_SCHEDULER, Layout
from bootstrap.model.version import KubernetesVersion
from bootstrap.render.documents import InvalidYamlError, load

_KUBERNETES_COMPONENTS = (KUBE_APISERVER, KUBE_CONTROLLER_MANAGER, KUBE_SCHEDULER)


def current_versions(files: Files, layout: Layout) -> dict[str, KubernetesVersion]:
    """Version of each component by the image tag in its manifest on disk.

    A component is left out when its manifest is missing or unreadable as one, or its tag is not a version:
    then there is nothing to judge.
    """
    found = {}
    for component in _KUBERNETES_COMPONENTS:
        try:
            version = _version_in(files.read_text(layout.manifest(component)))
        except FileNotFoundError:
            continue
        if version is not None:
            found[component] = version
    return found


def require_step(current: Mapping[str, KubernetesVersion], target: KubernetesVersion) -> None:
    """Raises ConfigError, naming every component, when the target is no step from what is there."""
    ahead = {
        name: version
        for name, version in current.items()
        if _minor(version) < _minor(target) and _minor(target) != (version.major, version.minor + 1)
    }
    behind = {name: version for name, version in current.items() if _minor(version) > _minor(target)}
    if behind:
        newest = max(behind.values())
        raise ConfigError(
            f"cannot go back from Kubernetes {newest.minor_text} to {target.minor_text}: objects may be "
            "stored in a form that the older one does not read",
            remedy=f"set kubernetesVersion to {newest.text} or newer",
            details=_lines(behind),
        )
    if ahead:
        oldest = min(ahead.values())
        following = f"{oldest.major}.{oldest.minor + 1}"
        raise ConfigError(
            f"cannot go from Kubernetes {oldest.minor_text} to {target.minor_text} in one step",
            remedy=f"set kubernetesVersion to a {following} release, apply it, then go on",
            details=_lines(ahead),
        )


def _lines(versions: Mapping[str, KubernetesVersion]) -> tuple[str, ...]:
    return tuple(f"{name} is at {version.text}" for name, version in versions.items())


def _minor(version: KubernetesVersion) -> tuple[int, int]:
    return (version.major, version.minor)


def _version_in(manifest: str) -> KubernetesVersion | None:
    try:
        image = str(load(manifest)["spec"]["containers"][0]["image"])
        return KubernetesVersion.parse(image.partition("@")[0].rpartition("/")[2].partition(":")[2])
    except (InvalidYamlError, LookupError, TypeError, ConfigError):
        return None
