"""A control plane whose authorities sign elsewhere, in order: first requests, init, renewed certificates."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bootstrap.model.layout import COMPONENTS, ETCD, KUBE_APISERVER, KUBE_CONTROLLER_MANAGER, KUBE_SCHEDULER
from tests.e2e.conftest import Lab
from tests.e2e.control_plane import ControlPlane, Json, wait_until
from tests.e2e.served import serial
from tests.fakes.company import KUBECONFIGS, LEAVES, Company

KUBERNETES = "/etc/kubernetes"
NEW = "/etc/renewal"
FIRST_LIFE, SECOND_LIFE = timedelta(days=30), timedelta(days=90)
INSTALL = f"""
cd {NEW} && find . -name '*.csr' -delete && rm pki/ca.crt
find . -type f | while read -r file; do mv "$file" "{KUBERNETES}/$file"; done
"""


@pytest.fixture(scope="module")
def company() -> Company:
    return Company(datetime.now(UTC))


@pytest.fixture(scope="module")
def external(lab: Lab, company: Company) -> Iterator[ControlPlane]:
    """What a person does: the authorities' certificates, requests, signed certificates, init."""
    with lab.node() as node:
        kubernetes = node.path(KUBERNETES)
        company.put_authorities(kubernetes / "pki")
        node.bootstrap("certs", "generate-csr")
        company.sign_everything(kubernetes / "pki", kubernetes, FIRST_LIFE)
        node.bootstrap("init")
        yield ControlPlane(node)


def expirations(cluster: ControlPlane) -> list[Json]:
    found = json.loads(cluster.node.bootstrap("certs", "check-expiration", "-o", "json").stdout)
    certificates: list[Json] = found["certificates"]
    return certificates


def days_left(entry: Json) -> int:
    left: int = entry["residualTime"]
    return left // 86400


def keys_of_authorities(kubernetes: Path) -> list[Path]:
    return [
        path
        for name in ("ca", "etcd/ca", "front-proxy-ca")
        if (path := kubernetes / f"pki/{name}.key").exists()
    ]


def test_it_comes_up_without_the_key_of_any_authority(external: ControlPlane) -> None:
    external.wait_healthy()
    assert external.kubectl("get", "--raw=/readyz") == "ok"
    assert keys_of_authorities(external.node.path(KUBERNETES)) == []
    node = external.get("node", external.node.name)
    assert {one["type"]: one["status"] for one in node["status"]["conditions"]}["Ready"] == "True"


def test_a_second_init_and_a_plan_change_nothing(external: ControlPlane) -> None:
    before = external.everything_running()
    external.node.bootstrap("init", "--skip-token-print")
    external.node.bootstrap("plan")
    assert external.everything_running() == before


def test_nothing_is_renewed_here(external: ControlPlane) -> None:
    said = external.node.bootstrap("certs", "renew", "all").stdout
    assert said.count("signed elsewhere, not renewed") == len(expirations(external))
    assert all(entry["externallyManaged"] for entry in expirations(external))


def test_new_certificates_are_taken_up(external: ControlPlane, company: Company) -> None:
    """Two components read their kubeconfig once, and the agent starts them again; the others go on."""
    node, new = external.node, external.node.path(NEW)
    (new / "pki").mkdir(parents=True)
    (new / "pki/ca.crt").write_bytes(node.path(f"{KUBERNETES}/pki/ca.crt").read_bytes())
    node.bootstrap("certs", "generate-csr", "--cert-dir", f"{NEW}/pki", "--kubeconfig-dir", NEW)
    company.sign_everything(new / "pki", new, SECOND_LIFE)
    shown = {port: serial(node, port) for port in (6443, 2379)}
    before = {component: external.containers(component) for component in COMPONENTS}
    assert {days_left(entry) for entry in expirations(external)} == {FIRST_LIFE.days - 1}
    node.run(["sh", "-ec", INSTALL])
    assert {days_left(entry) for entry in expirations(external)} == {SECOND_LIFE.days - 1}
    assert len(expirations(external)) == len(LEAVES) + len(KUBECONFIGS)
    for port, old in shown.items():
        wait_until(lambda: serial(node, port) != old, f"another certificate on {port}")  # noqa: B023
    for component in (KUBE_CONTROLLER_MANAGER, KUBE_SCHEDULER):
        wait_until(
            lambda: external.containers(component) not in ([], before[component]),  # noqa: B023
            f"the agent starts {component} again",
        )
    external.wait_healthy()
    for component in (ETCD, KUBE_APISERVER):
        assert external.containers(component) == before[component]
    assert external.kubectl("get", "--raw=/readyz") == "ok"
    test_a_second_init_and_a_plan_change_nothing(external)
