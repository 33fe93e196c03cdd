"""What a person waits for at a prompt."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.measurement import Measurement

SAMPLES = 15
MOST_MILLISECONDS = 120.0


def measure() -> Iterator[Measurement]:
    bootstrap = str(Path(sys.executable).with_name("bootstrap"))
    for arguments in (["--help"], ["version"]):
        ours, bare = [], []
        for _ in range(SAMPLES):
            ours.append(milliseconds([bootstrap, *arguments]))
            bare.append(milliseconds([sys.executable, "-c", ""]))
        yield Measurement(
            f"`bootstrap {arguments[0]}`",
            "ms",
            tuple(ours),
            "an empty Python program",
            tuple(bare),
            most=MOST_MILLISECONDS,
        )


def milliseconds(argv: list[str]) -> float:
    started = time.monotonic()
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
    return 1000 * (time.monotonic() - started)
