from __future__ import annotations

import pytest

from bootstrap.model.kubeadm import Arg
from bootstrap.model.version import KubernetesVersion
from bootstrap.render.arguments import command, last_value

DEFAULTS = {"secure-port": "6443", "advertise-address": "192.0.2.10", "service-account-issuer": "https://a"}
EXTRA = (
    Arg(name="service-account-issuer", value="https://z"),
    Arg(name="service-account-issuer", value="https://b"),
    Arg(name="audit-log-path", value=""),
)

USER_ORDER = (
    "kube-apiserver",
    "--advertise-address=192.0.2.10",
    "--secure-port=6443",
    "--service-account-issuer=https://z",
    "--service-account-issuer=https://b",
    "--audit-log-path=",
)
ALL_SORTED = (
    "kube-apiserver",
    "--advertise-address=192.0.2.10",
    "--audit-log-path=",
    "--secure-port=6443",
    "--service-account-issuer=https://b",
    "--service-account-issuer=https://z",
)


@pytest.mark.parametrize("version", ["v1.34.4", "v1.35.1", "v1.36.0", "v1.37.2"])
def test_extra_arguments_keep_their_order_after_the_sorted_defaults(version: str) -> None:
    line = command("kube-apiserver", DEFAULTS, EXTRA, KubernetesVersion.parse(version))
    assert line == USER_ORDER


@pytest.mark.parametrize("version", ["v1.34.0", "v1.34.3", "v1.35.0"])
def test_early_patch_releases_sort_the_whole_line(version: str) -> None:
    line = command("kube-apiserver", DEFAULTS, EXTRA, KubernetesVersion.parse(version))
    assert line == ALL_SORTED


def test_the_last_of_repeated_arguments_counts() -> None:
    assert last_value(EXTRA, "service-account-issuer") == "https://b"
    assert last_value(EXTRA, "secure-port") is None
