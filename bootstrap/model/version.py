"""Kubernetes versions, and what belongs to each release. Values only.

Invariant: everything that differs between supported minors and can be said as data is in ``RELEASES``;
code asks the table or compares ``KubernetesVersion`` values, it never parses a version string itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import total_ordering

from bootstrap.errors import ConfigError

_PATTERN = re.compile(r"^v?(\d+)\.(\d+)(?:\.(\d+))?(?:-([0-9A-Za-z.-]+))?(?:\+([0-9A-Za-z.-]+))?$")


@total_ordering
@dataclass(frozen=True, slots=True)
class KubernetesVersion:
    """A release such as v1.37.2; ordered as semantic versions are (a pre-release is before its release)."""

    major: int
    minor: int
    patch: int = 0
    prerelease: str = ""

    @classmethod
    def parse(cls, text: str) -> KubernetesVersion:
        """Read ``v1.37.2``, ``1.37.2`` or ``1.37.0-rc.1``; build metadata is dropped.

        Raises ConfigError when the text is not a version.
        """
        found = _PATTERN.match(text.strip())
        if not found:
            raise ConfigError(
                f"{text!r} is not a Kubernetes version", remedy=f"write it as {NEWEST.text}, for example"
            )
        major, minor, patch, prerelease, _build = found.groups()
        return cls(int(major), int(minor), int(patch or 0), prerelease or "")

    @property
    def text(self) -> str:
        """``v1.37.2``: the form of image tags and of kubernetesVersion."""
        suffix = f"-{self.prerelease}" if self.prerelease else ""
        return f"v{self.major}.{self.minor}.{self.patch}{suffix}"

    @property
    def minor_text(self) -> str:
        """``1.37``"""
        return f"{self.major}.{self.minor}"

    def _key(self) -> tuple[int, int, int, bool, tuple[tuple[bool, int, str], ...]]:
        parts = tuple(
            (not part.isdigit(), int(part) if part.isdigit() else 0, part)
            for part in self.prerelease.split(".")
            if part
        )
        return (self.major, self.minor, self.patch, not self.prerelease, parts)

    def __lt__(self, other: KubernetesVersion) -> bool:
        return self._key() < other._key()

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Release:
    """What one Kubernetes minor is deployed with.

    Source: cmd/kubeadm/app/constants/constants.go of that minor (DefaultEtcdVersion, CoreDNSVersion,
    PauseVersion) at the patch release named in ``newest``.
    """

    newest: KubernetesVersion
    etcd: str
    coredns: str
    pause: str


def _version(text: str) -> KubernetesVersion:
    return KubernetesVersion.parse(text)


RELEASES: dict[tuple[int, int], Release] = {
    (1, 34): Release(_version("v1.34.4"), etcd="3.6.5-0", coredns="v1.12.1", pause="3.10.1"),
    (1, 35): Release(_version("v1.35.4"), etcd="3.6.6-0", coredns="v1.13.1", pause="3.10.1"),
    (1, 36): Release(_version("v1.36.3"), etcd="3.6.8-0", coredns="v1.14.2", pause="3.10.2"),
    (1, 37): Release(_version("v1.37.2"), etcd="3.7.0-0", coredns="v1.14.6", pause="3.10.2"),
}

NEWEST = max(release.newest for release in RELEASES.values())
OLDEST_MINOR = min(RELEASES)
NEWEST_MINOR = max(RELEASES)


def release_of(version: KubernetesVersion) -> Release:
    """The release a version belongs to; raises ConfigError for a minor this program does not deploy."""
    release = RELEASES.get((version.major, version.minor))
    if release is None:
        supported = ", ".join(f"{major}.{minor}" for major, minor in sorted(RELEASES))
        raise ConfigError(
            f"Kubernetes {version.minor_text} is not supported",
            remedy=f"choose one of {supported}, for example kubernetesVersion: {NEWEST.text}",
        )
    return release
