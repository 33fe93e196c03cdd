from __future__ import annotations

import dataclasses
import sys
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from msgspec.structs import replace

from bootstrap.apply import inventory
from bootstrap.host.agentservice import unit_command
from bootstrap.model.bootstrapconfig import AgentSettings, BootstrapConfiguration
from bootstrap.model.kubeadm import Arg, Taint
from bootstrap.phases.agent_command import agent_command
from bootstrap.phases.agent_start import AGENT_START
from bootstrap.phases.phase import run_phase
from tests.fakes.node import QUICK, FakeNode


@pytest.fixture
def node(tmp_path: Path) -> FakeNode:
    return FakeNode(tmp_path)


def test_the_agent_is_run_by_this_interpreter_apart_from_its_environment() -> None:
    command = agent_command(QUICK)
    assert command[:6] == (sys.executable, "-I", "-m", "bootstrap", "agent", "run")
    options = dict(zip(command[6::2], command[7::2], strict=True))
    assert options == {
        "--manifests": "/etc/kubernetes/manifests",
        "--socket": "/run/bootstrap/agent.sock",
        "--node-name": "master",
        "--docker-socket": "/var/run/docker.sock",
        "--root-dir": "/var/lib/bootstrap",
        "--healthz-port": "10248",
        "--file-check-frequency": "20s",
        "--pause-image": "registry.k8s.io/pause:3.10.2",
        "--tls-cert-file": "/var/lib/bootstrap/pki/kubelet.pem",
        "--tls-private-key-file": "/var/lib/bootstrap/pki/kubelet.pem",
        "--client-ca-file": "/etc/kubernetes/pki/ca.crt",
        "--kubeconfig": "/etc/kubernetes/kubelet.conf",
        "--renew-certificates": "true",
        "--node-ip": QUICK.advertise_address,
        "--register-with-taints": "node-role.kubernetes.io/control-plane:NoSchedule",
    }


def test_renewal_can_be_turned_off() -> None:
    settings = BootstrapConfiguration(agent=AgentSettings(renew_certificates=False))
    command = agent_command(dataclasses.replace(QUICK, bootstrap=settings))
    assert dict(zip(command[6::2], command[7::2], strict=True))["--renew-certificates"] == "false"


def registered(**changes: Any) -> dict[str, str]:
    init = replace(QUICK.init, node_registration=replace(QUICK.init.node_registration, **changes))
    command = agent_command(dataclasses.replace(QUICK, init=init))
    return dict(zip(command[6::2], command[7::2], strict=True))


def test_the_nodes_taints_are_those_of_its_registration() -> None:
    taints = (Taint(key="a", value="b", effect="NoExecute"), Taint(key="c/d", effect="NoSchedule"))
    assert registered(taints=taints)["--register-with-taints"] == "a=b:NoExecute,c/d:NoSchedule"
    assert registered(taints=())["--register-with-taints"] == ""


def test_what_a_kubelet_would_be_told_the_agent_is_told_as_far_as_it_knows_it(node: FakeNode) -> None:
    arguments = {"node-labels": "zone=a", "node-ip": "192.0.2.9", "max-pods": "5"}
    extra = tuple(Arg(name=name, value=value) for name, value in arguments.items())
    options = registered(kubelet_extra_args=extra)
    assert (options["--node-labels"], options["--node-ip"]) == ("zone=a", "192.0.2.9")
    assert "--max-pods" not in options
    assert "--port" not in options


def test_an_agent_that_registers_no_node_leaves_the_kubelets_port_alone() -> None:
    options = registered(kubelet_extra_args=(Arg(name="register-node", value="false"),))
    assert (options["--register-node"], options["--port"]) == ("false", "0")


def test_pods_of_a_url_are_asked_for_with_headers_from_a_file() -> None:
    settings = AgentSettings(
        manifest_url="https://example.com/pods",
        manifest_url_header_file="/etc/kubernetes/headers",
        http_check_frequency="5s",
    )
    bootstrap = replace(QUICK.bootstrap, agent=settings)
    command = agent_command(dataclasses.replace(QUICK, bootstrap=bootstrap))
    options = dict(zip(command[6::2], command[7::2], strict=True))
    assert options["--manifest-url"] == "https://example.com/pods"
    assert options["--manifest-url-header-file"] == "/etc/kubernetes/headers"
    assert options["--http-check-frequency"] == "5s"


def test_the_unit_that_is_installed_runs_it(node: FakeNode) -> None:
    run_phase(AGENT_START, node.context())
    assert unit_command(node.agent.unit) == agent_command(QUICK)
    assert node.agent.history == ["install", "start"]


def test_an_agent_that_runs_is_adopted(node: FakeNode) -> None:
    run_phase(AGENT_START, node.context())
    run_phase(AGENT_START, node.context())
    assert node.agent.history == ["install", "start"]


def test_the_manifest_directory_is_there_before_it_is_watched(node: FakeNode) -> None:
    run_phase(AGENT_START, node.context())
    assert node.files.mode(node.described.layout.manifests) == 0o700


def test_what_it_will_leave_on_the_machine_is_recorded_for_reset(node: FakeNode) -> None:
    context = node.context()
    run_phase(AGENT_START, context)
    made = inventory.load(context.files, context.layout)
    assert context.layout.agent_log in made.files
    for path in (
        "/etc/kubernetes/manifests",
        "/var/lib/bootstrap/pods",
        "/var/log/pods",
        "/var/log/containers",
        "/etc/ssl/certs",
    ):
        assert PurePosixPath(path) in made.directories
