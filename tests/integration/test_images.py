"""Images on a real engine, made by a real Go toolchain: the way of a machine without a container registry."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.cli.main import exit_code_of
from bootstrap.errors import BootstrapError
from bootstrap.host.clock import SystemClock
from bootstrap.host.process import SystemProcesses
from bootstrap.images.build import ImageBuilder
from bootstrap.images.cache import ProgramCache
from bootstrap.images.inventory import inventory, load_images, save_images
from bootstrap.images.sources import ImagesMissingError, ImageSources
from bootstrap.model.bootstrapconfig import ImageSettings
from bootstrap.model.version import KubernetesVersion, release_of
from bootstrap.runtime.api import ContainerRuntime, ContainerSpec
from bootstrap.runtime.docker_engine import DockerEngine
from tests.contract.conftest import wait_until
from tests.fakes.reporter import RecordingReporter
from tests.fixtures.probe_image import build_probe_target
from tests.lab.programs import NEWEST, PREVIOUS

pytestmark = pytest.mark.docker

PAUSE = {"pause": "podstrap.test/pause:0.1"}
MADE = {"pause": "podstrap.test/made/pause:0.1"}


@pytest.fixture
def engine() -> Iterator[ContainerRuntime]:
    if shutil.which("go") is None:
        pytest.skip("Go is not installed")
    try:
        runtime = DockerEngine()
    except BootstrapError as error:
        pytest.skip(error.message)
    yield runtime
    for reference in (*PAUSE.values(), *MADE.values()):
        runtime.remove_image(reference)
    runtime.close()


@pytest.fixture
def builder(tmp_path: Path) -> ImageBuilder:
    return ImageBuilder(ProgramCache(tmp_path / "cache"), SystemProcesses(), RecordingReporter())


def output_of(engine: ContainerRuntime, image: str, *command: str) -> tuple[int, str]:
    """Exit code and output of a container of its own."""
    name = f"podstrap-images-{time.monotonic_ns()}"
    container = engine.create(ContainerSpec(name, image, entrypoint=command[:1], command=command[1:]))
    try:
        engine.start(container)
        wait_until(lambda: engine.inspect(container).status == "exited")
        return engine.inspect(container).exit_code, engine.logs(container).decode()
    finally:
        engine.remove(container)


def test_our_pause_is_built_runs_and_ends_at_once_when_it_is_told(
    engine: ContainerRuntime, builder: ImageBuilder
) -> None:
    version = NEWEST
    assert builder.images(PAUSE, version, engine) == tuple(PAUSE.values())
    assert builder.images(PAUSE, version, engine) == ()
    assert output_of(engine, PAUSE["pause"], "pause", "--version") == (0, "pause 0.1\n")
    container = engine.create(ContainerSpec(f"podstrap-images-{time.monotonic_ns()}", PAUSE["pause"]))
    try:
        engine.start(container)
        engine.stop(container, 30)
        assert engine.inspect(container).exit_code == 0
    finally:
        engine.remove(container)


def test_images_travel_as_a_file(engine: ContainerRuntime, builder: ImageBuilder, tmp_path: Path) -> None:
    reporter, archive = RecordingReporter(), tmp_path / "images.tar"
    builder.images(PAUSE, NEWEST, engine)
    before = inventory(PAUSE, engine)
    save_images(PAUSE, frozenset(PAUSE), engine, archive, reporter)
    engine.remove_image(PAUSE["pause"])
    assert not inventory(PAUSE, engine)[0].is_present
    assert load_images(PAUSE, engine, (archive,), reporter) == tuple(PAUSE.values())
    assert inventory(PAUSE, engine) == before


def test_a_folder_of_binaries_becomes_images(engine: ContainerRuntime, tmp_path: Path) -> None:
    build_probe_target(tmp_path / "pause")
    settings = ImageSettings(sources=("binaries",), binaries_dir=str(tmp_path))
    ImageSources(settings, DockerEngine, RecordingReporter(), SystemClock()).ensure(MADE)
    assert output_of(engine, MADE["pause"], "pause", "print:static") == (0, "static\n")


def test_the_command_lists_what_the_engine_has(
    engine: ContainerRuntime, capsys: pytest.CaptureFixture[str]
) -> None:
    newest = NEWEST.text
    assert exit_code_of(["images", "list", "--kubernetes-version", newest, "-o", "json"]) == 0
    listed = {entry["reference"]: entry["id"] for entry in json.loads(capsys.readouterr().out)}
    assert f"registry.k8s.io/kube-apiserver:{newest}" in listed
    for reference, image_id in listed.items():
        image = engine.image(reference)
        assert image_id == (image.id if image else "")


def test_a_registry_that_does_not_exist_is_told_quickly(engine: ContainerRuntime) -> None:
    settings = ImageSettings(sources=("present", "registry"))
    begun = time.monotonic()
    with pytest.raises(ImagesMissingError) as caught:
        ImageSources(settings, DockerEngine, RecordingReporter(), SystemClock()).ensure(
            {"etcd": "registry.invalid/etcd:1", "pause": "registry.invalid/pause:1"}
        )
    assert time.monotonic() - begun < 10
    assert len(caught.value.details) == 2


@pytest.mark.timeout(600)
@pytest.mark.parametrize("version", [NEWEST, PREVIOUS], ids=str)
def test_built_components_say_the_version_of_their_tag(
    engine: ContainerRuntime, version: KubernetesVersion
) -> None:
    assert exit_code_of(["images", "build", "--kubernetes-version", version.text]) == 0
    release = release_of(version)
    expected = {
        f"registry.k8s.io/{name}:{version}": (name, f"Kubernetes {version}")
        for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
    }
    etcd = release.etcd.partition("-")[0]
    expected[f"registry.k8s.io/etcd:{release.etcd}"] = ("etcd", f"etcd Version: {etcd}")
    for reference, (program, said) in expected.items():
        code, output = output_of(engine, reference, program, "--version")
        assert (code, output.splitlines()[0]) == (0, said)
