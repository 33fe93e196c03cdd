"""The agent: one worker for each pod name, woken by the manifests, the engine's events and time.

Invariant: nothing is removed before every source was listed once, and stopping the agent stops no pod.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from bootstrap import __version__
from bootstrap.agent.connections import Connections
from bootstrap.agent.crew import Crew, Job
from bootstrap.agent.filesource import FileSource
from bootstrap.agent.history import History, Subject
from bootstrap.agent.hooks import Hooks, Spawn
from bootstrap.agent.identity import StaticPod
from bootstrap.agent.imagecollector import KUBELETS, ImageCollector, Thresholds
from bootstrap.agent.keeper import CertificateKeeper, Pods, Renewal
from bootstrap.agent.logfiles import LogFiles
from bootstrap.agent.manifesturl import ManifestUrl
from bootstrap.agent.measures import Measures
from bootstrap.agent.names import NODE, POD_NAME, POD_NAMESPACE, owned_by
from bootstrap.agent.node import Node
from bootstrap.agent.prober import Prober, Submit
from bootstrap.agent.pulledimages import PulledImages
from bootstrap.agent.resync import found_pods
from bootstrap.agent.source import Listing, Source, merged
from bootstrap.agent.status import AgentStatus, ApiStatus, PodStatus, Reports, summary
from bootstrap.agent.urlsource import UrlSource
from bootstrap.agent.v1pod import JsonObject, v1_pod
from bootstrap.agent.volumes import Volumes
from bootstrap.agent.worker import ENGINE_RETRY_SECONDS, Surroundings, Worker
from bootstrap.errors import BootstrapError
from bootstrap.host.clock import Clock
from bootstrap.host.http import ProbeClient
from bootstrap.host.notify import ServiceManager
from bootstrap.host.process import ProcessRunner
from bootstrap.host.system import Room, room
from bootstrap.runtime.api import ContainerEvent, ContainerRuntime

log = logging.getLogger("bootstrap.agent")

RELIST_SECONDS = 20.0
RESYNC_SECONDS = 60.0
"""How long a lost event can go unnoticed."""

STATE_CHANGES = frozenset({"die", "destroy", "pause", "unpause"})
"""Events that can call for an action; creations and starts are the agent's own."""


class Agent:
    """``manifests`` is a directory or a file; ``rouse`` gives a job its turn somewhere; tests step the
    workers themselves. ``give_back`` is called now and then, to return memory nobody uses. ``api`` is asked
    how the node stands with the API server."""

    def __init__(
        self,
        manifests: Path | None,
        node: Node,
        connect: Callable[[], ContainerRuntime],
        clock: Clock,
        http: ProbeClient,
        processes: ProcessRunner,
        *,
        url: ManifestUrl | None = None,
        image_thresholds: Thresholds = KUBELETS,
        kept_images: Callable[[], Iterable[str]] = tuple,
        renewal: Renewal | None = None,
        room_of: Callable[[Path], Room] = room,
        give_back: Callable[[], None] = lambda: None,
        relist_seconds: float = RELIST_SECONDS,
        rouse: Callable[[Job], None] | None = None,
        submit_probe: Submit | None = None,
        spawn_hook: Spawn | None = None,
    ) -> None:
        self.node = node
        self.workers: dict[str, Worker] = {}
        self.engine = Connections(connect)
        self.history = History(node.name, clock)
        self.measures = Measures()
        self.history.listen(self.measures.heard)
        self.prober = Prober(
            http, self.engine, clock, self._wake_pod, self.history, self.measures, submit_probe
        )
        self._connect = connect
        self._clock = clock
        self._relist_seconds = relist_seconds
        self._volumes = Volumes(node, processes)
        hooks = Hooks(http, self.engine, clock, self.history, self._wake_pod, spawn_hook)
        self._logs = LogFiles(node.logs)
        images = PulledImages(node.root, clock)
        self.collector = ImageCollector(
            self.engine, clock, images, self._protected_images, room_of, image_thresholds
        )
        self._kept_images = kept_images
        self._give_back = give_back
        crew = Crew(clock)
        self._rouse = rouse or crew.wake
        self._sources: list[Source] = [FileSource(manifests, node.name)] if manifests else []
        self.url = UrlSource(url, node.name, http, clock, self.wake, crew.aside) if url else None
        if self.url is not None:
            self._sources.append(self.url)
        self.keeper: CertificateKeeper | None = None
        if renewal is not None:
            pods = Pods(self.reports, self._restart, self._tell)
            self.keeper = CertificateKeeper(
                node.name, renewal, pods, processes, clock, self.history, self.measures, crew.aside
            )
        self._surroundings = Surroundings(
            node,
            clock,
            self.engine,
            self._volumes,
            self._logs,
            self.prober,
            self.history,
            hooks,
            self.measures,
            images,
            self._rouse,
            crew.aside,
            self._tell,
        )
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._lock = threading.RLock()
        self._listing = Listing(False)
        self._has_orphans = False
        self._knows_orphans = False
        self.api: Callable[[], ApiStatus | None] = lambda: None
        self._listeners: list[Callable[[], None]] = []
        self._is_swept = False
        self._reported: set[tuple[str, str]] = set()
        self._complaints: dict[str, str] = {}
        self._events_runtime: ContainerRuntime | None = None

    def run(self, services: ServiceManager) -> None:
        """Work until ``stop`` is called."""
        for name, target in (("events", self._follow_events), ("prober", self._run_prober)):
            threading.Thread(target=target, name=name, daemon=True).start()
        self._guarded_sync()
        self._rouse(self)
        self._rouse(self.collector)
        for job in (self.url, self.keeper):
            if job is not None:
                self._rouse(job)
        services.ready(self._summary())
        pause = min(self._relist_seconds, services.watchdog_seconds or self._relist_seconds)
        while not self._stop.is_set():
            self._clock.wait(self._wake, pause)
            self._wake.clear()
            services.alive()
            self._guarded_sync()
            services.status(self._summary())
        services.stopping()
        self._close()

    def stop(self) -> None:
        """End ``run``; may be called from a signal handler."""
        self._stop.set()
        self._wake.set()

    def wake(self) -> None:
        """The manifests may have changed."""
        self._wake.set()

    def sync(self) -> None:
        """Bring the set of workers to what the manifests ask for."""
        listing = merged(tuple(source.scan() for source in self._sources))
        self._report(listing)
        wanted = {pod.full_name: pod for pod in listing.pods}
        with self._lock:
            self._listing = listing
            for key, worker in tuple(self.workers.items()):
                if worker.is_done and key not in wanted:
                    del self.workers[key]
                    self.history.close(key)
            for pod in wanted.values():
                self._want(pod.name, pod.namespace, pod)
            for key, worker in self.workers.items() if listing.listed else ():
                if key not in wanted:
                    worker.want(None)
        is_settled = self._knows_orphans and self._is_swept and not self._has_orphans
        if listing.listed and not is_settled:
            self._rouse(self)

    def resync(self) -> None:
        """Look at all containers at once: wake the workers that see others, and have orphans removed.

        An orphan is a pod of ours whose manifest vanished while no agent ran. One whose manifest is there but
        unreadable now stays, as its last good version is what runs. Raises EngineUnreachableError.
        """
        on_disk = self._volumes.uids() if not self._is_swept else frozenset()
        with self.engine.lent() as runtime:
            found = found_pods(runtime.summaries(owned_by(self.node.name)))
        with self._lock:
            for key, worker in self.workers.items():
                if worker.picture != (found[key].picture if key in found else frozenset()):
                    worker.wake()
            if not self._listing.listed:
                return
            orphans = [each for key, each in sorted(found.items()) if key not in self.workers]
            kept = [each for each in orphans if each.manifests & self._listing.unreadable]
            self._has_orphans = bool(kept)
            self._knows_orphans = True
            for each in orphans:
                if each not in kept:
                    log.info("pod %s has no manifest any more", each.key)
                    self._want(each.name, each.namespace, None)
            if self._is_swept or self._listing.unreadable:
                return
            self._is_swept = True
            known = {pod.uid for pod in self._listing.pods}.union(*(each.uids for each in found.values()))
        self._sweep(on_disk - known)

    def _protected_images(self) -> Iterable[str] | None:
        """What manifests name, here and in what can be rolled back to; None before they were listed."""
        if not self._listing.listed:
            return None
        of_pods = (each.image for pod in self._listing.pods for each in pod.pod.all_containers)
        return {self.node.pause_image, *of_pods, *self._kept_images()}

    def _sweep(self, uids: frozenset[str]) -> None:
        """Once: what pods that nobody knows of any more have left, from a time when no agent ran.

        ``uids`` were on disk before the containers and manifests were looked at that do not have them.
        """
        for uid in sorted(uids):
            log.info("removing what is left of a pod that is gone: %s", uid)
            self._volumes.remove_pod(uid)
        self._logs.sweep()

    def turn(self) -> float:
        """``resync`` as a job of the crew."""
        try:
            self.resync()
        except BootstrapError as error:
            self._complain("engine", error.message)
            return ENGINE_RETRY_SECONDS
        except Exception:
            log.exception("looking at all containers: unexpected failure")
            return RESYNC_SECONDS
        self._complaints.pop("engine", None)
        self.engine.trim()
        self._give_back()
        return RESYNC_SECONDS

    def status(self) -> AgentStatus:
        """What runs and what does not, at this moment."""
        return AgentStatus(
            node=self.node.name,
            version=__version__,
            listed=self._listing.listed,
            pods=self._pods(),
            problems=self._listing.problems,
            engine=self.engine_problem,
            api=self.api(),
            certificates=self.keeper.status() if self.keeper else None,
        )

    def v1_pods(self) -> list[JsonObject]:
        """Every pod there should be, as the API shows it, by namespace and name."""
        found = [v1_pod(each.pod, each.status, self.node) for each in self.reports().pods if each.pod]
        return sorted(found, key=lambda each: (each["metadata"]["namespace"], each["metadata"]["name"]))

    def reports(self) -> Reports:
        """What each worker knows of its pod."""
        with self._lock:
            workers = tuple(each for each in self.workers.values() if not each.is_done)
            complete = self._listing.listed and self._knows_orphans and not self._has_orphans
        found = tuple(worker.report for worker in workers)
        known = tuple(report for report in found if report is not None)
        return Reports(known, complete and len(known) == len(found))

    def listen(self, listener: Callable[[], None]) -> None:
        """From now on ``listener`` hears that a report has changed; it must only take a note."""
        self._listeners.append(listener)

    @property
    def engine_problem(self) -> str:
        """Why the engine cannot be used, "" when it can."""
        with self._lock:
            workers = tuple(self.workers.values())
        problems = (worker.engine_problem for worker in workers if worker.engine_problem)
        return next(problems, self._complaints.get("engine", ""))

    def handle(self, event: ContainerEvent) -> None:
        """Wake the worker whose container this is."""
        if event.action in STATE_CHANGES and event.labels.get(NODE) == self.node.name:
            self._wake_pod(f"{event.labels.get(POD_NAME)}_{event.labels.get(POD_NAMESPACE)}")

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()
        if self.keeper is not None and self.keeper.is_waiting:
            self._rouse(self.keeper)

    def _restart(self, pod: str, container: str, why: str) -> None:
        worker = self.workers.get(pod)
        if worker is not None:
            worker.restart(container, why)

    def _want(self, name: str, namespace: str, pod: StaticPod | None) -> None:
        """Tell the pod's worker; one that has ended, or is about to, is followed by a new one."""
        key = f"{name}_{namespace}"
        worker = self.workers.get(key)
        if worker is not None and worker.want(pod):
            return
        worker = Worker(name, namespace, self._surroundings)
        worker.want(pod)
        self.workers[key] = worker
        worker.wake()

    def _guarded_sync(self) -> None:
        try:
            self.sync()
        except Exception:
            log.exception("looking at the manifests: unexpected failure")

    def _report(self, listing: Listing) -> None:
        """Each problem is said once, and again only after it was gone."""
        current = {(each.path, each.message) for each in listing.problems} | set(listing.remarks)
        for path, message in sorted(current - self._reported):
            log.warning("%s: %s", path, message)
        for problem in listing.problems:
            if problem.pod and (problem.path, problem.message) not in self._reported:
                subject = Subject(problem.pod, problem.namespace, problem.uid)
                self.history.record(subject, "FailedValidation", f"{problem.path}: {problem.message}")
                if subject.pod not in self.workers:
                    self.history.close(subject.pod)
        self._reported = current

    def _complain(self, about: str, message: str) -> None:
        """Once for as long as it is the same."""
        if self._complaints.get(about) != message:
            self._complaints[about] = message
            log.error("%s", message)

    def _pods(self) -> tuple[PodStatus, ...]:
        with self._lock:
            workers = tuple(self.workers.values())
        return tuple(worker.status for worker in workers if worker.status is not None)

    def _summary(self) -> str:
        return summary(self._pods(), len(self._listing.problems))

    def _wake_pod(self, key: str) -> None:
        worker = self.workers.get(key)
        if worker is not None:
            worker.wake()

    def _run_prober(self) -> None:
        self.prober.run(self._stop)

    def _follow_events(self) -> None:
        """Listen for ever; after every gap all workers look for themselves."""
        while not self._stop.is_set():
            try:
                runtime = self._events_runtime = self._connect()
                events = runtime.events()
                self._complaints.pop("events", None)
                for worker in tuple(self.workers.values()):
                    worker.wake()
                for event in events:
                    self.handle(event)
            except BootstrapError as error:
                self._complain("events", error.message)
            self._clock.wait(self._stop, ENGINE_RETRY_SECONDS)

    def _close(self) -> None:
        self.prober.wake()
        if self._events_runtime is not None:
            self._events_runtime.close()
