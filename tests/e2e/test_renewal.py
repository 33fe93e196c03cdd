"""Certificates that live for minutes, or less, and nobody who renews them but the agent.

In ``make test`` every certificate is renewed once, in ``make soak`` three times.
"""

from __future__ import annotations

import hashlib
import json
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from bootstrap.host.certificates import first_certificate
from bootstrap.model.certificates import LEAVES, path_of
from bootstrap.model.layout import ETCD, KUBE_APISERVER, KUBE_CONTROLLER_MANAGER, KUBE_SCHEDULER, Layout
from tests.e2e import busy
from tests.e2e.conftest import Lab
from tests.e2e.control_plane import ControlPlane, wait_until
from tests.e2e.soak import either, keep
from tests.lab import LabNode
from tests.lab.namespace import Process

LIFE_SECONDS = either(60, 480)
RENEWALS = either(1, 3)
CONFIG = f"""
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
certificateValidityPeriod: {LIFE_SECONDS}s
"""
LAYOUT = Layout()
KUBELET_PEM = str(LAYOUT.agent_certificate)
SERVED = {
    6443: str(LAYOUT.pki / "apiserver.crt"),
    2379: str(LAYOUT.pki / "etcd/server.crt"),
    2380: str(LAYOUT.pki / "etcd/peer.crt"),
    10250: KUBELET_PEM,
}
MADE_IN_MEMORY = {10257: KUBE_CONTROLLER_MANAGER, 10259: KUBE_SCHEDULER}
"""They serve with certificates that they make for themselves when they start."""

pytestmark = pytest.mark.timeout(either(240, 4 * 480))


@dataclass
class Files:
    """Every certificate file of the node, with all contents it ever had."""

    node: LabNode
    contents: dict[str, list[bytes]] = field(default_factory=dict)

    def look(self) -> None:
        paths = [str(path_of(name, LAYOUT.pki, LAYOUT.kubernetes)) for name in LEAVES]
        for path in (*paths, KUBELET_PEM):
            found, known = self.node.path(path).read_bytes(), self.contents.setdefault(path, [])
            if found not in known:
                known.append(found)

    def renewals(self) -> dict[str, int]:
        self.look()
        return {path: len(known) - 1 for path, known in self.contents.items()}


@pytest.fixture(scope="module")
def short_lived(lab: Lab) -> Iterator[ControlPlane]:
    with lab.node("r1") as node:
        node.path("/etc/cluster.yaml").write_text(CONFIG)
        node.bootstrap("init", "--config=/etc/cluster.yaml")
        yield ControlPlane(node)


def status(control_plane: ControlPlane) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        control_plane.node.bootstrap("agent", "status", "--output=json").stdout
    )
    return found


def restarts(control_plane: ControlPlane) -> dict[str, int]:
    return {
        container["name"]: container["restarts"]
        for pod in status(control_plane)["pods"]
        for container in pod["containers"]
    }


def digest(node: LabNode, path: str) -> str:
    """Of the first certificate in a file."""
    pem = first_certificate(node.path(path).read_text())
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()


def lines(log: Path) -> list[dict[str, Any]]:
    """What the client has said; the last one may not be complete yet."""
    said = log.read_text().rpartition("\n")[0].splitlines()
    other = [line for line in said if not line.startswith("{")]
    assert not other, "\n".join(other)
    return [json.loads(line) for line in said]


def rounds(log: Path) -> list[dict[int, list[str] | None]]:
    return [
        {int(port): each for port, each in line["round"].items()} for line in lines(log) if "round" in line
    ]


def test_certificates_are_renewed_while_a_client_is_busy(short_lived: ControlPlane, tmp_path: Path) -> None:
    node, log = short_lived.node, tmp_path / "busy.log"
    unrestarted = {component: short_lived.containers(component) for component in (ETCD, KUBE_APISERVER)}
    files = Files(node)
    files.look()
    client = start_busy(node, log)
    try:
        wait_until(
            lambda: min(files.renewals().values()) >= RENEWALS,
            f"every certificate is renewed {RENEWALS} times",
            LIFE_SECONDS * RENEWALS,
        )
        wait_until(lambda: shows_what_is_on_disk(short_lived, log), "new certificates are served", 30)
        wait_until(lambda: min(restarts_of(short_lived).values()) >= RENEWALS, "restarts are over", 60)
        short_lived.wait_healthy()
    finally:
        client.end()
    found = lines(log)
    assert [line for line in found if "failed" in line] == []
    requests, cut = found[-1]["requests"], [line["cut"] for line in found if "cut" in line]
    assert requests > LIFE_SECONDS
    assert_served(log)
    assert {component: short_lived.containers(component) for component in unrestarted} == unrestarted
    assert restarts(short_lived)[KUBE_APISERVER] == restarts(short_lived)[ETCD] == 0
    logged = node.path(str(LAYOUT.agent_log)).read_text()
    assert "spoken to with another certificate" in logged
    assert "Unauthorized" not in logged
    renewals = files.renewals()
    # The API server's client of kubelets closes all its connections when it sees another certificate.
    assert len(cut) <= renewals[str(path_of("apiserver-kubelet-client", LAYOUT.pki, LAYOUT.kubernetes))], cut
    for component, count in restarts_of(short_lived).items():
        name = f"{component.removeprefix('kube-')}.conf"
        assert count <= renewals[str(LAYOUT.kubernetes / name)], "a component was restarted without need"
    keep(
        "renewal",
        requests=requests,
        cut=len(cut),
        renewals=sum(renewals.values()),
        restarts=restarts_of(short_lived),
    )


def start_busy(node: LabNode, log: Path) -> Process:
    arguments = ("/etc/kubernetes/admin.conf", node.name, node.address)
    client = node.start(["python3", busy.__file__, *arguments], log=log)
    wait_until(lambda: log.exists() and log.read_text(), "the client is busy", 30)
    return client


def restarts_of(control_plane: ControlPlane) -> dict[str, int]:
    """Of those that read their certificates once."""
    found = restarts(control_plane)
    return {component: found[component] for component in MADE_IN_MEMORY.values()}


def shows_what_is_on_disk(control_plane: ControlPlane, log: Path) -> bool:
    shown = rounds(log)[-1]
    return all(
        (found := shown[port]) is not None and found[0] == digest(control_plane.node, path)
        for port, path in SERVED.items()
    )


def assert_served(log: Path) -> None:
    """Nobody was ever shown a certificate that had ended, and one component at the most was away."""
    for line in lines(log):
        at = datetime.fromisoformat(line["at"])
        shown = {int(port): each for port, each in line.get("round", {}).items()}
        away = [port for port, each in shown.items() if each is None]
        assert len(away) <= 1, f"{away} refused at the same time"
        assert not {*away} & {*SERVED}, f"{away} refused"
        ended = [port for port, each in shown.items() if each and datetime.fromisoformat(each[1]) < at]
        assert not ended, f"{ended} served with a certificate that had ended"
    different = {
        port: len({each[0] for shown in rounds(log) if (each := shown[port])}) for port in busy.PORTS
    }
    assert min(different.values()) > RENEWALS, different


def test_a_node_that_was_away_past_the_end_of_everything_mends_itself(short_lived: ControlPlane) -> None:
    node = short_lived.node
    paths = [str(path_of(name, LAYOUT.pki, LAYOUT.kubernetes)) for name in LEAVES]
    node.run(["kill", "-KILL", node.path(str(LAYOUT.agent_pid)).read_text().split()[0]])
    node.path("/etc/brief.yaml").write_text(CONFIG.replace(f"{LIFE_SECONDS}s", "3s"))
    node.bootstrap("certs", "renew", "all", "--config=/etc/brief.yaml")
    ended = {path: node.path(path).read_bytes() for path in paths}
    wait_until(lambda: not answers(node), "the API server refuses the administrator", 30)
    started = time.monotonic()
    node.bootstrap("init", "phase", "agent-start")
    wait_until(lambda: all(node.path(path).read_bytes() != ended[path] for path in paths), "renewed", 30)
    wait_until(lambda: answers(node), "the API server answers", 30)
    keep("back after the end", seconds=round(time.monotonic() - started, 1))
    short_lived.wait_healthy()


def answers(node: LabNode) -> bool:
    return node.run(["kubectl", "get", "nodes"], check=False).returncode == 0
