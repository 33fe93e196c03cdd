"""What an idle agent with the four pods of a control plane costs: memory and CPU over a minute.

Runs inside a node with a healthy control plane: ``python -m tests.bench.resident SECONDS`` prints rows as
JSON. Source of the figures: proc(5), VmRSS and the process' own CPU time.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from bootstrap.model.layout import Layout
from tests.bench.measure import Row, encoded

MEMORY_LIMIT = 45.0
CPU_LIMIT = 0.5
WINDOWS = 6
"""The time is cut into this many samples."""


def main() -> None:
    seconds = float(sys.argv[1])
    process = Path("/proc") / Path(str(Layout().agent_pid)).read_text().split()[0]
    memory, cpu = [], []
    for _ in range(WINDOWS):
        before = cpu_seconds(process)
        started = time.monotonic()
        time.sleep(seconds / WINDOWS)
        cpu.append(100 * (cpu_seconds(process) - before) / (time.monotonic() - started))
        memory.append(resident_megabytes(process))
    print(
        encoded(
            (
                Row("agent with four pods: resident memory", "MB", tuple(memory), MEMORY_LIMIT),
                Row("agent with four pods: idle, of one core", "%", tuple(cpu), CPU_LIMIT),
            )
        )
    )


def cpu_seconds(process: Path) -> float:
    """User and system time: fields 14 and 15 of stat."""
    fields = (process / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_megabytes(process: Path) -> float:
    (line,) = [line for line in (process / "status").read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()
