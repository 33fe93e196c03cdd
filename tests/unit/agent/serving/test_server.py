"""The kubelet's port from outside, over TLS, on a fake engine."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bootstrap.host.connection import ConnectionEndedError
from pki import keys
from pki.issue import issue_authority
from tests.fakes.agent import document
from tests.fakes.kubeletport import PERIOD, KubeletPort
from tests.fakes.runtime import Program

LOGS = "/containerLogs/default/web-n1/main"


@pytest.fixture
def port(tmp_path: Path) -> Iterator[KubeletPort]:
    made = KubeletPort(tmp_path)
    made.harness.engine.set_program("_main_", Program(prints=b"one\ntwo\nthree\n"))
    made.harness.write("web.yaml", document())
    made.harness.settle()
    with made.serving():
        yield made


def eventually(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_it_says_that_it_is_well(port: KubeletPort) -> None:
    assert port.ask("/healthz") == (200, b"ok")
    assert port.ask("/healthz/ping") == (200, b"ok")


def test_it_answers_nobody_it_does_not_know(port: KubeletPort) -> None:
    assert port.ask("/healthz", client="")[0] == 401
    assert port.ask(LOGS, client="")[0] == 401
    assert port.ask(LOGS, client="alice")[0] == 403


def test_a_certificate_of_another_authority_does_not_get_in(port: KubeletPort) -> None:
    stranger = issue_authority("kubernetes", keys.generate("ECDSA-P256"), PERIOD)
    connection = port.connect(port.credentials.client("kube-apiserver-kubelet-client", stranger))
    with pytest.raises((ssl.SSLError, ConnectionError)):
        connection.recv(100)


def test_paths_and_methods_it_does_not_have(port: KubeletPort) -> None:
    assert port.ask("/nowhere")[0] == 404
    assert port.ask("/healthz", method="POST")[0] == 405


def test_the_log_of_a_container(port: KubeletPort) -> None:
    assert port.ask(LOGS) == (200, b"one\ntwo\nthree\n")
    assert port.ask(f"{LOGS}?tailLines=2") == (200, b"two\nthree\n")
    assert port.ask(f"{LOGS}?limitBytes=5") == (200, b"one\nt")
    assert port.ask(f"{LOGS}?timestamps=true&tailLines=1") == (
        200,
        b"2026-01-01T00:00:00.000000000Z three\n",
    )
    port.harness.clock.advance(100)
    assert port.ask(f"{LOGS}?sinceSeconds=50") == (200, b"")


def test_a_log_that_cannot_be_shown(port: KubeletPort) -> None:
    assert port.ask("/containerLogs/default/other-n1/main") == (
        404,
        b'pod "other-n1" in namespace "default" is not a pod of this node\n',
    )
    assert port.ask("/containerLogs/default/web-n1/other") == (
        404,
        b'container "other" not found in pod "web-n1"\n',
    )
    assert port.ask(f"{LOGS}?tailLines=x")[0] == 400
    assert port.ask(f"{LOGS}?tailLines=-1")[0] == 422
    assert port.ask(f"{LOGS}?previous=true") == (
        400,
        b'previous terminated container "main" in pod "web-n1" not found\n',
    )


def test_a_container_that_waits_has_no_log(port: KubeletPort) -> None:
    port.harness.write("late.yaml", document("late", containers=[{"name": "main", "image": "nowhere:1"}]))
    port.harness.settle()
    status, body = port.ask("/containerLogs/default/late-n1/main")
    assert status == 400
    assert body.startswith(b'container "main" in pod "late-n1" is waiting to start: ')


def test_the_previous_instance_and_the_current_one(port: KubeletPort) -> None:
    port.harness.engine.set_program("_main_", Program(prints=b"again\n"))
    port.harness.engine.exit("_main_", 1)
    port.harness.settle()
    assert port.ask(LOGS) == (200, b"again\n")
    assert port.ask(f"{LOGS}?previous=true") == (200, b"one\ntwo\nthree\n")


def test_a_log_is_followed_to_the_end_of_the_container(port: KubeletPort) -> None:
    reply = port.open(f"{LOGS}?follow=true&tailLines=1")
    assert reply.readline() == b"three\n"
    port.harness.engine.write_log("_main_", b"four\n")
    assert reply.readline() == b"four\n"
    port.harness.engine.exit("_main_", 0)
    assert reply.read() == b""


def test_a_follower_that_goes_away_leaves_nothing_behind(port: KubeletPort) -> None:
    before = threading.active_count()
    replies = [port.open(f"{LOGS}?follow=true") for _ in range(10)]
    assert port.server.connections == 10
    for reply in replies:
        reply.readline()
        reply.close()
    eventually(lambda: port.server.connections == 0)
    eventually(lambda: threading.active_count() <= before)


def test_an_engine_that_goes_away_cuts_the_log_off(port: KubeletPort) -> None:
    reply = port.open(f"{LOGS}?follow=true&tailLines=1")
    assert reply.readline() == b"three\n"
    port.harness.engine.go_away()
    with pytest.raises(Exception, match="IncompleteRead"):
        reply.read()


def test_the_end_of_the_agent_ends_its_connections(port: KubeletPort) -> None:
    reply = port.open(f"{LOGS}?follow=true&tailLines=1")
    reply.readline()
    idle = port.connect()
    port.server.close()
    with pytest.raises(Exception, match="IncompleteRead"):
        reply.read()
    assert idle.recv(10) == b""
    eventually(lambda: port.server.connections == 0)


def test_more_connections_than_there_may_be_are_refused(tmp_path: Path) -> None:
    port = KubeletPort(tmp_path)
    with port.serving(limit=2):
        held = [port.connect(), port.connect()]
        with pytest.raises(OSError):
            port.connect()
        for each in held:
            each.close()
        eventually(lambda: port.server.connections == 0)
        assert port.ask("/healthz") == (200, b"ok")


def test_a_renewed_certificate_is_served_at_once(port: KubeletPort) -> None:
    before = port.connect().getpeercert(binary_form=True)
    port.credentials.serve("n1")
    assert port.connect().getpeercert(binary_form=True) != before
    port.credentials.serving.write_text("half of")
    assert port.ask("/healthz") == (200, b"ok")


def test_without_a_certificate_nobody_is_served_until_there_is_one(tmp_path: Path) -> None:
    port = KubeletPort(tmp_path)
    port.credentials.serving.rename(tmp_path / "aside")
    with port.serving():
        with pytest.raises(OSError):
            port.connect()
        (tmp_path / "aside").rename(port.credentials.serving)
        assert port.ask("/healthz") == (200, b"ok")


def test_what_is_not_http_is_dropped(port: KubeletPort) -> None:
    connection = port.connect()
    connection.sendall(b"HELLO\r\n\r\n")
    assert connection.recv(10) == b""
    assert ConnectionEndedError.exit_code == 1
