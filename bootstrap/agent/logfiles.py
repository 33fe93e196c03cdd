"""The containers' log files where a kubelet has them: links to what the engine writes.

Source: dockershim (legacy log symlinks). ``pods/<ns>_<pod>_<uid>/<container>/<n>.log`` leads to the engine's
file, and ``containers/<pod>_<ns>_<container>-<id>.log`` to that link. Invariants: only links are made and
removed, never a log; a link that cannot be made is said once and keeps nothing from running.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from bootstrap.agent.names import Instance

log = logging.getLogger("bootstrap.agent")

LONGEST_NAME = 255
"""Of a file on most file systems."""

SUFFIX = ".log"


class LogFiles:
    """Below ``root``, in ``pods`` and ``containers``; None keeps no links.

    Safe for several threads, as each works on pods of its own.
    """

    def __init__(self, root: Path | None) -> None:
        self._pods = root / "pods" if root else None
        self._containers = root / "containers" if root else Path()
        self._complained = False

    def keep(self, pod: str, namespace: str, instances: Iterable[Instance]) -> None:
        """Have links for these containers of the pod, and none for others of the same UIDs."""
        if self._pods is None:
            return
        containers = [each for each in instances if not each.is_sandbox]
        with self._complaining():
            for uid in {each.uid for each in containers}:
                directory = self._pods / f"{namespace}_{pod}_{uid}"
                wanted = {
                    directory / each.container / f"{each.attempt}{SUFFIX}": each
                    for each in containers
                    if each.uid == uid
                }
                for link in _links_in(directory):
                    if link not in wanted:
                        self._remove(link)
                for link, each in wanted.items():
                    if each.state.log_path:
                        _point(link, each.state.log_path)
                        _point(self._containers / link_name(pod, namespace, each), str(link))

    def remove_pod(self, pod: str, namespace: str, uid: str) -> None:
        """The pod is gone, and so are its links."""
        if self._pods is None:
            return
        with self._complaining():
            directory = self._pods / f"{namespace}_{pod}_{uid}"
            for link in _links_in(directory):
                self._remove(link)
            _remove_empty(directory)

    def sweep(self) -> None:
        """Remove links that lead nowhere: their containers went while no agent ran."""
        if self._pods is None:
            return
        with self._complaining():
            for directory in _entries(self._pods):
                dead = [link for link in _links_in(directory) if not link.exists()]
                for link in dead:
                    link.unlink(missing_ok=True)
                if dead:
                    _remove_empty(directory)
            for link in _entries(self._containers):
                if (
                    link.is_symlink()
                    and not link.exists()
                    and Path(os.readlink(link)).is_relative_to(self._pods)
                ):
                    link.unlink(missing_ok=True)

    def _remove(self, link: Path) -> None:
        """The link, and those in ``containers`` that lead to it."""
        pod_namespace = link.parent.parent.name.split("_")
        prefix = f"{pod_namespace[1]}_{pod_namespace[0]}_"
        for other in _entries(self._containers, prefix):
            if other.is_symlink() and os.readlink(other) == str(link):
                other.unlink(missing_ok=True)
        link.unlink(missing_ok=True)
        _remove_empty(link.parent)

    @contextlib.contextmanager
    def _complaining(self) -> Iterator[None]:
        try:
            yield
            self._complained = False
        except OSError as error:
            if not self._complained:
                log.warning("links to container logs: %s: %s", error.filename, error.strerror)
            self._complained = True


def link_name(pod: str, namespace: str, instance: Instance) -> str:
    """``<pod>_<namespace>_<container>-<id>.log``, its front cut to what a file system takes."""
    name = f"{pod}_{namespace}_{instance.container}-{instance.id}"
    return name[: LONGEST_NAME - len(SUFFIX)] + SUFFIX


def _point(link: Path, target: str) -> None:
    """A file in its place that is no link is somebody's log, and stays."""
    with contextlib.suppress(FileNotFoundError):
        if not link.is_symlink():
            link.lstat()
            return
        if os.readlink(link) == target:
            return
        link.unlink()
    link.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        link.symlink_to(target)


def _links_in(directory: Path) -> list[Path]:
    """``<container>/<n>.log`` below the directory of a pod."""
    return [
        link
        for container in _entries(directory)
        if container.is_dir() and not container.is_symlink()
        for link in _entries(container)
        if link.is_symlink() and link.name.endswith(SUFFIX)
    ]


def _entries(directory: Path, prefix: str = "") -> list[Path]:
    """What is in a directory under names that begin so; nothing where there is no directory."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        return [directory / name for name in sorted(os.listdir(directory)) if name.startswith(prefix)]
    return []


def _remove_empty(directory: Path) -> None:
    """The directory and those in it, as far as nothing else is in them."""
    for each in (*_entries(directory), directory):
        with contextlib.suppress(OSError):
            each.rmdir()
