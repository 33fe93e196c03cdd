"""Machines with systemd: containers of a lab node's engine that boot, reboot and lose power as machines do.

Invariant: they live in the lab node's namespaces, so whatever ends it ends them, and this machine's engine
and network are never touched.
"""

from __future__ import annotations

import fcntl
import functools
import hashlib
import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from tests.lab.ground import PARENT
from tests.lab.images import REPOSITORY, locked
from tests.lab.node import LabNode

RECIPE = REPOSITORY / "vagrant" / "docker"
IMAGE = "podstrap-node"
NETWORK = "machines"
SUBNET = "192.168.60"
FIRST_ADDRESS = 11
CACHE = Path(os.environ.get("PODSTRAP_MACHINES", "/var/cache/podstrap-lab"))
"""Root file systems are kept here: making one takes minutes of downloads."""

PRIVILEGES = (
    "--cgroupns=private",
    "--cap-add=ALL",
    "--cap-drop=SYS_TIME",
    "--security-opt=seccomp=unconfined",
    "--security-opt=apparmor=unconfined",
    "--security-opt=systempaths=unconfined",
    "--device-cgroup-rule=a *:* rwm",
    "--tmpfs=/run",
    "--tmpfs=/run/lock",
    "--stop-signal=SIGRTMIN+3",
)
"""What systemd and an engine of its own need; never the cgroups nor the clock of the machine itself."""

BOOT_SECONDS = 60.0
COMMAND_SECONDS = 110.0


def root_file_system() -> Path:
    """A tar of the machines' files, from the cache or made by the recipe in vagrant/docker."""
    digest = hashlib.sha256()
    for source in sorted(RECIPE.iterdir()):
        digest.update(source.read_bytes())
    CACHE.mkdir(mode=0o700, parents=True, exist_ok=True)
    with locked(CACHE / "lock"):
        root = CACHE / f"node-{digest.hexdigest()[:16]}.tar"
        if not root.is_file():
            for old in CACHE.glob("node-*.tar*"):
                old.unlink()
            part = root.with_suffix(".tar.part")
            subprocess.run([RECIPE / "node-image.sh", "--root", part], check=True)
            part.rename(root)
    return root


@functools.cache
def prepared_host() -> Path:
    """Engine data with the machines' image in it, for a lab node whose containers are machines."""
    root = root_file_system()
    edition = PARENT / f"machines-{root.stem}"
    PARENT.mkdir(mode=0o700, parents=True, exist_ok=True)
    with locked(PARENT / "machines.lock"):
        edition.mkdir(mode=0o700, exist_ok=True)
        in_use = os.open(edition, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(in_use, fcntl.LOCK_SH)
        prepared = edition / "docker"
        if not prepared.is_dir():
            with LabNode("machines") as node:
                change = ["--change", "ENV container=docker", "--change", 'CMD ["/node-init"]']
                node.run(["docker", "import", *change, str(root), IMAGE])
                node.stop_engine()
                node.engine_data.rename(prepared)
    return prepared


class Machine:
    """``with LabNode("host", engine=prepared_host()) as host, Machine("m1", host) as machine: ...``

    ``mounts``: directory of this machine -> where the machine has it, read-only. ``programs`` are put on
    PATH.
    """

    def __init__(
        self,
        name: str,
        host: LabNode,
        *,
        number: int = 0,
        mounts: dict[Path, str] | None = None,
        programs: tuple[Path, ...] = (),
    ) -> None:
        self.name = name
        self.address = f"{SUBNET}.{FIRST_ADDRESS + number}"
        self._host = host
        self._mounts = (mounts or {}) | {path: f"/opt/programs/{path.parent.name}" for path in programs}
        path = [f"/opt/programs/{path.parent.name}" for path in programs]
        search = ":".join([*path, "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"])
        self._environment = {"PATH": search, "KUBECONFIG": "/etc/kubernetes/admin.conf", "LANG": "C.UTF-8"}

    def __enter__(self) -> Machine:
        networks = self._host.docker("network", "ls", "--format={{.Name}}").split()
        if NETWORK not in networks:
            self._host.docker("network", "create", f"--subnet={SUBNET}.0/24", NETWORK)
        mounts = [f"--volume={source}:{inside}:ro" for source, inside in self._mounts.items()]
        place = [f"--name={self.name}", f"--hostname={self.name}", f"--network={NETWORK}"]
        disk = f"--volume={self.name}-docker:/var/lib/docker"
        kept = () if can_raise_limits() else ("--cap-drop=SYS_RESOURCE",)
        options = [*place, f"--ip={self.address}", *PRIVILEGES, *kept, disk, *mounts]
        self._host.docker("run", "--detach", "--tty", *options, IMAGE)
        self.wait_booted()
        return self

    def __exit__(self, *_raised: object) -> None:
        self._host.run(["docker", "rm", "--force", "--volumes", self.name], check=False)

    def run(
        self, argv: Sequence[str], *, check: bool = True, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a program on the machine to its end; with ``check`` a failure is an AssertionError."""
        options = [f"--env={name}={value}" for name, value in self._environment.items()]
        interactive = [] if stdin is None else ["--interactive"]
        done = self._host.run(
            ["docker", "exec", *interactive, *options, self.name, *argv],
            check=False,
            stdin=stdin,
            timeout=COMMAND_SECONDS,
        )
        said = f"{' '.join(argv)}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        assert not check or done.returncode == 0, said
        return done

    def bootstrap(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """The program under test, as install.sh made it known."""
        return self.run(["bootstrap", *arguments], check=check)

    def docker(self, *arguments: str) -> str:
        return self.run(["docker", *arguments]).stdout

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        return self.run(["kubectl", *arguments], stdin=stdin).stdout

    def property(self, unit: str, name: str) -> str:
        """A property of a unit, as systemd says it."""
        return self.run(["systemctl", "show", "--property", name, "--value", unit]).stdout.strip()

    def power_off(self) -> None:
        """At once and without a word to anything that runs."""
        self._host.docker("kill", self.name)

    def power_on(self) -> None:
        self._host.docker("start", self.name)

    def shut_down(self) -> None:
        """In order: every unit is stopped."""
        self._host.run(["docker", "stop", "--time=90", self.name], timeout=COMMAND_SECONDS)

    def wait_booted(self) -> None:
        """Until systemd has started everything; failed units are an AssertionError."""
        deadline = time.monotonic() + BOOT_SECONDS
        state = ""
        while state != "running":
            if time.monotonic() > deadline or state == "degraded":
                failed = self.run(["systemctl", "--failed", "--no-pager"], check=False)
                raise AssertionError(f"{self.name} does not boot: {state or 'no answer'}\n{failed.stdout}")
            state = self.run(["systemctl", "is-system-running", "--wait"], check=False).stdout.strip()


def can_raise_limits() -> bool:
    """Whether this machine may give CAP_SYS_RESOURCE away."""
    status = Path("/proc/self/status").read_text()
    capabilities = next(line for line in status.splitlines() if line.startswith("CapBnd"))
    return bool(int(capabilities.split()[1], 16) & 1 << 24)
