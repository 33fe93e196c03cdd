from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path, PurePosixPath

import pytest
from cryptography import x509
from msgspec.structs import replace

from bootstrap.apply import inventory
from bootstrap.errors import BootstrapError
from bootstrap.host.files import TEMPORARY_PREFIX
from bootstrap.model.kubeadm import APIServer, Etcd, ExternalEtcd
from bootstrap.model.layout import Layout
from bootstrap.phases.certs import CERTS, cluster_pki, prepare_keys
from bootstrap.phases.phase import paths, run_all, run_phase
from pki.pool import KeyPool
from tests.fakes.dying_files import DyingFiles, PowerCut
from tests.golden.control_planes import CLUSTER, control_plane
from tests.unit.phases.credentials import CredentialNode

EXTERNAL_ETCD = Etcd(external=ExternalEtcd(endpoints=("https://etcd.example.com:2379",)))


@pytest.fixture
def node(tmp_path: Path) -> CredentialNode:
    return CredentialNode(tmp_path)


def test_the_steps_are_kubeadms_in_kubeadms_order() -> None:
    assert list(paths((CERTS,))) == [
        "certs",
        "certs/ca",
        "certs/apiserver",
        "certs/apiserver-kubelet-client",
        "certs/front-proxy-ca",
        "certs/front-proxy-client",
        "certs/etcd-ca",
        "certs/etcd-server",
        "certs/etcd-peer",
        "certs/etcd-healthcheck-client",
        "certs/apiserver-etcd-client",
        "certs/sa",
    ]


def test_only_the_serving_certificate_takes_names_and_addresses() -> None:
    with_names = {step.name for step in CERTS.steps if "apiserver-cert-extra-sans" in step.options}
    assert with_names == {"apiserver"}
    assert "apiserver-cert-extra-sans" in CERTS.options
    assert all(
        {"config", "cert-dir", "kubernetes-version", "dry-run"} <= {*step.options} for step in CERTS.steps
    )


def test_all_certificates_are_made_in_one_step_of_progress(node: CredentialNode) -> None:
    run_all((CERTS,), node.context())
    assert node.summaries() == ["certificates: 11 made"]
    run_all((CERTS,), node.context())
    assert node.summaries()[1:] == ["certificates: 11 kept"]


def test_the_steps_one_by_one_make_the_same_files(node: CredentialNode, tmp_path: Path) -> None:
    run_all((CERTS,), node.context())
    other = CredentialNode(tmp_path / "other")
    for step in CERTS.steps:
        run_phase(step, other.context())
    assert set(other.contents()) == set(node.contents())


def test_a_skipped_step_leaves_its_certificate_out(node: CredentialNode) -> None:
    run_all((CERTS,), node.context(), ("certs/sa",))
    assert not node.path("pki/sa.key").exists()
    assert node.path("pki/apiserver.crt").exists()


def test_an_external_etcd_skips_etcds_steps_and_says_so(node: CredentialNode) -> None:
    node.with_cluster(etcd=EXTERNAL_ETCD)
    run_all((CERTS,), node.context(), ("certs/sa",))
    assert [line for line in node.reporter.lines if "etcd is external" in line] == [
        f"info {step.summary}: skipped, etcd is external"
        for step in CERTS.steps
        if step.name.startswith("etcd-") or step.name == "apiserver-etcd-client"
    ]
    assert not node.path("pki/etcd").exists()


def test_the_configuration_reaches_the_certificates(node: CredentialNode) -> None:
    node.with_cluster(
        control_plane_endpoint="[2001:db8::1]:6443",
        certificates_dir="/srv/pki",
        api_server=APIServer(cert_sans=("api.example.com",)),
        certificate_validity_period="100h0m0s",
        kubernetes_version="v1.36.0",
    )
    pki = cluster_pki(node.described)
    assert pki.endpoint_host == "2001:db8::1"
    assert (pki.version, pki.validity.total_seconds()) == ((1, 36, 0), 360_000)
    run_all((CERTS,), node.context())
    pem = (node.root / "srv/pki/apiserver.crt").read_bytes()
    names = x509.load_pem_x509_certificate(pem).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert "api.example.com" in names.value.get_values_for_type(x509.DNSName)
    assert "2001:db8::1" in map(str, names.value.get_values_for_type(x509.IPAddress))


@pytest.mark.parametrize(
    ("endpoint", "host"), [("", ""), ("lb.example.com:8443", "lb.example.com"), ("10.0.0.1", "10.0.0.1")]
)
def test_the_endpoints_host_is_taken_without_its_port(endpoint: str, host: str) -> None:
    described = control_plane(replace(CLUSTER, control_plane_endpoint=endpoint))
    assert cluster_pki(described).endpoint_host == host


def test_a_misfit_is_told_as_this_programs_error(node: CredentialNode) -> None:
    run_all((CERTS,), node.context())
    before = node.contents()
    node.with_cluster(api_server=APIServer(cert_sans=("new.example.com",)))
    with pytest.raises(BootstrapError, match=r"apiserver\.crt is not valid for new\.example\.com") as caught:
        run_all((CERTS,), node.context())
    assert caught.value.remedy == (
        "rm /etc/kubernetes/pki/apiserver.crt /etc/kubernetes/pki/apiserver.key, "
        "then run the same command again"
    )
    assert node.contents() == before


def test_what_is_made_is_recorded_and_what_was_there_is_not(node: CredentialNode, tmp_path: Path) -> None:
    run_phase(CERTS.steps[0], node.context())
    other = CredentialNode(tmp_path / "other")
    shutil.copytree(node.path("pki"), other.path("pki"))
    run_all((CERTS,), other.context())
    made = inventory.load(other.context().files, Layout()).files
    assert PurePosixPath("/etc/kubernetes/pki/apiserver.key") in made
    assert PurePosixPath("/etc/kubernetes/pki/ca.key") not in made


def test_whatever_a_power_cut_leaves_is_recorded(tmp_path: Path) -> None:
    for life in range(0, 60, 3):
        node = CredentialNode(tmp_path / str(life))
        with pytest.raises(PowerCut):
            node.run(files=DyingFiles(node.root, life))
        recorded = inventory.load(node.context().files, Layout()).files
        names = (name for name in node.contents() if TEMPORARY_PREFIX not in name)
        assert {PurePosixPath("/etc/kubernetes") / name for name in names} <= recorded


def test_an_authority_that_ends_before_what_it_signs_is_warned_of(node: CredentialNode) -> None:
    node.with_cluster(ca_certificate_validity_period="100h0m0s")
    run_all((CERTS,), node.context())
    assert [line for line in node.reporter.lines if line.startswith("warn")] == [
        f"warn /etc/kubernetes/pki/{name}.crt expires before certificates it has just signed"
        for name in ("ca", "front-proxy-ca", "etcd/ca")
    ]


def test_half_written_files_of_a_killed_run_are_swept(node: CredentialNode) -> None:
    node.path("pki/etcd").mkdir(parents=True)
    torn = node.path(f"pki/etcd/{TEMPORARY_PREFIX}x")
    torn.write_text("half a key")
    run_all((CERTS,), node.context())
    assert not torn.exists()


def test_what_an_interrupted_run_left_is_finished_and_told(node: CredentialNode) -> None:
    with pytest.raises(PowerCut):
        run_all((CERTS,), node.context(DyingFiles(node.root, 30)))
    run_all((CERTS,), node.context())
    assert any("finished what an interrupted run left" in line for line in node.reporter.lines)
    assert node.summaries()[-1] == "certificates: 11 kept"


class CountingPool(KeyPool):
    """Remembers how many keys were wanted beforehand."""

    wanted = 0

    def prepare(self, algorithm: str, count: int) -> None:
        self.wanted = max(self.wanted, count)
        super().prepare(algorithm, count)


def _wanted_keys(node: CredentialNode) -> int:
    pool = CountingPool()
    prepare_keys(dataclasses.replace(node.context(), keys=pool))
    return pool.wanted


def test_as_many_keys_are_prepared_as_are_missing(node: CredentialNode) -> None:
    assert _wanted_keys(node) == 11
    node.run()
    assert _wanted_keys(node) == 0
    node.path("pki/sa.key").unlink()
    assert _wanted_keys(node) == 1
    node.with_cluster(etcd=EXTERNAL_ETCD)
    assert _wanted_keys(CredentialNode(node.root / "empty", node.described)) == 6
