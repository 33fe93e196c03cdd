"""A whole machine in memory, but for its files: engine, agent, network, API server.

The agent is level-triggered, as the real one: whenever anybody looks (an HTTP request, an API request), it
has run what the manifest directory says, if it runs at all.
"""

from __future__ import annotations

from dataclasses import replace as with_changes
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path, PurePosixPath

from msgspec.structs import replace

from bootstrap.agent.names import (
    CONTAINER_NAME,
    CONTAINER_TYPE,
    NODE,
    POD_NAME,
    POD_NAMESPACE,
    POD_UID,
    SANDBOX,
    SANDBOX_TYPE,
    TYPE,
)
from bootstrap.config.defaults import TOKEN_GROUPS
from bootstrap.host.files import Files
from bootstrap.host.http import HttpReply, HttpRequest, NoAnswerError
from bootstrap.host.machine import Machine
from bootstrap.kube.client import ApiClient
from bootstrap.model.cluster import ControlPlane
from bootstrap.model.images import component_images
from bootstrap.model.kubeadm import BootstrapToken
from bootstrap.model.layout import (
    COMPONENTS,
    ETCD,
    KUBE_APISERVER,
    KUBE_CONTROLLER_MANAGER,
    KUBE_SCHEDULER,
)
from bootstrap.model.pod import decode_pod
from bootstrap.phases.context import Context, Wishes
from bootstrap.render.documents import load
from bootstrap.runtime.api import Container, ContainerSpec
from pki.pool import KeyPool
from tests.fakes.api import FakeApiServer
from tests.fakes.clock import FakeClock
from tests.fakes.dying_files import UnflushedFiles
from tests.fakes.http import FakeHttp
from tests.fakes.network import FakeNetwork
from tests.fakes.processes import FakeProcesses
from tests.fakes.reporter import RecordingReporter
from tests.fakes.runtime import FakeEngine, FakeRuntime
from tests.fakes.services import FakeAgentService
from tests.golden.control_planes import CLUSTER, FACTS, INIT, control_plane

PORTS = {
    ETCD: (2379, 2380, 2381),
    KUBE_APISERVER: (6443,),
    KUBE_CONTROLLER_MANAGER: (10257,),
    KUBE_SCHEDULER: (10259,),
}
"""What each component listens on while its container runs; the last one answers health questions."""

LATER = datetime(2100, 1, 1, tzinfo=UTC)
"""The clock of the fake is ahead of the file system's, so that a container is newer than its manifest."""

READY_MACHINE = Machine(
    kernel="6.1.0",
    cgroup_controllers=frozenset({"cpu", "cpuset", "memory", "pids"}),
    installed=frozenset({"mount", "dockerd"}),
)

TOKEN = BootstrapToken(ttl="24h0m0s", usages=("signing", "authentication"), groups=TOKEN_GROUPS)

QUICK = control_plane(
    cluster=replace(CLUSTER, encryption_algorithm="ECDSA-P256"),
    init=replace(INIT, bootstrap_tokens=(TOKEN,)),
)
"""kubeadm's defaults, with keys that take no time to make."""

WITHOUT_A_CLUSTER = (
    "wait-control-plane",
    *("upload-config", "upload-certs", "mark-control-plane", "bootstrap-token", "addon", "show-join-command"),
)
"""Phases to skip so that init writes files and starts the agent, and is done."""


@cache
def _pod_of(manifest: str) -> tuple[str, str]:
    """Name and image."""
    pod = decode_pod(load(manifest)).pod
    return pod.metadata.name, pod.spec.containers[0].image


class FakeNode:
    """``heals`` False: the agent starts nothing, as when it is wedged."""

    def __init__(self, root: Path, described: ControlPlane = QUICK) -> None:
        self.described = described
        self.root = root
        self.clock = FakeClock(LATER)
        self.files: Files = UnflushedFiles(root)
        self.engine = FakeEngine(self.clock)
        self.network = FakeNetwork(described.advertise_address)
        self.api = FakeApiServer()
        self.http = FakeHttp()
        self.agent = FakeAgentService()
        self.reporter = RecordingReporter()
        self.machine = READY_MACHINE
        self.heals = True
        self.api.on_request = self.move_on
        self.network.on_look = self.move_on
        for component, ports in PORTS.items():
            self.http.serve(ports[-1], partial(self._health, component))
        for image in component_images(described).values():
            self.engine.add_image(image)

    def context(
        self,
        files: Files | None = None,
        described: ControlPlane | None = None,
        wishes: Wishes = Wishes(),  # noqa: B008 - a frozen value
    ) -> Context:
        return Context(
            control_plane=described or self.described,
            facts=FACTS,
            files=files or self.files,
            processes=FakeProcesses(),
            network=self.network,
            http=self.http,
            machine=lambda _paths, _programs: self.machine,
            clock=self.clock,
            agent_service=self.agent,
            runtime=lambda: FakeRuntime(self.engine),
            api=self._client,
            reporter=self.reporter,
            keys=KeyPool(),
            wishes=wishes,
        )

    def move_on(self) -> None:
        """The agent compares the manifests with the containers; the network follows the containers."""
        if self.agent.running and self.heals:
            self._reconcile()
        self._open_ports()

    def running(self) -> tuple[str, ...]:
        """Components whose container runs, in the order they were started."""
        return tuple(name.split("_")[1] for name in self.engine.running() if name.split("_")[1] != SANDBOX)

    def tree(self) -> dict[str, str]:
        """Every file below the root, by path, with its content; key material and times are left out."""
        found = {}
        for path in self.files.walk(PurePosixPath("/")):
            secret = path.suffix in (".crt", ".key", ".pub", ".conf") or "generation.json" in path.name
            found[str(path)] = "" if secret else self.files.read_text(path)
        return found

    def _client(self, identity: str) -> ApiClient:
        return self.api.client(identity)

    def _reconcile(self) -> None:
        runtime = FakeRuntime(self.engine)
        layout = self.described.layout
        for name in self.files.list_names(layout.manifests):
            if name.endswith(".yaml") and not name.startswith("."):
                self._ensure(runtime, *_pod_of(self.files.read_text(layout.manifests / name)))
        for held in tuple(self.engine.containers.values()):
            ours = held.spec.labels.get(NODE) == self.described.node_name
            if ours and not self.files.exists(layout.manifest(held.spec.labels.get(POD_NAME, ""))):
                runtime.remove(held.state.id)

    def _ensure(self, runtime: FakeRuntime, component: str, image: str) -> None:
        """The sandbox and the container of a component, both running; a crashed one is made anew."""
        for kind, container, of in ((SANDBOX_TYPE, SANDBOX, ""), (CONTAINER_TYPE, component, image)):
            labels = self._labels(kind, container, component)
            found = runtime.list(labels)
            if found and found[0].is_running:
                continue
            attempt = len(found)
            name = f"k8s_{container}_{component}-master_kube-system_uid-{component}_{attempt}"
            pause = component_images(self.described)["pause"]
            container_id = runtime.create(ContainerSpec(name=name, image=of or pause, labels=labels))
            runtime.start(container_id)

    def _labels(self, kind: str, container: str, component: str) -> dict[str, str]:
        return {
            TYPE: kind,
            NODE: self.described.node_name,
            POD_NAME: component,
            POD_NAMESPACE: "kube-system",
            POD_UID: f"uid-{component}",
            CONTAINER_NAME: container,
        }

    def _container(self, component: str) -> Container | None:
        runtime = FakeRuntime(self.engine)
        found = runtime.list({TYPE: CONTAINER_TYPE, CONTAINER_NAME: component}, running_only=True)
        return found[0] if found else None

    def _open_ports(self) -> None:
        if not self.engine.answering:
            return
        for component in COMPONENTS:
            container = self._container(component)
            for port in PORTS[component]:
                if any(listener.program != component for listener in self.network.held(port)):
                    continue
                self.network.close_port(port)
                if container:
                    self.network.open_port(port, component, container.pid)
        self.api.answering = self._container(KUBE_APISERVER) is not None

    def _health(self, component: str, request: HttpRequest) -> HttpReply:
        self.move_on()
        if self._container(component) is None:
            raise NoAnswerError("connection refused")
        return HttpReply(200, b"ok") if request.path.endswith("z") else HttpReply(404, b"")

    def have(self, **changes: object) -> None:
        """Another machine: fields of ``Machine``."""
        self.machine = with_changes(self.machine, **changes)  # type: ignore[arg-type]
