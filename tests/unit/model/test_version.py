"""Kubernetes versions and the releases that are known."""

from __future__ import annotations

import pytest

from bootstrap.errors import ConfigError
from bootstrap.model.version import NEWEST, RELEASES, KubernetesVersion, release_of


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("v1.37.2", KubernetesVersion(1, 37, 2)),
        ("1.37.2", KubernetesVersion(1, 37, 2)),
        ("1.37.0-rc.1", KubernetesVersion(1, 37, 0, "rc.1")),
        ("v1.37.2+vendor.1", KubernetesVersion(1, 37, 2)),
    ],
)
def test_a_version_is_read(text: str, version: KubernetesVersion) -> None:
    assert KubernetesVersion.parse(text) == version


def test_other_text_is_refused_with_an_example() -> None:
    with pytest.raises(ConfigError) as caught:
        KubernetesVersion.parse("newest")
    assert NEWEST.text in caught.value.remedy


def test_versions_are_ordered_as_releases_were_made() -> None:
    order = [
        "v1.36.9",
        "v1.37.0-alpha.1",
        "v1.37.0-beta.2",
        "v1.37.0-beta.11",
        "v1.37.0-rc.0",
        "v1.37.0",
        "v1.37.10",
    ]

    shuffled = [KubernetesVersion.parse(text) for text in sorted(order, key=len)]

    assert [version.text for version in sorted(shuffled)] == order


def test_a_minor_that_is_not_supported_is_refused_with_the_ones_that_are() -> None:
    with pytest.raises(ConfigError) as caught:
        release_of(KubernetesVersion(1, 33, 1))
    assert "1.34, 1.35, 1.36, 1.37" in caught.value.remedy


def test_a_release_is_newest_in_its_own_minor() -> None:
    for (major, minor), release in RELEASES.items():
        assert (release.newest.major, release.newest.minor) == (major, minor)
