"""Files of a machine that loses power after a given number of effects."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from bootstrap.host.files import TEMPORARY_PREFIX, Files


class PowerCut(BaseException):
    """The machine stopped; whoever catches this is a test."""


class UnflushedFiles(Files):
    """Does not wait for the disk: a test that stops a program, not a machine, has nothing to lose."""

    def _flush(self, descriptor: int) -> None:
        pass


class DyingFiles(UnflushedFiles):
    """Does ``life`` effects, then raises PowerCut before the next one, and on every effect after that.

    A write is two effects, as it is on a disk: the temporary file (cut short: half the content), and the
    rename over the target; of several at once the temporary files come first. A tree is removed file by file.
    ``history`` tells what was done, in order.
    """

    def __init__(self, root: Path, life: int) -> None:
        super().__init__(root)
        self.left = life
        self.history: list[str] = []

    def write_all(self, new: Sequence[tuple[PurePosixPath, str | bytes, int]]) -> None:
        for path, content, _mode in new:
            data = content.encode() if isinstance(content, str) else content
            real = self.real(path)
            real.parent.mkdir(parents=True, exist_ok=True)
            if self.left == 1:
                (real.parent / f"{TEMPORARY_PREFIX}torn").write_bytes(data[: len(data) // 2])
            self._spend(f"stage {path}")
        for file in new:
            self._spend(f"write {file[0]}")
            super().write_all((file,))

    def make_directory(self, path: PurePosixPath, mode: int = 0o755) -> None:
        if not self.is_directory(path):
            self._spend(f"mkdir {path}")
        super().make_directory(path, mode)

    def rename(self, source: PurePosixPath, target: PurePosixPath) -> None:
        self._spend(f"rename {source} {target}")
        super().rename(source, target)

    def remove(self, path: PurePosixPath) -> None:
        if self.exists(path):
            self._spend(f"remove {path}")
        super().remove(path)

    def remove_tree(self, path: PurePosixPath) -> None:
        for file in self.walk(path):
            self._spend(f"remove {file}")
            super().remove(file)
        super().remove_tree(path)

    def _spend(self, effect: str) -> None:
        if self.left <= 0:
            raise PowerCut(effect)
        self.left -= 1
        self.history.append(effect)
