"""Builds the server on the kubelet's port.

Invariant: a port that is taken, or a certificate that is not there yet, is no trouble to the pods.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bootstrap.agent.daemon import Agent
from bootstrap.agent.serving.access import Access
from bootstrap.agent.serving.reviews import CannotBeAskedError, Reviews
from bootstrap.agent.serving.routes import kubelet_routes
from bootstrap.agent.serving.server import KubeletServer
from bootstrap.host.clock import Clock
from bootstrap.host.httpserver import ListenError, listen_tcp
from bootstrap.host.tlsfiles import ReloadedTls, TlsFiles
from bootstrap.host.tlsserver import TlsServer
from bootstrap.kube.client import ApiClient, JsonObject
from bootstrap.runtime.api import ContainerRuntime

log = logging.getLogger("bootstrap.agent")


@dataclass(frozen=True, slots=True)
class Serving:
    """``port`` 0 serves nothing. Without ``client_ca`` no client certificate is accepted, without
    ``kubeconfig`` nobody is but the API server."""

    port: int
    address: str
    certificate: Path
    key: Path
    client_ca: Path | None
    kubeconfig: Path | None

    @property
    def certificate_directories(self) -> tuple[Path, ...]:
        """Where the certificates are whose end the metrics tell."""
        return (self.certificate.parent, *((self.client_ca.parent,) if self.client_ca else ()))


def serve_kubelet_port(
    serving: Serving, agent: Agent, connect: Callable[[], ContainerRuntime], clock: Clock
) -> TlsServer | None:
    """Start it on threads of its own; None when there is nothing to serve, or the port is taken."""
    if not serving.port:
        return None
    try:
        listener = listen_tcp(serving.address, serving.port)
    except ListenError as error:
        log.warning("%s", error.message)
        return None
    reviews = Reviews(_connector(serving.kubeconfig), clock)
    kubelet = KubeletServer(
        Access(agent.node.name, reviews),
        kubelet_routes(agent, connect, clock, serving.certificate_directories, _settings(serving)),
    )
    tls = ReloadedTls(TlsFiles(serving.certificate, serving.key, serving.client_ca))
    server = TlsServer(listener, tls.context, kubelet.handle)
    threading.Thread(target=server.run, name="kubelet-port", daemon=True).start()
    return server


def _settings(serving: Serving) -> JsonObject:
    """In the words of a KubeletConfiguration."""
    return {
        "kind": "KubeletConfiguration",
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "address": serving.address,
        "port": serving.port,
        "readOnlyPort": 0,
        "tlsCertFile": str(serving.certificate),
        "tlsPrivateKeyFile": str(serving.key),
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": serving.kubeconfig is not None},
            "x509": {"clientCAFile": str(serving.client_ca or "")},
        },
        "authorization": {"mode": "Webhook"},
    }


def _connector(kubeconfig: Path | None) -> Callable[[], ApiClient]:
    """For ``Reviews``."""
    if kubeconfig is None:
        return _refuse
    from bootstrap.cli.agentidentity import KubeconfigIdentity

    return KubeconfigIdentity(kubeconfig).connect


def _refuse() -> ApiClient:
    raise CannotBeAskedError("the agent has no kubeconfig")
