"""The agent's kubeconfig, and what becomes of its clients when the file is another."""

from __future__ import annotations

from pathlib import Path

import pytest

from bootstrap.cli.agentidentity import KubeconfigIdentity
from bootstrap.errors import TransientError
from bootstrap.phases.certs import CERTS
from bootstrap.phases.kubeconfig import KUBECONFIG
from bootstrap.phases.phase import run_phase
from tests.fakes.node import QUICK, FakeNode


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Path:
    return made(tmp_path / "one")


def made(root: Path) -> Path:
    """The kubelet.conf of a new cluster."""
    root.mkdir()
    context = FakeNode(root).context()
    run_phase(CERTS, context)
    run_phase(KUBECONFIG, context)
    return context.files.real(QUICK.layout.kubeconfig("kubelet"))


def test_the_same_file_is_the_same_client(kubeconfig: Path) -> None:
    identity = KubeconfigIdentity(kubeconfig)
    assert not identity.has_changed()
    assert identity.connect() is identity.connect()
    assert not identity.has_changed()


def test_a_file_that_was_replaced_is_another_client(kubeconfig: Path, tmp_path: Path) -> None:
    identity = KubeconfigIdentity(kubeconfig)
    before = identity.connect()
    made(tmp_path / "two").replace(kubeconfig)
    assert identity.has_changed()
    assert identity.connect() is not before
    assert not identity.has_changed()


def test_a_file_that_is_gone_is_nothing_to_change_to(kubeconfig: Path) -> None:
    identity = KubeconfigIdentity(kubeconfig)
    identity.connect()
    kubeconfig.unlink()
    assert not identity.has_changed()
    with pytest.raises(TransientError, match="no such file"):
        identity.connect()
