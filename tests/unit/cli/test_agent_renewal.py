"""Which certificates the agent keeps, from its options."""

from __future__ import annotations

from pathlib import Path

import pytest

from bootstrap.cli.agentrenewal import renewal
from bootstrap.errors import ConfigError
from bootstrap.model.certificates import AGENT_SERVING
from tests.fakes.node import QUICK


def test_certificates_are_kept_where_the_options_say_they_are() -> None:
    ours = str(QUICK.layout.agent_certificate)
    found = renewal(None, "/x/pki/ca.crt", "/y/kubelet.conf", ours)
    assert found is not None
    assert found.places.leaves["etcd-peer"] == Path("/x/pki/etcd/peer.crt")
    assert found.places.leaves["scheduler.conf"] == Path("/y/scheduler.conf")
    assert found.places.leaves[AGENT_SERVING] == Path(ours)
    assert Path("/x/pki/etcd/ca.crt") in found.places.authorities


def test_a_serving_certificate_that_init_did_not_make_is_its_makers() -> None:
    found = renewal(True, "/x/pki/ca.crt", "", "/mine.pem")
    assert found is not None
    assert AGENT_SERVING not in found.places.leaves
    assert found.places.leaves["admin.conf"] == Path("/etc/kubernetes/admin.conf")


def test_without_the_authority_or_by_wish_none_are_kept() -> None:
    assert renewal(None, "", "/y/kubelet.conf", "") is None
    assert renewal(False, "/x/pki/ca.crt", "", "") is None
    with pytest.raises(ConfigError, match="--renew-certificates"):
        renewal(True, "", "", "")
