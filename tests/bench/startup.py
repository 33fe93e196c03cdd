"""``bootstrap --help`` and ``bootstrap version``: what a person waits for before anything happens."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from tests.bench.measure import Row

RUNS = 11
LIMIT = 0.120


def rows(program: Path) -> tuple[Row, ...]:
    """``program`` is the installed command; Python itself is measured beside it."""
    bare = [str(program.with_name("python")), "-I", "-c", ""]
    named = {"--help": "`bootstrap --help`", "version": "`bootstrap version`"}
    found = []
    for argument, name in named.items():
        ours, theirs = [], []
        for _ in range(RUNS):
            ours.append(seconds_of([str(program), argument]))
            theirs.append(seconds_of(bare))
        found.append(Row(f"{name} (bare Python: {sorted(theirs)[RUNS // 2]:.3f} s)", "s", tuple(ours), LIMIT))
    return tuple(found)


def seconds_of(argv: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started
