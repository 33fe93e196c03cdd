"""The hosts and resolv.conf files of a pod as texts. Pure.

Source: pkg/kubelet/kubelet_pods.go and network/dns. Without a cluster DNS server, which an agent that comes
before the API server need not know, ClusterFirst means Default, as in a kubelet.
"""

from __future__ import annotations

from dataclasses import dataclass

from bootstrap.model.podspec import Pod, PodDNSConfig

MAX_HOSTNAME = 63
MAX_NAMESERVERS = 3
MAX_SEARCHES = 32
MAX_SEARCH_CHARACTERS = 2048

_LOCALHOST = """\
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
fe00::0\tip6-mcastprefix
fe00::1\tip6-allnodes
fe00::2\tip6-allrouters
"""


@dataclass(frozen=True, slots=True)
class PodNames:
    """``own`` is what the pod's processes see; ``short`` and ``full`` ("" without a subdomain) are in its
    hosts file."""

    short: str
    full: str
    own: str


def pod_names(pod: Pod, name: str, domain: str) -> PodNames:
    """From hostname and subdomain, else from the pod's name, cut to what a host name may be."""
    spec = pod.spec
    if spec.hostname_override:
        return PodNames(spec.hostname_override, "", spec.hostname_override)
    short = spec.hostname or name[:MAX_HOSTNAME].rstrip("-.")
    full = f"{short}.{spec.subdomain}.{pod.metadata.namespace}.svc.{domain}" if spec.subdomain else ""
    return PodNames(short, full, full if full and spec.set_hostname_as_fqdn else short)


def hosts_file(pod: Pod, names: PodNames, pod_ip: str, node_hosts: str) -> str:
    """/etc/hosts: the node's own for a pod on the host network, else one with the pod's address; then
    aliases."""
    text = "# Managed by the static-pod agent.\n"
    if pod.spec.host_network:
        text += node_hosts if node_hosts.endswith("\n") or not node_hosts else node_hosts + "\n"
    else:
        text += _LOCALHOST
        if pod_ip:
            text += "\t".join(each for each in (pod_ip, names.full, names.short) if each) + "\n"
    if pod.spec.host_aliases:
        text += "\n# Entries added by hostAliases.\n"
        text += "".join(f"{alias.ip}\t{' '.join(alias.hostnames)}\n" for alias in pod.spec.host_aliases)
    return text


def resolv_conf(pod: Pod, node_resolv_conf: str, cluster_dns: tuple[str, ...], domain: str) -> str | None:
    """/etc/resolv.conf; None when the engine's copy of the node's serves."""
    config = pod.spec.dns_config or PodDNSConfig()
    by_cluster = bool(cluster_dns) and _wants_cluster_dns(pod)
    if pod.spec.dns_config is None and not by_cluster:
        return None
    servers, searches, options = ([], [], []) if pod.spec.dns_policy == "None" else _parsed(node_resolv_conf)
    if by_cluster:
        own = [f"{pod.metadata.namespace}.svc.{domain}", f"svc.{domain}", domain]
        servers, searches, options = list(cluster_dns), [*own, *searches], ["ndots:5"]
    servers = list(dict.fromkeys([*servers, *config.nameservers]))[:MAX_NAMESERVERS]
    searches = _within_limits(list(dict.fromkeys([*searches, *config.searches])))
    lines = [f"nameserver {server}" for server in servers]
    if searches:
        lines.append(f"search {' '.join(searches)}")
    merged = _merged_options(options, config)
    if merged:
        lines.append(f"options {' '.join(merged)}")
    return "\n".join(lines) + "\n"


def misses_cluster_dns(pod: Pod, cluster_dns: tuple[str, ...]) -> str:
    """Why a pod that asks for the cluster's DNS gets the node's, "" for one that does not ask, or gets it."""
    if cluster_dns or not _wants_cluster_dns(pod):
        return ""
    return (
        "no DNS server of the cluster is known (--cluster-dns):"
        f' dnsPolicy "{pod.spec.dns_policy}" acts as "Default"'
    )


def _wants_cluster_dns(pod: Pod) -> bool:
    if pod.spec.dns_policy == "ClusterFirst":
        return not pod.spec.host_network
    return pod.spec.dns_policy == "ClusterFirstWithHostNet"


def _within_limits(searches: list[str]) -> list[str]:
    """As many from the front as a resolver takes."""
    kept = searches[:MAX_SEARCHES]
    while len(" ".join(kept)) > MAX_SEARCH_CHARACTERS:
        kept.pop()
    return kept


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
