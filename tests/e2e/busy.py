"""A client that is never idle, run on a lab node: ``python3 busy.py ADMIN_CONF NODE ADDRESS``.

It reads its kubeconfig again when that changes, writes and reads through the API server, reads a log through
the API server from the node, and shakes hands with everything that serves TLS. Each line it prints is JSON:
``{"failed": ...}`` for a request, ``{"cut": ...}`` for a log, ``{"round": {port: [digest, end], ...}}`` for
the handshakes (null for a port that refused), and at SIGTERM ``{"requests": ...}``.
"""

from __future__ import annotations

import hashlib
import json
import signal
import socket
import ssl
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

from bootstrap.cli.agentidentity import KubeconfigIdentity
from bootstrap.errors import BootstrapError
from bootstrap.host.certificates import validity

MAPS = "/api/v1/namespaces/default/configmaps"
ETCD_CLIENT = "/etc/kubernetes/pki/etcd/healthcheck-client"
PEERS = 2380
"""Not on the loopback address, as others are."""
PORTS = (6443, 2379, PEERS, 10250, 10257, 10259)
PAUSE_SECONDS = 0.05
ROUND_SECONDS = 0.5
NEW_CONNECTION_EACH = 5
"""Of so many requests one is on a connection of its own."""

_printing = threading.Lock()


def say(**line: object) -> None:
    with _printing:
        print(json.dumps({"at": datetime.now(UTC).isoformat(), **line}), flush=True)


class Requests:
    """Writes a number and reads it back, for ever."""

    def __init__(self, kubeconfig: Path, node: str) -> None:
        self._identity = KubeconfigIdentity(kubeconfig)
        self._log = f"/api/v1/namespaces/kube-system/pods/etcd-{node}/log"
        self._written = 0
        self.count = 0

    def run(self, stop: threading.Event) -> None:
        self._identity.connect().create(MAPS, self._map())
        while not stop.wait(PAUSE_SECONDS):
            self.count += 1
            is_log = self.count % 3 == 2
            try:
                self._one()
            except (BootstrapError, AssertionError) as error:
                say(**{"cut" if is_log else "failed": str(error)})

    def _one(self) -> None:
        client = self._identity.connect()
        if self.count % NEW_CONNECTION_EACH == 0:
            client.close()
        if self.count % 3 == 0:
            self._written += 1
            client.replace(f"{MAPS}/busy", self._map())
        elif self.count % 3 == 1:
            found = client.get(f"{MAPS}/busy")["data"]["number"]
            assert found == str(self._written), f"read {found} where {self._written} was written"
        else:
            client.get_text(self._log, {"tailLines": "1"})

    def _map(self) -> dict[str, object]:
        return {"metadata": {"name": "busy"}, "data": {"number": str(self._written)}}


def shake_hands(address: str, stop: threading.Event) -> None:
    while not stop.wait(ROUND_SECONDS):
        say(round={port: served(address if port == PEERS else "127.0.0.1", port) for port in PORTS})


def served(address: str, port: int) -> tuple[str, str] | None:
    """Digest and end of the certificate that a new connection is shown."""
    context = with_client_certificate()
    try:
        with socket.create_connection((address, port), 5) as plain, context.wrap_socket(plain) as tls:
            der = tls.getpeercert(binary_form=True)
    except OSError:
        return None
    assert der is not None
    return hashlib.sha256(der).hexdigest(), validity(der).end.isoformat()


def with_client_certificate() -> ssl.SSLContext:
    """This client's own is renewed too: between reading certificate and key another pair may have come."""
    while True:
        context = ssl._create_unverified_context()
        try:
            context.load_cert_chain(f"{ETCD_CLIENT}.crt", f"{ETCD_CLIENT}.key")
        except ssl.SSLError as error:
            if error.reason != "KEY_VALUES_MISMATCH":
                raise
        else:
            return context


def main() -> None:
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: stop.set())
    requests = Requests(Path(sys.argv[1]), sys.argv[2])
    shaking = threading.Thread(target=shake_hands, args=(sys.argv[3], stop))
    shaking.start()
    requests.run(stop)
    shaking.join()
    say(requests=requests.count)


if __name__ == "__main__":
    main()
