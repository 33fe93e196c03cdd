"""``make up`` and the engine that tests start: what was changed on the machine is undone, exactly."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Lab
from tests.lab import LabNode
from tests.lab.images import REPOSITORY

ENGINE = str(REPOSITORY / "vagrant" / "provision" / "docker-engine.sh")
UNDO = REPOSITORY / "vagrant" / "provision" / "undo.sh"
INSTALLED = REPOSITORY / ".venv" / ".development"


@pytest.fixture
def bare(lab: Lab) -> Iterator[LabNode]:
    """A machine whose engine does not run."""
    with lab.node(starts_engine=False) as node:
        yield node


def state(node: LabNode) -> dict[str, object]:
    rules = node.run(["iptables-save"]).stdout.splitlines()
    return {
        "interfaces": sorted(os.listdir(f"/proc/{node.namespace.pid}/root/proc/1/net/dev_snmp6")),
        "rules": sorted(rule for rule in rules if rule.startswith("-")),
        "forward": node.run(["iptables", "--list-rules", "FORWARD"]).stdout,
        "ip_forward": node.run(["cat", "/proc/sys/net/ipv4/ip_forward"]).stdout,
        "programs": len(node.pids()),
        "/etc": node.run(["sh", "-c", "find /etc -not -path '/etc/docker*' | sort"]).stdout,
        "/var/lib": sorted(os.listdir(node.path("/var/lib"))),
    }


def test_an_engine_that_was_started_for_a_command_is_stopped_after_it(bare: LabNode) -> None:
    before = state(bare)
    assert "Server:" in bare.run([ENGINE, "during", "docker", "version"]).stdout
    assert state(bare) == before


def test_it_is_stopped_when_the_command_fails_too_and_the_failure_stays_one(bare: LabNode) -> None:
    before = state(bare)
    assert bare.run([ENGINE, "during", "sh", "-c", "exit 7"], check=False).returncode == 7
    assert state(bare) == before


def test_an_engine_that_ran_before_runs_on(bare: LabNode) -> None:
    bare.start_engine()
    bare.run([ENGINE, "during", "docker", "version"])
    bare.docker("version")


def test_a_package_that_others_need_by_now_stays(bare: LabNode) -> None:
    """The second was installed by hand since, on top of the first; nothing stands on the third."""
    ledger = "/var/lib/podstrap-provision/ledger"
    for name, needs in (("podstrap-base", ""), ("podstrap-user", "podstrap-base"), ("podstrap-alone", "")):
        install_empty_package(bare, name, needs)
    bare.path(ledger).parent.mkdir(parents=True)
    bare.path(ledger).write_text("package podstrap-base\npackage podstrap-alone\n")
    done = bare.run([str(UNDO)], environment={"LEDGER": ledger})
    assert "Keeping podstrap-base" in done.stderr
    listed = bare.run(
        ["dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Status}\n", "podstrap-*"]
    )
    assert sorted(listed.stdout.split("\n")) == ["", "podstrap-base installed", "podstrap-user installed"]


def install_empty_package(node: LabNode, name: str, needs: str) -> None:
    fields = {"Package": name, "Version": "1", "Architecture": "all", "Maintainer": "x <x@example>"}
    fields |= {"Depends": needs} if needs else {}
    control = "".join(f"{key}: {value}\n" for key, value in {**fields, "Description": "nothing"}.items())
    place = node.path(f"/var/lib/{name}/DEBIAN")
    place.mkdir(parents=True)
    (place / "control").write_text(control)
    node.run(["dpkg-deb", "--build", f"/var/lib/{name}", f"/var/lib/{name}.deb"])
    node.run(["dpkg", "--install", f"/var/lib/{name}.deb"])


def test_make_up_ends_with_a_ready_control_plane_and_make_down_undoes_it(bare: LabNode) -> None:
    if not INSTALLED.exists():
        pytest.skip("this environment was not made by make setup")
    before = state(bare)
    said = bare.run(["make", "--directory", str(REPOSITORY), "up"]).stdout
    assert "readyz check passed" in said
    assert "Next:" in said
    bare.run(["make", "--directory", str(REPOSITORY), "down"])
    assert state(bare) == before
    assert not Path(bare.path("/var/lib/podstrap-provision/ledger")).exists()
