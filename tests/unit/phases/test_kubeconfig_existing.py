"""Kubeconfig files that do not fit any more are refused, by name and with the command that mends it."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from bootstrap.errors import BootstrapError
from bootstrap.phases.kubeconfig import KUBECONFIG
from bootstrap.phases.phase import run_all
from pki.issue import Authority, certificate_pem, issue, issue_authority
from pki.keys import generate
from pki.pem import private_pem
from pki.profile import Period, Profile
from tests.unit.phases.credentials import CredentialNode

NAMES = ("admin", "super-admin", "kubelet", "controller-manager", "scheduler")
LOCAL = "https://192.0.2.10:6443"
STABLE = "https://lb.example.com:8443"


@pytest.fixture
def complete(tmp_path: Path) -> CredentialNode:
    """A node that has all certificates and kubeconfig files."""
    node = CredentialNode(tmp_path)
    node.run()
    return node


def _refusal(node: CredentialNode) -> BootstrapError:
    before = node.contents()
    with pytest.raises(BootstrapError) as caught:
        run_all((KUBECONFIG,), node.context())
    assert node.contents() == before
    return caught.value


def _other_server(node: CredentialNode) -> None:
    node.change_kubeconfig("admin", "cluster", server="https://old.example.com:6443")


def _no_server(node: CredentialNode) -> None:
    node.change_kubeconfig("admin", "cluster", server=None)


def _other_authority(node: CredentialNode) -> None:
    pem = certificate_pem(_somebody(node).certificate)
    node.change_kubeconfig("admin", "cluster", certificate_authority_data=_encoded(pem))


def _expired(node: CredentialNode) -> None:
    node.clock.advance(timedelta(days=366).total_seconds())


def _other_user(node: CredentialNode) -> None:
    scheduler = node.kubeconfig("scheduler")["users"][0]["user"]
    node.change_kubeconfig("admin", "user", **{key.replace("-", "_"): scheduler[key] for key in scheduler})


def _other_key(node: CredentialNode) -> None:
    node.change_kubeconfig("admin", "user", client_key_data=_encoded(private_pem(generate("ECDSA-P256"))))


def _signed_by_somebody(node: CredentialNode) -> None:
    key = generate("ECDSA-P256")
    profile = Profile("kubernetes-admin", ("clientAuth",), ("kubeadm:cluster-admins",))
    certificate = issue(profile, key.public_key(), _somebody(node), _period(node))
    node.change_kubeconfig(
        "admin",
        "user",
        client_certificate_data=_encoded(certificate_pem(certificate)),
        client_key_data=_encoded(private_pem(key)),
    )


def _no_certificate(node: CredentialNode) -> None:
    node.change_kubeconfig("admin", "user", client_certificate_data=None)


def _broken_certificate(node: CredentialNode) -> None:
    node.change_kubeconfig("admin", "user", client_certificate_data=_encoded("no certificate"))


def _not_yaml(node: CredentialNode) -> None:
    node.path("admin.conf").write_text("a: [")


def _empty(node: CredentialNode) -> None:
    node.path("admin.conf").write_text("")


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        (_other_server, f"points to https://old.example.com:6443, not to {LOCAL}"),
        (_no_server, f"points to no server, not to {LOCAL}"),
        (_other_authority, "trusts another certificate authority than the cluster's"),
        (_expired, "has a client certificate that has expired on 2027-01-01 12:00:00 UTC"),
        (_other_user, "has a client certificate that is for CN=system:kube-scheduler, not for"),
        (_other_key, "has a client certificate that does not belong to its key"),
        (_signed_by_somebody, "has a client certificate that was not signed by the cluster's authority"),
        (_no_certificate, "cannot be used: client-certificate-data is missing"),
        (
            _broken_certificate,
            "has a client certificate that cannot be read, or whose key cannot: it is damaged",
        ),
        (_not_yaml, "cannot be used: not YAML"),
        (_empty, "cannot be used: not a mapping"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(
    complete: CredentialNode, damage: Callable[[CredentialNode], None], what: str
) -> None:
    damage(complete)
    if damage is _expired:
        for name in NAMES[1:]:
            complete.path(f"{name}.conf").unlink()
    refusal = _refusal(complete)
    assert refusal.message.startswith(f"/etc/kubernetes/admin.conf {what}")
    assert refusal.remedy == "rm /etc/kubernetes/admin.conf && bootstrap init phase kubeconfig admin"


def test_everything_that_is_wrong_is_told_at_once(complete: CredentialNode) -> None:
    _other_server(complete)
    complete.path("scheduler.conf").write_text("")
    complete.path("kubelet.conf").unlink()
    details = _refusal(complete).details
    assert [detail.split(" ")[0] for detail in details] == [
        "/etc/kubernetes/admin.conf",
        "/etc/kubernetes/scheduler.conf",
    ]


def test_a_kubelet_may_use_either_address(complete: CredentialNode) -> None:
    complete.with_cluster(control_plane_endpoint="lb.example.com:8443")
    for name in ("admin", "super-admin"):
        complete.path(f"{name}.conf").unlink()
    complete.change_kubeconfig("kubelet", "cluster", server=STABLE)
    run_all((KUBECONFIG,), complete.context())


def test_a_kubelet_that_renews_its_certificate_refers_to_it_by_path(complete: CredentialNode) -> None:
    user = complete.kubeconfig("kubelet")["users"][0]["user"]
    current = "/var/lib/kubelet/pki/kubelet-client-current.pem"
    path = complete.root / current.lstrip("/")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"".join(base64.b64decode(data) for data in user.values()))
    complete.change_kubeconfig(
        "kubelet",
        "user",
        client_certificate_data=None,
        client_key_data=None,
        client_certificate=current,
        client_key=current,
    )
    run_all((KUBECONFIG,), complete.context())
    path.unlink()
    assert "client-certificate-data is missing" in _refusal(complete).message


def test_an_authority_elsewhere_needs_all_files_there(complete: CredentialNode) -> None:
    complete.path("pki/ca.key").unlink()
    run_all((KUBECONFIG,), complete.context())
    complete.path("controller-manager.conf").unlink()
    refusal = _refusal(complete)
    assert "so /etc/kubernetes/controller-manager.conf must be there" in refusal.message
    assert "system:kube-controller-manager" in refusal.remedy


def test_an_authority_in_a_bundle_is_trusted(complete: CredentialNode) -> None:
    bundle = complete.path("pki/ca.crt")
    other = certificate_pem(_somebody(complete).certificate)
    bundle.write_text(bundle.read_text() + other)
    run_all((KUBECONFIG,), complete.context())
    complete.change_kubeconfig("admin", "cluster", certificate_authority_data=_encoded(other))
    run_all((KUBECONFIG,), complete.context())


def test_a_file_rewritten_by_kubectl_is_the_same(complete: CredentialNode) -> None:
    document = complete.kubeconfig("admin")
    document["preferences"] = {}
    complete.path("admin.conf").write_text(yaml.safe_dump(document))
    run_all((KUBECONFIG,), complete.context())


def _somebody(node: CredentialNode) -> Authority:
    return issue_authority("kubernetes", generate("ECDSA-P256"), _period(node))


def _period(node: CredentialNode) -> Period:
    return Period.starting(node.clock.now(), timedelta(days=365))


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
