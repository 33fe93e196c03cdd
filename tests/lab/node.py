"""A lab node: a fresh machine with a Docker Engine, made of namespaces on this one.

It has its own processes, network, host name, /etc, /usr, /var/lib, /var/log and /run; whatever it does there
stays in its directory and goes away with it. Invariant: leaving the ``with`` block, or the death of the test
run in any way, ends every process of the node and leaves this machine as it was.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from bootstrap.images.cache import cache_directory
from tests.lab.ground import CGROUP, ground, remove_tree
from tests.lab.namespace import Namespace, Process
from tests.lab.network import LabNetwork
from tests.lab.pid1 import Plan

OVERLAID = ("/etc", "/usr")
OWN = ("/var/log", "/var/lib")
HIDDEN = (
    "/etc/kubernetes",
    "/etc/cni",
    "/etc/docker",
    "/etc/systemd/system/bootstrap-agent.service",
    "/usr/libexec/kubernetes",
)
"""What a fresh machine does not have, and this one may."""

ENGINE_SECONDS = 30.0
COMMAND_SECONDS = 110.0
"""Shorter than a test may take, so that a hanging program is named."""


@dataclass(frozen=True, slots=True)
class Disk:
    """A small disk of its own at ``directory``."""

    directory: str
    size_bytes: int


class LabNode:
    """``with LabNode("m1") as node: node.run(["bootstrap", "init"])``

    ``engine`` is a directory prepared by ``tests.lab.images``: an engine's data with images in it.
    ``programs`` are put on PATH. A node without ``network`` has one of its own.
    """

    def __init__(
        self,
        name: str,
        *,
        network: LabNetwork | None = None,
        engine: Path | None = None,
        programs: tuple[Path, ...] = (),
        disks: tuple[Disk, ...] = (),
        starts_engine: bool = True,
    ) -> None:
        self.name = name
        self._starts_engine = starts_engine
        self._directory = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=ground()))
        self._engine_data = engine
        self._own_network = LabNetwork() if network is None else None
        self._network = network or self._own_network
        self._disks = disks
        self._dockerd: Process | None = None
        self.environment = node_environment(programs)

    def __enter__(self) -> LabNode:
        try:
            self._make()
            if self._starts_engine:
                self.start_engine()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def network(self) -> LabNetwork:
        """For other nodes to join."""
        assert self._network is not None
        return self._network

    @property
    def root(self) -> Path:
        """The node's file system, seen from outside; follow no absolute link through it."""
        return Path(f"/proc/{self.namespace.pid}/root")

    def path(self, inside: str) -> Path:
        """A path of the node, as this machine calls it."""
        return self.root / inside.lstrip("/")

    def run(
        self,
        argv: Sequence[str],
        *,
        check: bool = True,
        stdin: str | None = None,
        environment: Mapping[str, str] | None = None,
        timeout: float = COMMAND_SECONDS,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program in the node to its end; with ``check`` a failure is an AssertionError."""
        done = subprocess.run(
            self.namespace.entering(argv),
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            env={**self.environment, **(environment or {})},
            timeout=timeout,
            cwd="/",
            check=False,
        )
        said = f"{' '.join(argv)}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        assert not check or done.returncode == 0, said
        return done

    def start(self, argv: Sequence[str], *, log: Path | None = None) -> Process:
        """Start a program in the node; its output goes to ``log``, without one into a pipe."""
        if log is None:
            return Process(self.namespace, argv, self.environment, subprocess.PIPE)
        with log.open("ab") as stream:
            return Process(self.namespace, argv, self.environment, stream)

    def bootstrap(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """The program under test."""
        return self.run(["bootstrap", *arguments], check=check)

    def docker(self, *arguments: str) -> str:
        """What the docker client prints."""
        return self.run(["docker", *arguments]).stdout

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """What kubectl prints, with the administrator's kubeconfig."""
        return self.run(["kubectl", *arguments], stdin=stdin).stdout

    @property
    def engine_data(self) -> Path:
        """Where the engine keeps its data, as this machine calls it; it stays when the engine stops."""
        return self._directory / "own" / "var" / "lib" / "docker"

    def pids(self) -> frozenset[int]:
        """Every process of the node, as this machine counts, but its first one."""
        here = os.readlink(f"/proc/{self.namespace.pid}/ns/pid")
        found = set()
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if os.readlink(process / "ns" / "pid_for_children") == here:
                    found.add(int(process.name))
            except OSError:
                continue
        return frozenset(found - {self.namespace.pid})

    def start_engine(self) -> None:
        """Start the node's dockerd and wait until it answers."""
        log = self._directory / "dockerd.log"
        self._dockerd = self.start(
            ["dockerd", f"--cgroup-parent=/{CGROUP}/{ground().name}/{self._directory.name}"], log=log
        )
        deadline = time.monotonic() + ENGINE_SECONDS
        while self.run(["docker", "version"], check=False).returncode != 0:
            running = self._dockerd.returncode is None and time.monotonic() < deadline
            assert running, f"the engine of {self.name} does not start:\n{log.read_text()[-4000:]}"
            time.sleep(0.05)

    def stop_engine(self) -> None:
        """Stop it as a service manager would; containers end with it."""
        assert self._dockerd is not None
        self._dockerd.end()

    def signal_engine(self, number: signal.Signals) -> None:
        """SIGSTOP freezes it, SIGCONT lets it go on, SIGKILL is a crash; its containers hear nothing."""
        assert self._dockerd is not None
        self._dockerd.send(number)
        if number == signal.SIGKILL:
            self._dockerd.wait()

    def close(self) -> None:
        """End the node. Safe to call again."""
        if "namespace" in self.__dict__:
            self.namespace.close()
        if self._dockerd is not None:
            self._dockerd.wait()
        if self._own_network is not None:
            self._own_network.close()
        if self._directory.exists():
            remove_tree(self._directory)

    def _make(self) -> None:
        """Lay out the node's directory and start its first process."""
        layers = {}
        for overlaid in OVERLAID:
            upper, work = (self._directory / kind / overlaid.lstrip("/") for kind in ("changed", "work"))
            upper.mkdir(parents=True)
            work.mkdir(parents=True)
            layers[overlaid] = (str(upper), str(work))
        own = {inside: self._directory / "own" / inside.lstrip("/") for inside in OWN}
        for directory in own.values():
            directory.mkdir(parents=True)
        if self._engine_data is not None:
            copy_engine_data(self._engine_data, self.engine_data)
        self.namespace = Namespace(
            Plan(
                hostname=self.name,
                overlays=layers,
                hidden=list(HIDDEN),
                binds={inside: str(directory) for inside, directory in own.items()},
                tmpfs={"/run": 0, **{disk.directory: disk.size_bytes for disk in self._disks}},
            )
        )
        assert self._network is not None
        self.address = self._network.join(self.namespace)
        self._forget_this_machine()

    def _forget_this_machine(self) -> None:
        etc = self.path("/etc")
        (etc / "hostname").write_text(f"{self.name}\n")
        (etc / "hosts").write_text(f"127.0.0.1 localhost\n{self.address} {self.name}\n")
        # There is nothing to ask names of; a resolver that is not there would cost seconds for each question.
        (etc / "resolv.conf").unlink(missing_ok=True)
        (etc / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
        self.path("/run/home").mkdir(mode=0o700)


def copy_engine_data(prepared: Path, target: Path) -> None:
    """The same images again. Files of image layers never change, so they are shared as hard links."""
    target.mkdir(mode=0o710)
    for entry in prepared.iterdir():
        mode = "--link" if entry.name == "overlay2" else "--reflink=auto"
        subprocess.run(["cp", "--archive", mode, str(entry), str(target)], check=True)


def node_environment(programs: tuple[Path, ...]) -> dict[str, str]:
    """What a root shell on a fresh machine has, and the program under test on PATH."""
    search = [str(Path(sys.executable).parent), *map(str, programs)]
    return {
        "PATH": ":".join(
            [*search, "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
        ),
        "HOME": "/run/home",
        "LANG": "C.UTF-8",
        "KUBECONFIG": "/etc/kubernetes/admin.conf",
        "BOOTSTRAP_CACHE": str(cache_directory(os.environ)),
    }
