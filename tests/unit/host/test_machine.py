from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path, PurePosixPath

from bootstrap.host.machine import command_line, examine_machine, start_ticks

CGROUPS = "#subsys_name\thierarchy\tnum_cgroups\tenabled\nmemory\t3\t7\t1\ncpu\t1\t7\t0\n"


def test_memory_swap_and_init_are_read_from_proc(tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "comm").write_text("systemd\n")
    (tmp_path / "meminfo").write_text("MemTotal:        2097152 kB\nMemFree: 1 kB\n")
    (tmp_path / "swaps").write_text("Filename\tType\n/dev/vda2 partition 1 0 -2\n")
    (tmp_path / "cgroups").write_text(CGROUPS)
    machine = examine_machine(proc=tmp_path)
    assert (machine.memory, machine.swap, machine.init) == (2048, ("/dev/vda2",), "systemd")


def test_this_machine_can_be_examined(tmp_path: Path) -> None:
    place = PurePosixPath(tmp_path / "not" / "there" / "yet")
    machine = examine_machine((place,), ("sh", "no-such-program-here"))
    assert machine.cpus >= 1
    assert machine.free_bytes[place] > 0
    assert machine.installed == {"sh"}
    assert machine.user_id == os.geteuid()
    ours = next(program for program in machine.processes if program.pid == os.getpid())
    assert ours.argv == command_line(os.getpid())


def test_a_process_is_told_from_a_later_one_of_the_same_pid_and_from_its_zombie() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        ticks = start_ticks(child.pid)
        assert ticks > 0
        assert ticks == start_ticks(child.pid)
        assert child.stdin is not None
        child.stdin.close()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert start_ticks(child.pid) == 0
    assert start_ticks(child.pid) == 0
    assert command_line(child.pid) == ()
