from __future__ import annotations

import socket
from pathlib import Path

import pytest

from bootstrap.runtime.api import EngineError, EngineUnreachableError, NameConflictError
from bootstrap.runtime.docker_engine import DockerEngine
from bootstrap.runtime.docker_errors import engine_error


def test_a_missing_socket_says_how_to_get_an_engine(tmp_path: Path) -> None:
    with pytest.raises(EngineUnreachableError, match="there is no such socket") as caught:
        DockerEngine(str(tmp_path / "docker.sock"))
    assert "install Docker Engine" in caught.value.remedy


def test_a_socket_without_a_daemon_says_how_to_start_it(tmp_path: Path) -> None:
    path = str(tmp_path / "docker.sock")
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(path)
        with pytest.raises(EngineUnreachableError, match="Connection refused") as caught:
            DockerEngine(path)
    assert caught.value.remedy.startswith("systemctl start docker")


def test_an_engine_that_hangs_is_given_up_soon_and_to_be_restarted(tmp_path: Path) -> None:
    path = str(tmp_path / "docker.sock")
    with socket.socket(socket.AF_UNIX) as hanging:
        hanging.bind(path)
        hanging.listen()
        with pytest.raises(EngineUnreachableError, match="does not answer") as caught:
            DockerEngine(path, connect_timeout=1)
    assert caught.value.remedy.startswith("systemctl restart docker")


@pytest.mark.parametrize("holder", ["a" * 64, ""])
def test_a_name_conflict_names_its_holder_when_the_engine_does(holder: str) -> None:
    said = f'by container "{holder}"' if holder else "by something"
    error = engine_error(
        409, f'Conflict. The container name "/x" is already in use {said}. You have to remove it.'
    )
    assert isinstance(error, NameConflictError)
    assert error.holder == holder


def test_another_conflict_is_the_engines_own_words() -> None:
    error = engine_error(409, "Error response from daemon: container abc is not running\n")
    assert type(error) is EngineError
    assert error.message == "container abc is not running"
