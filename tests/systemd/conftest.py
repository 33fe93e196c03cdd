"""Machines with systemd that reach no registry and no package index, and a control plane on one of them."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import LabNetwork, LabNode
from tests.lab.bundle import make_bundle
from tests.lab.images import ProgramsMissingError, prepared_engine, program_directories
from tests.lab.machine import Machine, prepared_host
from tests.lab.programs import NEWEST, PREVIOUS
from tests.systemd.cluster import Cluster

FIXTURE_SECONDS = 900
"""Making the machines' image the first time is no test's fault."""
PROGRAMS = ("dockerd", "docker", "ip", "nsenter", "mmdebstrap")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent) and not item.get_closest_marker("vm"):
            item.add_marker(pytest.mark.systemd)
            item.add_marker(pytest.mark.timeout(FIXTURE_SECONDS))


@pytest.fixture(scope="session")
def host() -> Iterator[LabNode]:
    """Its containers are machines."""
    missing = [program for program in PROGRAMS if not shutil.which(program)]
    if os.geteuid() != 0 or missing:
        pytest.skip(f"machines need root and {', '.join(missing) or 'nothing else'}")
    # The lab's own addresses are those of the machines that Vagrant makes there.
    with (
        LabNetwork("192.168.61") as network,
        LabNode("host", network=network, engine=prepared_host()) as made,
    ):
        yield made


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that machines have at /media; ``bundle`` in it is made by ``make bundle``."""
    directory = tmp_path_factory.mktemp("media")
    try:
        engine = prepared_engine((NEWEST, PREVIOUS))
    except ProgramsMissingError as error:
        pytest.skip(str(error))
    with LabNode("bundler", engine=engine) as node:
        make_bundle(node, directory / "bundle")
    return directory


@pytest.fixture(scope="session")
def cluster(host: LabNode, media: Path) -> Iterator[Cluster]:
    """A control plane on a machine that had nothing but the bundle; tests leave it healthy."""
    with Machine("m1", host, mounts={media: "/media"}, programs=program_directories(NEWEST)) as machine:
        machine.run(["/media/bundle/install.sh"])
        started = time.monotonic()
        machine.bootstrap("init")
        made = Cluster(machine, first_start=time.monotonic() - started)
        made.wait_ready()
        yield made
