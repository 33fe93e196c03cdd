"""The kubelet's port of an agent on a fake engine, over real TLS on a loopback port."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bootstrap.agent.serving.access import API_SERVER, Access
from bootstrap.agent.serving.reviews import CannotBeAskedError, Reviews
from bootstrap.agent.serving.routes import kubelet_routes
from bootstrap.agent.serving.server import KubeletServer
from bootstrap.host.httpserver import listen_tcp
from bootstrap.host.tlsfiles import ReloadedTls, TlsFiles
from bootstrap.host.tlsserver import TlsServer
from bootstrap.kube.client import ApiClient
from pki import keys
from pki.issue import Authority, certificate_pem, issue, issue_authority
from pki.pem import private_pem
from pki.profile import AltNames, Period, Profile
from pki.serving import serving_pem
from tests.fakes.agent import AgentHarness
from tests.fakes.runtime import FakeRuntime

NOW = datetime.now(UTC)
PERIOD = Period.starting(NOW, timedelta(days=365))


class Credentials:
    """An authority in ``directory``, what it signed for the server, and client certificates on demand."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.authority = issue_authority("kubernetes", keys.generate("ECDSA-P256"), PERIOD)
        self.ca = directory / "ca.crt"
        self.ca.write_text(certificate_pem(self.authority.certificate))
        self.serving = directory / "kubelet.pem"
        self.serve("n1")

    def serve(self, name: str) -> None:
        """From now on the server is called that."""
        profile = Profile(f"system:node:{name}", ("serverAuth",), alt_names=AltNames.of((name, "127.0.0.1")))
        self.serving.write_text(serving_pem(profile, keys.generate("ECDSA-P256"), self.authority, PERIOD))

    def client(self, name: str, authority: Authority | None = None) -> Path:
        path = self.directory / f"{name}.pem"
        key = keys.generate("ECDSA-P256")
        profile = Profile(name, ("clientAuth",))
        certificate = issue(profile, key.public_key(), authority or self.authority, PERIOD)
        path.write_text(private_pem(key) + certificate_pem(certificate))
        return path


class KubeletClient:
    """Asks what serves with these credentials on a loopback port."""

    def __init__(self, credentials: Credentials, port: int = 0) -> None:
        self.credentials = credentials
        self.port = port
        self._opened: list[ssl.SSLSocket | http.client.HTTPResponse] = []

    def connect(self, client: Path | None = None) -> ssl.SSLSocket:
        context = ssl.create_default_context(cafile=str(self.credentials.ca))
        if client is not None:
            context.load_cert_chain(client)
        plain = socket.create_connection(("127.0.0.1", self.port), 10)
        try:
            connection = context.wrap_socket(plain, server_hostname="127.0.0.1")
        finally:
            plain.close()
        self._opened.append(connection)
        return connection

    def ask(self, path: str, client: str = API_SERVER, method: str = "GET") -> tuple[int, bytes]:
        """Status and body; ``client`` "" shows no certificate."""
        reply = self.open(path, client, method)
        return reply.status, reply.read()

    def open(self, path: str, client: str = API_SERVER, method: str = "GET") -> http.client.HTTPResponse:
        """The reply with its body unread."""
        connection = self.connect(self.credentials.client(client) if client else None)
        connection.sendall(f"{method} {path} HTTP/1.1\r\nHost: n1\r\n\r\n".encode())
        reply = http.client.HTTPResponse(connection, method=method)
        self._opened.append(reply)
        connection.close()
        reply.begin()
        return reply

    def close(self) -> None:
        """Whatever it opened."""
        for each in self._opened:
            each.close()


class KubeletPort(KubeletClient):
    """``harness``'s agent, asked over TLS; no API server answers."""

    def __init__(self, directory: Path) -> None:
        super().__init__(Credentials(directory))
        self.harness = AgentHarness(directory)
        self._server: TlsServer | None = None

    @property
    def server(self) -> TlsServer:
        assert self._server is not None
        return self._server

    @contextmanager
    def serving(self, limit: int = 128) -> Iterator[None]:
        listener = listen_tcp("127.0.0.1", 0)
        self.port = listener.getsockname()[1]
        harness, files = self.harness, self.credentials
        kubelet = KubeletServer(
            Access("n1", Reviews(_no_api, harness.clock)),
            kubelet_routes(
                harness.agent,
                lambda: FakeRuntime(harness.engine),
                harness.clock,
                (files.directory,),
                {"port": self.port},
            ),
        )
        tls = ReloadedTls(TlsFiles(files.serving, files.serving, files.ca))
        server = self._server = TlsServer(listener, tls.context, kubelet.handle, limit=limit)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.close()
            thread.join(10)
            self.close()


def _no_api() -> ApiClient:
    raise CannotBeAskedError("connection refused")
