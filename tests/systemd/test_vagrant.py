"""The lab that people use: its Vagrantfile, and a master by the provider that needs no hypervisor."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import LabNode
from tests.lab.clone import clone_with_bundle
from tests.lab.images import REPOSITORY, program_directories
from tests.lab.machine import IMAGE
from tests.lab.programs import NEWEST

LAB = REPOSITORY / "vagrant"
SCENARIO_SECONDS = 600
NEEDED = {
    "vagrant": "vagrant",
    "vagrant-libvirt": "vagrant-libvirt",
    "rsync": "rsync",
    "ssh": "openssh-client",
}


@pytest.fixture(scope="module", autouse=True)
def _vagrant() -> None:
    """With bare vagrant a misspelt option of a provider would pass."""
    query = ["dpkg-query", "--show", "--showformat=${Status}", *NEEDED.values()]
    found = subprocess.run(query, capture_output=True, text=True, check=False)
    if found.returncode or found.stdout.count("ok installed") < len(NEEDED):
        pytest.skip(f"needs {', '.join(NEEDED.values())} from Debian's packages")


def vagrant(host: LabNode, home: Path, *arguments: str, **choice: str) -> subprocess.CompletedProcess[str]:
    """On a node, with nothing of what Vagrant remembers of this machine."""
    environment = {"VAGRANT_HOME": str(home / "home"), "VAGRANT_DOTFILE_PATH": str(home / "dot")}
    command = ["env", f"--chdir={LAB}", "vagrant", *arguments]
    return host.run(command, check=False, environment={**environment, **choice})


# VirtualBox is not in Debian, and without it Vagrant validates all but its provider's block.
@pytest.mark.parametrize(
    ("masters", "provider", "options"),
    [
        ("1", "libvirt", ()),
        ("3", "libvirt", ()),
        ("1", "docker", ()),
        ("3", "docker", ()),
        ("3", "virtualbox", ("--ignore-provider",)),
    ],
)
def test_the_vagrantfile_is_valid(
    host: LabNode, tmp_path: Path, masters: str, provider: str, options: tuple[str, ...]
) -> None:
    done = vagrant(host, tmp_path, "validate", *options, MASTERS=masters, VAGRANT_DEFAULT_PROVIDER=provider)
    assert (done.returncode, done.stderr) == (0, "")


def test_masters_and_workers_are_laid_out_by_number(host: LabNode, tmp_path: Path) -> None:
    done = vagrant(host, tmp_path, "status", "--machine-readable", MASTERS="3", WORKERS="2")
    names = {line.split(",")[1] for line in done.stdout.splitlines() if ",provider-name," in line}
    assert names == {"master1", "master2", "master3", "worker1", "worker2"}


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("MASTERS", "three", "error: MASTERS=three is no number from 1 to 9\nnext: MASTERS=1 vagrant up\n"),
        ("MASTERS", "0", "error: MASTERS=0 is no number from 1 to 9"),
        ("WORKERS", "-1", "error: WORKERS=-1 is no number from 0 to 79"),
        ("MEM", "512", "error: MEM=512 is no number from 1700 to 1048576\nnext: MEM=2048 vagrant up\n"),
        ("CPUS", "1", "error: CPUS=1 is no number from 2 to 64"),
        ("KUBERNETES_VERSION", "new", "error: KUBERNETES_VERSION=new is no release"),
    ],
)
def test_a_bad_choice_is_named_with_what_to_type(name: str, value: str, said: str) -> None:
    """Before anything of Vagrant is asked for: Ruby alone will do, in a tenth of the time."""
    done = subprocess.run(
        ["ruby", LAB / "Vagrantfile"],
        env={**os.environ, name: value},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(said)


def test_vagrant_passes_on_what_a_bad_choice_is(host: LabNode, tmp_path: Path) -> None:
    done = vagrant(host, tmp_path, "validate", MEM="512")
    assert done.returncode != 0
    assert "error: MEM=512 is no number from 1700 to 1048576\nnext: MEM=2048 vagrant up\n" in done.stderr


@pytest.mark.parametrize(
    ("provider", "said"),
    [
        ("libvirt", "error: libvirt does not run on this machine\nnext: systemctl start libvirtd"),
        ("docker", "Cannot connect to the Docker daemon"),
    ],
)
def test_a_provider_that_cannot_start_is_named(tmp_path: Path, provider: str, said: str) -> None:
    with LabNode("bare", starts_engine=False) as bare:
        done = vagrant(bare, tmp_path, "up", f"--provider={provider}")
    assert done.returncode != 0
    assert said in done.stderr


@pytest.fixture
def tree(media: Path, tmp_path: Path) -> Iterator[Path]:
    yield clone_with_bundle(tmp_path, media / "bundle")
    shutil.rmtree(tmp_path)


def test_a_person_gets_a_master_without_a_hypervisor(host: LabNode, tree: Path) -> None:
    search = ":".join(map(str, program_directories(NEWEST)))
    done = host.run(
        [str(tree / "vagrant" / "scenarios" / "single" / "run.sh"), "docker"],
        check=False,
        environment={"PATH": f"{search}:{host.environment['PATH']}", "IMAGE": IMAGE},
        timeout=SCENARIO_SECONDS,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-4000:]
    assert "== passed" in done.stdout


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"NODE_IP": "192.168.56.99"}, "error: no interface has the address 192.168.56.99"),
        ({"NODE_IP": "127.0.0.1"}, "error: 127.0.0.1 is a loopback address"),
        ({}, "error: NODE_IP is not set"),
    ],
)
def test_a_wrong_address_is_named_before_anything_changes(
    host: LabNode, variables: dict[str, str], said: str
) -> None:
    script = str(LAB / "provision" / "node.sh")
    done = host.run([script], check=False, environment={"ROLE": "master", "NUMBER": "1", **variables})
    assert done.returncode == 1
    assert said in done.stderr
