from __future__ import annotations

from bootstrap.host.machineuse import machine_use, parsed_use

STAT = "cpu  100 20 300 4000 50 6 7 8 0 0\ncpu0 1 2 3 4 5 6 7 8 0 0\nbtime 1700000000\n"
MEMINFO = "MemTotal:  1000 kB\nMemFree:  400 kB\nInactive(file):  100 kB\n"


def test_what_a_machine_uses_is_in_proc() -> None:
    use = parsed_use(STAT, MEMINFO)
    assert round(use.cpu_seconds, 2) == 4.41
    assert (use.memory, use.working_set, use.available) == (600 * 1024, 500 * 1024, 500 * 1024)
    assert use.booted == 1_700_000_000


def test_this_machine_uses_something() -> None:
    assert machine_use().cpu_seconds > 0
