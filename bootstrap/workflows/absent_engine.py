"""The container engine of a machine that is not this one: for ``--root`` and for rehearsals.

Invariant: no engine is spoken to. It has no containers and every image; what needs a real one is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from bootstrap.runtime.api import (
    Container,
    ContainerEvent,
    ContainerSpec,
    ContainerSummary,
    EngineError,
    EngineInfo,
    ExecRequest,
    ExecResult,
    Image,
    LogQuery,
    LogStream,
    NoSuchContainerError,
    PullProgress,
    Session,
    Usage,
)


class AbsentEngine:
    """A ``ContainerRuntime`` in which there is nothing to stop or to remove."""

    def info(self) -> EngineInfo:
        raise _needs_engine("ask for its version")

    def create(self, spec: ContainerSpec) -> str:
        raise _needs_engine(f"create {spec.name}")

    def start(self, container_id: str) -> None:
        raise NoSuchContainerError(f"no such container: {container_id}")

    def stop(self, container_id: str, grace: int) -> None:
        """A missing container is stopped."""

    def remove(self, container_id: str) -> None:
        """A missing container is removed."""

    def list(self, labels: Mapping[str, str], *, running_only: bool = False) -> tuple[Container, ...]:  # noqa: ARG002
        return ()

    def summaries(self, labels: Mapping[str, str]) -> tuple[ContainerSummary, ...]:  # noqa: ARG002
        return ()

    def inspect(self, container_id: str) -> Container:
        raise NoSuchContainerError(f"no such container: {container_id}")

    def execute(self, container_id: str, argv: tuple[str, ...], timeout: float) -> ExecResult:  # noqa: ARG002
        raise NoSuchContainerError(f"no such container: {container_id}")

    def logs(self, container_id: str, *, tail: int | None = None) -> bytes:  # noqa: ARG002
        raise NoSuchContainerError(f"no such container: {container_id}")

    def usage(self, container_id: str) -> Usage:
        raise NoSuchContainerError(f"no such container: {container_id}")

    def read_logs(self, container_id: str, query: LogQuery) -> LogStream:  # noqa: ARG002
        raise NoSuchContainerError(f"no such container: {container_id}")

    def open_exec(self, container_id: str, request: ExecRequest) -> Session:  # noqa: ARG002
        raise NoSuchContainerError(f"no such container: {container_id}")

    def attach(
        self,
        container_id: str,
        *,
        stdin: bool,  # noqa: ARG002
        stdout: bool = True,  # noqa: ARG002
        stderr: bool = True,  # noqa: ARG002
    ) -> Session:
        raise NoSuchContainerError(f"no such container: {container_id}")

    def events(self) -> Iterator[ContainerEvent]:
        return iter(())

    def image(self, reference: str) -> Image | None:
        return Image(id=reference, tags=(reference,))

    def images(self) -> tuple[Image, ...]:
        return ()

    def pull(self, reference: str) -> Iterator[PullProgress]:
        raise _needs_engine(f"pull {reference}")

    def load(self, archive: Path) -> tuple[str, ...]:
        raise _needs_engine(f"load {archive}")

    def save(self, references: tuple[str, ...], archive: Path) -> None:  # noqa: ARG002
        raise _needs_engine(f"save {archive}")

    def tag(self, source: str, target: str) -> None:  # noqa: ARG002
        raise _needs_engine(f"tag {source}")

    def remove_image(self, reference: str) -> None:
        raise _needs_engine(f"remove {reference}")

    def import_filesystem(
        self,
        tar: Path,
        reference: str,
        *,
        entrypoint: tuple[str, ...] = (),  # noqa: ARG002
        environment: tuple[str, ...] = (),  # noqa: ARG002
        labels: Mapping[str, str] = MappingProxyType({}),  # noqa: ARG002
    ) -> str:
        raise _needs_engine(f"import {tar} as {reference}")

    def close(self) -> None:
        """There is nothing to close."""


def _needs_engine(what: str) -> EngineError:
    return EngineError(f"with --root no container engine is used: cannot {what}", remedy="leave out --root")
