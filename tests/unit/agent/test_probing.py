"""What one answer means, and what is asked."""

from __future__ import annotations

import pytest

from bootstrap.agent.probing import probe_exec, probe_network
from bootstrap.host.http import HttpReply
from bootstrap.model.podspec import (
    Container,
    ContainerPort,
    EnvVar,
    ExecAction,
    GRPCAction,
    HTTPGetAction,
    HTTPHeader,
    Probe,
    TCPSocketAction,
)
from bootstrap.runtime.api import ContainerSpec, ExecResult
from tests.fakes.http import FakeHttp
from tests.fakes.runtime import FakeRuntime

CONTAINER = Container(
    name="main",
    image="app:1",
    ports=(ContainerPort(container_port=8080, name="health"),),
    env=(EnvVar(name="NAME", value="world"),),
)


def get(**fields: object) -> Probe:
    return Probe(http_get=HTTPGetAction(**{"port": 80, **fields}))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("status", "result"),
    [(200, "success"), (204, "success"), (399, "success"), (400, "failure"), (503, "failure")],
)
def test_a_status_from_200_to_399_is_success(status: int, result: str) -> None:
    http = FakeHttp()
    http.serve(80, HttpReply(status, b"body"))
    assert probe_network(http, CONTAINER, get(), "10.0.0.1").result == result


def test_nobody_there_is_a_failure() -> None:
    outcome = probe_network(FakeHttp(), CONTAINER, get(), "10.0.0.1")
    assert (outcome.result, outcome.message) == ("failure", "connection refused")


def test_the_request_is_a_kubelets() -> None:
    http = FakeHttp()
    http.serve(8080, HttpReply(200, b""))
    header = HTTPHeader(name="Host", value="virtual")
    probe = get(port="health", path="livez?exclude=etcd", scheme="HTTPS", http_headers=(header,))
    probe_network(http, CONTAINER, probe, "10.0.0.1")
    (request,) = http.requests
    assert (request.host, request.port, request.path) == ("10.0.0.1", 8080, "/livez?exclude=etcd")
    assert (request.scheme, request.ca_file) == ("https", "")
    assert dict(request.headers) == {"Host": "virtual", "User-Agent": "kube-probe/1.37", "Accept": "*/*"}


def test_the_request_has_the_probes_timeout() -> None:
    http = FakeHttp()
    http.serve(80, HttpReply(200, b""))
    action = HTTPGetAction(port=80)
    probe_network(http, CONTAINER, Probe(http_get=action, timeout_seconds=7), "10.0.0.1")
    assert http.requests[0].timeout == 7


def test_a_host_in_the_probe_wins() -> None:
    http = FakeHttp()
    http.serve(80, HttpReply(200, b""))
    probe_network(http, CONTAINER, get(host="127.0.0.1"), "10.0.0.1")
    assert http.requests[0].host == "127.0.0.1"


def test_an_unknown_port_name_is_no_result() -> None:
    assert probe_network(FakeHttp(), CONTAINER, get(port="nope"), "10.0.0.1").result == "error"


def test_a_redirect_on_the_same_host_is_followed() -> None:
    http = FakeHttp()
    http.serve(80, HttpReply(302, b"", "http://10.0.0.1:81/there?x=1"))
    http.serve(81, HttpReply(500, b""))
    assert probe_network(http, CONTAINER, get(), "10.0.0.1").result == "failure"
    assert http.requests[1].path == "/there?x=1"


def test_a_redirect_elsewhere_is_success() -> None:
    http = FakeHttp()
    http.serve(80, HttpReply(302, b"", "http://example.test/"))
    assert probe_network(http, CONTAINER, get(), "10.0.0.1").result == "success"


def test_a_circle_of_redirects_is_a_failure() -> None:
    http = FakeHttp()
    http.serve(80, HttpReply(302, b"", "/"))
    assert probe_network(http, CONTAINER, get(), "10.0.0.1").result == "failure"
    assert len(http.requests) == 10


def test_a_tcp_probe_only_connects() -> None:
    http = FakeHttp()
    probe = Probe(tcp_socket=TCPSocketAction(port="health"))
    assert probe_network(http, CONTAINER, probe, "10.0.0.1").result == "failure"
    http.serve(8080, HttpReply(500, b""))
    assert probe_network(http, CONTAINER, probe, "10.0.0.1").result == "success"


def test_a_grpc_probe_asks_after_a_services_health() -> None:
    http = FakeHttp()
    probe = Probe(grpc=GRPCAction(port=9000, service="store"))
    assert probe_network(http, CONTAINER, probe, "10.0.0.1").result == "failure"
    http.serve_health(9000, "store", "NOT_SERVING")
    outcome = probe_network(http, CONTAINER, probe, "10.0.0.1")
    assert (outcome.result, outcome.message) == ("failure", "service is not healthy: NOT_SERVING")
    http.serve_health(9000, "store", "SERVING")
    assert probe_network(http, CONTAINER, probe, "10.0.0.1").result == "success"


@pytest.mark.parametrize(("code", "result"), [(0, "success"), (1, "failure")])
def test_exec_goes_by_the_exit_code(code: int, result: str) -> None:
    runtime = FakeRuntime()
    runtime.engine.add_image("app:1")
    asked = []

    def reply(_spec: ContainerSpec, argv: tuple[str, ...]) -> ExecResult:
        asked.append(argv)
        return ExecResult(code, b"out\n")

    runtime.engine.set_exec("main", reply)
    identity = runtime.create(ContainerSpec("main", "app:1"))
    runtime.start(identity)
    probe = Probe(exec=ExecAction(command=("hello", "$(NAME)")))
    assert probe_exec(runtime, identity, CONTAINER, probe).result == result
    assert asked == [("hello", "world")]


def test_exec_in_a_container_that_is_gone_is_no_result() -> None:
    probe = Probe(exec=ExecAction(command=("x",)))
    assert probe_exec(FakeRuntime(), "0" * 64, CONTAINER, probe).result == "error"
