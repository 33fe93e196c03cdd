"""libvirt on a lab node: machines with a kernel of their own, emulated where the processor cannot do better.

Invariant: the daemon, its networks and its machines live in the node's namespaces and end with it; this
machine's libvirt, if there is one, is not asked.
"""

from __future__ import annotations

import hashlib
import subprocess
import time
from pathlib import Path

from tests.lab.images import REPOSITORY, locked
from tests.lab.machine import CACHE
from tests.lab.namespace import Process
from tests.lab.node import LabNode

RECIPE = (
    REPOSITORY / "vagrant" / "libvirt" / "box.sh",
    REPOSITORY / "vagrant" / "libvirt" / "box-setup",
    REPOSITORY / "vagrant" / "docker" / "vagrant.pub",
)
SETTINGS = {
    # There is nobody else on a node, no D-Bus and no systemd to ask, and no control groups to make.
    "/etc/libvirt/qemu.conf": """
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
cgroup_controllers = []
namespaces = []
stdio_handler = "file"
""",
    "/etc/libvirt/libvirtd.conf": """
auth_unix_ro = "none"
auth_unix_rw = "none"
""",
}
START_SECONDS = 60.0


def debian_box() -> Path:
    """The box that vagrant/libvirt makes from Debian's packages: from the cache, or made."""
    digest = hashlib.sha256()
    for source in RECIPE:
        digest.update(source.read_bytes())
    CACHE.mkdir(mode=0o700, parents=True, exist_ok=True)
    with locked(CACHE / "box.lock"):
        box = CACHE / f"box-{digest.hexdigest()[:16]}.box"
        if not box.is_file():
            for old in CACHE.glob("box-*.box*"):
                old.unlink()
            subprocess.run([RECIPE[0], box], check=True)
    return box


def start_libvirt(node: LabNode, log: Path) -> Process:
    """Started on ``node``, and answering."""
    for path, settings in SETTINGS.items():
        node.path(path).write_text(settings)
    daemon = node.start(["libvirtd", "--pid-file=/run/libvirtd.pid"], log=log)
    deadline = time.monotonic() + START_SECONDS
    while node.run(["virsh", "list"], check=False).returncode != 0:
        running = daemon.returncode is None and time.monotonic() < deadline
        assert running, f"libvirt does not start:\n{log.read_text()[-4000:]}"
        time.sleep(0.1)
    return daemon
