"""Real components of the two newest releases, and nodes to run them on."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bootstrap.model.version import KubernetesVersion
from tests.e2e.control_plane import ControlPlane
from tests.e2e.soak import either
from tests.lab import Disk, LabNetwork, LabNode
from tests.lab.images import ProgramsMissingError, prepared_engine, program_directories
from tests.lab.programs import NEWEST, PREVIOUS

FIXTURE_SECONDS = either(300, 4000)
"""Making the images the first time is no test's fault, and a soak takes its time."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.timeout(FIXTURE_SECONDS))


@dataclass(frozen=True, slots=True)
class Lab:
    """Makes nodes that have every image and program of the releases under test."""

    engine: Path

    def node(
        self,
        name: str = "m1",
        version: KubernetesVersion = NEWEST,
        *,
        network: LabNetwork | None = None,
        disks: tuple[Disk, ...] = (),
        starts_engine: bool = True,
    ) -> LabNode:
        """``version`` chooses kubectl and the other programs on PATH; images are there of both releases."""
        return LabNode(
            name,
            network=network,
            engine=self.engine,
            programs=program_directories(version),
            disks=disks,
            starts_engine=starts_engine,
        )


@pytest.fixture(scope="session")
def lab() -> Lab:
    missing = [program for program in ("dockerd", "docker", "ip", "nsenter") if not shutil.which(program)]
    if os.geteuid() != 0 or missing:
        pytest.skip(f"lab nodes need root and {', '.join(missing) or 'nothing else'}")
    try:
        return Lab(prepared_engine((NEWEST, PREVIOUS)))
    except ProgramsMissingError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def newest(lab: Lab) -> Iterator[ControlPlane]:
    """A control plane of the newest release; tests leave it healthy."""
    with lab.node() as made:
        made.bootstrap("init")
        yield ControlPlane(made)
