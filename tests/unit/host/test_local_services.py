"""The small server, inotify and sd_notify, on real sockets and directories."""

from __future__ import annotations

import os
import socket
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bootstrap.errors import BootstrapError
from bootstrap.host.http import HttpRequest, NoAnswerError, SystemHttp
from bootstrap.host.httpserver import ListenError, Page, fetch_unix, listen_tcp, listen_unix, serve
from bootstrap.host.inotify import DirectoryWatch
from bootstrap.host.notify import ServiceManager


def page(path: str) -> Page:
    if path == "/broken":
        raise BootstrapError("it is broken")
    return Page(200, path.encode())


def served(listener: socket.socket) -> None:
    threading.Thread(target=serve, args=({listener: page}, threading.Event()), daemon=True).start()


def test_pages_over_tcp() -> None:
    listener = listen_tcp("127.0.0.1", 0)
    served(listener)
    port = listener.getsockname()[1]

    def get(path: str, method: str = "GET") -> tuple[int, bytes]:
        reply = SystemHttp().fetch(HttpRequest("127.0.0.1", port, path, scheme="http", method=method))
        return reply.status, reply.body

    assert get("/healthz?verbose") == (200, b"/healthz")
    assert get("/x", "POST") == (405, b"only GET\n")
    assert get("/broken") == (500, b"it is broken\n")
    with pytest.raises(ListenError, match="cannot listen on"):
        listen_tcp("127.0.0.1", port)


def test_pages_over_a_unix_socket_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "run" / "agent.sock"
    listen_unix(path).close()
    listener = listen_unix(path)
    served(listener)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert fetch_unix(path, "/status").body == b"/status"
    with pytest.raises(ListenError, match="another process listens"):
        listen_unix(path)


def test_nobody_on_the_socket(tmp_path: Path) -> None:
    with pytest.raises(NoAnswerError, match="nothing answers"):
        fetch_unix(tmp_path / "none", "/status")


def eventually(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_every_change_of_a_directory_is_noticed(tmp_path: Path) -> None:
    directory = tmp_path / "m"
    directory.mkdir()
    seen = threading.Semaphore(0)
    threading.Thread(
        target=DirectoryWatch(directory, seen.release).run, args=(threading.Event(),), daemon=True
    ).start()
    assert seen.acquire(timeout=10)

    def notices(change: Callable[[], object]) -> None:
        while seen.acquire(blocking=False):
            pass
        change()
        assert seen.acquire(timeout=10)

    notices(lambda: (directory / "a").write_text("x"))
    notices(lambda: (directory / "b").symlink_to("a"))
    notices(lambda: (directory / "a").rename(directory / "c"))
    notices(lambda: (directory / "c").chmod(0o600))
    notices(lambda: (directory / "c").unlink())


def test_a_directory_that_is_replaced_is_watched_again(tmp_path: Path) -> None:
    directory = tmp_path / "m"
    directory.mkdir()
    seen = threading.Semaphore(0)
    threading.Thread(
        target=DirectoryWatch(directory, seen.release).run, args=(threading.Event(),), daemon=True
    ).start()
    assert seen.acquire(timeout=10)
    directory.rename(tmp_path / "aside")
    assert seen.acquire(timeout=10)
    directory.mkdir()
    assert seen.acquire(timeout=10)
    (directory / "a").write_text("x")
    assert seen.acquire(timeout=10)


def test_a_single_file_is_watched_wherever_it_was_moved_from(tmp_path: Path) -> None:
    path = tmp_path / "web.yaml"
    path.write_text("x")
    seen = threading.Semaphore(0)
    watch = DirectoryWatch(path, seen.release)
    threading.Thread(target=watch.run, args=(threading.Event(),), daemon=True).start()
    assert seen.acquire(timeout=10)
    (tmp_path / "new").write_text("y")
    assert seen.acquire(timeout=10)
    (tmp_path / "new").rename(path)
    assert seen.acquire(timeout=10)


def test_systemd_is_told(tmp_path: Path) -> None:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        environment = {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}
        service = ServiceManager(environment)
        service.ready("4 pods running")
        assert manager.recv(1000) == b"READY=1\nSTATUS=4 pods running"
        service.alive()
        assert manager.recv(1000) == b"WATCHDOG=1"
        assert service.watchdog_seconds == 15
    service.alive()


def test_without_systemd_nothing_is_told() -> None:
    service = ServiceManager({})
    service.ready("x")
    assert service.watchdog_seconds is None
    assert ServiceManager({"WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"}).watchdog_seconds is None
