"""Rules of the networks: their sizes, families, and that nothing overlaps.

kubeadm does not compare networks with each other; here two that overlap are refused, because the cluster
would come up and lose packets. Invariant: text that is no CIDR is one fault, and the other rules skip it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from bootstrap.config.formats import Subnet, is_subdomain, parse_address, parse_subnets
from bootstrap.config.rules.fault import Fault
from bootstrap.model.cluster import ControlPlane
from bootstrap.model.kubeadm import Arg

_NETWORKING = ("ClusterConfiguration", "networking")
_SERVICE = (*_NETWORKING, "serviceSubnet")
_POD = (*_NETWORKING, "podSubnet")
_ADDRESS = ("InitConfiguration", "localAPIEndpoint", "advertiseAddress")

_FEWEST_SERVICE_ADDRESSES = 10
_FEWEST_POD_ADDRESSES = 14
_MOST_SERVICE_BITS = 20
_MOST_NODE_BITS = 16
_NODE_MASKS = {4: ("node-cidr-mask-size-ipv4", 24), 6: ("node-cidr-mask-size-ipv6", 64)}
"""Flags of kube-controller-manager and their defaults.

Source of the numbers: cmd/kubeadm/app/constants/constants.go.
"""

_SITE_LOCAL = ipaddress.ip_network("fec0::/10")


def _services(control_plane: ControlPlane) -> tuple[Subnet, ...]:
    return parse_subnets(control_plane.cluster.networking.service_subnet) or ()


def _pods(control_plane: ControlPlane) -> tuple[Subnet, ...]:
    text = control_plane.cluster.networking.pod_subnet
    return (parse_subnets(text) if text else None) or ()


def dns_domain(control_plane: ControlPlane) -> Iterator[Fault]:
    domain = control_plane.cluster.networking.dns_domain
    if not is_subdomain(domain):
        yield Fault((*_NETWORKING, "dnsDomain"), f'must be a lower case DNS name, not "{domain}"')


def subnet_forms(control_plane: ControlPlane) -> Iterator[Fault]:
    networking = control_plane.cluster.networking
    for path, text, fewest in (
        (_SERVICE, networking.service_subnet, _FEWEST_SERVICE_ADDRESSES),
        (_POD, networking.pod_subnet, _FEWEST_POD_ADDRESSES),
    ):
        if not text:
            continue
        subnets = parse_subnets(text)
        if subnets is None:
            yield Fault(path, f'must be a CIDR (10.244.0.0/16), or one of each family, not "{text}"')
            continue
        if len(subnets) > 2 or (len(subnets) == 2 and subnets[0].version == subnets[1].version):
            yield Fault(path, f'must be one CIDR, or an IPv4 and an IPv6 one for dual stack, not "{text}"')
        for subnet in subnets:
            if subnet.num_addresses < fewest:
                yield Fault(
                    path, f"{subnet} has {subnet.num_addresses} addresses; at least {fewest} are needed"
                )
            if subnet.version == 6 and subnet.overlaps(_SITE_LOCAL):
                yield Fault(path, f"{subnet} is in fec0::/10, which RFC 3879 deprecated", is_warning=True)


def service_size(control_plane: ControlPlane) -> Iterator[Fault]:
    for subnet in _services(control_plane):
        longest = subnet.max_prefixlen - _MOST_SERVICE_BITS
        if subnet.prefixlen < longest:
            yield Fault(_SERVICE, f"{subnet} is too large; its mask must be /{longest} or longer")


def pod_size(control_plane: ControlPlane) -> Iterator[Fault]:
    """Every node must get a part of the pod subnet, and there must not be too many parts."""
    flags = control_plane.cluster.controller_manager.extra_args
    if _last(flags, "allocate-node-cidrs") == "false":
        return
    for subnet in _pods(control_plane):
        flag, default = _NODE_MASKS[subnet.version]
        text = _last(flags, flag)
        if text and not text.isdigit():
            yield Fault(
                _POD, f'cannot be divided: {flag} of kube-controller-manager is "{text}", not a number'
            )
            continue
        node_mask = int(text) if text else default
        if subnet.prefixlen > node_mask:
            yield Fault(
                _POD,
                f"{subnet} is smaller than the /{node_mask} that each node gets; enlarge it or set {flag}"
                " in controllerManager.extraArgs",
            )
        elif node_mask - subnet.prefixlen > _MOST_NODE_BITS:
            yield Fault(
                _POD,
                f"{subnet} makes more than 2^{_MOST_NODE_BITS} node subnets of /{node_mask}; set {flag}"
                " in controllerManager.extraArgs",
            )


def _last(args: tuple[Arg, ...], name: str) -> str:
    """The value of the last of repeated flags, the one that counts."""
    return next((arg.value for arg in reversed(args) if arg.name == name), "")


def overlaps(control_plane: ControlPlane) -> Iterator[Fault]:
    services, pods = _services(control_plane), _pods(control_plane)
    for pod in pods:
        for service in services:
            if pod.version == service.version and pod.overlaps(service):
                yield Fault(_POD, f"{pod} overlaps the service subnet {service}")
    address = parse_address(control_plane.advertise_address)
    for name, path, subnets in (("service", _SERVICE, services), ("pod", _POD, pods)):
        for subnet in subnets:
            if address and address in subnet:
                yield Fault(_ADDRESS, f"{address} lies inside the {name} subnet {subnet}", against=path)


def families(control_plane: ControlPlane) -> Iterator[Fault]:
    """kube-apiserver exits when its address and the first service subnet are of different families."""
    address = parse_address(control_plane.advertise_address)
    for subnet in _services(control_plane)[:1]:
        if address and address.version != subnet.version:
            yield Fault(
                _SERVICE,
                f"{subnet} is not of the advertise address' family; put an IPv{address.version} subnet first",
                against=_ADDRESS,
            )


RULES = (dns_domain, subnet_forms, service_size, pod_size, overlaps, families)
