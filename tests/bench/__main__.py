"""``make bench``: everything that has a budget, measured in one run, printed and kept in docs."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from bootstrap.model.images import component_images
from bootstrap.model.layout import Layout
from tests.bench import pki_files, startup
from tests.bench.measure import Row, decoded, table
from tests.golden.control_planes import control_plane
from tests.lab import LabNode
from tests.lab.images import prepared_engine, program_directories
from tests.lab.programs import NEWEST, PREVIOUS

REPOSITORY = Path(__file__).parents[2]
PAGE = REPOSITORY / "docs" / "benchmarks.md"
ROUNDS = 5
POD_ROUNDS = 10
IDLE_SECONDS = 60
PYTHON = str(REPOSITORY / ".venv" / "bin" / "python")

INTRODUCTION = """\
# Benchmarks

What `make bench` printed: medians of at least five samples, both sides of a ratio taken in turn in one run.
Kubernetes {version}, {machine}, {date}.

{table}

- *`bootstrap init`*: from the start of the command to all four components healthy and the configuration
  uploaded, images present. Beside it: the same programs started as plain processes with the flags of the same
  manifests, certificates and files already made, until the same questions are answered.
- *Manifest dropped*, *container killed*: from the rename or the kill to the engine's start event. Beside it:
  create and start of the same sandbox and container through the Docker API; for the restart, kill, wait for
  the end, create, start.
- *PKI*: all keys, certificates and kubeconfig files, checked and written to disk.
"""


def inside(node: LabNode, module: str, *arguments: str) -> tuple[Row, ...]:
    """Rows that a module measured in the node."""
    done = node.run(
        [PYTHON, "-m", f"tests.bench.{module}", *arguments],
        environment={"PYTHONPATH": str(REPOSITORY)},
        timeout=1800,
    )
    return decoded(done.stdout.splitlines()[-1])


def in_a_node() -> tuple[Row, ...]:
    pause = component_images(control_plane())["pause"]
    programs = program_directories(NEWEST)
    with LabNode("bench", engine=prepared_engine((NEWEST, PREVIOUS)), programs=programs) as node:
        say("agent and bare Docker calls")
        image = node.docker("images", "--format", "{{.Repository}}:{{.Tag}}", "podstrap.test/probe-target")
        rows = inside(node, "pods", str(POD_ROUNDS), image.split()[0], pause)
        say("init and plain processes")
        rows = (*inside(node, "bringup", str(ROUNDS)), *rows)
        say("the idle agent")
        node.bootstrap("init")
        assert node.path(str(Layout().agent_pid)).exists()
        return (*rows, *inside(node, "resident", str(IDLE_SECONDS)))


def say(what: str) -> None:
    print(f"measuring {what}", file=sys.stderr, flush=True)


def machine() -> str:
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    engine = subprocess.run(["dockerd", "--version"], capture_output=True, text=True, check=True).stdout
    return f"{os.cpu_count()} x {model}, Linux {platform.release()}, {engine.split(',')[0]}"


def main() -> int:
    say("the command line")
    rows = startup.rows(REPOSITORY / ".venv" / "bin" / "bootstrap")
    say("certificates")
    (kubernetes, _etcd) = program_directories(NEWEST)
    rows = (*pki_files.rows(kubernetes / "kubeadm"), *rows)
    rows = (*in_a_node(), *rows)
    text = table(rows)
    print(text)
    PAGE.write_text(
        INTRODUCTION.format(
            version=NEWEST.text, machine=machine(), date=datetime.now(UTC).date().isoformat(), table=text
        )
    )
    return 0 if all(row.is_reached for row in rows) else 1


if __name__ == "__main__":
    raise SystemExit(main())
