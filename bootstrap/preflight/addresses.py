"""Names, addresses and proxies."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from bootstrap.model.cluster import host_port
from bootstrap.preflight.check import Problem, Subject

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def node_name(subject: Subject) -> Iterator[Problem]:
    name = subject.control_plane.node_name
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        yield Problem(
            "Hostname",
            f"{name!r} is no valid node name (lower case letters, digits, - and .)",
            "hostnamectl set-hostname NAME, or give --node-name",
        )


def advertise_address(subject: Subject) -> Iterator[Problem]:
    """etcd binds to it, so it must be an address of this machine."""
    address = ipaddress.ip_address(subject.control_plane.advertise_address)
    ours = {ipaddress.ip_address(one) for one in subject.network.local_addresses()}
    if subject.control_plane.local_etcd and address not in ours:
        yield Problem(
            "AdvertiseAddress",
            f"{address} is not an address of this machine ({', '.join(sorted(map(str, ours)))})",
            "correct localAPIEndpoint.advertiseAddress or --apiserver-advertise-address",
        )


def proxy(subject: Subject) -> Iterator[Problem]:
    """Traffic inside the cluster must not go through a proxy."""
    environment = {name.lower(): value for name, value in subject.facts.proxy_environment}
    control_plane = subject.control_plane
    through = proxy_for(control_plane.advertise_address, environment)
    if through:
        yield Problem(
            "HTTPProxy",
            f"connections to {control_plane.local_endpoint} would use the proxy {through}",
            f"add {control_plane.advertise_address} to no_proxy",
            fatal=False,
        )
    pods = control_plane.cluster.networking.pod_subnet
    for subnet in (*control_plane.service_subnets, *(pods.split(",") if pods else ())):
        first = str(ipaddress.ip_network(subnet, strict=False)[1])
        through = proxy_for(first, environment)
        if through:
            yield Problem(
                "HTTPProxyCIDR",
                f"connections to {subnet} would use the proxy {through}",
                f"add {subnet} to no_proxy",
                fatal=False,
            )


def proxy_for(host: str, environment: Mapping[str, str]) -> str:
    """The proxy a Go program would use for https to an IP address, its password left out; "" for none.

    ``environment`` has lower-case names. Source: golang.org/x/net/http/httpproxy.
    """
    given = environment.get("https_proxy", "")
    if not given or ipaddress.ip_address(host).is_loopback:
        return ""
    if any(_matches(entry.strip(), host) for entry in environment.get("no_proxy", "").split(",")):
        return ""
    parts = urlsplit(given if "://" in given else f"http://{given}")
    return f"{parts.scheme}://{host_port(parts.hostname or '', parts.port or 80)}"


def _matches(entry: str, host: str) -> bool:
    if entry == "*":
        return True
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return False


def firewalld(subject: Subject) -> Iterator[Problem]:
    if any(word.endswith("/firewalld") for program in subject.machine.processes for word in program.argv[:3]):
        port = subject.control_plane.bind_port
        yield Problem(
            "Firewalld",
            f"firewalld is active: ports {port} and 10250 must be open to the other nodes",
            f"firewall-cmd --permanent --add-port={port}/tcp --add-port=10250/tcp && firewall-cmd --reload",
            fatal=False,
        )
