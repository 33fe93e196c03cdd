"""What people ask a kubelet, asked with kubectl of a real API server, which asks the agent."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator

import pytest

from tests.e2e.control_plane import ControlPlane, wait_until
from tests.e2e.talker import PORT, put_talker, remove_talker
from tests.fixtures.probe_image import PROGRAM

SPDY = {"KUBECTL_REMOTE_COMMAND_WEBSOCKETS": "false", "KUBECTL_PORT_FORWARD_WEBSOCKETS": "false"}
TRANSPORTS = [pytest.param({}, id="websocket"), pytest.param(SPDY, id="spdy")]
ASK = """
import ssl, sys, urllib.request, urllib.error
context = ssl._create_unverified_context()
request = urllib.request.Request(sys.argv[1])
if len(sys.argv) == 3:
    request.add_header("Authorization", f"Bearer {sys.argv[2]}")
if len(sys.argv) == 4:
    context.load_cert_chain(sys.argv[2], sys.argv[3])
try:
    print(urllib.request.urlopen(request, context=context).status)
except urllib.error.HTTPError as error:
    print(error.code)
"""


@pytest.fixture(scope="module")
def talker(newest: ControlPlane) -> Iterator[str]:
    """The name of a pod whose container ``main`` is ready."""
    name = put_talker(newest.node)
    try:
        wait_until(
            lambda: newest.node.run(["kubectl", "logs", name, "-c", "main"], check=False).stdout, "logs"
        )
        yield name
    finally:
        remove_talker(newest.node)
        wait_until(lambda: not newest.get("pods")["items"], "the mirror is gone")


def kubectl(
    cluster: ControlPlane,
    *arguments: str,
    stdin: str | None = None,
    environment: dict[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    return cluster.node.run(
        ["kubectl", *arguments], check=False, stdin=stdin, environment=environment, timeout=60
    )


def test_logs(newest: ControlPlane, talker: str) -> None:
    main = ("logs", talker, "-c", "main")
    assert kubectl(newest, *main).stdout == "one\ntwo\n"
    assert kubectl(newest, *main, "--tail=1").stdout == "two\n"
    assert kubectl(newest, *main, "--limit-bytes=2").stdout == "on"
    assert kubectl(newest, *main, "--since=1h", "--timestamps").stdout.splitlines()[1].endswith("Z two")
    refused = kubectl(newest, *main, "--previous")
    assert "previous terminated container" in refused.stderr


def test_logs_of_the_control_plane_itself(newest: ControlPlane) -> None:
    name = f"kube-apiserver-{newest.node.name}"
    assert kubectl(newest, "logs", "--namespace=kube-system", name, "--tail=1").stdout.count("\n") == 1


def test_a_log_is_followed(newest: ControlPlane, talker: str) -> None:
    follower = newest.node.start(["kubectl", "logs", "--follow", talker, "-c", "main"])
    try:
        assert follower.stdout.readline() == b"one\n"
    finally:
        follower.end()


@pytest.mark.parametrize("environment", TRANSPORTS)
def test_a_command_has_output_and_an_exit_code(
    newest: ControlPlane, talker: str, environment: dict[str, str]
) -> None:
    command = ("exec", talker, "-c", "main", "--", PROGRAM)
    done = kubectl(newest, *command, "print:in", "fail:err", "exit:7", environment=environment)
    how = newest.node.bootstrap("agent", "logs").stdout.rpartition(f"/exec/default/{talker}/main over ")[2]
    assert how.startswith("SPDY/3.1" if environment else "WebSocket (v5.channel.k8s.io)")
    assert (done.returncode, done.stdout) == (7, "in\n")
    assert done.stderr.startswith("err\n")


@pytest.mark.parametrize("environment", TRANSPORTS)
def test_a_command_has_input(newest: ControlPlane, talker: str, environment: dict[str, str]) -> None:
    command = ("exec", "--stdin", talker, "-c", "main", "--", PROGRAM, "copy")
    text = "over there\n" * 10_000
    done = kubectl(newest, *command, stdin=text, environment=environment)
    assert (done.returncode, done.stdout) == (0, text)


@pytest.mark.parametrize("environment", TRANSPORTS)
def test_a_container_is_attached_to(newest: ControlPlane, talker: str, environment: dict[str, str]) -> None:
    def attached() -> bool:
        arguments = ("attach", "--stdin", talker, "-c", "echo")
        return "hello" in kubectl(newest, *arguments, stdin="hello\n", environment=environment).stdout

    # Its program ends with its input, and waits a while before it runs again.
    wait_until(attached, "the input comes back")


@pytest.mark.parametrize("environment", TRANSPORTS)
def test_a_port_is_forwarded(newest: ControlPlane, talker: str, environment: dict[str, str]) -> None:
    program = ["env", *(f"{name}={value}" for name, value in environment.items())]
    forward = newest.node.start([*program, "kubectl", "port-forward", f"pod/{talker}", f":{PORT}"])
    try:
        line = forward.stdout.readline().decode()
        port = line.split(":")[1].split()[0]
        fetch = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).read().decode())"
        for path in ("/a", "/b"):
            address = f"http://127.0.0.1:{port}{path}"
            assert newest.node.run(["python3", "-c", fetch, address]).stdout.strip() == path
    finally:
        forward.end()


def test_the_node_is_asked_through_the_api_server(newest: ControlPlane) -> None:
    proxy = f"/api/v1/nodes/{newest.node.name}/proxy"
    assert kubectl(newest, "get", "--raw", f"{proxy}/healthz").stdout == "ok"
    pods = json.loads(kubectl(newest, "get", "--raw", f"{proxy}/pods").stdout)["items"]
    assert {pod["metadata"]["namespace"] for pod in pods} >= {"kube-system"}
    metrics = kubectl(newest, "get", "--raw", f"{proxy}/metrics").stdout
    assert {"podstrap_api_up 1", "podstrap_engine_up 1"} <= set(metrics.splitlines())
    assert '{path="/etc/kubernetes/pki/apiserver.crt"}' in metrics


def test_who_may_ask_is_decided_by_the_api_server(newest: ControlPlane) -> None:
    """With the certificates of kubeconfigs, directly at the agent."""

    def status(path: str, identity: str = "") -> str:
        certificate = []
        if identity:
            for kind, name in (("client-certificate", "crt"), ("client-key", "key")):
                field = f"{{.users[0].user.{kind}-data}}"
                config = f"--kubeconfig=/etc/kubernetes/{identity}.conf"
                data = newest.kubectl("config", "view", "--raw", config, "--output", f"jsonpath={field}")
                certificate.append(f"/run/{identity}.{name}")
                newest.node.run(["sh", "-c", f"umask 077; base64 -d > {certificate[-1]}"], stdin=data)
        address = f"https://127.0.0.1:10250{path}"
        return newest.node.run(["python3", "-c", ASK, address, *certificate]).stdout.strip()

    assert status("/healthz") == "401"
    assert status("/metrics", "admin") == "200"
    assert status("/metrics", "scheduler") == "403"


def test_a_service_account_may_scrape_with_its_token(newest: ControlPlane) -> None:
    """As Prometheus does it; the API server says whose the token is, and what it may."""
    name = "scraper"
    newest.kubectl("create", "serviceaccount", name)
    newest.kubectl("create", "clusterrole", name, "--verb=get", "--resource=nodes/metrics")
    newest.kubectl(
        "create", "clusterrolebinding", name, f"--clusterrole={name}", f"--serviceaccount=default:{name}"
    )
    try:
        token = newest.kubectl("create", "token", name).strip()
        answers = [
            newest.node.run(["python3", "-c", ASK, f"https://127.0.0.1:10250{path}", bearer]).stdout.strip()
            for path, bearer in (("/metrics", token), ("/pods", token), ("/metrics", "nobody's"))
        ]
        assert answers == ["200", "403", "401"]
    finally:
        for kind in ("serviceaccount", "clusterrole", "clusterrolebinding"):
            newest.kubectl("delete", kind, name)
