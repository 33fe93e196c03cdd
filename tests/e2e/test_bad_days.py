"""What goes wrong on real machines: said in words and soon, and never made worse.

The tests of the shared node leave it as fresh as they found it, up to the last two.
"""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.e2e.conftest import Lab
from tests.e2e.control_plane import ControlPlane, wait_until
from tests.lab import Disk, LabNode
from tests.lab.programs import NEWEST

PREFLIGHT, TIMED_OUT, INTERRUPTED = 2, 4, 130
SOON = 15.0
"""Seconds. Ten are promised, on a machine that does nothing else at the same time."""

BLACK_HOLE = "192.0.2.1:5000/k8s"
"""TEST-NET-1: packets to it get no answer at all."""


@pytest.fixture(scope="module")
def fresh(lab: Lab) -> Iterator[LabNode]:
    with lab.node() as node:
        yield node


def fails(node: LabNode, *arguments: str) -> subprocess.CompletedProcess[str]:
    """``bootstrap init`` that fails soon, in words, with a next step."""
    started = time.monotonic()
    done = node.bootstrap("init", *arguments, check=False)
    said = done.stdout + done.stderr
    assert done.returncode not in (0, None), said
    assert "Traceback" not in said
    assert "next: " in said
    assert time.monotonic() - started < SOON, said
    return done


def is_untouched(node: LabNode) -> bool:
    return not any(node.path(path).exists() for path in ("/etc/kubernetes", "/var/lib/etcd"))


def test_a_port_in_use_is_told_with_who_uses_it(fresh: LabNode) -> None:
    server = fresh.start(["python3", "-m", "http.server", "10259", "--bind", "127.0.0.1"])
    wait_until(lambda: "10259" in fresh.run(["ss", "-ltn"]).stdout, "the port is taken")
    done = fails(fresh)
    server.end()
    assert done.returncode == PREFLIGHT
    assert "port 10259 is in use by python3" in done.stderr
    assert is_untouched(fresh)


def test_a_kubelet_on_the_same_manifests_is_refused(fresh: LabNode) -> None:
    # To the kernel, and so to preflight, a kubelet is a process of that name with these arguments.
    program = "import time; print(1, flush=True); time.sleep(1000)"
    argument = "--pod-manifest-path=/etc/kubernetes/manifests"
    kubelet = fresh.start(["bash", "-c", f"exec -a kubelet python3 -c '{program}' {argument}"])
    assert kubelet.stdout.readline() == b"1\n"
    done = fails(fresh)
    kubelet.send(signal.SIGKILL)
    kubelet.end()
    assert done.returncode == PREFLIGHT
    assert "kubelet" in done.stderr
    assert is_untouched(fresh)


def test_an_image_that_nobody_has_is_told_soon_when_the_registry_does_not_answer(fresh: LabNode) -> None:
    done = fails(fresh, "--image-repository", BLACK_HOLE)
    assert done.returncode == PREFLIGHT
    assert f"kube-apiserver:{NEWEST.text}" in done.stderr
    assert is_untouched(fresh)


def test_a_missing_image_is_told_soon_when_its_registry_has_no_address(fresh: LabNode) -> None:
    image = f"registry.k8s.io/kube-scheduler:{NEWEST.text}"
    fresh.docker("tag", image, "kept")
    fresh.docker("rmi", image)
    done = fails(fresh)
    fresh.docker("tag", "kept", image)
    fresh.docker("rmi", "kept")
    assert image in done.stderr
    assert is_untouched(fresh)


def test_a_dead_engine_is_told_soon(fresh: LabNode) -> None:
    fresh.stop_engine()
    done = fails(fresh)
    fresh.start_engine()
    assert done.returncode == PREFLIGHT
    assert "Docker" in done.stderr
    assert is_untouched(fresh)


def test_a_disk_too_small_for_etcd_is_refused_before_anything_is_written(lab: Lab) -> None:
    with lab.node("small", disks=(Disk("/var/lib/etcd", 4 << 20),)) as node:
        done = fails(node)
        assert done.returncode == PREFLIGHT
        assert "/var/lib/etcd" in done.stderr
        assert not node.path("/etc/kubernetes").exists()


def test_a_disk_that_fills_up_leaves_no_half_file_and_init_goes_on_when_there_is_room(lab: Lab) -> None:
    with lab.node("full", disks=(Disk("/etc/kubernetes", 48 << 10),)) as node:
        done = fails(node, "--ignore-preflight-errors=all")
        assert "/etc/kubernetes" in done.stderr
        assert node.run(["find", "/etc/kubernetes", "-type", "f", "-size", "0"]).stdout == ""
        node.run(["mount", "-o", "remount,size=8m", "/etc/kubernetes"])
        node.bootstrap("init")
        ControlPlane(node).wait_healthy()


def test_ctrl_c_ends_it_with_words_and_it_goes_on_from_there(fresh: LabNode) -> None:
    init = fresh.start(["bootstrap", "init"])
    said = b""
    while b"Waiting for the control plane" not in said:
        line = init.stdout.readline()
        assert line, said.decode()
        said += line
    init.send(signal.SIGINT)
    said += init.stdout.read()
    assert init.end() == INTERRUPTED, said.decode()
    assert b"Traceback" not in said
    assert b"continues" in said


def test_of_two_inits_at_once_one_works_and_the_other_says_so(fresh: LabNode) -> None:
    both = [fresh.start(["bootstrap", "init"]) for _ in range(2)]
    said = [process.stdout.read().decode() for process in both]
    codes = [process.end() for process in both]
    assert sorted(codes)[0] == 0, said
    for code, text in zip(codes, said, strict=True):
        assert "Traceback" not in text
        assert code == 0 or "bootstrap init" in text
    ControlPlane(fresh).wait_healthy()
