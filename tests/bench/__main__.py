"""``python -m tests.bench``: measure everything, print the table, write it to docs/benchmarks.md.

Ends with 1 when a budget was not kept. With names of modules as arguments only those are measured and nothing
is written.
"""

from __future__ import annotations

import compileall
import os
import platform
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from tests.bench import beside_kubeadm, bring_up, certificates, command_line, pods, scale
from tests.bench.measurement import Measurement, markdown, row
from tests.lab.images import REPOSITORY

SUITES: dict[str, Callable[[], Iterator[Measurement]]] = {
    "command_line": command_line.measure,
    "certificates": certificates.measure,
    "beside_kubeadm": beside_kubeadm.measure,
    "pods": pods.measure,
    "bring_up": bring_up.measure,
    "scale": scale.measure,
}
PAGE = REPOSITORY / "docs" / "benchmarks.md"
PACKAGES = ("bootstrap", "pki")
"""What is measured has its bytecode, as pip leaves it wherever podstrap is installed."""

MARK = "<!-- make bench writes what follows -->\n"


def main(names: list[str]) -> int:
    measurements = []
    on = machine()
    for package in PACKAGES:
        compileall.compile_dir(REPOSITORY / package, quiet=1)
    for name in names or SUITES:
        print(f"measuring {name}", file=sys.stderr, flush=True)
        for found in SUITES[name]():
            measurements.append(found)
            print(": ".join(filter(None, (row(found)[0], row(found)[1], row(found)[-1]))), file=sys.stderr)
    table = markdown(measurements)
    print(table)
    if not names:
        words, _, _ = PAGE.read_text().partition(MARK)
        PAGE.write_text(f"{words}{MARK}\n{on}\n\n{table}\n")
    return 1 if any(found.misses for found in measurements) else 0


def machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return (
        f"Measured {datetime.now(UTC):%Y-%m-%d} on {os.cpu_count()} processors ({processor()}), "
        f"{memory:.0f} GB, Linux {platform.release()}, Python {platform.python_version()}; "
        f"load average before it began: {os.getloadavg()[0]:.1f}."
    )


def processor() -> str:
    with open("/proc/cpuinfo") as lines:
        models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
