"""Builds the real agent and runs it until a signal. Invariant: whatever is imported here stays in memory for
good."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bootstrap.agent.daemon import Agent
from bootstrap.agent.imagecollector import Thresholds
from bootstrap.agent.keeper import Renewal
from bootstrap.agent.manifesturl import ManifestUrl
from bootstrap.agent.node import Node
from bootstrap.agent.server import health_page, status_page
from bootstrap.cli.agentapi import Registering, talk_to_api
from bootstrap.cli.agentserving import Serving, serve_kubelet_port
from bootstrap.host.clock import SystemClock
from bootstrap.host.heap import give_back, share_one_heap
from bootstrap.host.http import SystemHttp
from bootstrap.host.httpserver import Handlers, ListenError, listen_tcp, listen_unix, serve
from bootstrap.host.inotify import DirectoryWatch
from bootstrap.host.network import SystemNetwork
from bootstrap.host.notify import ServiceManager
from bootstrap.host.process import SystemProcesses
from bootstrap.host.readyprocess import await_word
from bootstrap.host.system import system_info
from bootstrap.runtime.api import ContainerRuntime

log = logging.getLogger("bootstrap.agent")

COLLECTOR = (700, 10, 10)
"""The interpreter's own patience with garbage: what runs for ever must stay small."""

STACK_BYTES = 256 * 1024
"""A dozen threads with shallow stacks; the default reserves eight megabytes for each."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of ``agent run``.

    ``manifests`` is a directory or a file. ``socket`` None tells the status nowhere, ``healthz_port`` 0
    serves none. ``node_address`` "" is that of the default route. ``registering`` None keeps no Node and no
    mirrors, ``renewal`` None renews no certificates.
    """

    manifests: Path | None
    url: ManifestUrl | None
    socket: Path | None
    node_name: str
    docker_socket: str
    root: Path
    healthz_port: int
    relist_seconds: float
    pause_image: str
    cluster_dns: tuple[str, ...]
    cluster_domain: str
    allowed_unsafe_sysctls: tuple[str, ...]
    node_address: str
    node_labels: Mapping[str, str]
    registering: Registering | None
    renewal: Renewal | None
    image_thresholds: Thresholds
    logs: Path | None
    log_max_size: int
    log_max_files: int
    serving: Serving


def run_agent(settings: Settings) -> None:
    """Until SIGTERM or SIGINT."""
    share_one_heap()
    gc.set_threshold(*COLLECTOR)
    await_word()
    _log_to_stderr()
    threading.stack_size(STACK_BYTES)
    node = Node(
        name=settings.node_name.strip().lower(),
        root=settings.root,
        pause_image=settings.pause_image,
        address=settings.node_address or SystemNetwork().default_address(),
        logs=settings.logs,
        log_max_size=settings.log_max_size,
        log_max_files=settings.log_max_files,
        cores=os.cpu_count() or 1,
        memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        architecture=system_info().architecture,
        labels=settings.node_labels,
        has_apparmor=has_apparmor(),
        allowed_unsafe_sysctls=settings.allowed_unsafe_sysctls,
        cluster_dns=settings.cluster_dns,
        cluster_domain=settings.cluster_domain,
    )
    connect, clock = connector(settings.docker_socket), SystemClock()
    agent = Agent(
        settings.manifests,
        node,
        connect,
        clock,
        SystemHttp(),
        SystemProcesses(),
        url=settings.url,
        image_thresholds=settings.image_thresholds,
        kept_images=_images_of_generations,
        renewal=settings.renewal,
        give_back=give_back,
        relist_seconds=settings.relist_seconds,
    )
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: agent.stop())
    if settings.manifests is not None:
        watch = DirectoryWatch(settings.manifests, agent.wake)
        threading.Thread(target=watch.run, args=(stop,), name="inotify", daemon=True).start()
    handlers = _listeners(settings, agent)
    threading.Thread(target=serve, args=(handlers, stop), name="server", daemon=True).start()
    if settings.registering is not None:
        talk_to_api(settings.registering, agent, clock, stop)
    kubelet_port = serve_kubelet_port(settings.serving, agent, connect, clock)
    for place in (settings.manifests, settings.url and settings.url.shown):
        if place:
            log.info("node %s runs the manifests in %s", node.name, place)
    # What is alive now is alive for good: the collector need not look at it again.
    gc.collect()
    gc.freeze()
    agent.run(ServiceManager())
    if kubelet_port is not None:
        kubelet_port.close()
    log.info("stopped; the pods run on")


def has_apparmor() -> bool:
    """Whether the kernel confines programs by AppArmor profiles."""
    try:
        return Path("/sys/module/apparmor/parameters/enabled").read_text().startswith("Y")
    except OSError:
        return False


def _images_of_generations() -> Iterable[str]:
    """What a rollback would need; asked only when the disk is nearly full."""
    from bootstrap.apply.generations import images
    from bootstrap.host.files import Files
    from bootstrap.model.layout import Layout

    return images(Files(Path("/")), Layout())


def connector(socket: str) -> Callable[[], ContainerRuntime]:
    """Makes connections to the engine, one for each thread that asks."""
    from bootstrap.runtime.docker_engine import DockerEngine
    from bootstrap.runtime.docker_request import allows_negative_oom_score

    allowed = allows_negative_oom_score(Path("/proc/self/status").read_text())
    if not allowed:
        log.warning("without CAP_SYS_RESOURCE containers get no protective OOM score")
    return partial(DockerEngine, socket, allow_negative_oom=allowed)


def _listeners(settings: Settings, agent: Agent) -> Handlers:
    """A port that is taken is a warning: the pods matter more than who asks after them."""
    handlers: Handlers = {}
    try:
        if settings.healthz_port:
            handlers[listen_tcp("127.0.0.1", settings.healthz_port)] = health_page
        if settings.socket is not None:
            handlers[listen_unix(settings.socket)] = partial(status_page, agent.status, agent.history.since)
    except ListenError as error:
        log.warning("%s", error.message)
    return handlers


def _log_to_stderr() -> None:
    """One line for each thing that happened; the journal adds its own time."""
    form = "%(levelname)s %(message)s"
    if "JOURNAL_STREAM" not in os.environ:
        form = f"%(asctime)s {form}"
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format=form)
