"""Whether a control plane component is healthy, asked at its own health endpoint.

Invariant: where a component is asked comes from its manifest on disk, so extra arguments, patches and
hand-made edits are honoured; what it is asked is in ``_PATHS``.
"""

from __future__ import annotations

from dataclasses import dataclass

from bootstrap.errors import BootstrapError
from bootstrap.host.http import HttpRequest, NoAnswerError
from bootstrap.kube.client import ForbiddenError
from bootstrap.model.layout import ETCD, KUBE_APISERVER, KUBE_CONTROLLER_MANAGER, KUBE_SCHEDULER
from bootstrap.model.pod import decode_pod
from bootstrap.model.podspec import Container, Probe
from bootstrap.phases.context import Context
from bootstrap.render.documents import InvalidYamlError, load

_PATHS = {
    ETCD: "/readyz",
    KUBE_APISERVER: "/readyz",
    KUBE_CONTROLLER_MANAGER: "/healthz",
    KUBE_SCHEDULER: "/livez",
}
"""What "healthy" means. kubeadm asks the API server for /livez; it can be used when /readyz says so."""

_BEING_MADE = (
    "poststarthook/rbac/bootstrap-roles",
    "poststarthook/scheduling/bootstrap-system-priority-classes",
)
"""The last that a new API server is busy with, for a second or two: by then it takes requests."""

_TIMEOUT = 2.0
"""Seconds for one question."""

_FAILED_CHECK = "[-]"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """``scheme`` is "http" or "https"."""

    component: str
    host: str
    port: int
    scheme: str

    @property
    def path(self) -> str:
        return _PATHS[self.component]


def manifest_container(context: Context, component: str) -> Container:
    """The container of a component's manifest; raises BootstrapError when that is missing or damaged."""
    path = context.layout.manifest(component)
    try:
        return decode_pod(load(context.files.read_text(path))).pod.spec.containers[0]
    except FileNotFoundError as error:
        raise BootstrapError(f"{path} is missing", remedy=remedy_for(component)) from error
    except InvalidYamlError as error:
        raise BootstrapError(f"{path} is not YAML{error}", remedy=remedy_for(component)) from error


def remedy_for(component: str) -> str:
    """The command that writes a component's manifest again."""
    return f"bootstrap init phase {'etcd local' if component == ETCD else 'control-plane all'}"


def endpoint_of(context: Context, component: str) -> Endpoint:
    """Read from the component's manifest; raises BootstrapError as ``manifest_container`` does."""
    container = manifest_container(context, component)
    probe = container.readiness_probe or container.startup_probe or container.liveness_probe
    if probe is None or probe.http_get is None:
        path = context.layout.manifest(component)
        raise BootstrapError(f"{path} has no HTTP probe to ask {component} by", remedy=remedy_for(component))
    return Endpoint(
        component,
        probe.http_get.host or context.control_plane.loopback,
        _port_number(container, probe),
        probe.http_get.scheme.lower(),
    )


class HealthChecker:
    """Asks components; the API server is asked as ``admin``.

    Where to ask is read once: a manifest does not change while it is waited for.

    A client certificate works also where anonymous requests are refused, and verifies that what answers is
    this cluster's API server. ``early``: it will do when that takes requests, though it still makes the roles
    by which ``admin`` may ask it anything.
    """

    def __init__(self, context: Context, *, early: bool = False) -> None:
        self._context = context
        self._endpoints: dict[str, Endpoint] = {}
        self._identity, self._readyz = "admin", _PATHS[KUBE_APISERVER]
        if early and context.files.exists(context.layout.kubeconfig("super-admin")):
            self._identity = "super-admin"
            self._readyz += "?" + "&".join(f"exclude={check}" for check in _BEING_MADE)

    def problem(self, component: str) -> str:
        """Why it is not healthy, in a few words; "" when it is."""
        if component == KUBE_APISERVER:
            return self._ask_apiserver()
        endpoint = self._endpoints.get(component) or endpoint_of(self._context, component)
        self._endpoints[component] = endpoint
        request = HttpRequest(
            endpoint.host, endpoint.port, endpoint.path, scheme=endpoint.scheme, timeout=_TIMEOUT
        )
        try:
            reply = self._context.http.fetch(request)
        except NoAnswerError as error:
            return error.message
        return "" if reply.status == 200 else not_ready(reply.body.decode(errors="replace"), reply.status)

    def _ask_apiserver(self) -> str:
        try:
            self._context.api(self._identity).get_text(self._readyz)
        except ForbiddenError:
            return "it has not made its roles yet"
        except BootstrapError as error:
            return not_ready(error.message, 0)
        return ""


def not_ready(text: str, status: int) -> str:
    """The failed checks of a /readyz answer, else its first line."""
    failed = [
        line.removeprefix(_FAILED_CHECK) for line in text.splitlines() if line.startswith(_FAILED_CHECK)
    ]
    if failed:
        names = [line.partition(" ")[0] for line in failed]
        return f"not ready: {', '.join(names)}"
    first = text.strip().partition("\n")[0]
    return first or f"HTTP status {status}"


def _port_number(container: Container, probe: Probe) -> int:
    assert probe.http_get is not None
    wanted = probe.http_get.port
    if isinstance(wanted, int):
        return wanted
    for port in container.ports:
        if port.name == wanted:
            return port.container_port
    return int(wanted) if wanted.isdigit() else 0
