"""What kubernetesVersion may say, and the release it means; answered from ``RELEASES``, never from a network.

Source of the forms: cmd/kubeadm/app/util/version.go. Invariant: the result names one release of a supported
minor, in the form ``v1.37.2``.
"""

from __future__ import annotations

import re

from bootstrap.errors import ConfigError
from bootstrap.model.version import NEWEST, RELEASES, KubernetesVersion, release_of

_LABEL = re.compile(r"(?:release/)?(?:stable|latest)(?:-1(?:\.(\d+))?)?")
_RELEASE = re.compile(r"v?(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)(?:[-+][-\w.+]*)?")


def resolve_version(text: str) -> str:
    """The release a version or label (``stable-1``, ``stable-1.36``, ``latest``) stands for.

    A label means the newest release this program knows. Raises ConfigError for what is neither, for a
    minor that is not supported, and for CI builds.
    """
    label = _LABEL.fullmatch(text)
    if label or not text:
        minor = label.group(1) if label else None
        return release_of(KubernetesVersion(1, int(minor))).newest.text if minor else NEWEST.text
    if not _RELEASE.fullmatch(text):
        raise ConfigError(f'"{text}" is not a Kubernetes version', remedy=_suggestion(text))
    release_of(KubernetesVersion.parse(text))
    return text if text.startswith("v") else f"v{text}"


def _suggestion(text: str) -> str:
    if text.startswith("ci/"):
        return f"CI builds are not supported; write a release such as {NEWEST.text}"
    short = re.fullmatch(r"v?1\.(\d+)", text)
    release = RELEASES.get((1, int(short.group(1)))) if short else None
    if release:
        return (
            f"write {release.newest.text}, or stable-{release.newest.minor_text} for the newest known patch"
        )
    return f"write it as {NEWEST.text} or stable-{NEWEST.minor_text}"
