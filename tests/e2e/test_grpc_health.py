"""The health check of gRPC services, against a server that is not ours: etcd's."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.host.http import NoAnswerError, SystemHttp
from tests.integration.real_agent import free_port, wait_until
from tests.lab.images import program_directories
from tests.lab.programs import NEWEST

pytestmark = pytest.mark.e2e


@pytest.fixture
def etcd_port(tmp_path: Path) -> Iterator[int]:
    """An etcd without TLS; its client port speaks gRPC as it is."""
    program = program_directories(NEWEST)[1] / "etcd"
    port, peers = free_port(), f"http://127.0.0.1:{free_port()}"
    clients = f"http://127.0.0.1:{port}"
    options = {
        "data-dir": str(tmp_path / "data"),
        "listen-client-urls": clients,
        "advertise-client-urls": clients,
        "listen-peer-urls": peers,
        "initial-advertise-peer-urls": peers,
        "initial-cluster": f"default={peers}",
    }
    argv = [str(program), *(f"--{name}={value}" for name, value in options.items())]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=log)
    try:
        yield port
    finally:
        process.kill()
        process.wait(30)


def test_etcd_serves_and_knows_no_other_service(etcd_port: int) -> None:
    http = SystemHttp()

    def serves() -> bool:
        try:
            return http.health("127.0.0.1", etcd_port, "", 5) == "SERVING"
        except NoAnswerError:
            return False

    wait_until(serves)
    assert http.health("127.0.0.1", etcd_port, "nobody", 5) == "gRPC status 5: unknown service"
