"""A container engine in memory, with the semantics of the real one (``tests/contract`` holds both to them).

``FakeEngine`` is the daemon: what exists, and what the test decides about programs, registries, failures.
``FakeRuntime`` is one connection to it; several may share an engine, as the agent's threads do. Programs
"run" on the engine's clock: one that exits after 5 s has exited once the clock is 5 s further.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType

from bootstrap.host.clock import Clock
from bootstrap.runtime.api import (
    Container,
    ContainerEvent,
    ContainerSpec,
    ContainerSummary,
    EngineError,
    EngineInfo,
    EngineUnreachableError,
    ExecRequest,
    ExecResult,
    Image,
    LogQuery,
    LogStream,
    NameConflictError,
    NoSuchContainerError,
    NoSuchImageError,
    PullFailedError,
    PullProgress,
    Session,
    Usage,
)
from tests.fakes.clock import FakeClock
from tests.fakes.streams import FakeLogStream, FakeSession

FIRST_PID = 1000


@dataclass(frozen=True)
class Program:
    """What a container's program does.

    ``exits_after`` seconds of running it ends with ``exit_code`` (None: it runs until stopped). ``prints`` is
    its output at start. A stop signal ends it with ``stop_code``, or only SIGKILL does (137, after the grace
    period) when ``ignores_stop``. ``start_error``: the engine cannot start it, for this reason.
    """

    exits_after: float | None = None
    exit_code: int = 0
    prints: bytes = b""
    stop_code: int = 0
    ignores_stop: bool = False
    start_error: str = ""


Exec = Callable[[ContainerSpec, tuple[str, ...]], ExecResult]


@dataclass
class FakeContainer:
    """A container as the engine holds it."""

    spec: ContainerSpec
    state: Container
    program: Program
    log: bytearray = field(default_factory=bytearray)
    printed: list[tuple[datetime, bytes]] = field(default_factory=list)
    until: datetime | None = None

    def prints(self, text: bytes, now: datetime) -> None:
        self.log.extend(text)
        self.printed += [(now, line) for line in text.splitlines(keepends=True)]


class FakeEngine:
    """The daemon. ``history`` has every change in order: "create NAME", "start NAME", "exit NAME 1", ...

    ``phantoms``: names that are taken by containers that are not there, and their IDs, as a crash may leave
    them. ``registry`` are the images a pull finds; ``exists`` says which mount sources are there.
    ``default_program`` and ``default_exec`` answer for containers that no ``set_program`` or ``set_exec``
    rule names.
    """

    def __init__(
        self, clock: Clock | None = None, exists: Callable[[str], bool] = lambda _path: True
    ) -> None:
        self.clock = clock or FakeClock()
        self.exists = exists
        self.answering = True
        self.containers: dict[str, FakeContainer] = {}
        self.phantoms: dict[str, str] = {}
        self.local_images: dict[str, Image] = {}
        self.registry: dict[str, Image] = {}
        self.default_program: Callable[[ContainerSpec], Program] = lambda _spec: Program()
        self.default_exec: Exec = lambda _spec, _argv: ExecResult(0, b"")
        self.history: list[str] = []
        self.info = EngineInfo("20.10.24", "cgroupfs", 1, "/var/lib/docker", live_restore=False)
        self.lock = threading.Condition(threading.RLock())
        self.subscribers: list[deque[ContainerEvent]] = []
        self._programs: list[tuple[str, Program]] = []
        self._execs: list[tuple[str, Exec]] = []
        self._serial = 0

    # What a test decides.

    def add_image(
        self,
        reference: str,
        *,
        user: str = "",
        environment: tuple[str, ...] = (),
        command: tuple[str, ...] = (),
    ) -> Image:
        """Make an image present, as if it had been loaded."""
        image = Image(
            self.new_id("image"), (reference,), size=1000, user=user, environment=environment, command=command
        )
        with self.lock:
            self.put_image(image)
        return image

    def publish(self, reference: str) -> None:
        """Put an image into the registry, where a pull finds it."""
        self.registry[reference] = Image(self.new_id("published"), (reference,), size=1000)

    def set_program(self, name_part: str, program: Program) -> None:
        """What containers started from now on do whose name contains this text; the latest rule wins."""
        self._programs.append((name_part, program))

    def set_exec(self, name_part: str, reply: Exec) -> None:
        """What programs executed in such containers do; the default ends with 0 and prints nothing."""
        self._execs.append((name_part, reply))

    def exit(self, name_part: str, code: int = 0, *, oom_killed: bool = False, error: str = "") -> None:
        """The program of the one running container whose name or ID contains this text ends now."""
        with self.lock:
            self.settle()
            (found,) = [
                held
                for held in self.containers.values()
                if held.state.is_running and (name_part in held.spec.name or name_part in held.state.id)
            ]
            if oom_killed:
                self.emit("oom", found)
            self.end(found, code, oom_killed=oom_killed, error=error)

    def write_log(self, name_part: str, text: bytes) -> None:
        """The newest container whose name contains this text prints something."""
        with self.lock:
            held = [held for held in self.containers.values() if name_part in held.spec.name][-1]
            held.prints(text, self.clock.now())
            self.lock.notify_all()

    def go_away(self) -> None:
        """Stop answering; containers go on, as with live-restore, and event streams break."""
        with self.lock:
            self.answering = False
            self.lock.notify_all()

    def come_back(self) -> None:
        with self.lock:
            self.answering = True

    def running(self) -> tuple[str, ...]:
        """Names of the running containers, oldest first."""
        with self.lock:
            self.settle()
            return tuple(held.spec.name for held in self.containers.values() if held.state.is_running)

    # What the connections use.

    def new_id(self, kind: str) -> str:
        self._serial += 1
        digest = hashlib.sha256(f"{kind} {self._serial}".encode()).hexdigest()
        return f"sha256:{digest}" if kind in ("image", "published") else digest

    def program_of(self, spec: ContainerSpec) -> Program:
        for part, program in reversed(self._programs):
            if part in spec.name:
                return program
        return self.default_program(spec)

    def exec_of(self, spec: ContainerSpec) -> Exec:
        return next((reply for part, reply in reversed(self._execs) if part in spec.name), self.default_exec)

    def settle(self) -> None:
        """End the programs whose time has come."""
        for held in tuple(self.containers.values()):
            if held.state.is_running and held.until is not None and held.until <= self.clock.now():
                self.end(held, held.program.exit_code, at=held.until)

    def end(
        self,
        held: FakeContainer,
        code: int,
        *,
        at: datetime | None = None,
        oom_killed: bool = False,
        error: str = "",
    ) -> None:
        held.state = replace(
            held.state,
            status="exited",
            finished=at or self.clock.now(),
            exit_code=code,
            oom_killed=oom_killed,
            error=error,
            pid=0,
            ip="",
        )
        self.record(f"exit {held.spec.name} {code}")
        self.emit("die", held)

    def find(self, reference: str) -> FakeContainer:
        """By full ID, unique ID prefix or name."""
        exact = self.containers.get(reference)
        if exact:
            return exact
        matches = [
            held
            for held in self.containers.values()
            if held.spec.name == reference.removeprefix("/") or held.state.id.startswith(reference)
        ]
        if len(matches) != 1:
            raise NoSuchContainerError(f"No such container: {reference}")
        return matches[0]

    def find_image(self, reference: str) -> Image | None:
        for image in self.local_images.values():
            digest = image.id.removeprefix("sha256:")
            wanted = reference.removeprefix("sha256:")
            if tagged(reference) in image.tags or reference in image.digests or wanted == digest:
                return image
            if len(wanted) >= 12 and digest.startswith(wanted):
                return image
        return None

    def put_image(self, image: Image) -> None:
        """Store it, or add its tags to those it has; they leave whatever image had them."""
        known = self.local_images.get(image.id, image)
        tags = dict.fromkeys(tagged(tag) for tag in (*known.tags, *image.tags))
        image = replace(known, tags=tuple(tags))
        for other in tuple(self.local_images.values()):
            if other.id != image.id and set(other.tags) & set(image.tags):
                left = tuple(tag for tag in other.tags if tag not in image.tags)
                self.local_images[other.id] = replace(other, tags=left)
        self.local_images[image.id] = image

    def emit(self, action: str, held: FakeContainer) -> None:
        event = ContainerEvent(action, held.state.id, held.spec.labels)
        for queue in self.subscribers:
            queue.append(event)
        self.lock.notify_all()

    def record(self, line: str) -> None:
        self.history.append(line)


class FakeRuntime:
    """One connection to a ``FakeEngine``."""

    def __init__(self, engine: FakeEngine | None = None) -> None:
        self.engine = engine or FakeEngine()
        self._closed = False

    @property
    def is_closed(self) -> bool:
        return self._closed

    def info(self) -> EngineInfo:
        self._reach()
        return self.engine.info

    def create(self, spec: ContainerSpec) -> str:
        with self.engine.lock:
            self._reach()
            image = self.engine.find_image(spec.image)
            if image is None:
                raise NoSuchImageError(f"No such image: {spec.image}")
            for held in self.engine.containers.values():
                if held.spec.name == spec.name:
                    raise NameConflictError(f"the name {spec.name} is in use", held.state.id)
            if spec.name in self.engine.phantoms:
                raise NameConflictError(f"the name {spec.name} is in use", self.engine.phantoms[spec.name])
            for mount in spec.mounts:
                if not self.engine.exists(mount.source):
                    raise EngineError(f"bind source path does not exist: {mount.source}")
            state = Container(
                id=self.engine.new_id("container"),
                name=spec.name,
                image=spec.image,
                image_id=image.id,
                labels=MappingProxyType(dict(spec.labels)),
                status="created",
                created=self.engine.clock.now(),
                network_mode=spec.network_mode or "default",
            )
            held = FakeContainer(spec, state, Program())
            self.engine.containers[state.id] = held
            self.engine.record(f"create {spec.name}")
            self.engine.emit("create", held)
            return state.id

    def start(self, container_id: str) -> None:
        with self.engine.lock:
            self._reach()
            held = self.engine.find(container_id)
            if held.state.is_running:
                return
            held.program = self.engine.program_of(held.spec)
            reason = held.program.start_error or self._taken_port(held) or self._missing_network(held)
            if reason:
                held.state = replace(held.state, exit_code=128, error=reason)
                self.engine.record(f"start {held.spec.name} failed")
                raise EngineError(reason)
            now = self.engine.clock.now()
            serial = len(self.engine.history)
            own_network = held.state.network_mode in ("default", "bridge")
            held.until = (
                None
                if held.program.exits_after is None
                else now + timedelta(seconds=held.program.exits_after)
            )
            held.prints(held.program.prints, now)
            directory = f"/var/lib/docker/containers/{held.state.id}"
            held.state = replace(
                held.state,
                status="running",
                started=now,
                finished=None,
                exit_code=0,
                oom_killed=False,
                error="",
                pid=FIRST_PID + serial,
                ip=f"172.17.0.{2 + serial % 250}" if own_network else "",
                log_path=f"{directory}/{held.state.id}-json.log",
                resolv_conf_path=f"{directory}/resolv.conf",
                network_namespace=f"/var/run/docker/netns/{held.state.id[:12]}" if own_network else "",
            )
            self.engine.record(f"start {held.spec.name}")
            self.engine.emit("start", held)

    def stop(self, container_id: str, grace: int) -> None:
        with self.engine.lock:
            held = self._find_or_none(container_id)
            if held is None or not held.state.is_running:
                return
            code = held.program.stop_code
            if held.program.ignores_stop:
                self.engine.clock.wait(threading.Event(), float(grace))
                code = 137
            self.engine.record(f"stop {held.spec.name}")
            self.engine.end(held, code)
            self.engine.emit("stop", held)

    def remove(self, container_id: str) -> None:
        with self.engine.lock:
            held = self._find_or_none(container_id)
            if held is None:
                return
            if held.state.is_running:
                self.engine.end(held, 137)
            del self.engine.containers[held.state.id]
            self.engine.record(f"remove {held.spec.name}")
            self.engine.emit("destroy", held)

    def list(self, labels: Mapping[str, str], *, running_only: bool = False) -> tuple[Container, ...]:
        with self.engine.lock:
            self._reach()
            found = [
                held.state
                for held in reversed(self.engine.containers.values())
                if all(
                    key in held.spec.labels and value in ("", held.spec.labels[key])
                    for key, value in labels.items()
                )
            ]
        found.sort(key=lambda state: state.created, reverse=True)
        return tuple(state for state in found if state.is_running or not running_only)

    def summaries(self, labels: Mapping[str, str]) -> tuple[ContainerSummary, ...]:
        return tuple(ContainerSummary(each.id, each.status, each.labels) for each in self.list(labels))

    def inspect(self, container_id: str) -> Container:
        with self.engine.lock:
            self._reach()
            return self.engine.find(container_id).state

    def execute(self, container_id: str, argv: tuple[str, ...], timeout: float) -> ExecResult:
        with self.engine.lock:
            self._reach()
            held = self.engine.find(container_id)
            if not held.state.is_running:
                raise EngineError(f"container {container_id} is not running")
            reply = self.engine.exec_of(held.spec)
        result = reply(held.spec, argv)
        return replace(result, output=result.output[: 10 * 1024])

    def logs(self, container_id: str, *, tail: int | None = None) -> bytes:
        with self.engine.lock:
            self._reach()
            text = bytes(self.engine.find(container_id).log)
        if tail is None:
            return text
        return b"".join(text.splitlines(keepends=True)[-tail:]) if tail else b""

    def usage(self, container_id: str) -> Usage:
        with self.engine.lock:
            self._reach()
            held = self.engine.find(container_id)
            if not held.state.is_running or held.state.started is None:
                raise EngineError(f"container {container_id} is not running")
            age = (self.engine.clock.now() - held.state.started).total_seconds()
            return Usage(cpu_seconds=age / 10, memory=3_000_000, working_set=2_000_000, rss=1_000_000)

    def read_logs(self, container_id: str, query: LogQuery) -> LogStream:
        with self.engine.lock:
            self._reach()
            return FakeLogStream(self.engine, self.engine.find(container_id), query)

    def open_exec(self, container_id: str, request: ExecRequest) -> Session:
        with self.engine.lock:
            self._reach()
            held = self.engine.find(container_id)
            if not held.state.is_running:
                raise EngineError(f"container {container_id} is not running")
            reply = self.engine.exec_of(held.spec)
        return FakeSession(reply(held.spec, request.argv), echoes=request.stdin)

    def attach(self, container_id: str, *, stdin: bool, stdout: bool = True, stderr: bool = True) -> Session:
        with self.engine.lock:
            self._reach()
            held = self.engine.find(container_id)
        return FakeSession(ExecResult(0, b""), echoes=stdin and held.state.is_running)

    def events(self) -> Iterator[ContainerEvent]:
        with self.engine.lock:
            self._reach()
            queue: deque[ContainerEvent] = deque()
            self.engine.subscribers.append(queue)
        return self._follow(queue)

    def image(self, reference: str) -> Image | None:
        with self.engine.lock:
            self._reach()
            return self.engine.find_image(reference)

    def images(self) -> tuple[Image, ...]:
        with self.engine.lock:
            self._reach()
            return tuple(
                replace(image, user="", environment=(), command=(), labels={})
                for image in self.engine.local_images.values()
                if image.tags
            )

    def pull(self, reference: str) -> Iterator[PullProgress]:
        self._reach()
        published = self.engine.registry.get(reference)
        if published is None:
            raise PullFailedError(reference, "not found")
        return self._pulling(reference, published)

    def load(self, archive: Path) -> tuple[str, ...]:
        with self.engine.lock, tarfile.open(archive) as tar:
            self._reach()
            try:
                member = tar.extractfile("manifest.json")
            except KeyError as error:
                raise EngineError(f"{archive} is not an image archive") from error
            assert member is not None
            entries = json.load(member)
            for entry in entries:
                image_id = f"sha256:{entry['Config'].removesuffix('.json')}"
                self.engine.put_image(Image(image_id, tuple(entry["RepoTags"]), size=1000))
            return tuple(tag for entry in entries for tag in entry["RepoTags"])

    def save(self, references: tuple[str, ...], archive: Path) -> None:
        with self.engine.lock:
            self._reach()
            entries = []
            for reference in references:
                image = self.engine.find_image(reference)
                if image is None:
                    raise NoSuchImageError(f"No such image: {reference}")
                config = f"{image.id.removeprefix('sha256:')}.json"
                entries.append({"Config": config, "RepoTags": [tagged(reference)], "Layers": []})
        content = json.dumps(entries).encode()
        entry = tarfile.TarInfo("manifest.json")
        entry.size = len(content)
        with tarfile.open(archive, "w") as tar:
            tar.addfile(entry, io.BytesIO(content))

    def tag(self, source: str, target: str) -> None:
        with self.engine.lock:
            image = self.image(source)
            if image is None:
                raise NoSuchImageError(f"No such image: {source}")
            self.engine.put_image(replace(image, tags=(target,)))

    def remove_image(self, reference: str) -> None:
        with self.engine.lock:
            image = self.image(reference)
            if image is None:
                return
            left = tuple(tag for tag in image.tags if tag != tagged(reference))
            users = [h for h in self.engine.containers.values() if h.state.image_id == image.id]
            if left:
                self.engine.local_images[image.id] = replace(image, tags=left)
            elif users:
                raise EngineError(f"container {users[0].state.id[:12]} is using {reference}")
            else:
                del self.engine.local_images[image.id]

    def import_filesystem(
        self,
        tar: Path,
        reference: str,
        *,
        entrypoint: tuple[str, ...] = (),
        environment: tuple[str, ...] = (),
        labels: Mapping[str, str] = MappingProxyType({}),
    ) -> str:
        with self.engine.lock:
            self._reach()
            image = Image(
                self.engine.new_id("image"),
                (reference,),
                size=tar.stat().st_size,
                environment=environment,
                command=entrypoint,
                labels=dict(labels),
            )
            self.engine.put_image(image)
            self.engine.record(f"import {reference}")
            return image.id

    def close(self) -> None:
        with self.engine.lock:
            self._closed = True
            self.engine.lock.notify_all()

    def _reach(self) -> None:
        if not self.engine.answering:
            raise EngineUnreachableError("no engine answers", remedy="systemctl start docker")
        with self.engine.lock:
            self.engine.settle()

    def _find_or_none(self, container_id: str) -> FakeContainer | None:
        self._reach()
        try:
            return self.engine.find(container_id)
        except NoSuchContainerError:
            return None

    def _taken_port(self, starting: FakeContainer) -> str:
        wanted = {(port.host_port, port.protocol) for port in starting.spec.ports}
        for held in self.engine.containers.values():
            for port in held.spec.ports if held.state.is_running else ():
                if (port.host_port, port.protocol) in wanted:
                    return f"port {port.host_port} is already allocated"
        return ""

    def _missing_network(self, starting: FakeContainer) -> str:
        kind, _, other = starting.spec.network_mode.partition(":")
        if kind != "container":
            return ""
        try:
            running = self.engine.find(other).state.is_running
        except NoSuchContainerError:
            running = False
        return "" if running else f"cannot join network of a non running container: {other}"

    def _pulling(self, reference: str, published: Image) -> Iterator[PullProgress]:
        yield PullProgress("pulling", 0, published.size)
        yield PullProgress("pulling", published.size, published.size)
        with self.engine.lock:
            self.engine.put_image(published)
            self.engine.record(f"pull {reference}")

    def _follow(self, queue: deque[ContainerEvent]) -> Iterator[ContainerEvent]:
        try:
            while True:
                with self.engine.lock:
                    self.engine.lock.wait_for(lambda: queue or self._closed or not self.engine.answering)
                    if self._closed:
                        return
                    if not queue:
                        raise EngineUnreachableError("the engine went away")
                    event = queue.popleft()
                yield event
        finally:
            with self.engine.lock:
                # By identity: an empty queue equals every other empty queue.
                self.engine.subscribers[:] = [held for held in self.engine.subscribers if held is not queue]


def tagged(reference: str) -> str:
    """A reference as the engine lists it: without a tag it means ``latest``."""
    last = reference.rpartition("/")[2]
    return reference if ":" in last or "@" in last else f"{reference}:latest"
