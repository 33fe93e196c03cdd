"""The lab's scenario on a machine with a kernel of its own; half an hour and more where it is emulated."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import LabNetwork, LabNode
from tests.lab.clone import clone_with_bundle
from tests.lab.hypervisor import debian_box, start_libvirt
from tests.lab.images import REPOSITORY, program_directories
from tests.lab.programs import NEWEST

SECONDS = 3 * 3600
ATTEMPTS = 5
LOG = REPOSITORY / "build" / "logs" / "vm-scenario.log"
"""Written while the scenario runs: `tail -f`."""


@pytest.fixture
def hypervisor(tmp_path: Path) -> Iterator[LabNode]:
    needed = ("libvirtd", "virsh", "qemu-system-x86_64", "qemu-img", "vagrant", "rsync", "ssh")
    missing = [program for program in needed if not shutil.which(program)]
    if missing:
        pytest.skip(f"a real machine needs {', '.join(missing)}")
    with (
        LabNetwork("192.168.61") as network,
        LabNode("hypervisor", network=network, starts_engine=False) as node,
    ):
        daemon = start_libvirt(node, tmp_path / "libvirtd.log")
        yield node
        daemon.end()


@pytest.mark.vm
@pytest.mark.timeout(SECONDS + 600)
def test_a_person_gets_a_master_on_a_machine_with_its_own_kernel(
    hypervisor: LabNode, media: Path, tmp_path: Path
) -> None:
    tree = clone_with_bundle(tmp_path / "tree", media / "bundle")
    search = ":".join(map(str, program_directories(NEWEST)))
    hypervisor.environment.update(
        PATH=f"{search}:{hypervisor.environment['PATH']}",
        VAGRANT_HOME=str(tmp_path / "home"),
        BOX="podstrap",
        DEADLINE=str(SECONDS),
        ATTEMPTS=str(ATTEMPTS),
    )
    hypervisor.run(["vagrant", "box", "add", "--name=podstrap", str(debian_box())])
    LOG.unlink(missing_ok=True)
    scenario = hypervisor.start(
        [str(tree / "vagrant" / "scenarios" / "single" / "run.sh"), "libvirt"], log=LOG
    )
    assert scenario.wait(SECONDS) == 0, LOG.read_text()[-8000:]
    assert "== passed" in LOG.read_text()
