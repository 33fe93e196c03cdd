"""What the agent, the phases and the image commands ask of a container engine.

Invariant: the values are plain and engine-neutral, and state is what the engine said at that moment; nobody
caches it. Every method may raise ``EngineUnreachableError`` (a TransientError) or ``EngineError``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Literal, Protocol

from bootstrap.errors import BootstrapError, TransientError


class EngineError(BootstrapError):
    """The engine refused or failed a request; the message is the engine's own, shortened."""


class EngineUnreachableError(TransientError):
    """No engine answers on the socket."""


class NameConflictError(EngineError):
    """The container name is taken; ``holder`` is the full ID of the container that has it, "" if unknown."""

    def __init__(self, message: str, holder: str) -> None:
        super().__init__(message)
        self.holder = holder


class NoSuchContainerError(EngineError):
    """The container is gone."""


class NoSuchImageError(EngineError):
    """The image is not present in the engine."""


class PullFailedError(EngineError):
    """The registry refused the image or could not be reached, for this ``reason``."""

    def __init__(self, reference: str, reason: str) -> None:
        super().__init__(f"{reference} cannot be pulled: {reason}")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Mount:
    """A bind mount. ``propagation`` is Docker's word: "", "rslave" or "rshared". The source must exist."""

    source: str
    target: str
    read_only: bool = False
    propagation: str = ""


@dataclass(frozen=True, slots=True)
class PortBinding:
    """A container port published on the host; ``host_ip`` "" means all addresses."""

    container_port: int
    host_port: int
    protocol: str = "tcp"
    host_ip: str = ""


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """Everything needed to create one container, in Docker's terms (reference: static-pods 5.3 - 5.7).

    ``network_mode``/``ipc_mode``/``pid_mode``/``uts_mode``: "", "host", "none", "bridge" or
    "container:ID". ``entrypoint``/``command`` None leaves the image's own. ``memory`` in bytes and ``nano``
    values as Docker counts them; 0 is unset. ``security_options`` as Docker spells them
    ("seccomp=unconfined", "no-new-privileges"). The log is rotated at ``log_max_size`` bytes, of which
    ``log_max_files`` files are kept; 0 leaves that to the engine, as does a log driver without such options.
    """

    name: str
    image: str
    labels: Mapping[str, str] = field(default_factory=dict)
    entrypoint: tuple[str, ...] | None = None
    command: tuple[str, ...] | None = None
    environment: tuple[str, ...] = ()
    working_directory: str = ""
    user: str = ""
    groups: tuple[str, ...] = ()
    hostname: str = ""
    network_mode: str = ""
    ipc_mode: str = ""
    pid_mode: str = ""
    uts_mode: str = ""
    mounts: tuple[Mount, ...] = ()
    ports: tuple[PortBinding, ...] = ()
    dns: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    dns_options: tuple[str, ...] = ()
    sysctls: Mapping[str, str] = field(default_factory=dict)
    cpu_shares: int = 0
    cpu_quota: int = 0
    memory: int = 0
    oom_score_adj: int | None = None
    privileged: bool = False
    capabilities_add: tuple[str, ...] = ()
    capabilities_drop: tuple[str, ...] = ()
    security_options: tuple[str, ...] = ()
    masked_paths: tuple[str, ...] | None = None
    read_only_root: bool = False
    stdin: bool = False
    log_max_size: int = 0
    log_max_files: int = 0
    stdin_once: bool = False
    tty: bool = False
    stop_signal: str = ""
    runtime: str = ""


ContainerStatus = Literal["created", "running", "paused", "restarting", "removing", "exited", "dead"]


@dataclass(frozen=True, slots=True)
class Container:
    """What the engine says of one container. Times are UTC, None when it never happened.

    ``log_path`` and ``resolv_conf_path`` are files on the host, "" before the first start, and so is
    ``network_namespace``, which stands for its network while it runs (that of the host for ``host``).
    """

    id: str
    name: str
    image: str
    image_id: str
    labels: Mapping[str, str]
    status: ContainerStatus
    created: datetime
    started: datetime | None = None
    finished: datetime | None = None
    exit_code: int = 0
    oom_killed: bool = False
    error: str = ""
    pid: int = 0
    ip: str = ""
    network_mode: str = ""
    log_path: str = ""
    resolv_conf_path: str = ""
    network_namespace: str = ""

    @property
    def is_running(self) -> bool:
        return self.status == "running"


@dataclass(frozen=True, slots=True)
class ContainerSummary:
    """What a listing alone says of a container."""

    id: str
    status: ContainerStatus
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Image:
    """An image present in the engine; ``size`` in bytes.

    ``user``, ``environment``, ``command`` (entrypoint and arguments) and ``labels`` are its config's; a
    listing leaves them empty.
    """

    id: str
    tags: tuple[str, ...]
    digests: tuple[str, ...] = ()
    size: int = 0
    user: str = ""
    environment: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PullProgress:
    """Bytes over all layers known so far; ``total`` 0 while unknown."""

    status: str
    done: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class ContainerEvent:
    """Something happened to a container: "start", "die", "destroy", "oom", "create", ..."""

    action: str
    container_id: str
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ExecResult:
    """``output``: stdout and stderr together, at most 10 KiB."""

    exit_code: int
    output: bytes


@dataclass(frozen=True, slots=True)
class Usage:
    """What a container has used: CPU since it started, memory now. ``working_set`` is the memory that cannot
    be given back without harm (``memory`` without file pages that are not in use), in bytes."""

    cpu_seconds: float
    memory: int
    working_set: int
    rss: int


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Which part of a container's output: from ``since`` on, of that the last ``tail`` lines; both streams
    unless told otherwise. ``timestamps`` puts the UTC time (RFC 3339, nanoseconds) before each line.
    ``follow`` waits for more until the container ends.
    """

    follow: bool = False
    tail: int | None = None
    since: datetime | None = None
    timestamps: bool = False
    stdout: bool = True
    stderr: bool = True


class LogStream(Protocol):
    """Output of a container as it comes. One thread reads."""

    def read(self) -> bytes:
        """The next piece, b"" at the end. Raises EngineUnreachableError when the engine goes away."""

    def close(self) -> None:
        """End it, from any thread; a read under way returns b""."""


StreamName = Literal["stdout", "stderr"]


@dataclass(frozen=True, slots=True)
class ExecRequest:
    """A program to run in a container, and which of its streams are wanted; with ``tty`` all output is
    stdout."""

    argv: tuple[str, ...]
    stdin: bool = False
    stdout: bool = True
    stderr: bool = True
    tty: bool = False


class Session(Protocol):
    """A program's streams while it runs. One thread reads; another may write, resize and close."""

    def read(self) -> tuple[StreamName, bytes] | None:
        """The next piece of output, None at the end. Raises EngineUnreachableError."""

    def write(self, data: bytes) -> None:
        """To its standard input; nothing once it has ended."""

    def close_input(self) -> None:
        """Its standard input ends."""

    def resize(self, width: int, height: int) -> None:
        """Of its terminal, in characters; nothing once it has ended."""

    def exit_code(self) -> int:
        """Of a program that was executed, after its output has ended. Raises EngineError when it has none."""

    def close(self) -> None:
        """Let go, from any thread; the program may run on."""


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """``cgroup_driver`` is "cgroupfs" or "systemd"; ``cgroup_version`` 1 or 2."""

    version: str
    cgroup_driver: str
    cgroup_version: int
    root_directory: str
    live_restore: bool


class ContainerRuntime(Protocol):
    """A container engine. Not thread-safe: one instance per thread."""

    def info(self) -> EngineInfo: ...

    def create(self, spec: ContainerSpec) -> str:
        """Create, return the full ID. Raises NoSuchImageError, NameConflictError."""

    def start(self, container_id: str) -> None:
        """Start; raises NoSuchContainerError, EngineError with the engine's reason (port taken, no such
        program...); starting a running one is nothing."""

    def stop(self, container_id: str, grace: int) -> None:
        """Stop signal, then SIGKILL after ``grace`` seconds; returns when it has exited; a stopped or missing
        one is nothing."""

    def remove(self, container_id: str) -> None:
        """Remove a stopped or running container and its anonymous volumes; a missing one is nothing."""

    def list(self, labels: Mapping[str, str], *, running_only: bool = False) -> tuple[Container, ...]:
        """Containers having all these labels (value "" matches any), newest first, each inspected."""

    def summaries(self, labels: Mapping[str, str]) -> tuple[ContainerSummary, ...]:
        """The same containers, running or not, from one request however many they are."""

    def inspect(self, container_id: str) -> Container:
        """Raises NoSuchContainerError."""

    def execute(self, container_id: str, argv: tuple[str, ...], timeout: float) -> ExecResult:
        """Run a program inside; raises TimeoutError when it does not end in ``timeout`` seconds."""

    def logs(self, container_id: str, *, tail: int | None = None) -> bytes:
        """stdout and stderr so far, the last ``tail`` lines of it."""

    def usage(self, container_id: str) -> Usage:
        """Of a running container; raises NoSuchContainerError, EngineError when it does not run."""

    def read_logs(self, container_id: str, query: LogQuery) -> LogStream:
        """The output a query asks for. Raises NoSuchContainerError.

        The stream is of use until ``close`` of either.
        """

    def open_exec(self, container_id: str, request: ExecRequest) -> Session:
        """Run a program inside, with its streams. Raises NoSuchContainerError, EngineError (also when there
        is no such program)."""

    def attach(self, container_id: str, *, stdin: bool, stdout: bool = True, stderr: bool = True) -> Session:
        """The streams of a container's own program from now on. Raises NoSuchContainerError."""

    def events(self) -> Iterator[ContainerEvent]:
        """Container events from the moment of this call on, oldest first.

        The iterator waits for the next one; it ends after ``close()`` (which another thread may call), and
        raises EngineUnreachableError when the engine goes away.
        """

    def image(self, reference: str) -> Image | None:
        """The image by tag, digest or ID; None when it is not present."""

    def images(self) -> tuple[Image, ...]:
        """Every tagged image, without the values that are in its config."""

    def pull(self, reference: str) -> Iterator[PullProgress]:
        """Pull, yielding progress; raises PullFailedError."""

    def load(self, archive: Path) -> tuple[str, ...]:
        """Load a ``docker save`` tar (may be gzipped); the tags it brought."""

    def save(self, references: tuple[str, ...], archive: Path) -> None:
        """Write images with their tags into one tar, atomically."""

    def tag(self, source: str, target: str) -> None:
        """Give an image one more name; raises NoSuchImageError."""

    def remove_image(self, reference: str) -> None:
        """Untag, and remove it with its last tag; a missing one is nothing.

        Raises EngineError while a container uses the last tag.
        """

    def import_filesystem(
        self,
        tar: Path,
        reference: str,
        *,
        entrypoint: tuple[str, ...] = (),
        environment: tuple[str, ...] = (),
        labels: Mapping[str, str] = MappingProxyType({}),
    ) -> str:
        """Make a single-layer image from a root file system tar; the image ID."""

    def close(self) -> None:
        """Give up the connection and end every event iterator; the instance is of no more use."""
