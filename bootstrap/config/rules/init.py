"""Rules of InitConfiguration."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from bootstrap.config.formats import is_port, is_subdomain, parse_address
from bootstrap.config.problems import FieldPath
from bootstrap.config.rules.fault import Fault, arguments
from bootstrap.errors import ConfigError
from bootstrap.model.cluster import ControlPlane
from bootstrap.model.duration import parse_duration
from bootstrap.model.kubeadm import APIEndpoint, BootstrapToken, NodeRegistrationOptions, Timeouts

_INIT = "InitConfiguration"
_NODE = (_INIT, "nodeRegistration")
_ENDPOINT = (_INIT, "localAPIEndpoint")

TOKEN = re.compile(r"[a-z0-9]{6}\.[a-z0-9]{16}")
_TOKEN_GROUP = re.compile(r"system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]")
_KEY_BYTES = 32


def node_registration(control_plane: ControlPlane) -> Iterator[Fault]:
    node = control_plane.init.node_registration
    if not node.name:
        yield Fault((*_NODE, "name"), "is required: this machine has no host name; pass --node-name")
    yield from node_faults(_NODE, node)


def node_faults(path: FieldPath, node: NodeRegistrationOptions) -> Iterator[Fault]:
    """Of a name and a socket that are given."""
    if node.name and not is_subdomain(node.name):
        yield Fault(
            (*path, "name"),
            f'must be a DNS name (lower case letters, digits, - and .), not "{node.name}"; pass --node-name',
        )
    yield from cri_socket((*path, "criSocket"), node.cri_socket)
    yield from arguments((*path, "kubeletExtraArgs"), (arg.name for arg in node.kubelet_extra_args))
    yield from ignored_checks((*path, "ignorePreflightErrors"), node.ignore_preflight_errors)


def cri_socket(path: FieldPath, socket: str) -> Iterator[Fault]:
    if socket and urlsplit(socket).scheme != "unix":
        yield Fault(path, f'must be a unix:// URL, not "{socket}"')


def ignored_checks(path: FieldPath, names: tuple[str, ...]) -> Iterator[Fault]:
    if "all" in names and len(names) > 1:
        yield Fault(path, 'must not name single checks beside "all"')


def local_api_endpoint(control_plane: ControlPlane) -> Iterator[Fault]:
    yield from endpoint_faults(_ENDPOINT, control_plane.init.local_api_endpoint)


def endpoint_faults(path: FieldPath, endpoint: APIEndpoint) -> Iterator[Fault]:
    text = endpoint.advertise_address
    address = parse_address(text)
    if text and address is None:
        yield Fault((*path, "advertiseAddress"), f'must be an IP address, not "{text}"')
    elif address:
        for unfit, name in (
            (address.is_unspecified, "the unspecified address"),
            (address.is_loopback, "a loopback address"),
            (address.is_multicast, "a multicast address"),
            (address.is_link_local, "a link-local address"),
            (text == "255.255.255.255", "the broadcast address"),
        ):
            if unfit:
                yield Fault(
                    (*path, "advertiseAddress"),
                    f"must be an address other nodes can reach, not {name} {text}",
                )
    if not is_port(endpoint.bind_port):
        yield Fault((*path, "bindPort"), f"must be a port between 1 and 65535, not {endpoint.bind_port}")


def bootstrap_tokens(control_plane: ControlPlane) -> Iterator[Fault]:
    for index, token in enumerate(control_plane.init.bootstrap_tokens):
        path = (_INIT, "bootstrapTokens", index)
        if token.token and not TOKEN.fullmatch(token.token):
            yield Fault((*path, "token"), "must have the form [a-z0-9]{6}.[a-z0-9]{16}")
        if "authentication" not in token.usages:
            yield Fault((*path, "usages"), 'must include "authentication", because the token has groups')
        for place, group in enumerate(token.groups):
            if not _TOKEN_GROUP.fullmatch(group):
                yield Fault(
                    (*path, "groups", place), f'must begin with "system:bootstrappers:", not "{group}"'
                )
        yield from _token_life(path, token)


def _token_life(path: tuple[str | int, ...], token: BootstrapToken) -> Iterator[Fault]:
    if token.ttl and token.expires:
        yield Fault((*path, "ttl"), "and expires exclude each other; keep one")
    if token.ttl:
        yield from duration((*path, "ttl"), token.ttl, zero=True)
    if token.expires and not _is_moment(token.expires):
        yield Fault((*path, "expires"), f'must be a time such as 2027-01-31T12:00:00Z, not "{token.expires}"')


def _is_moment(text: str) -> bool:
    """RFC 3339: a time with its zone."""
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def certificate_key(control_plane: ControlPlane) -> Iterator[Fault]:
    yield from key_faults((_INIT, "certificateKey"), control_plane.init.certificate_key)


def key_faults(path: FieldPath, key: str) -> Iterator[Fault]:
    if key and not re.fullmatch(rf"[0-9a-fA-F]{{{2 * _KEY_BYTES}}}", key):
        yield Fault(
            path,
            f"must be {_KEY_BYTES} bytes in hexadecimal ({2 * _KEY_BYTES} digits), not {len(key)} characters",
        )


def timeouts(control_plane: ControlPlane) -> Iterator[Fault]:
    yield from timeout_faults((_INIT, "timeouts"), control_plane.init.timeouts)


def timeout_faults(path: FieldPath, given: Timeouts) -> Iterator[Fault]:
    """Of those that are given."""
    for name, wire in zip(Timeouts.__struct_fields__, Timeouts.__struct_encode_fields__, strict=True):
        if text := getattr(given, name):
            yield from duration((*path, wire), text)


def duration(path: tuple[str | int, ...], text: str, *, zero: bool = False) -> Iterator[Fault]:
    """``zero``: whether no time at all, which then means for ever, is fine."""
    try:
        span = parse_duration(text)
    except ConfigError as error:
        yield Fault(path, f'must be a duration, not "{text}"; {error.remedy}')
        return
    if span < timedelta(0) or (span == timedelta(0) and not zero):
        yield Fault(path, f"must be longer than {text}")


RULES = (
    node_registration,
    local_api_endpoint,
    bootstrap_tokens,
    certificate_key,
    timeouts,
)
