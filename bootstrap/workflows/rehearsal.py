"""A context in which nothing but files is real: for ``--dry-run`` and for ``--root``.

Services, programs, the container engine and the cluster are stand-ins that say what would be done and answer
as if it had been. Invariant: nothing of this machine is stopped, started or removed; no phase knows, so what
it writes is exactly what it would write for real.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from bootstrap.host.files import Files
from bootstrap.kube.client import JsonObject, NotFoundError
from bootstrap.kube.objects import NODES
from bootstrap.model.layout import Layout
from bootstrap.model.report import Reporter
from bootstrap.phases.context import Context

if TYPE_CHECKING:
    from bootstrap.host.http import HttpReply, HttpRequest
    from bootstrap.host.process import Completed
    from bootstrap.runtime.api import ContainerRuntime


def offline(context: Context, files: Files) -> Context:
    """The same node, with everything written below the root of ``files`` and nothing started."""
    api = SayingApi(context.reporter)
    return dataclasses.replace(
        context,
        files=files,
        processes=SayingProcesses(context.reporter),
        agent_service=SayingAgentService(context.reporter),
        runtime=_absent_engine,
        http=AgreeingHttp(),
        api=lambda _identity: api,
    )


def _absent_engine() -> ContainerRuntime:
    from bootstrap.workflows.absent_engine import AbsentEngine

    return AbsentEngine()


def staged_copy(files: Files, layout: Layout) -> Files:
    """A new directory that only this user reads, with what the node has of ours and of its PKI now.

    So that a rehearsal shows what would change, and reuses the CA there is.
    """
    import shutil
    import tempfile

    staging = Files(Path(tempfile.mkdtemp(prefix="bootstrap-dry-run-")))
    for directory in (layout.kubernetes, layout.pki, layout.state):
        if files.is_directory(directory) and not staging.exists(directory):
            shutil.copytree(files.real(directory), staging.real(directory), symlinks=True)
    return staging


def written(before: Files, after: Files, directories: Sequence[PurePosixPath]) -> tuple[str, ...]:
    """``create PATH`` or ``change PATH`` for each file that differs, by path."""
    lines = []
    for directory in directories:
        for path in after.walk(directory):
            if not before.exists(path):
                lines.append(f"create {path}")
            elif before.read_bytes(path) != after.read_bytes(path):
                lines.append(f"change {path}")
    return tuple(dict.fromkeys(lines))


class SayingProcesses:
    """Runs no program; each one succeeds without a word."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: str | None = None,  # noqa: ARG002 - the Protocol's
        environment: Mapping[str, str] | None = None,  # noqa: ARG002
        directory: str | None = None,  # noqa: ARG002
        timeout: float | None = None,  # noqa: ARG002
    ) -> Completed:
        import shlex

        from bootstrap.host.process import Completed

        self._reporter.info(f"would run: {shlex.join(argv)}")
        return Completed(tuple(argv), 0, "", "")

    def stream(
        self,
        argv: Sequence[str],
        on_line: Callable[[str], None],  # noqa: ARG002
        *,
        environment: Mapping[str, str] | None = None,  # noqa: ARG002
        directory: str | None = None,  # noqa: ARG002
    ) -> Completed:
        return self.run(argv)


class SayingAgentService:
    """An agent that runs until it is stopped."""

    manager = "rehearsed"

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._running = True

    def prepare(self, command: tuple[str, ...]) -> None:
        """Nothing is going to be started."""

    @property
    def loaded(self) -> int:
        return 0

    def install(self, unit: str) -> None:  # noqa: ARG002
        self._reporter.info("would install the agent's unit")

    def launch(self) -> None:
        self._reporter.info("would start the agent")
        self._running = True

    def start(self) -> None:
        """It was launched before."""

    def stop(self) -> None:
        self._reporter.info("would stop the agent")
        self._running = False

    def uninstall(self) -> None:
        self._reporter.info("would remove the agent's unit")

    def is_running(self) -> bool:
        return self._running

    def recent_log(self, lines: int) -> str:  # noqa: ARG002
        return ""


class AgreeingHttp:
    """Everything asked is healthy."""

    def fetch(self, request: HttpRequest) -> HttpReply:  # noqa: ARG002
        from bootstrap.host.http import HttpReply

        return HttpReply(200, b"ok")

    def connect(self, host: str, port: int, timeout: float) -> None:
        """It is open."""


class SayingApi:
    """An empty cluster that accepts everything."""

    parallel = 1

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._created: dict[str, JsonObject] = {}

    def get(self, path: str, query: Mapping[str, str] = {}) -> JsonObject:
        if path in self._created:
            return self._created[path]
        if query:
            return {"items": []}
        if path.startswith(f"{NODES}/"):
            # The agent would have registered it.
            return {"metadata": {"name": path.rpartition("/")[2], "resourceVersion": "1"}}
        raise NotFoundError(f"{path} is not there yet", status=404)

    def get_text(self, path: str, query: Mapping[str, str] = {}) -> str:  # noqa: ARG002
        return "ok"

    def create(self, path: str, body: JsonObject) -> JsonObject:
        target = f"{path}/{body['metadata']['name']}"
        self._reporter.info(f"would create {target}")
        stored = {**body, "metadata": {**body["metadata"], "uid": "rehearsed"}}
        self._created[target] = stored
        return stored

    def replace(self, path: str, body: JsonObject) -> JsonObject:
        self._reporter.info(f"would replace {path}")
        return body

    def patch(
        self,
        path: str,
        body: object,  # noqa: ARG002
        content_type: str = "application/strategic-merge-patch+json",  # noqa: ARG002
    ) -> JsonObject:
        self._reporter.info(f"would patch {path}")
        return {}

    def delete(self, path: str, body: JsonObject | None = None) -> None:  # noqa: ARG002
        self._reporter.info(f"would delete {path}")

    def close(self) -> None:
        """There is nothing to close."""
