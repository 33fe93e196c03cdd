"""One probe, done once: GET, connect, gRPC or exec, and what its answer means.

Source: pkg/probe/http, tcp, grpc, exec. Invariant: never raises; an answer that cannot be judged is an
error, which counts as neither success nor failure.
"""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

from bootstrap.agent.environment import expand
from bootstrap.agent.probe import Outcome
from bootstrap.errors import BootstrapError
from bootstrap.host.http import HttpClient, HttpReply, HttpRequest, NoAnswerError, ProbeClient
from bootstrap.model.podspec import Container, GRPCAction, HTTPGetAction, Probe, TCPSocketAction
from bootstrap.runtime.api import ContainerRuntime

MAX_REDIRECTS = 10
USER_AGENT = "kube-probe/1.37"
SHOWN_BYTES = 200
SERVING = "SERVING"
DEFAULT_PORTS = {"http": 80, "https": 443}


def probe_network(
    http: ProbeClient, container: Container, probe: Probe, address: str, *, reuse: bool = False
) -> Outcome:
    """An httpGet, tcpSocket or grpc probe; ``address`` is used where it names no host.

    ``reuse`` allows a connection left open by an earlier probe. A kubelet opens a new one each time; a TLS
    handshake each second for each component is more work than all the rest of an idle agent.
    """
    if probe.grpc is not None:
        return _health(http, probe.grpc, address, float(probe.timeout_seconds))
    action = probe.http_get or probe.tcp_socket
    assert action is not None
    port = port_number(container, action.port)
    if port is None:
        return Outcome("error", f"container {container.name} has no port named {action.port}")
    host = action.host or address
    timeout = float(probe.timeout_seconds)
    try:
        if isinstance(action, TCPSocketAction):
            http.connect(host, port, timeout)
            return Outcome("success")
        return _get(http, first_request(action, host, port, timeout, reuse=reuse))
    except NoAnswerError as error:
        return Outcome("failure", error.message)


def probe_exec(runtime: ContainerRuntime, container_id: str, container: Container, probe: Probe) -> Outcome:
    """An exec probe: exit code 0 is success."""
    assert probe.exec is not None
    variables = {each.name: each.value for each in container.env if each.value_from is None}
    command = tuple(expand(word, variables) for word in probe.exec.command)
    try:
        done = runtime.execute(container_id, command, float(probe.timeout_seconds))
    except TimeoutError as error:
        return Outcome("failure", str(error))
    except BootstrapError as error:
        return Outcome("error", error.message)
    if done.exit_code == 0:
        return Outcome("success")
    return Outcome("failure", f"exit code {done.exit_code}: {_shown(done.output)}")


def port_number(container: Container, port: int | str) -> int | None:
    """A number as it is, a name looked up in the container's own ports."""
    if isinstance(port, int):
        return port
    if port.isdecimal():
        return int(port)
    return next((each.container_port for each in container.ports if each.name == port), None)


def first_request(
    action: HTTPGetAction, host: str, port: int, timeout: float, *, reuse: bool = False
) -> HttpRequest:
    """A path may have a query and may lack its leading slash."""
    given = {header.name.lower() for header in action.http_headers}
    usual = (("User-Agent", USER_AGENT), ("Accept", "*/*"))
    return HttpRequest(
        host=host,
        port=port,
        path=action.path if action.path.startswith("/") else f"/{action.path}",
        scheme=action.scheme.lower(),
        headers=(
            *((header.name, header.value) for header in action.http_headers),
            *((name, value) for name, value in usual if name.lower() not in given),
        ),
        timeout=timeout,
        reuse=reuse,
    )


def _health(http: ProbeClient, action: GRPCAction, address: str, timeout: float) -> Outcome:
    try:
        said = http.health(address, action.port, action.service, timeout)
    except NoAnswerError as error:
        return Outcome("failure", error.message)
    return Outcome("success") if said == SERVING else Outcome("failure", f"service is not healthy: {said}")


def _get(http: HttpClient, request: HttpRequest) -> Outcome:
    """Redirects are followed on the same host; one that leads elsewhere is a success, as in a kubelet."""
    for _ in range(MAX_REDIRECTS):
        reply = http.fetch(request)
        following = _redirect(request, reply)
        if following is None:
            return _judged(reply)
        request = following
    return Outcome("failure", f"stopped after {MAX_REDIRECTS} redirects")


def _redirect(request: HttpRequest, reply: HttpReply) -> HttpRequest | None:
    if reply.status not in (301, 302, 303, 307, 308) or not reply.location:
        return None
    here = f"{request.scheme}://{_bracketed(request.host)}:{request.port}{request.path}"
    target = urlsplit(urljoin(here, reply.location))
    if target.hostname != request.host.lower() or target.scheme not in DEFAULT_PORTS:
        return None
    path = target.path or "/"
    return HttpRequest(
        host=request.host,
        port=target.port or DEFAULT_PORTS[target.scheme],
        path=f"{path}?{target.query}" if target.query else path,
        scheme=target.scheme,
        headers=request.headers,
        timeout=request.timeout,
    )


def _judged(reply: HttpReply) -> Outcome:
    if 200 <= reply.status < 400:
        return Outcome("success")
    return Outcome("failure", f"HTTP status {reply.status}: {_shown(reply.body)}")


def _shown(output: bytes) -> str:
    return " ".join(output[:SHOWN_BYTES].decode(errors="replace").split())


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
