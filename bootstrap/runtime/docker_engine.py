"""The adapter to a Docker Engine: the only module that knows the ``docker`` package.

Invariant: no exception of docker, requests or urllib3 leaves it; each becomes an ``EngineError`` or an
``EngineUnreachableError``. The low-level client is used because the high-level one inspects what it lists
twice and costs a request for each attribute it reloads.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bootstrap.errors import BootstrapError
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
    PullFailedError,
    PullProgress,
    Session,
    Usage,
)
from bootstrap.runtime.docker_errors import NO_ANSWER, engine_error, innermost
from bootstrap.runtime.docker_reply import (
    LayerTally,
    container_of,
    event_of,
    image_of,
    info_of,
    listed_image_of,
    summary_of,
    usage_of,
)
from bootstrap.runtime.docker_request import create_request
from bootstrap.runtime.docker_streams import open_attached, open_exec, open_log
from bootstrap.runtime.reference import split_reference

EXEC_OUTPUT_LIMIT = 10 * 1024
DEFAULT_SOCKET = "/var/run/docker.sock"
CONNECT_SECONDS = 10
"""For the first answer, a version: an engine that takes longer hangs."""
REQUEST_SECONDS = 60
TRANSFER_SECONDS = 900
"""A load or an import answers only when hundreds of megabytes are on disk."""

EVENT_ACTIONS = ("create", "start", "die", "stop", "oom", "pause", "unpause", "destroy")
"""What changes a container's state; an exec probe alone would bring three more each second."""

COPY_BYTES = 1024 * 1024


class DockerEngine:
    """A ``ContainerRuntime`` on the engine's socket. Construction connects and agrees on an API version.

    Raises EngineUnreachableError when nothing answers. ``allow_negative_oom`` False makes protective OOM
    scores 0, for machines where runc may not set them (``docker_request.allows_negative_oom_score``).
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
        self._closed = False
        self._streams: list[Any] = []
        # The package does not close the connection it could not open; where there is no socket, open none.
        if not Path(socket).exists():
            raise self._unreachable("there is no such socket")
        with self._translated():
            from docker import APIClient

            # Any: the stubs of the package lack half of the low-level client.
            self._client: Any = APIClient(
                base_url=f"unix://{socket}", version="auto", timeout=connect_timeout, max_pool_size=2
            )
        self._client.timeout = timeout
        # Proxies and netrc have no say on a local socket, and looking for them costs each request.
        self._client.trust_env = False

    def info(self) -> EngineInfo:
        with self._translated():
            return info_of(self._client.info())

    def create(self, spec: ContainerSpec) -> str:
        body = create_request(spec, allow_negative_oom=self._allow_negative_oom)
        with self._translated():
            reply = self._client.create_container_from_config(body, spec.name)
            return str(reply["Id"])

    def start(self, container_id: str) -> None:
        with self._translated():
            self._client.start(container_id)

    def stop(self, container_id: str, grace: int) -> None:
        with contextlib.suppress(NoSuchContainerError), self._translated():
            self._client.stop(container_id, timeout=grace)

    def remove(self, container_id: str) -> None:
        try:
            with self._translated():
                self._client.remove_container(container_id, v=True, force=True)
        except NoSuchContainerError:
            return
        except EngineError as error:
            if "is already in progress" not in error.message:
                raise

    def list(self, labels: Mapping[str, str], *, running_only: bool = False) -> tuple[Container, ...]:
        with self._translated():
            listed = self._client.containers(all=not running_only, filters=_label_filter(labels))
        found = []
        for entry in listed:
            with contextlib.suppress(NoSuchContainerError):
                found.append(self.inspect(entry["Id"]))
        found = [each for each in found if each.is_running or not running_only]
        return tuple(sorted(found, key=lambda each: each.created, reverse=True))

    def summaries(self, labels: Mapping[str, str]) -> tuple[ContainerSummary, ...]:
        with self._translated():
            listed = self._client.containers(all=True, filters=_label_filter(labels))
        return tuple(summary_of(entry) for entry in listed)

    def inspect(self, container_id: str) -> Container:
        with self._translated():
            return container_of(self._client.inspect_container(container_id))

    def execute(self, container_id: str, argv: tuple[str, ...], timeout: float) -> ExecResult:
        with self._translated():
            session = open_exec(self._client, container_id, ExecRequest(argv), self._translated)
        try:
            output = session.output_within(timeout, EXEC_OUTPUT_LIMIT)
            if output is None:
                # Docker cannot end an executed program: one that hangs goes on until its container stops.
                raise TimeoutError(f"{argv[0]} did not end within {timeout:g} s")
            return ExecResult(session.exit_code(), output)
        finally:
            session.release()

    def logs(self, container_id: str, *, tail: int | None = None) -> bytes:
        with self._translated():
            text = self._client.logs(container_id, tail="all" if tail is None else tail)
            return bytes(text)

    def usage(self, container_id: str) -> Usage:
        client = self._client
        with self._translated():
            url = client._url("/containers/{0}/stats", container_id)
            # One look: without it the engine waits a second for a second one.
            once = {"stream": False, "one-shot": True}
            found = client._result(client._get(url, params=once), json=True)
        usage = usage_of(found)
        if usage is None:
            raise EngineError(f"container {container_id} is not running")
        return usage

    def read_logs(self, container_id: str, query: LogQuery) -> LogStream:
        with self._translated():
            log = open_log(self._client, container_id, query)
        self._streams.append(log)
        return log

    def open_exec(self, container_id: str, request: ExecRequest) -> Session:
        with self._translated():
            session = open_exec(self._client, container_id, request, self._translated)
        self._streams.append(session)
        return session

    def attach(self, container_id: str, *, stdin: bool, stdout: bool = True, stderr: bool = True) -> Session:
        wanted = {"stdin": stdin, "stdout": stdout, "stderr": stderr}
        with self._translated():
            session = open_attached(self._client, container_id, wanted, self._translated)
        self._streams.append(session)
        return session

    def events(self) -> Iterator[ContainerEvent]:
        with self._translated():
            filters = {"type": "container", "event": list(EVENT_ACTIONS)}
            stream = self._client.events(decode=True, filters=filters)
        self._streams.append(stream)
        return self._events_of(stream)

    def image(self, reference: str) -> Image | None:
        try:
            with self._translated():
                return image_of(self._client.inspect_image(reference))
        except NoSuchImageError:
            return None

    def images(self) -> tuple[Image, ...]:
        with self._translated():
            listed = [listed_image_of(entry) for entry in self._client.images()]
        return tuple(image for image in listed if image.tags)

    def pull(self, reference: str) -> Iterator[PullProgress]:
        try:
            with self._translated():
                lines = self._client.pull(reference, stream=True, decode=True)
        except EngineUnreachableError:
            raise
        except EngineError as error:
            raise PullFailedError(reference, error.message) from error
        return self._pull_progress(reference, lines)

    def load(self, archive: Path) -> tuple[str, ...]:
        tags = []
        with self._translated(), self._patient(), archive.open("rb") as stream:
            for line in self._client.load_image(stream):
                if line.get("error"):
                    raise EngineError(f"{archive} cannot be loaded: {line['error']}")
                found = re.match(r"Loaded image: (\S+)", line.get("stream", ""))
                if found:
                    tags.append(found[1])
        return tuple(tags)

    def save(self, references: tuple[str, ...], archive: Path) -> None:
        partial = archive.with_name(f".{archive.name}.partial")
        try:
            with self._translated(), self._patient(), partial.open("wb") as stream:
                for chunk in self._saved(references):
                    stream.write(chunk)
                stream.flush()
                os.fsync(stream.fileno())
            partial.replace(archive)
        finally:
            partial.unlink(missing_ok=True)

    def tag(self, source: str, target: str) -> None:
        repository, tag = split_reference(target)
        with self._translated():
            self._client.tag(source, repository, tag)

    def remove_image(self, reference: str) -> None:
        with contextlib.suppress(NoSuchImageError), self._translated():
            self._client.remove_image(reference)

    def import_filesystem(
        self,
        tar: Path,
        reference: str,
        *,
        entrypoint: tuple[str, ...] = (),
        environment: tuple[str, ...] = (),
        labels: Mapping[str, str] = MappingProxyType({}),
    ) -> str:
        repository, tag = split_reference(reference)
        changes = [f"ENV {variable}" for variable in environment]
        changes += [f"LABEL {_quoted(key)}={_quoted(value)}" for key, value in labels.items()]
        if entrypoint:
            changes.append(f"ENTRYPOINT {json.dumps(list(entrypoint))}")
        with self._translated():
            reply = self._client.import_image(str(tar), repository=repository, tag=tag, changes=changes)
        for line in str(reply).splitlines():
            failure = json.loads(line).get("error")
            if failure:
                raise EngineError(f"{reference} cannot be made from {tar}: {failure}")
        image = self.image(reference)
        if image is None:
            raise EngineError(f"{reference} was imported from {tar}, and is not there")
        return image.id

    def close(self) -> None:
        self._closed = True
        for stream in self._streams:
            with contextlib.suppress(Exception):
                getattr(stream, "release", stream.close)()
        self._client.close()

    def _events_of(self, stream: Any) -> Iterator[ContainerEvent]:
        try:
            with self._translated():
                for line in stream:
                    yield event_of(line)
        except BootstrapError:
            if not self._closed:
                raise
        if not self._closed:
            raise self._unreachable("the event stream ended")

    def _pull_progress(self, reference: str, lines: Iterator[dict[str, Any]]) -> Iterator[PullProgress]:
        tally = LayerTally()
        with self._translated():
            for line in lines:
                if line.get("error"):
                    raise PullFailedError(reference, str(line["error"]))
                yield tally.add(line)

    def _saved(self, references: tuple[str, ...]) -> Iterator[bytes]:
        client = self._client
        reply = client.get(
            f"{client.base_url}/v{client.api_version}/images/get",
            params={"names": list(references)},
            stream=True,
            timeout=client.timeout,
        )
        client._raise_for_status(reply)
        yield from reply.iter_content(COPY_BYTES)

    @contextlib.contextmanager
    def _patient(self) -> Iterator[None]:
        usual = self._client.timeout
        self._client.timeout = TRANSFER_SECONDS
        try:
            yield
        finally:
            self._client.timeout = usual

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
        from docker.errors import APIError, DockerException
        from requests.exceptions import ReadTimeout, RequestException
        from urllib3.exceptions import HTTPError

        try:
            yield
        except (BootstrapError, TimeoutError):
            raise
        except APIError as error:
            raise engine_error(error.status_code or 500, str(error.explanation or error)) from error
        except ReadTimeout as error:
            raise self._unreachable(NO_ANSWER) from error
        except (RequestException, DockerException, HTTPError, ConnectionError) as error:
            raise self._unreachable(innermost(error)) from error


def _label_filter(labels: Mapping[str, str]) -> dict[str, list[str]] | None:
    wanted = [f"{key}={value}" if value else key for key, value in labels.items()]
    return {"label": wanted} if wanted else None


def _quoted(text: str) -> str:
    """A Dockerfile word that means exactly this text: no variable in it is expanded."""
    return json.dumps(text).replace("$", "\\$")
