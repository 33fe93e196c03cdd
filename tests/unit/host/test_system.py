"""What a machine says of itself, from files laid out as the kernel lays them out."""

from __future__ import annotations

from pathlib import Path

import pytest

from bootstrap.host.system import room, system_info


def test_a_machine_tells_its_identity(tmp_path: Path) -> None:
    for path, text in {
        "etc/machine-id": "abc\n",
        "etc/os-release": 'NAME=Debian\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
        "sys/class/dmi/id/product_uuid": "4C4C\n",
        "proc/sys/kernel/random/boot_id": "boot\n",
        "sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages": "3\n",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    found = system_info(tmp_path)
    assert (found.machine_id, found.system_uuid, found.boot_id) == ("abc", "4C4C", "boot")
    assert found.os_image == "Debian GNU/Linux 12 (bookworm)"
    assert found.huge_pages == ((2048, 3),)


def test_a_machine_without_them_is_described_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "var/lib/dbus").mkdir(parents=True)
    (tmp_path / "var/lib/dbus/machine-id").write_text("abc\n")
    found = system_info(tmp_path)
    assert (found.machine_id, found.system_uuid, found.os_image) == ("abc", "abc", "")


def test_room_is_measured_where_it_is_needed(tmp_path: Path) -> None:
    found = room(tmp_path)
    assert 0 < found.disk_available <= found.disk
    assert found.memory_available > 0
    assert room(tmp_path / "not" / "yet").disk == found.disk
    assert 0 < found.pids_free < found.pids


@pytest.mark.parametrize(("pid_max", "threads_max"), [(32768, 95000), (4194304, 32768)])
def test_pids_are_as_many_as_the_lower_limit_less_every_thread(
    tmp_path: Path, pid_max: int, threads_max: int
) -> None:
    for path, text in {
        "sys/kernel/pid_max": f"{pid_max}\n",
        "sys/kernel/threads-max": f"{threads_max}\n",
        "loadavg": "0.20 0.18 0.12 3/768 11206\n",
        "meminfo": "MemAvailable: 1024 kB\n",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    found = room(tmp_path, tmp_path)
    assert (found.pids, found.pids_free) == (32768, 32000)
