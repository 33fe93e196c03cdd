"""The table of checks, and what is made of their problems.

Invariant: every check runs, whatever the others found; what is wrong is said all at once.
"""

from __future__ import annotations

from collections.abc import Iterable

from bootstrap.errors import PreflightError
from bootstrap.preflight import addresses, engine, etcd, paths, ports, resources
from bootstrap.preflight.check import Check, Problem, Subject

CHECKS: tuple[Check, ...] = (
    Check("IsPrivilegedUser", "runs as root, unless --root is given", resources.privileges),
    Check("NumCPU", "two processors", resources.processors),
    Check("Mem", "1700 MB of memory", resources.memory),
    Check("DiskSpace", "room for etcd and for logs", resources.disk),
    Check("Clock", "the clock has been set", resources.clock),
    Check("CRI", "a Docker Engine answers", engine.container_engine),
    Check("SystemVerification", "kernel version and cgroup controllers", resources.system),
    Check("Swap", "swap is off", resources.swap),
    Check("FileExisting-*", "programs that are needed are on PATH", engine.programs),
    Check("Service-Kubelet", "no kubelet or other agent runs the same manifests", ports.kubelet),
    Check("Port-*", "ports are free, or held by our own components", ports.ports),
    Check("FileAvailable-*", "manifests are ours, or not there", paths.manifests),
    Check("DirAvailable-*", "etcd's data directory is ours, or empty", paths.etcd_data),
    Check("FileContent-*", "the kernel forwards packets", paths.forwarding),
    Check(
        "ManifestURLHeaderFile",
        "the manifest URL's headers are there, and private",
        paths.manifest_url_headers,
    ),
    Check("Hostname", "the node name is valid", addresses.node_name),
    Check("AdvertiseAddress", "the advertise address is this machine's", addresses.advertise_address),
    Check("Firewalld", "firewalld is off, or its ports are known to be open", addresses.firewalld),
    Check("HTTPProxy", "the API server is not reached through a proxy", addresses.proxy),
    Check("ExternalEtcdClientCertificates", "files of an external etcd exist", paths.external_etcd_files),
    Check("ExternalEtcdVersion", "an external etcd answers and is new enough", etcd.external_etcd_version),
)

ALL = "all"
_OTHER_NAMES = {"containerengine": "cri"}
"""What people call a check beside kubeadm's name for it."""

PROGRAMS = engine.PROGRAMS


def run_checks(subject: Subject, checks: Iterable[Check] = CHECKS) -> tuple[Problem, ...]:
    """Every problem there is, in the order of the table."""
    return tuple(problem for check in checks for problem in check.look(subject))


def is_ignored(problem: Problem, ignored: frozenset[str]) -> bool:
    """``ignored`` are lower-case names; ``all`` is every one."""
    names = {_OTHER_NAMES.get(name, name) for name in ignored}
    return ALL in names or problem.check.lower() in names


def sort_out(
    problems: Iterable[Problem], ignored: frozenset[str]
) -> tuple[tuple[Problem, ...], tuple[Problem, ...]]:
    """(fatal ones, warnings): an ignored problem is a warning."""
    problems = tuple(problems)
    fatal = tuple(problem for problem in problems if problem.fatal and not is_ignored(problem, ignored))
    return fatal, tuple(problem for problem in problems if problem not in fatal)


def line(problem: Problem) -> str:
    """``Port-6443: port 6443 is in use by nginx (pid 812); stop it``"""
    return f"{problem.check}: {problem.message}" + (f"; {problem.remedy}" if problem.remedy else "")


def failure(fatal: tuple[Problem, ...]) -> PreflightError:
    """One error that has them all."""
    names = ",".join(dict.fromkeys(problem.check for problem in fatal))
    count = "one problem" if len(fatal) == 1 else f"{len(fatal)} problems"
    return PreflightError(
        f"this machine is not ready: {count}",
        details=tuple(line(problem) for problem in fatal),
        remedy=f"mend them, or go on at your own risk with --ignore-preflight-errors={names}",
    )
