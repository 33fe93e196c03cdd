"""Images in and out of a Docker Engine: the only module that knows the ``docker`` package.

Its client brings credentials of registries, streams and their progress; loaded it is eight megabytes and a
tenth of a second, so it is loaded when an image is moved and not before. Invariant: no exception of docker,
requests or urllib3 leaves this module.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bootstrap.errors import BootstrapError
from bootstrap.runtime.api import (
    EngineError,
    EngineUnreachableError,
    PullFailedError,
    PullProgress,
)
from bootstrap.runtime.docker_errors import NO_ANSWER, engine_error, innermost
from bootstrap.runtime.docker_reply import LayerTally
from bootstrap.runtime.reference import split_reference

TRANSFER_SECONDS = 900
"""A load or an import answers only when hundreds of megabytes are on disk."""

COPY_BYTES = 1024 * 1024

Unreachable = Callable[[str], EngineUnreachableError]


class ImageTransfer:
    """Connects when it is made. ``unreachable`` makes the error for an engine that does not answer."""

    def __init__(self, socket: str, timeout: int, unreachable: Unreachable) -> None:
        self._unreachable = unreachable
        with self._translated():
            from docker import APIClient

            # Any: the stubs of the package lack half of the low-level client.
            self._client: Any = APIClient(
                base_url=f"unix://{socket}", version="auto", timeout=timeout, max_pool_size=2
            )
        # Proxies and netrc have no say on a local socket, and looking for them costs each request.
        self._client.trust_env = False

    def pull(self, reference: str) -> Iterator[PullProgress]:
        """As ``ContainerRuntime.pull``."""
        try:
            with self._translated():
                lines = self._client.pull(reference, stream=True, decode=True)
        except EngineUnreachableError:
            raise
        except EngineError as error:
            raise PullFailedError(reference, error.message) from error
        return self._pull_progress(reference, lines)

    def load(self, archive: Path) -> tuple[str, ...]:
        """As ``ContainerRuntime.load``."""
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
        """As ``ContainerRuntime.save``."""
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

    def import_filesystem(
        self,
        tar: Path,
        reference: str,
        *,
        entrypoint: tuple[str, ...],
        environment: tuple[str, ...],
        labels: Mapping[str, str],
    ) -> None:
        """As ``ContainerRuntime.import_filesystem``."""
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

    def close(self) -> None:
        self._client.close()

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


def _quoted(text: str) -> str:
    """A Dockerfile word that means exactly this text: no variable in it is expanded."""
    return json.dumps(text).replace("$", "\\$")
