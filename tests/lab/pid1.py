"""The first process of a lab node (or of a network's switch). A program of its own, standard library only.

Makes the namespaces, lays the node's own directories over the machine's, and then only reaps. Invariant: it
lives exactly as long as its standard input is open, and the kernel ends every other process of the node with
it. Whoever starts it holds the other end of that pipe, so a test run that is killed takes its nodes with it:
processes, mounts, network interfaces.

Reads one line of JSON, the fields of ``Plan``; prints the pid to enter the node by, once the node is ready.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass, field

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWPID, CLONE_NEWNET = 0x20000, 0x4000000, 0x20000000, 0x40000000


@dataclass(frozen=True, slots=True)
class Plan:
    """What a node is made of; directories are named as they are called outside. Done in this order:

    ``overlays``: directory -> (upper, work) directory of what the node changes in it. ``hidden``: what is
    removed there. ``binds``: directory -> what the node has there instead. ``tmpfs``: directory -> its size
    in bytes, 0 for no limit. A ``hostname`` of "" makes a network namespace and nothing else.
    """

    hostname: str = ""
    overlays: dict[str, tuple[str, str]] = field(default_factory=dict)
    hidden: list[str] = field(default_factory=list)
    binds: dict[str, str] = field(default_factory=dict)
    tmpfs: dict[str, int] = field(default_factory=dict)


def main() -> int:
    plan = Plan(**json.loads(sys.stdin.readline()))
    # Ctrl-C reaches the whole terminal; a node ends when the pipe is closed, after the tests have tidied up.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if not plan.hostname:
        unshare(CLONE_NEWNET)
        print(os.getpid(), flush=True)
        return wait_for_end()
    unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWPID | CLONE_NEWNET)
    ready, tell_ready = os.pipe()
    first = os.fork()
    if first == 0:
        furnish(plan)
        os.write(tell_ready, b".")
        os.close(tell_ready)
        return wait_for_end()
    os.close(tell_ready)
    if os.read(ready, 1):
        print(first, flush=True)
    return os.waitstatus_to_exitcode(os.waitpid(first, 0)[1])


def unshare(flags: int) -> None:
    if ctypes.CDLL(None, use_errno=True).unshare(flags) != 0:
        raise OSError(ctypes.get_errno(), "the kernel gives no namespaces")


def furnish(plan: Plan) -> None:
    """The node's own file system, host name and loopback interface."""
    run("mount", "--make-rprivate", "/")
    run("mount", "-t", "proc", "proc", "/proc")
    for directory, (upper, work) in plan.overlays.items():
        layers = f"lowerdir={directory},upperdir={upper},workdir={work}"
        run("mount", "-t", "overlay", "overlay", "-o", layers, directory)
    for path in plan.hidden:
        run("rm", "-rf", path)
    for directory, source in plan.binds.items():
        run("mount", "--bind", source, directory)
    for directory, size in plan.tmpfs.items():
        os.makedirs(directory, exist_ok=True)
        run("mount", "-t", "tmpfs", "-o", f"mode=755,size={size}", "tmpfs", directory)
    socket.sethostname(plan.hostname)
    run("ip", "link", "set", "lo", "up")


def run(*argv: str) -> None:
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL)


def wait_for_end() -> int:
    """Reap whatever loses its parent, until standard input is closed."""
    woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    while True:
        ready, _, _ = select.select([sys.stdin.fileno(), woken], [], [])
        if sys.stdin.fileno() in ready and not os.read(sys.stdin.fileno(), 4096):
            return 0
        if woken in ready:
            os.read(woken, 4096)
        reap()


def reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


if __name__ == "__main__":
    sys.exit(main())
