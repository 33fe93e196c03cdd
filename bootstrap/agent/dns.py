"""The hosts and resolv.conf files of a pod as texts. Pure.

Source: pkg/kubelet/kubelet_pods.go and network/dns. Without a cluster DNS server, which an agent that comes
before the API server cannot know, ClusterFirst means Default, as in a kubelet.
"""

from __future__ import annotations

from bootstrap.model.podspec import Pod, PodDNSConfig

MAX_HOSTNAME = 63
MAX_NAMESERVERS = 3
MAX_SEARCHES = 32

_LOCALHOST = """\
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
fe00::0\tip6-mcastprefix
fe00::1\tip6-allnodes
fe00::2\tip6-allrouters
"""


def pod_hostname(pod: Pod, name: str) -> str:
    """``spec.hostname``, else the pod's name cut to what a host name may be."""
    return pod.spec.hostname or name[:MAX_HOSTNAME].rstrip("-.")


def hosts_file(pod: Pod, hostname: str, pod_ip: str, node_hosts: str) -> str:
    """/etc/hosts: the node's own for a pod on the host network, else one with the pod's address; then
    aliases."""
    text = "# Managed by the static-pod agent.\n"
    if pod.spec.host_network:
        text += node_hosts if node_hosts.endswith("\n") or not node_hosts else node_hosts + "\n"
    else:
        text += _LOCALHOST
        if pod_ip:
            text += f"{pod_ip}\t{hostname}\n"
    if pod.spec.host_aliases:
        text += "\n# Entries added by hostAliases.\n"
        text += "".join(f"{alias.ip}\t{' '.join(alias.hostnames)}\n" for alias in pod.spec.host_aliases)
    return text


def resolv_conf(pod: Pod, node_resolv_conf: str) -> str | None:
    """/etc/resolv.conf; None when the engine's copy of the node's serves."""
    config = pod.spec.dns_config
    if config is None:
        return None
    servers, searches, options = ([], [], []) if pod.spec.dns_policy == "None" else _parsed(node_resolv_conf)
    servers = list(dict.fromkeys([*servers, *config.nameservers]))[:MAX_NAMESERVERS]
    searches = list(dict.fromkeys([*searches, *config.searches]))[:MAX_SEARCHES]
    lines = [f"nameserver {server}" for server in servers]
    if searches:
        lines.append(f"search {' '.join(searches)}")
    merged = _merged_options(options, config)
    if merged:
        lines.append(f"options {' '.join(merged)}")
    return "\n".join(lines) + "\n"


def _parsed(text: str) -> tuple[list[str], list[str], list[str]]:
    """Nameservers, searches (the last line counts) and options of a resolv.conf."""
    servers: list[str] = []
    searches: list[str] = []
    options: list[str] = []
    for line in text.splitlines():
        match line.split():
            case ["nameserver", server, *_]:
                servers.append(server)
            case ["search" | "domain", *names]:
                searches = names
            case ["options", *words]:
                options += words
    return servers, searches, options


def _merged_options(options: list[str], config: PodDNSConfig) -> list[str]:
    """By name; the pod's win."""
    merged = {word.partition(":")[0]: word for word in options}
    for option in config.options:
        merged[option.name] = option.name if option.value is None else f"{option.name}:{option.value}"
    return list(merged.values())
