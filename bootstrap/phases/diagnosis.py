"""Why a control plane component is not healthy: from what was observed to the likely cause.

Pure. Invariant: a cause names the thing to change and the next command; ``certain`` is said only of what no
waiting can mend.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from bootstrap.model.layout import ETCD, KUBE_APISERVER
from bootstrap.phases.observation import Observation
from bootstrap.preflight.ports import holders_text


@dataclass(frozen=True, slots=True)
class Cause:
    """``certain``: it will fail in the same way whenever it is tried."""

    text: str
    remedy: str
    certain: bool = False


@dataclass(frozen=True, slots=True)
class Symptom:
    """A pattern in a component's log, and the cause with its groups filled in (``{0}``, ``{1}``...)."""

    pattern: re.Pattern[str]
    text: str
    remedy: str
    certain: bool = False


def _symptom(pattern: str, text: str, remedy: str, *, certain: bool = False) -> Symptom:
    return Symptom(re.compile(pattern), text, remedy, certain)


_CORRECT_FLAG = "correct extraArgs of {component} in the configuration, then run the same command again"
_RENEW = "look at it: openssl x509 -noout -dates -in FILE; compare with: date"
_LOOK_AT_PORT = "ss -ltnp, then stop that program or give the component another port"

SYMPTOMS = (
    _symptom(
        r"unknown (?:shorthand )?flag: (.+)", "it does not know the flag {0}", _CORRECT_FLAG, certain=True
    ),
    _symptom(
        r"flag provided but not defined: (\S+)", "it does not know the flag {0}", _CORRECT_FLAG, certain=True
    ),
    _symptom(
        r'invalid (?:argument|value) (".*?") for "?(?:flag )?(-[^":]+)"?(?: flag)?: (.+)',
        "it refuses the value {0} of {1}: {2}",
        _CORRECT_FLAG,
        certain=True,
    ),
    _symptom(
        r"unrecognized feature gate: ([\w-]+)",
        "there is no feature gate {0} in this version",
        "correct featureGates or extraArgs, then run the same command again",
        certain=True,
    ),
    _symptom(
        r"listen tcp \S*?:(\d+): bind: address already in use",
        "port {0} is taken by another program",
        _LOOK_AT_PORT,
    ),
    _symptom(
        r"listen tcp (\S+): bind: cannot assign requested address",
        "the address {0} is not one of this machine",
        "correct localAPIEndpoint.advertiseAddress (ip address), then run the same command again",
        certain=True,
    ),
    _symptom(
        r"no space left on device",
        "the disk is full",
        "df -h /var/lib/etcd /var/lib/docker /var/log, then free some space",
        certain=True,
    ),
    _symptom(
        r"database space exceeded",
        "etcd's database has reached its quota",
        "compact and defragment it (etcdctl compact, defrag, alarm disarm), or raise quota-backend-bytes",
    ),
    _symptom(
        r"certificate has expired or is not yet valid(?:: (.+))?",
        "a certificate has expired or is not yet valid, or the clock is wrong",
        _RENEW,
    ),
    _symptom(
        r"certificate signed by unknown authority|certificate specified to be CA|bad certificate"
        r"|unknown certificate authority",
        "the certificates do not belong together (another CA signed one of them)",
        "find it by openssl verify -CAfile CA FILE; remove that pair, then: bootstrap init phase certs all",
    ),
    _symptom(
        r"x509: certificate is valid for (.+?), not (\S+)",
        "its certificate does not have the name or address {1}",
        "remove that certificate and its key, then: bootstrap init phase certs all",
    ),
    _symptom(
        r"tls: private key does not match public key",
        "a key does not belong to its certificate",
        "remove the pair, then: bootstrap init phase certs all",
        certain=True,
    ),
    _symptom(
        r"(?:cluster ID mismatch|has already been bootstrapped|ID mismatch)",
        "the data directory belongs to another etcd cluster",
        "bootstrap reset (removes the data), or move the data directory away",
    ),
    _symptom(
        r"(?:crc mismatch|walpb|file corrupted|failed to recover v3 backend|invalid database)",
        "etcd's data is damaged",
        "restore a snapshot, or move the data directory away to start empty",
    ),
    _symptom(
        r"couldn't find local name|missing from --initial-cluster|--initial-cluster has",
        "etcd's name and its initial cluster do not fit together",
        "compare --name with --initial-cluster in etcd.yaml",
    ),
    _symptom(
        r"open (\S+): no such file or directory",
        "the file {0} is missing",
        "bootstrap init phase certs all && bootstrap init phase kubeconfig all, or mount it (extraVolumes)",
    ),
    _symptom(
        r"(?:open|mkdir|stat|cannot access) (\S+): permission denied",
        "it may not read or write {0}",
        "ls -ld {0}",
    ),
    _symptom(
        r'PostStartHook "([^"]+)" failed: .*\btime(?:d )?out',
        "it ended itself, for its start hook {0} took too long: this machine or etcd's disk is too slow",
        "uptime; look for what keeps the processors or the disk busy, then run the same command again",
    ),
    _symptom(
        r"Unauthorized|the server has asked for the client to provide credentials",
        "the API server refuses its client certificate",
        "bootstrap init phase kubeconfig all (after removing the old file)",
    ),
)
"""Looked for in this order, in the newest line first: what no waiting mends stands before what may pass."""

_WAITS_FOR = {KUBE_APISERVER: (r":2379\b", "etcd"), ETCD: (r"(?!)", "")}
_OTHERS_WAIT_FOR = (r"connection refused|context deadline exceeded|i/o timeout", "kube-apiserver")


def diagnose(seen: Observation) -> Cause:
    """The likely cause; always says something."""
    return (
        _around_it(seen)
        or _of_its_container(seen)
        or _in_its_log(seen)
        or _by_its_port(seen)
        or _waiting(seen)
        or _otherwise(seen)
    )


def _around_it(seen: Observation) -> Cause | None:
    """What is missing before a container can run."""
    if seen.engine:
        return Cause(f"the container engine does not answer: {seen.engine}", "systemctl status docker")
    if seen.manifest_missing:
        return Cause("its manifest is missing", "bootstrap init phase control-plane all")
    if seen.agent:
        return Cause(
            f"the agent does not run: {seen.agent}",
            "bootstrap agent logs",
            certain=not seen.agent_is_restarted,
        )
    if seen.container is None and not seen.image_present:
        return Cause(
            f"the image {seen.image} is not present and could not be obtained",
            "bootstrap images pull, or load an archive: bootstrap images load FILE",
        )
    if seen.container is None:
        said = next((line for line in reversed(seen.agent_log) if seen.component in line), "")
        return Cause(
            f"no container was made for it{': ' + said if said else ''}",
            "bootstrap agent status; bootstrap agent logs",
        )
    return None


def _of_its_container(seen: Observation) -> Cause | None:
    """What the engine says of it."""
    container = seen.container
    assert container is not None
    if container.oom_killed:
        return Cause(
            "the kernel killed it for want of memory",
            "free -m; give the machine more memory, or raise its limit",
        )
    if container.error:
        certain = "exec format error" in container.error or "executable file not found" in container.error
        return Cause(
            f"the container engine cannot start it: {container.error}",
            f"docker image inspect {container.image}",
            certain=certain,
        )
    return None


def _in_its_log(seen: Observation) -> Cause | None:
    """The newest line that is a known symptom; what no waiting mends wins over what may pass."""
    found = [
        (symptom, matched)
        for line in reversed(seen.log)
        for symptom in SYMPTOMS
        if (matched := symptom.pattern.search(line))
    ]
    if not found:
        return None
    symptom, matched = next((pair for pair in found if pair[0].certain), found[0])
    groups = tuple(group or "" for group in matched.groups())
    cause = Cause(
        symptom.text.format(*groups, component=seen.component),
        symptom.remedy.format(*groups, component=seen.component),
        symptom.certain,
    )
    return _with_holder(cause, seen) if "port" in symptom.text else cause


def _with_holder(cause: Cause, seen: Observation) -> Cause:
    if not seen.holders:
        return cause
    return Cause(f"{cause.text}: {holders_text(seen.holders)}", cause.remedy, cause.certain)


def _by_its_port(seen: Observation) -> Cause | None:
    assert seen.container is not None
    if seen.holders and not seen.container.is_running:
        return Cause(f"port {seen.port} is taken by {holders_text(seen.holders)}", _LOOK_AT_PORT)
    return None


def _waiting(seen: Observation) -> Cause | None:
    """Whether it merely waits for another component."""
    pattern, other = _WAITS_FOR.get(seen.component, _OTHERS_WAIT_FOR)
    if any(re.search(pattern, line) for line in (seen.answer, *seen.log)):
        return Cause(f"it waits for {other}", f"see {other} first")
    return None


def _otherwise(seen: Observation) -> Cause:
    assert seen.container is not None
    command = f"docker logs {seen.container.id[:12]}"
    if seen.container.is_running:
        return Cause(f"it runs, but is not ready: {seen.answer}", command)
    return Cause(f"it ended with exit code {seen.container.exit_code}", command)
