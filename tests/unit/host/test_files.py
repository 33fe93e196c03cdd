"""Files below a root: atomic writes, modes, and failures in the user's words."""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path, PurePosixPath

import pytest

from bootstrap.host.files import TEMPORARY_PREFIX, DiskFullError, FileAccessError, Files

TARGET = PurePosixPath("/etc/kubernetes/manifests/etcd.yaml")


class FullDisk(Files):
    """After ``room`` flushes nothing more reaches the disk."""

    def __init__(self, root: Path, room: int = 0) -> None:
        super().__init__(root)
        self.room = room

    def _flush(self, descriptor: int) -> None:
        self.room -= 1
        if self.room < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_a_final_path_lies_below_the_root(files: Files, tmp_path: Path) -> None:
    files.write(TARGET, "x", 0o600)
    assert (tmp_path / "etc/kubernetes/manifests/etcd.yaml").read_text() == "x"


def test_a_write_replaces_content_and_mode_and_leaves_nothing_beside_it(files: Files) -> None:
    files.write(TARGET, "old", 0o644)
    files.write(TARGET, "new", 0o600)
    assert files.read_text(TARGET) == "new"
    assert files.mode(TARGET) == 0o600
    assert files.list_names(TARGET.parent) == ("etcd.yaml",)


def test_files_that_are_written_together_are_all_there(files: Files) -> None:
    other = PurePosixPath("/var/lib/x")
    files.write(TARGET, "old", 0o644)
    files.write_all([(TARGET, "new", 0o600), (other, b"\0", 0o644)])
    assert (files.read_text(TARGET), files.mode(TARGET), files.read_bytes(other)) == ("new", 0o600, b"\0")
    assert files.list_names(other.parent) == ("x",)


def test_a_disk_without_room_for_the_last_of_them_gets_none(files: Files, tmp_path: Path) -> None:
    second = TARGET.with_name("second")
    for path in (TARGET, second):
        files.write(path, "old", 0o644)
    full = FullDisk(tmp_path, room=1)
    with pytest.raises(DiskFullError, match="second"):
        full.write_all([(TARGET, "new", 0o644), (second, "new", 0o644)])
    assert (files.read_text(TARGET), files.read_text(second)) == ("old", "old")
    assert files.list_names(TARGET.parent) == (TARGET.name, "second")


@pytest.mark.parametrize("mask", [0o000, 0o077])
def test_the_umask_has_no_say_in_modes(files: Files, mask: int) -> None:
    before = os.umask(mask)
    try:
        files.make_directory(PurePosixPath("/var/lib/etcd"), 0o700)
        files.write(TARGET, "x", 0o644)
    finally:
        os.umask(before)
    assert files.mode(PurePosixPath("/var/lib/etcd")) == 0o700
    assert files.mode(TARGET) == 0o644


def test_a_directory_that_exists_keeps_its_mode(files: Files) -> None:
    directory = PurePosixPath("/var/lib/etcd")
    files.make_directory(directory, 0o750)
    files.make_directory(directory, 0o700)
    assert files.mode(directory) == 0o750


def test_when_the_disk_is_full_the_old_file_stays_and_no_other_is_left(files: Files, tmp_path: Path) -> None:
    files.write(TARGET, "old", 0o600)
    with pytest.raises(DiskFullError) as caught:
        FullDisk(tmp_path).write(TARGET, "new", 0o600)
    assert files.read_text(TARGET) == "old"
    assert files.list_names(TARGET.parent) == ("etcd.yaml",)
    assert str(TARGET) in caught.value.message
    assert "df -h" in caught.value.remedy


def test_a_failed_directory_names_the_path(files: Files) -> None:
    files.write(PurePosixPath("/etc/kubernetes"), "a file", 0o600)
    with pytest.raises(FileAccessError, match="/etc/kubernetes/pki"):
        files.make_directory(PurePosixPath("/etc/kubernetes/pki"))
    with pytest.raises(FileAccessError, match=r"etcd\.yaml"):
        files.write(TARGET, "x", 0o600)


def test_what_is_absent_is_told_by_type(files: Files) -> None:
    assert not files.exists(TARGET)
    assert files.list_names(TARGET.parent) == ()
    assert list(files.walk(TARGET.parent)) == []
    for read in (files.read_text, files.read_bytes, files.mode):
        with pytest.raises(FileNotFoundError):
            read(TARGET)
    files.remove(TARGET)
    files.remove_tree(TARGET.parent)


def test_bytes_that_are_no_text_are_refused_with_their_place(files: Files) -> None:
    files.write(TARGET, b"ab\xff", 0o600)
    with pytest.raises(FileAccessError, match="byte 2"):
        files.read_text(TARGET)


def test_walk_gives_final_paths_in_order(files: Files) -> None:
    for name in ("b", "a/z", "a/b"):
        files.write(PurePosixPath("/etc") / name, "", 0o600)
    assert [str(path) for path in files.walk(PurePosixPath("/etc"))] == ["/etc/b", "/etc/a/b", "/etc/a/z"]


def test_a_rename_moves_a_directory(files: Files) -> None:
    files.write(PurePosixPath("/a/x/file"), "1", 0o600)
    files.make_directory(PurePosixPath("/b"))
    files.rename(PurePosixPath("/a/x"), PurePosixPath("/b/y"))
    assert files.read_text(PurePosixPath("/b/y/file")) == "1"
    with pytest.raises(FileAccessError, match="rename /a/x"):
        files.rename(PurePosixPath("/a/x"), PurePosixPath("/b/y"))


def test_a_sweep_removes_what_a_killed_writer_left_and_nothing_else(files: Files) -> None:
    files.write(TARGET, "x", 0o600)
    files.write(TARGET.parent / f"{TEMPORARY_PREFIX}abc", "torn", 0o600)
    files.write(TARGET.parent / ".hidden", "somebody's", 0o600)
    files.sweep(TARGET.parent)
    assert files.list_names(TARGET.parent) == (".hidden", "etcd.yaml")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
def test_a_mount_point_is_emptied_and_stays(tmp_path: Path) -> None:
    disk = tmp_path / "var/lib/bootstrap"
    disk.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(disk)], check=True)
    try:
        (disk / "generations").mkdir()
        Files(tmp_path).remove_tree(PurePosixPath("/var/lib/bootstrap"))
        assert list(disk.iterdir()) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)


class CountingDisk(Files):
    """Notes what it waited for: files, and directories by name."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.flushed: list[str] = []

    def _flush(self, descriptor: int) -> None:
        path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        self.flushed.append(path.name if path.is_dir() else "file")


def test_several_files_cost_one_wait_for_their_directory(tmp_path: Path) -> None:
    files = CountingDisk(tmp_path)
    directory = PurePosixPath("/etc/kubernetes/pki")
    files.make_directory(directory / "etcd")
    files.flushed.clear()
    new = [(directory / name, name, 0o600) for name in ("ca.crt", "ca.key", "etcd/ca.crt", "etcd/ca.key")]
    files.write_all(new)
    assert files.flushed == ["file"] * 4 + ["pki", "etcd"]
    assert all(files.read_text(path) == content and files.mode(path) == mode for path, content, mode in new)


def test_none_of_several_files_is_there_when_one_has_no_room(tmp_path: Path) -> None:
    class FullAtTheThird(CountingDisk):
        def _flush(self, descriptor: int) -> None:
            super()._flush(descriptor)
            if self.flushed.count("file") == 3:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    files = FullAtTheThird(tmp_path)
    directory = PurePosixPath("/etc/kubernetes")
    with pytest.raises(DiskFullError, match="third"):
        files.write_all([(directory / name, name, 0o600) for name in ("first", "second", "third", "fourth")])
    assert files.list_names(directory) == ()
