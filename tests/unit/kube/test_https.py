from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from msgspec.structs import replace as changed

from bootstrap.errors import BootstrapError, ConfigError, TransientError
from bootstrap.host.clock import SystemClock
from bootstrap.kube.client import (
    ApiError,
    ApiUnreachableError,
    ConflictError,
    ForbiddenError,
    NotFoundError,
)
from bootstrap.kube.https import HttpsApiClient, ServerNotTrustedError
from bootstrap.kube.kubeconfig import Kubeconfig, parse_kubeconfig
from bootstrap.model.kubeadm import APIServer
from bootstrap.phases.certs import CERTS
from bootstrap.phases.kubeconfig import KUBECONFIG
from bootstrap.phases.phase import run_all
from tests.fakes.node import QUICK, FakeNode
from tests.golden.control_planes import control_plane


@dataclass
class Exchange:
    """One request as the server saw it; ``client`` is the common name of the client's certificate."""

    method: str
    path: str
    body: object
    content_type: str
    client: str
    connection: tuple[str, int]


class Server:
    """A TLS server with the API server's certificate; ``replies`` are used up in order, then 200 {}.

    ``pieces`` is a reply that is sent bit by bit and goes on until ``ends`` is set.
    """

    def __init__(self, pki: Path) -> None:
        self.seen: list[Exchange] = []
        self.replies: list[tuple[int, bytes]] = []
        self.pieces: list[bytes] = []
        self.ends = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                assert isinstance(self.connection, ssl.SSLSocket)
                subject = dict(pair[0] for pair in (self.connection.getpeercert() or {})["subject"])  # type: ignore[misc]
                server.seen.append(
                    Exchange(
                        self.command,
                        self.path,
                        body,
                        self.headers.get("Content-Type", ""),
                        str(subject["commonName"]),
                        self.client_address,
                    )
                )
                if server.pieces and "watch=1" in self.path:
                    self.send_in_pieces()
                    return
                status, text = server.replies.pop(0) if server.replies else (200, b"{}")
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def send_in_pieces(self) -> None:
                self.send_response(200)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for piece in server.pieces:
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                server.ends.wait()
                self.close_connection = True
                self.wfile.write(b"0\r\n\r\n")

            def log_message(self, *arguments: object) -> None:
                """Nothing."""

        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            setattr(Handler, f"do_{method}", Handler.handle_any)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(pki / "apiserver.crt", pki / "apiserver.key")
        tls.load_verify_locations(pki / "ca.crt")
        tls.verify_mode = ssl.CERT_REQUIRED
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._http.socket = tls.wrap_socket(self._http.socket, server_side=True)
        self.port = self._http.server_address[1]
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        self.ends.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


def identities(root: Path) -> FakeNode:
    """A node with a PKI and kubeconfigs, its API server's certificate valid for the loopback address."""
    cluster = changed(QUICK.cluster, api_server=APIServer(cert_sans=("127.0.0.1",)))
    node = FakeNode(root, control_plane(cluster=cluster))
    run_all((CERTS, KUBECONFIG), replace(node.context(), clock=SystemClock()))
    return node


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> FakeNode:
    return identities(tmp_path_factory.mktemp("node"))


@pytest.fixture
def server(node: FakeNode) -> Iterator[Server]:
    made = Server(node.root / "etc/kubernetes/pki")
    yield made
    made.close()


def kubeconfig_of(node: FakeNode, server: Server) -> Kubeconfig:
    path = node.described.layout.kubeconfig("admin")
    read = parse_kubeconfig(node.files.read_text(path), str(path))
    return replace(read, server=f"https://127.0.0.1:{server.port}")


@pytest.fixture
def client(node: FakeNode, server: Server) -> Iterator[HttpsApiClient]:
    made = HttpsApiClient(kubeconfig_of(node, server), timeout=5)
    yield made
    made.close()


def test_requests_are_made_as_the_kubeconfigs_user_on_one_connection(
    client: HttpsApiClient, server: Server
) -> None:
    client.get("/api/v1/pods", {"limit": "1"})
    client.create("/api/v1/pods", {"metadata": {"name": "x"}})
    client.patch("/api/v1/pods/x", {"a": 1}, "application/merge-patch+json")
    client.delete("/api/v1/pods/x")
    assert [(one.method, one.path) for one in server.seen] == [
        ("GET", "/api/v1/pods?limit=1"),
        ("POST", "/api/v1/pods"),
        ("PATCH", "/api/v1/pods/x"),
        ("DELETE", "/api/v1/pods/x"),
    ]
    assert {one.client for one in server.seen} == {"kubernetes-admin"}
    assert len({one.connection for one in server.seen}) == 1
    assert server.seen[1].body == {"metadata": {"name": "x"}}
    assert server.seen[2].content_type == "application/merge-patch+json"


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, ForbiddenError),
        (403, ForbiddenError),
        (404, NotFoundError),
        (409, ConflictError),
        (422, ApiError),
        (429, ApiUnreachableError),
        (503, ApiUnreachableError),
    ],
)
def test_a_refusal_is_told_apart_by_its_status(
    client: HttpsApiClient, server: Server, status: int, error: type[BootstrapError]
) -> None:
    server.replies.append((status, json.dumps({"kind": "Status", "message": "because"}).encode()))
    with pytest.raises(error, match="because") as caught:
        client.get("/api/v1/pods")
    assert type(caught.value) is error


def test_readiness_is_text(client: HttpsApiClient, server: Server) -> None:
    server.replies.append((200, b"ok"))
    assert client.get_text("/readyz") == "ok"


def test_a_watch_hands_out_whole_lines_while_other_requests_go_on(
    client: HttpsApiClient, server: Server
) -> None:
    server.pieces = [b'{"a"', b':1}\n{"b":2}\n{"c"', b":3}\n"]
    watch = client.watch("/api/v1/pods", {"resourceVersion": "7"}, 5)
    lines = iter(watch)
    assert next(lines) == b'{"a":1}'
    client.get("/api/v1/nodes/n1")
    client.get("/api/v1/nodes/n1")
    assert [next(lines), next(lines)] == [b'{"b":2}', b'{"c":3}']
    server.ends.set()
    assert list(lines) == []
    assert server.seen[0].path == "/api/v1/pods?resourceVersion=7&watch=1"
    assert len({one.connection for one in server.seen}) == 2


def test_a_watch_is_ended_by_another_thread(client: HttpsApiClient, server: Server) -> None:
    server.pieces = [b'{"a":1}\n']
    watch = client.watch("/api/v1/pods", {}, 60)
    lines = iter(watch)
    next(lines)
    ended = threading.Timer(0.05, watch.close)
    ended.start()
    assert list(lines) == []
    ended.join()


def test_watches_that_were_ended_leave_room_for_requests(client: HttpsApiClient, server: Server) -> None:
    server.pieces = [b'{"a":1}\n']
    for _ in range(client.parallel + 1):
        watch = client.watch("/api/v1/pods", {}, 60)
        for _line in watch:
            watch.close()
    assert client.get("/api/v1/nodes/n1") == {}


def test_a_closed_client_may_be_used_again(client: HttpsApiClient) -> None:
    client.close()
    assert client.get("/api/v1/nodes/n1") == {}


def test_a_watch_that_is_silent_for_too_long_is_given_up(client: HttpsApiClient, server: Server) -> None:
    server.pieces = [b'{"a":1}\n']
    with pytest.raises(ApiUnreachableError, match="does not answer"):
        list(client.watch("/api/v1/pods", {}, 0.05))


def test_a_watch_that_is_refused_says_so_at_once(client: HttpsApiClient, server: Server) -> None:
    server.replies.append((410, b'{"message": "too old"}'))
    with pytest.raises(ApiError, match="too old") as caught:
        client.watch("/api/v1/pods", {}, 5)
    assert caught.value.status == 410


def test_what_is_not_ready_yet_is_named(client: HttpsApiClient, server: Server) -> None:
    server.replies.append((500, b"[+]ping ok\n[-]etcd failed: reason withheld\nreadyz check failed\n"))
    with pytest.raises(ApiUnreachableError, match=r"the API server is not ready: etcd$"):
        client.get_text("/readyz")


def test_of_many_that_are_not_ready_the_first_are_named(client: HttpsApiClient, server: Server) -> None:
    failed = b"".join(b"[-]check-%d failed: reason withheld\n" % number for number in range(5))
    server.replies.append((500, b"[+]ping ok\n" + failed))
    with pytest.raises(ApiUnreachableError, match=r"not ready: check-0, check-1, check-2 and 2 more$"):
        client.get_text("/readyz")


def test_nobody_there_is_worth_another_try(node: FakeNode, server: Server) -> None:
    kubeconfig = replace(kubeconfig_of(node, server), server="https://127.0.0.1:1")
    client = HttpsApiClient(kubeconfig)
    with pytest.raises(TransientError, match="connection refused"):
        client.get("/api")


def test_a_server_that_accepts_and_is_silent_is_said_to_be_so(node: FakeNode, server: Server) -> None:
    """An API server listens some seconds before it answers."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        kubeconfig = replace(
            kubeconfig_of(node, server), server=f"https://127.0.0.1:{silent.getsockname()[1]}"
        )
        client = HttpsApiClient(kubeconfig, timeout=0.1)
        with pytest.raises(TransientError, match="it accepts connections but does not answer them"):
            client.get("/api")
        client.close()


def test_a_server_of_another_authority_is_not_spoken_to(
    node: FakeNode, server: Server, tmp_path: Path
) -> None:
    stranger = identities(tmp_path)
    client = HttpsApiClient(kubeconfig_of(stranger, server))
    with pytest.raises(ServerNotTrustedError, match="is refused: "):
        client.get("/api")
    client.close()


def test_the_key_is_never_shown(node: FakeNode, server: Server) -> None:
    assert "PRIVATE" not in repr(kubeconfig_of(node, server))


def test_a_certificate_without_its_key_is_refused(node: FakeNode, server: Server, tmp_path: Path) -> None:
    stranger = identities(tmp_path)
    mixed = replace(kubeconfig_of(node, server), key=kubeconfig_of(stranger, server).key)
    with pytest.raises(BootstrapError, match="cannot be used"):
        HttpsApiClient(mixed)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not YAML: while parsing a flow node expected the node content"),
        ("[]", "not a mapping"),
        ("current-context: x", "contexts has no entry named 'x'"),
        (
            "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n"
            "clusters: [{name: c, cluster: {server: https://a}}]\nusers: [{name: u, user: {}}]",
            "certificate-authority-data is missing",
        ),
        (
            "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n"
            "clusters: [{name: c, cluster: {certificate-authority-data: '%%%'}}]\n"
            "users: [{name: u, user: {}}]",
            "certificate-authority-data is not base64",
        ),
    ],
)
def test_a_damaged_kubeconfig_says_what_is_wrong(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        parse_kubeconfig(text, "admin.conf")
