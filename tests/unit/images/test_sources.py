from __future__ import annotations

import io
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from bootstrap.errors import BootstrapError
from bootstrap.host.clock import Clock, SystemClock
from bootstrap.images.archive import ArchiveError, archives_of, load_archive, stands_for
from bootstrap.images.inventory import inventory, load_images, save_images
from bootstrap.images.registry import Pull, describe
from bootstrap.images.sources import ImagesMissingError, ImageSources, ensure, static_pod_images
from bootstrap.model.bootstrapconfig import BootstrapConfiguration, ImageSettings
from bootstrap.model.kubeadm import Etcd, ExternalEtcd
from bootstrap.runtime.api import EngineUnreachableError, PullProgress
from tests.fakes.clock import FakeClock
from tests.fakes.go import write_elf
from tests.fakes.reporter import RecordingReporter
from tests.fakes.runtime import FakeEngine, FakeRuntime
from tests.golden.control_planes import CLUSTER, INIT, control_plane

REFERENCES = {"kube-scheduler": "reg.example/kube-scheduler:v1.37.2", "etcd": "reg.example/etcd:3.7.0-0"}


def sources(engine: FakeEngine, clock: Clock | None = None, **settings: object) -> ImageSources:
    return ImageSources(
        ImageSettings(**settings),  # type: ignore[arg-type]
        lambda: FakeRuntime(engine),
        RecordingReporter(),
        clock or SystemClock(),
    )


def archive_with(path: Path, *tags: str) -> Path:
    engine = FakeEngine()
    for tag in tags:
        engine.add_image(tag)
    FakeRuntime(engine).save(tags, path)
    return path


def test_images_that_are_present_are_left_alone() -> None:
    engine = FakeEngine()
    for reference in REFERENCES.values():
        engine.add_image(reference)
    sources(engine).ensure(REFERENCES)
    assert engine.history == []


def test_each_source_is_asked_for_what_those_before_it_lack(tmp_path: Path) -> None:
    engine = FakeEngine()
    references = {
        **REFERENCES,
        "pause": "reg.example/pause:3.10.2",
        "kube-proxy": "reg.example/kube-proxy:v1",
    }
    engine.add_image(references["pause"])
    engine.publish(references["kube-proxy"])
    archive_with(tmp_path / "a.tar", references["etcd"])
    write_elf(tmp_path / "kube-scheduler")
    sources(engine, archives=(str(tmp_path),), binaries_dir=str(tmp_path)).ensure(references)
    assert all(entry.is_present for entry in inventory(references, FakeRuntime(engine)))
    assert engine.history == [f"import {references['kube-scheduler']}", f"pull {references['kube-proxy']}"]


def test_always_pulls_what_is_present() -> None:
    engine = FakeEngine()
    for reference in REFERENCES.values():
        engine.add_image(reference)
        engine.publish(reference)
    sources(engine).ensure(REFERENCES, pull_policy="Always")
    assert sorted(engine.history) == sorted(f"pull {reference}" for reference in REFERENCES.values())


def test_never_asks_no_registry() -> None:
    engine = FakeEngine()
    for reference in REFERENCES.values():
        engine.publish(reference)
    with pytest.raises(ImagesMissingError):
        sources(engine).ensure(REFERENCES, pull_policy="Never")
    assert engine.history == []


def test_a_failure_names_each_image_each_source_and_the_ways_out(tmp_path: Path) -> None:
    engine = FakeEngine()
    engine.publish(REFERENCES["etcd"])
    with pytest.raises(ImagesMissingError, match="1 of 2 component images") as caught:
        sources(engine, binaries_dir=str(tmp_path)).ensure(REFERENCES)
    (detail,) = caught.value.details
    assert detail.startswith("reg.example/kube-scheduler:v1.37.2: not in the engine; no kube-scheduler in ")
    assert detail.endswith("; not found")
    assert "bootstrap images load" in caught.value.remedy
    assert "bootstrap images build" in caught.value.remedy


class SilentRegistry(FakeRuntime):
    """A connection whose registry swallows requests, as behind a firewall that drops packets."""

    def pull(self, reference: str) -> Iterator[PullProgress]:
        threading.Event().wait(30)
        return super().pull(reference)


@pytest.mark.parametrize("one_by_one", [False, True])
def test_a_registry_that_does_not_answer_is_given_up_within_ten_seconds(one_by_one: bool) -> None:
    clock = FakeClock()
    asked = ImageSources(ImageSettings(sources=("registry",)), SilentRegistry, RecordingReporter(), clock)
    with pytest.raises(ImagesMissingError) as caught:
        asked.ensure(REFERENCES, one_by_one=one_by_one)
    assert clock.monotonic() <= 10
    assert all("reg.example did not answer within 6 s" in detail for detail in caught.value.details)


def test_an_engine_that_is_not_there_is_reported_as_itself() -> None:
    engine = FakeEngine()
    engine.go_away()
    with pytest.raises(EngineUnreachableError):
        sources(engine).ensure(REFERENCES)


def test_progress_of_pulls_is_summed() -> None:
    running = Pull("a", progress=PullProgress("Downloading", 20_000_000, 50_000_000))
    finished = Pull("b", finished=True, progress=PullProgress("done", 30_000_000, 30_000_000))
    failed = Pull("c", finished=True, failure="not found")
    assert describe([running, finished, failed]) == "1 of 3 pulled, 50 of 80 MB"


def test_a_node_needs_what_its_static_pods_run() -> None:
    assert list(static_pod_images(control_plane())) == [
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
        "pause",
        "etcd",
    ]
    external = replace(CLUSTER, etcd=Etcd(external=ExternalEtcd(endpoints=("https://e:2379",))))
    assert "etcd" not in static_pod_images(control_plane(external))


def test_the_configuration_decides_the_sources_and_the_pull_policy() -> None:
    engine = FakeEngine()
    present = BootstrapConfiguration(images=ImageSettings(sources=("present",)))
    with pytest.raises(ImagesMissingError, match="5 of 5"):
        ensure(
            control_plane(bootstrap=present), lambda: FakeRuntime(engine), RecordingReporter(), FakeClock()
        )
    always = replace(INIT, node_registration=replace(INIT.node_registration, image_pull_policy="Always"))
    for reference in static_pod_images(control_plane()).values():
        engine.add_image(reference)
    with pytest.raises(ImagesMissingError):
        ensure(
            control_plane(init=always, bootstrap=present),
            lambda: FakeRuntime(engine),
            RecordingReporter(),
            FakeClock(),
        )
    ensure(control_plane(bootstrap=present), lambda: FakeRuntime(engine), RecordingReporter(), FakeClock())


@pytest.mark.parametrize(
    ("wanted", "loaded", "source"),
    [
        ("r/etcd:1", ("r/etcd:1",), "r/etcd:1"),
        ("r/etcd:1", ("registry.k8s.io/etcd-amd64:1",), "registry.k8s.io/etcd-amd64:1"),
        ("r:5000/x/etcd:1", ("registry.k8s.io/etcd:1",), "registry.k8s.io/etcd:1"),
        ("r/etcd:1", ("r/etcd:2", "r/pause:1"), ""),
    ],
)
def test_a_loaded_image_stands_for_its_component_and_tag(
    wanted: str, loaded: tuple[str, ...], source: str
) -> None:
    assert stands_for(wanted, loaded) == source


def test_a_server_tarball_gives_its_images_the_wanted_names(tmp_path: Path) -> None:
    tarball, engine = tmp_path / "kubernetes-server-linux-amd64.tar.gz", FakeEngine()
    with tarfile.open(tarball, "w:gz") as tar:
        for component in ("kube-scheduler", "kube-proxy"):
            tag = f"registry.k8s.io/{component}-amd64:v1.37.2"
            inner = archive_with(tmp_path / f"{component}.tar", tag)
            tar.add(inner, f"kubernetes/server/bin/{component}.tar")
    assert load_archive(FakeRuntime(engine), tarball, REFERENCES.values()) == (REFERENCES["kube-scheduler"],)
    tags = [tag for image in FakeRuntime(engine).images() for tag in image.tags]
    assert sorted(tags) == [
        "reg.example/kube-scheduler:v1.37.2",
        "registry.k8s.io/kube-scheduler-amd64:v1.37.2",
    ]


def test_a_tar_without_images_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "other.tar", "w") as tar:
        tar.addfile(tarfile.TarInfo("readme"), io.BytesIO())
    with pytest.raises(ArchiveError, match="is no image archive"):
        load_archive(FakeRuntime(), tmp_path / "other.tar", ())


def test_a_file_that_is_no_tar_is_refused(tmp_path: Path) -> None:
    (tmp_path / "broken.tar").write_text("no")
    with pytest.raises(ArchiveError, match="is no tar archive"):
        load_archive(FakeRuntime(), tmp_path / "broken.tar", ())


def test_archives_are_files_and_what_lies_in_directories(tmp_path: Path) -> None:
    for name in ("b.tar", "a.tgz", "notes.txt"):
        (tmp_path / name).write_text("")
    assert [path.name for path in archives_of((str(tmp_path), str(tmp_path / "notes.txt")))] == [
        "a.tgz",
        "b.tar",
        "notes.txt",
    ]
    with pytest.raises(ArchiveError, match="does not exist"):
        archives_of((str(tmp_path / "nowhere"),))


def test_saved_images_are_loaded_on_another_machine(tmp_path: Path) -> None:
    here, there, reporter = FakeEngine(), FakeEngine(), RecordingReporter()
    for reference in REFERENCES.values():
        here.add_image(reference)
    archive = tmp_path / "images.tar"
    save_images(REFERENCES, frozenset(REFERENCES), FakeRuntime(here), archive, reporter)
    loaded = load_images(REFERENCES, FakeRuntime(there), (archive,), reporter)
    assert set(loaded) == set(REFERENCES.values())
    assert all(entry.is_present for entry in inventory(REFERENCES, FakeRuntime(there)))


def test_an_archive_without_a_required_image_is_not_written(tmp_path: Path) -> None:
    engine, archive = FakeEngine(), tmp_path / "images.tar"
    engine.add_image(REFERENCES["etcd"])
    with pytest.raises(BootstrapError) as caught:
        save_images(REFERENCES, frozenset(REFERENCES), FakeRuntime(engine), archive, RecordingReporter())
    assert caught.value.details == (REFERENCES["kube-scheduler"],)
    assert not archive.exists()
    saved = save_images(REFERENCES, frozenset(), FakeRuntime(engine), archive, RecordingReporter())
    assert saved == (REFERENCES["etcd"],)
