"""The HTTP client against real servers on the loopback address."""

from __future__ import annotations

import http.server
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bootstrap.host.http import HttpRequest, NoAnswerError, SystemHttp


@pytest.fixture
def answering() -> Iterator[Callable[[bytes], int]]:
    """Serve these bytes to every connection; the port."""
    listeners = []

    def serve(reply: bytes) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def loop() -> None:
            while True:
                try:
                    connection, _peer = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    connection.sendall(reply)

        threading.Thread(target=loop, daemon=True).start()
        return int(listener.getsockname()[1])

    yield serve
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def get(port: int, **fields: object) -> HttpRequest:
    return HttpRequest("127.0.0.1", port, scheme="http", **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("reply", "status", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, b"ok"),
        (b"HTTP/1.0 503 Sorry\r\n\r\nuntil the end", 503, b"until the end"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n3;x=y\r\n!!!\r\n0\r\n\r\n",
            200,
            b"ok!!!",
        ),
    ],
)
def test_the_shapes_of_an_answer(
    answering: Callable[[bytes], int], reply: bytes, status: int, body: bytes
) -> None:
    found = SystemHttp().fetch(get(answering(reply)))
    assert (found.status, found.body) == (status, body)


def test_a_redirect_is_reported_not_followed(answering: Callable[[bytes], int]) -> None:
    port = answering(b"HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n")
    assert SystemHttp().fetch(get(port)).location == "/there"


@pytest.mark.parametrize("chunked", [False, True])
def test_a_long_body_is_cut(answering: Callable[[bytes], int], chunked: bool) -> None:
    body = b"x" * 50_000
    head = b"Transfer-Encoding: chunked\r\n\r\nC350\r\n" if chunked else b"\r\n"
    port = answering(b"HTTP/1.1 200 OK\r\n" + head + body)
    assert len(SystemHttp().fetch(get(port, max_body=100)).body) == 100


@pytest.mark.parametrize(
    ("rest", "complete"),
    [
        (b"Content-Length: 2\r\n\r\nok", True),
        (b"Content-Length: 3\r\n\r\nok", False),
        (b"\r\nok", True),
        (b"\r\n" + b"x" * 100, False),
        (b"Content-Length: 101\r\n\r\n" + b"x" * 101, False),
        (b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", True),
        (b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", False),
        (b"Transfer-Encoding: chunked\r\n\r\n5\r\nok", False),
        (b"Transfer-Encoding: chunked\r\n\r\n-2\r\nok\r\n", False),
        (b"Transfer-Encoding: chunked\r\n\r\n" + b"1" * 200_000, False),
    ],
)
def test_a_body_that_is_not_whole_is_known(
    answering: Callable[[bytes], int], rest: bytes, complete: bool
) -> None:
    found = SystemHttp().fetch(get(answering(b"HTTP/1.1 200 OK\r\n" + rest), max_body=100))
    assert found.complete is complete


def test_what_is_not_http_is_no_answer(answering: Callable[[bytes], int]) -> None:
    with pytest.raises(NoAnswerError, match="not HTTP"):
        SystemHttp().fetch(get(answering(b"SSH-2.0-OpenSSH\r\n\r\n")))


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(NoAnswerError, match="connection refused"):
        SystemHttp().fetch(get(port))
    with pytest.raises(NoAnswerError, match="connection refused"):
        SystemHttp().connect("127.0.0.1", port, 1)


def test_the_timeout_bounds_the_whole_request() -> None:
    """A server that sends a byte now and then never lets a single read time out."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        done = threading.Event()

        def drip() -> None:
            connection, _peer = listener.accept()
            with connection:
                while not done.wait(0.05):
                    connection.sendall(b"H")

        thread = threading.Thread(target=drip)
        thread.start()
        begun = time.monotonic()
        with pytest.raises(NoAnswerError, match="no answer in time"):
            SystemHttp().fetch(get(listener.getsockname()[1], timeout=0.4))
        assert time.monotonic() - begun < 2
        done.set()
        thread.join()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate for localhost and its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    directory = tmp_path_factory.mktemp("tls")
    (directory / "crt").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (directory / "key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return directory / "crt", directory / "key"


class Handler(http.server.BaseHTTPRequestHandler):
    resumed: list[bool | None]

    def do_GET(self) -> None:
        assert isinstance(self.connection, ssl.SSLSocket)
        self.resumed.append(self.connection.session_reused)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_arguments: object) -> None:
        """Quiet."""


@pytest.fixture
def tls_server(certificate: tuple[Path, Path]) -> Iterator[http.server.ThreadingHTTPServer]:
    Handler.resumed = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_without_a_ca_any_certificate_will_do_and_sessions_are_resumed(
    tls_server: http.server.ThreadingHTTPServer,
) -> None:
    client = SystemHttp()
    for _ in range(3):
        assert client.fetch(HttpRequest("127.0.0.1", tls_server.server_port)).body == b"ok"
    assert Handler.resumed == [False, True, True]


@pytest.mark.parametrize(("reuse", "connections"), [(False, 3), (True, 1)])
def test_a_connection_is_shared_only_by_requests_that_allow_it(reuse: bool, connections: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        accepted = []

        def talk(connection: socket.socket) -> None:
            with connection:
                while b"GET" in connection.recv(65536):
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

        def loop() -> None:
            while True:
                try:
                    connection, _peer = listener.accept()
                except OSError:
                    return
                accepted.append(connection)
                threading.Thread(target=talk, args=(connection,), daemon=True).start()

        threading.Thread(target=loop, daemon=True).start()
        client = SystemHttp()
        for _ in range(3):
            assert client.fetch(get(listener.getsockname()[1], reuse=reuse)).body == b"ok"
        assert len(accepted) == connections
        client.close()
        listener.shutdown(socket.SHUT_RDWR)


def test_a_kept_connection_that_the_server_closed_is_no_failure(answering: Callable[[bytes], int]) -> None:
    port = answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    client = SystemHttp()
    for _ in range(3):
        assert client.fetch(get(port, reuse=True)).body == b"ok"
    client.close()


def test_with_a_ca_the_server_is_verified(
    tls_server: http.server.ThreadingHTTPServer, certificate: tuple[Path, Path]
) -> None:
    client, ca_file = SystemHttp(), str(certificate[0])
    good = HttpRequest("localhost", tls_server.server_port, ca_file=ca_file)
    assert client.fetch(good).status == 200
    with pytest.raises(NoAnswerError, match="certificate is not accepted"):
        client.fetch(HttpRequest("127.0.0.1", tls_server.server_port, ca_file=ca_file))


def test_the_machine_s_own_authorities_may_decide(
    tls_server: http.server.ThreadingHTTPServer,
    certificate: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    request = HttpRequest("localhost", tls_server.server_port, system_trust=True)
    with pytest.raises(NoAnswerError, match="certificate is not accepted"):
        SystemHttp().fetch(request)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    assert SystemHttp().fetch(request).status == 200


def test_plain_text_where_tls_is_spoken_is_no_answer(tls_server: http.server.ThreadingHTTPServer) -> None:
    with pytest.raises(NoAnswerError):
        SystemHttp().fetch(get(tls_server.server_port))
