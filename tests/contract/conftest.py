"""The engines that the contract is held against, each with the same image and the same clean-up."""

from __future__ import annotations

import itertools
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pytest

from bootstrap.errors import BootstrapError
from bootstrap.runtime.api import Container, ContainerRuntime, ContainerSpec, ExecResult
from bootstrap.runtime.docker_engine import DockerEngine
from tests.fakes.runtime import FakeEngine, FakeRuntime, Program
from tests.fixtures.probe_image import PROGRAM, ensure_probe_image
from tests.fixtures.registry import serving_registry

DEADLINE_SECONDS = 30.0
OWNER = "podstrap.contract"
_numbers = itertools.count(1)


class Publisher(Protocol):
    """A registry, as far as a test of the contract needs one."""

    def reference(self, name: str) -> str: ...

    def publish(self, name: str) -> str: ...


class FakeRegistry:
    """That of a fake engine."""

    def __init__(self, engine: FakeEngine) -> None:
        self._engine = engine

    def reference(self, name: str) -> str:
        return f"registry.test/{name}:1"

    def publish(self, name: str) -> str:
        self._engine.publish(self.reference(name))
        return self.reference(name)


@dataclass
class Subject:
    """An engine under contract. ``opener`` opens one more connection to it, ``registry`` a registry that it
    pulls from."""

    runtime: ContainerRuntime
    image: str
    opener: Callable[[], ContainerRuntime]
    registry: Callable[[], AbstractContextManager[Publisher]]
    labels: dict[str, str] = field(default_factory=lambda: {OWNER: str(os.getpid())})
    opened: list[ContainerRuntime] = field(default_factory=list)

    def connect(self) -> ContainerRuntime:
        """One more connection; closed with the test."""
        self.opened.append(self.opener())
        return self.opened[-1]

    def close(self) -> None:
        for each in (*self.opened, self.runtime):
            each.close()

    def spec(self, *steps: str, **fields: object) -> ContainerSpec:
        """A container that runs probe-target with these steps, under a name nobody else uses."""
        name = f"podstrap-contract-{os.getpid()}-{next(_numbers)}"
        labels = {**self.labels, **fields.pop("labels", {})}  # type: ignore[dict-item]
        return ContainerSpec(name, self.image, labels=labels, command=steps, **fields)  # type: ignore[arg-type]

    def run(self, *steps: str, **fields: object) -> str:
        container_id = self.runtime.create(self.spec(*steps, **fields))
        self.runtime.start(container_id)
        return container_id

    def wait_until_exited(self, container_id: str) -> Container:
        wait_until(lambda: self.runtime.inspect(container_id).status == "exited")
        return self.runtime.inspect(container_id)

    def remove_all(self) -> None:
        for container in self.runtime.list(self.labels):
            self.runtime.remove(container.id)


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def fake_subject() -> Subject:
    engine = FakeEngine(exists=os.path.exists)
    engine.default_program = program_of_steps
    engine.default_exec = exec_of_steps
    engine.add_image("podstrap.test/probe-target:fake", command=(PROGRAM,))
    return Subject(
        FakeRuntime(engine),
        "podstrap.test/probe-target:fake",
        lambda: FakeRuntime(engine),
        lambda: nullcontext(FakeRegistry(engine)),
    )


def docker_subject() -> Subject:
    try:
        runtime = DockerEngine()
    except BootstrapError as error:
        pytest.skip(error.message)
    if shutil.which("go") is None:
        pytest.skip("the test image is compiled with Go, which is not installed")
    image = ensure_probe_image(runtime)
    return Subject(runtime, image, DockerEngine, lambda: serving_registry(runtime, image))


@pytest.fixture(
    params=[
        pytest.param(fake_subject, id="fake"),
        pytest.param(docker_subject, id="docker", marks=pytest.mark.docker),
    ]
)
def subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    made: Subject = request.param()
    try:
        yield made
    finally:
        made.remove_all()
        made.close()


@pytest.fixture
def there(tmp_path: Path) -> Path:
    """A file that exists on the host."""
    path = tmp_path / "there"
    path.write_text("content")
    return path


def program_of_steps(spec: ContainerSpec) -> Program:
    """What probe-target does with these arguments, told to the fake engine."""
    printed, code, ends, stubborn = b"", 0, True, False
    for verb, _, value in (step.partition(":") for step in spec.command or ()):
        if verb in ("print", "fail"):
            printed += value.encode() + b"\n"
        elif verb == "env":
            found = dict(each.split("=", 1) for each in spec.environment)
            printed += found.get(value, "").encode() + b"\n"
        elif verb == "exit":
            code = int(value)
            break
        elif verb == "stubborn":
            stubborn = True
        elif verb in ("forever", "copy"):
            ends = False
            break
    error = (
        "" if spec.entrypoint in (None, (PROGRAM,)) else f"exec: {spec.entrypoint}: no such file or directory"
    )
    return Program(0.0 if ends else None, code, printed, ignores_stop=stubborn, start_error=error)


def exec_of_steps(spec: ContainerSpec, argv: tuple[str, ...]) -> ExecResult:
    if argv[0] != PROGRAM:
        return ExecResult(126, f"exec failed: {argv[0]}: no such file or directory\r\n".encode())
    if "forever" in argv:
        raise TimeoutError(f"{argv[0]} did not end in time")
    program = program_of_steps(ContainerSpec("exec", spec.image, command=argv[1:]))
    return ExecResult(program.exit_code, program.prints)
