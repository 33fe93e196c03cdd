"""The lock of a node: one holder, named to the others, released by whatever ends it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest

from bootstrap.host.files import Files
from bootstrap.host.lock import NodeLock, NodeLockedError

LOCK = PurePosixPath("/run/bootstrap/lock")

HOLDER = """
import pathlib, subprocess, sys
from bootstrap.host.files import Files
from bootstrap.host.lock import NodeLock
path = pathlib.PurePosixPath("/run/bootstrap/lock")
with NodeLock(Files(pathlib.Path(sys.argv[1])), path, "bootstrap init"):
    child = [sys.executable, "-c", "print('held', flush=True); input()"]
    subprocess.run(child, close_fds=False)
"""
"""Starts a program of its own while it holds the lock, as a command does that starts the agent."""


def lock(root: Path, command: str = "bootstrap apply") -> NodeLock:
    return NodeLock(Files(root), LOCK, command)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_somebody_else_is_told_to_be_root_with_the_exit_code_of_preflight(tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path, PurePosixPath; from bootstrap.host.files import Files;"
        "from bootstrap.host.lock import NodeLock, NotPrivilegedError; os.setuid(65534)\n"
        "try: NodeLock(Files(Path(sys.argv[1])), PurePosixPath('/x/lock'), 'bootstrap init').__enter__()\n"
        "except NotPrivilegedError as error: print(error.message, error.remedy); sys.exit(error.exit_code)"
    )
    tmp_path.chmod(0o700)
    command = [sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert done.stdout.startswith("bootstrap init needs root: ")
    assert "sudo" in done.stdout


def test_another_command_is_told_who_holds_it(tmp_path: Path) -> None:
    with lock(tmp_path, "bootstrap init"), pytest.raises(NodeLockedError) as caught, lock(tmp_path):
        pass
    assert caught.value.message == (
        f"another bootstrap command (pid {os.getpid()}: bootstrap init) is changing this node"
    )
    assert f"ps -p {os.getpid()}" in caught.value.remedy


def test_it_can_be_taken_again_after_the_block_even_when_that_raised(tmp_path: Path) -> None:
    with pytest.raises(ValueError), lock(tmp_path):
        raise ValueError
    with lock(tmp_path):
        pass


def test_the_death_of_its_holder_releases_it_although_a_program_it_started_lives_on(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(NodeLockedError, match=f"pid {holder.pid}: bootstrap init"), lock(tmp_path):
        pass
    holder.kill()
    holder.wait()
    with lock(tmp_path):
        pass
    # The end of its input ends the program.
    holder.communicate()


def test_a_lock_whose_file_was_removed_does_not_keep_the_next_one_out(tmp_path: Path) -> None:
    with lock(tmp_path):
        Files(tmp_path).remove(LOCK)
        with lock(tmp_path):
            pass
