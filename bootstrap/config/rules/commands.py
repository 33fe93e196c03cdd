"""Rules of JoinConfiguration, ResetConfiguration and UpgradeConfiguration, as they were written.

Source: ValidateJoinConfiguration and ValidateResetConfiguration in
cmd/kubeadm/app/apis/kubeadm/validation/validation.go. Invariant: a field that was left out is no fault unless
it has no default.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import msgspec

from bootstrap.config.formats import split_host_port
from bootstrap.config.rules import init
from bootstrap.config.rules.fault import Fault, absolute_path
from bootstrap.model.kubeadm import APIEndpoint
from bootstrap.model.kubeadmcommands import (
    BootstrapTokenDiscovery,
    Discovery,
    JoinConfiguration,
    ResetConfiguration,
    UpgradeConfiguration,
)

_JOIN = "JoinConfiguration"
_RESET = "ResetConfiguration"
_UPGRADE = "UpgradeConfiguration"
_DISCOVERY = (_JOIN, "discovery")
_BY_TOKEN = (*_DISCOVERY, "bootstrapToken")

_CA_HASH = re.compile(r"sha256:[0-9a-fA-F]{64}")
_FORM = "must have the form [a-z0-9]{6}.[a-z0-9]{16}"


def faults(document: msgspec.Struct) -> Iterator[Fault]:
    """What is wrong with one of these documents."""
    match document:
        case JoinConfiguration():
            yield from _join(document)
        case ResetConfiguration():
            yield from init.cri_socket((_RESET, "criSocket"), document.cri_socket)
            if document.certificates_dir:
                yield from absolute_path((_RESET, "certificatesDir"), document.certificates_dir)
            checks = tuple(name.lower() for name in document.ignore_preflight_errors)
            yield from init.ignored_checks((_RESET, "ignorePreflightErrors"), checks)
            yield from init.timeout_faults((_RESET, "timeouts"), document.timeouts)
        case UpgradeConfiguration():
            yield from init.timeout_faults((_UPGRADE, "timeouts"), document.timeouts)


def _join(join: JoinConfiguration) -> Iterator[Fault]:
    yield from _discovery(join.discovery)
    yield from init.node_faults((_JOIN, "nodeRegistration"), join.node_registration)
    path = join.ca_cert_path
    if path and not (path.startswith("/") and path.endswith(".crt")):
        yield Fault((_JOIN, "caCertPath"), f'must be an absolute path that ends in .crt, not "{path}"')
    if join.control_plane:
        place = (_JOIN, "controlPlane")
        endpoint = join.control_plane.local_api_endpoint
        port = endpoint.bind_port or 6443
        complete = APIEndpoint(advertise_address=endpoint.advertise_address, bind_port=port)
        yield from init.endpoint_faults((*place, "localAPIEndpoint"), complete)
        yield from init.key_faults((*place, "certificateKey"), join.control_plane.certificate_key)
    yield from init.timeout_faults((_JOIN, "timeouts"), join.timeouts)


def _discovery(discovery: Discovery) -> Iterator[Fault]:
    if discovery.bootstrap_token is None and discovery.file is None:
        yield Fault(_DISCOVERY, "must have bootstrapToken or file")
    if discovery.bootstrap_token is not None and discovery.file is not None:
        yield Fault(_DISCOVERY, "must have only one of bootstrapToken and file")
    if discovery.bootstrap_token is not None:
        yield from _by_token(discovery.bootstrap_token)
    if discovery.file is not None:
        where = discovery.file.kube_config_path
        if urlsplit(where).scheme != "https" and not where.startswith("/"):
            place = (*_DISCOVERY, "file", "kubeConfigPath")
            yield Fault(place, f'must be an absolute path or an https:// URL, not "{where}"')
    own = discovery.tls_bootstrap_token
    if own and not init.TOKEN.fullmatch(own):
        yield Fault((*_DISCOVERY, "tlsBootstrapToken"), _FORM)


def _by_token(discovery: BootstrapTokenDiscovery) -> Iterator[Fault]:
    if not init.TOKEN.fullmatch(discovery.token):
        yield Fault((*_BY_TOKEN, "token"), _FORM)
    found = split_host_port(discovery.api_server_endpoint)
    if found is None or found[1] is None:
        yield Fault(
            (*_BY_TOKEN, "apiServerEndpoint"), f'must be HOST:PORT, not "{discovery.api_server_endpoint}"'
        )
    for index, digest in enumerate(discovery.ca_cert_hashes):
        if not _CA_HASH.fullmatch(digest):
            place = (*_BY_TOKEN, "caCertHashes", index)
            yield Fault(place, f'must be sha256: and 64 hexadecimal digits, not "{digest}"')
    if not discovery.ca_cert_hashes and not discovery.unsafe_skip_ca_verification:
        yield Fault(
            (*_BY_TOKEN, "caCertHashes"),
            "must name the cluster's CA, or unsafeSkipCAVerification must be true to trust any",
        )
