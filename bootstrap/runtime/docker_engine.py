"""The adapter to a Docker Engine, over one connection to its socket.

Invariant: no exception of the connection leaves it; each becomes an ``EngineError`` or an
``EngineUnreachableError``. What moves images is in ``docker_transfer``; all else is small JSON, for which the
``docker`` package takes ten times the processor time of this (docs/adr/engine-connection.md).
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

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
    NoSuchContainerError,
    NoSuchImageError,
    PullProgress,
    Session,
    Usage,
)
from bootstrap.runtime.docker_errors import NO_ANSWER, engine_error
from bootstrap.runtime.docker_reply import (
    ListedContainer,
    container_of,
    event_of,
    image_of,
    info_of,
    listed_image_of,
    summary_of,
    usage_of,
)
from bootstrap.runtime.docker_request import create_request
from bootstrap.runtime.docker_streams import EngineLog, EngineSession, open_attached, open_exec, open_log
from bootstrap.runtime.docker_transfer import ImageTransfer
from bootstrap.runtime.engine_http import EngineConnection, Reply, target
from bootstrap.runtime.reference import split_reference

EXEC_OUTPUT_LIMIT = 10 * 1024
DEFAULT_SOCKET = "/var/run/docker.sock"
CONNECT_SECONDS = 10
"""For the first answer, to a ping: an engine that takes longer hangs."""
REQUEST_SECONDS = 60

EVENT_ACTIONS = ("create", "start", "die", "stop", "oom", "pause", "unpause", "destroy")
"""What changes a container's state; an exec probe alone would bring three more each second."""

_LISTED = msgspec.json.Decoder(tuple[ListedContainer, ...])
"""Made here, by one thread: msgspec learns a type at its first use, and two at once crash the process."""


class DockerEngine:
    """A ``ContainerRuntime`` on the engine's socket. Construction connects.

    Raises EngineUnreachableError when nothing answers. ``allow_negative_oom`` False makes protective OOM
    scores 0, for machines where runc may not set them (``docker_request.allows_negative_oom_score``). Targets
    have no API version, which means the engine's newest, as the docker client's own negotiation does.
    """

    def __init__(
        self,
        socket: str = DEFAULT_SOCKET,
        *,
        allow_negative_oom: bool = True,
        timeout: int = REQUEST_SECONDS,
        connect_timeout: int = CONNECT_SECONDS,
    ) -> None:
        self._socket = socket
        self._allow_negative_oom = allow_negative_oom
        self._timeout = timeout
        self._connect_timeout = connect_timeout
        self._connection = EngineConnection(socket)
        self._streams: list[_EventStream | EngineLog | EngineSession] = []
        self._moving: ImageTransfer | None = None
        if not Path(socket).exists():
            raise self._unreachable("there is no such socket")
        self._ask("GET", "/_ping", timeout=connect_timeout)

    def info(self) -> EngineInfo:
        return info_of(self.question("GET", "/info"))

    def create(self, spec: ContainerSpec) -> str:
        body = create_request(spec, allow_negative_oom=self._allow_negative_oom)
        path = target("/containers/create", name=spec.name)
        try:
            return str(self.question("POST", path, body)["Id"])
        except EngineError as error:
            if "unknown log opt" not in error.message:
                raise
        # The engine logs to where nothing is rotated by size, such as the journal.
        del body["HostConfig"]["LogConfig"]
        return str(self.question("POST", path, body)["Id"])

    def start(self, container_id: str) -> None:
        self._ask("POST", f"/containers/{container_id}/start")

    def stop(self, container_id: str, grace: int) -> None:
        with contextlib.suppress(NoSuchContainerError):
            request = target(f"/containers/{container_id}/stop", t=str(grace))
            self._ask("POST", request, timeout=self._timeout + grace)

    def remove(self, container_id: str) -> None:
        try:
            self._ask("DELETE", target(f"/containers/{container_id}", v="1", force="1"))
        except NoSuchContainerError:
            return
        except EngineError as error:
            if "is already in progress" not in error.message:
                raise

    def list(self, labels: Mapping[str, str], *, running_only: bool = False) -> tuple[Container, ...]:
        found = []
        for entry in self._listed(labels, running_only=running_only):
            with contextlib.suppress(NoSuchContainerError):
                found.append(self.inspect(entry.id))
        found = [each for each in found if each.is_running or not running_only]
        return tuple(sorted(found, key=lambda each: each.created, reverse=True))

    def summaries(self, labels: Mapping[str, str]) -> tuple[ContainerSummary, ...]:
        return tuple(summary_of(entry) for entry in self._listed(labels))

    def inspect(self, container_id: str) -> Container:
        if not container_id:
            raise NoSuchContainerError("no container has an empty name")
        return container_of(self.question("GET", f"/containers/{container_id}/json"))

    def execute(self, container_id: str, argv: tuple[str, ...], timeout: float) -> ExecResult:
        session = open_exec(self, container_id, ExecRequest(argv))
        try:
            output = session.output_within(timeout, EXEC_OUTPUT_LIMIT)
            if output is None:
                # Docker cannot end an executed program: one that hangs goes on until its container stops.
                raise TimeoutError(f"{argv[0]} did not end within {timeout:g} s")
            return ExecResult(session.exit_code(), output)
        finally:
            session.release()

    def logs(self, container_id: str, *, tail: int | None = None) -> bytes:
        log = open_log(self, container_id, LogQuery(tail=tail))
        text = bytearray()
        try:
            while piece := log.read():
                text += piece
        finally:
            log.release()
        return bytes(text)

    def usage(self, container_id: str) -> Usage:
        # One look: without it the engine waits a second for a second one.
        once = {"stream": "0", "one-shot": "1"}
        usage = usage_of(self.question("GET", target(f"/containers/{container_id}/stats", **once)))
        if usage is None:
            raise EngineError(f"container {container_id} is not running")
        return usage

    def read_logs(self, container_id: str, query: LogQuery) -> LogStream:
        log = open_log(self, container_id, query)
        self._streams.append(log)
        return log

    def open_exec(self, container_id: str, request: ExecRequest) -> Session:
        session = open_exec(self, container_id, request)
        self._streams.append(session)
        return session

    def attach(self, container_id: str, *, stdin: bool, stdout: bool = True, stderr: bool = True) -> Session:
        wanted = {"stdin": stdin, "stdout": stdout, "stderr": stderr}
        session = open_attached(self, container_id, wanted)
        self._streams.append(session)
        return session

    def events(self) -> Iterator[ContainerEvent]:
        filters = _json_text({"type": ["container"], "event": list(EVENT_ACTIONS)})
        connection, reply = self.stream("GET", target("/events", filters=filters))
        stream = _EventStream(connection, reply, self._unreachable)
        self._streams.append(stream)
        return stream

    def image(self, reference: str) -> Image | None:
        try:
            return image_of(self.question("GET", f"/images/{quote(reference)}/json"))
        except NoSuchImageError:
            return None

    def images(self) -> tuple[Image, ...]:
        listed = [listed_image_of(entry) for entry in self.question("GET", "/images/json")]
        return tuple(image for image in listed if image.tags)

    def pull(self, reference: str) -> Iterator[PullProgress]:
        return self._transfer().pull(reference)

    def load(self, archive: Path) -> tuple[str, ...]:
        return self._transfer().load(archive)

    def save(self, references: tuple[str, ...], archive: Path) -> None:
        self._transfer().save(references, archive)

    def tag(self, source: str, target: str) -> None:
        repository, name = split_reference(target)
        query = urlencode({"repo": repository, "tag": name})
        self._ask("POST", f"/images/{quote(source)}/tag?{query}")

    def remove_image(self, reference: str) -> None:
        with contextlib.suppress(NoSuchImageError):
            self._ask("DELETE", f"/images/{quote(reference)}")

    def import_filesystem(
        self,
        tar: Path,
        reference: str,
        *,
        entrypoint: tuple[str, ...] = (),
        environment: tuple[str, ...] = (),
        labels: Mapping[str, str] = MappingProxyType({}),
    ) -> str:
        self._transfer().import_filesystem(
            tar, reference, entrypoint=entrypoint, environment=environment, labels=labels
        )
        image = self.image(reference)
        if image is None:
            raise EngineError(f"{reference} was imported from {tar}, and is not there")
        return image.id

    def close(self) -> None:
        for stream in self._streams:
            stream.release()
        self._connection.close()
        if self._moving is not None:
            self._moving.close()

    def _transfer(self) -> ImageTransfer:
        if self._moving is None:
            self._moving = ImageTransfer(self._socket, self._timeout, self._unreachable)
        return self._moving

    def _listed(
        self, labels: Mapping[str, str], *, running_only: bool = False
    ) -> tuple[ListedContainer, ...]:
        wanted = [f"{key}={value}" if value else key for key, value in labels.items()]
        query = {"all": "0" if running_only else "1"}
        if wanted:
            query["filters"] = _json_text({"label": wanted})
        return _LISTED.decode(self._ask("GET", target("/containers/json", **query)))

    def question(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The decoded answer; None where there is none. Raises EngineError, EngineUnreachableError."""
        answer = self._ask(method, path, body)
        return msgspec.json.decode(answer) if answer else None

    def stream(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> tuple[EngineConnection, Reply]:
        """A good answer's beginning, on a connection of its own; the rest may be long in coming."""
        connection = EngineConnection(self._socket)
        content = None if body is None else msgspec.json.encode(body)
        try:
            with self._translated():
                reply = connection.open(method, path, content, headers, timeout=self._timeout)
                if reply.status >= 400:
                    raise engine_error(reply.status, _explanation(reply.whole()))
        except BaseException:
            connection.close()
            raise
        connection.wait_for_ever()
        return connection, reply

    def _ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, timeout: int | None = None
    ) -> bytes:
        """The body of a good answer; a refusal is raised as what it is."""
        content = None if body is None else msgspec.json.encode(body)
        with self._translated():
            status, answer = self._connection.request(
                method, path, content, timeout=self._timeout if timeout is None else timeout
            )
        if status >= 400:
            raise engine_error(status, _explanation(answer))
        return answer

    def _unreachable(self, reason: str) -> EngineUnreachableError:
        remedy = "systemctl start docker, then run the same command again"
        if reason == NO_ANSWER:
            remedy = "systemctl restart docker, then run the same command again"
        if "Permission denied" in reason:
            remedy = "run the command as root (sudo)"
        elif not Path(self._socket).exists():
            remedy = "install Docker Engine and start it (systemctl enable --now docker), or set dockerSocket"
        return EngineUnreachableError(f"no Docker Engine answers on {self._socket}: {reason}", remedy=remedy)

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except TimeoutError as error:
            raise self._unreachable(NO_ANSWER) from error
        except OSError as error:
            raise self._unreachable(error.strerror or str(error)) from error


class _EventStream:
    """Events as they come, on a connection of their own; ``release`` may be called by another thread."""

    def __init__(
        self, connection: EngineConnection, reply: Reply, unreachable: Callable[[str], EngineUnreachableError]
    ) -> None:
        self._connection = connection
        self._lines = reply.lines()
        self._unreachable = unreachable
        self._lock = threading.Lock()
        self._closed = False
        self._is_being_read = False

    def __iter__(self) -> _EventStream:
        return self

    def __next__(self) -> ContainerEvent:
        with self._lock:
            if self._closed:
                raise StopIteration
            self._is_being_read = True
        reason = "the event stream ended"
        try:
            for line in self._lines:
                return event_of(msgspec.json.decode(line))
        except (OSError, ValueError) as error:
            reason = str(error)
        finally:
            with self._lock:
                self._is_being_read = False
                if self._closed:
                    self._connection.close()
        if self._closed:
            raise StopIteration
        self._connection.close()
        raise self._unreachable(reason)

    def release(self) -> None:
        """A reader is woken and closes the connection; without one there is nothing to wait for."""
        with self._lock:
            self._closed = True
            self._connection.shut()
            if not self._is_being_read:
                self._connection.close()


def _json_text(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _explanation(answer: bytes) -> str:
    """The engine's own words."""
    try:
        return str(msgspec.json.decode(answer)["message"])
    except (msgspec.DecodeError, KeyError, TypeError):
        return answer.decode(errors="replace")
