"""Phase ``kubeconfig``: the kubeconfig files of the administrator and of this node's components.

Invariant: an existing file is used as it is or refused with the command that mends it, never replaced.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import msgspec

from bootstrap.apply import inventory
from bootstrap.errors import ConfigError
from bootstrap.host.files import Files
from bootstrap.kube.kubeconfig import Kubeconfig, parse_kubeconfig
from bootstrap.model.secret import Secret
from bootstrap.phases.certs import cluster_pki, translated
from bootstrap.phases.context import Context
from bootstrap.phases.phase import Phase
from bootstrap.render.kubeconfigs import (
    IDENTITIES,
    ClientIdentity,
    render_kubeconfig,
    server_of,
    user_of,
)
from pki.errors import Problem, refuse

if TYPE_CHECKING:
    from pki.clients import TrustAnchor

OPTIONS = (
    "config",
    "cert-dir",
    "kubernetes-version",
    "apiserver-advertise-address",
    "apiserver-bind-port",
    "control-plane-endpoint",
    "dry-run",
)
_REFERENCES = frozenset({"certificate-authority", "client-certificate", "client-key"})
"""Fields of a kubeconfig that name a file; with ``-data`` appended they hold its content."""


class _Wanted(msgspec.Struct, frozen=True):
    """One kubeconfig as it should be; ``servers``: where it may point to, the first being what we write."""

    identity: ClientIdentity
    path: PurePosixPath
    user: str
    servers: tuple[str, ...]

    @property
    def again(self) -> str:
        return f"rm {self.path} && bootstrap init phase kubeconfig {self.identity.name}"


def ensure_all(context: Context) -> None:
    """All kubeconfig files."""
    ensure(context, IDENTITIES)


def ensure(context: Context, identities: tuple[ClientIdentity, ...]) -> None:
    """Some of ``IDENTITIES``. Raises BootstrapError with every problem of existing files."""
    _prepare_keys(context, identities)
    from pki.clients import load_authority

    control_plane, now = context.control_plane, context.clock.now()
    with context.reporter.step("Making kubeconfig files") as step, translated():
        context.files.sweep(context.layout.kubernetes)
        anchor = load_authority(cluster_pki(control_plane), context.files, now)
        wanted = tuple(_wanted(identity, context, anchor) for identity in identities)
        refuse([problem for one in wanted for problem in _problems(one, context, anchor)])
        missing = tuple(one for one in wanted if not context.files.exists(one.path))
        _make(missing, context, anchor)
        counts = ((len(missing), "made"), (len(wanted) - len(missing), "kept"))
        step.done(f"kubeconfig files: {', '.join(f'{count} {what}' for count, what in counts if count)}")


def _prepare_keys(context: Context, identities: tuple[ClientIdentity, ...]) -> None:
    """Keys are made while what signs certificates is loaded; without the authority's key none is needed."""
    files, layout = context.files, context.layout
    if files.exists(layout.pki / "ca.key"):
        missing = sum(not files.exists(layout.kubeconfig(identity.name)) for identity in identities)
        context.keys.prepare(cluster_pki(context.control_plane).algorithm, missing)


def existing_problems(
    context: Context, identities: tuple[ClientIdentity, ...], anchor: TrustAnchor
) -> Iterator[Problem]:
    """What is wrong with those that are there; the same that ``ensure`` refuses."""
    for identity in identities:
        wanted = _wanted(identity, context, anchor)
        if context.files.exists(wanted.path):
            yield from _problems(wanted, context, anchor)


def _wanted(identity: ClientIdentity, context: Context, anchor: TrustAnchor) -> _Wanted:
    """A kubelet's file, or one its user made, may point to either address: both reach this API server."""
    control_plane = context.control_plane
    server = server_of(identity, control_plane)
    either = (control_plane.local_endpoint, control_plane.control_plane_endpoint)
    is_free = identity.name == "kubelet" or anchor.key is None
    return _Wanted(
        identity,
        context.layout.kubeconfig(identity.name),
        user_of(identity, control_plane),
        (server, *either) if is_free else (server,),
    )


def _problems(wanted: _Wanted, context: Context, anchor: TrustAnchor) -> Iterator[Problem]:
    if not context.files.exists(wanted.path):
        if anchor.key is None:
            yield Problem(
                f"the authority's key is kept elsewhere, so {wanted.path} must be there",
                f"put a kubeconfig of {wanted.user} for {wanted.servers[0]} there",
            )
        return
    remedy = (
        wanted.again
        if anchor.key is not None
        else f"replace it by a kubeconfig of {wanted.user} for {wanted.servers[0]}"
    )
    for fault in _faults(wanted, context, anchor):
        yield Problem(f"{wanted.path} {fault}", remedy)


def _faults(wanted: _Wanted, context: Context, anchor: TrustAnchor) -> Iterator[str]:
    """What is wrong with an existing file, as clauses to follow its path."""
    from pki.clients import client_faults, client_profile, is_anchored

    try:
        text = _embedded(context.files.read_text(wanted.path), wanted.path, context.files)
        found: Kubeconfig = parse_kubeconfig(text, str(wanted.path))
    except ConfigError as error:
        yield error.message.removeprefix(f"{wanted.path} ")
        return
    if not is_anchored(found.ca, anchor):
        yield "trusts another certificate authority than the cluster's"
    if found.server not in wanted.servers:
        yield f"points to {found.server or 'no server'}, not to {wanted.servers[0]}"
    profile = client_profile(wanted.user, wanted.identity.group)
    now = context.clock.now()
    for fault in client_faults(found.certificate, found.key.reveal(), profile, anchor, now):
        yield f"has a client certificate that {fault}"


def _embedded(text: str, path: PurePosixPath, files: Files) -> str:
    """A kubeconfig with the files it refers to in place of their paths, as far as they are there.

    A kubelet refers to its certificate by path once it renews it. Text that is not YAML is returned as it is.
    """
    import yaml

    if not any(f"{name}:" in text for name in _REFERENCES):
        return text

    def embed(value: Any) -> Any:
        if isinstance(value, list):
            return [embed(item) for item in value]
        if not isinstance(value, dict):
            return value
        result = {name: embed(item) for name, item in value.items()}
        for name in _REFERENCES.intersection(result):
            target = path.parent / str(result[name])
            if f"{name}-data" not in result and files.exists(target):
                result[f"{name}-data"] = b64encode(files.read_bytes(target)).decode()
        return result

    try:
        return yaml.safe_dump(embed(yaml.safe_load(text)))
    except yaml.YAMLError:
        return text


def _make(missing: tuple[_Wanted, ...], context: Context, anchor: TrustAnchor) -> None:
    """Sign and write; each file is whole or absent, so an interruption needs no mending."""
    from pki.clients import client_profile, issue_client

    cluster, now = cluster_pki(context.control_plane), context.clock.now()
    inventory.record(context.files, context.layout, [one.path for one in missing])
    for one in missing:
        profile = client_profile(one.user, one.identity.group)
        key = context.keys.take(cluster.algorithm)
        certificate, key_pem = issue_client(profile, key, anchor, cluster.validity, now)
        text = render_kubeconfig(
            server=one.servers[0],
            cluster_name=context.control_plane.cluster.cluster_name,
            user=one.user,
            ca=anchor.pem,
            certificate=certificate,
            key=Secret(key_pem),
        )
        context.files.write(one.path, text, 0o600)


def _step(identity: ClientIdentity) -> Phase:
    options = (*OPTIONS, "node-name") if identity.name == "kubelet" else OPTIONS
    return Phase(
        identity.name,
        identity.summary,
        run=lambda context: ensure(context, (identity,)),
        options=options,
    )


KUBECONFIG = Phase(
    "kubeconfig",
    "Make the kubeconfig files of the administrator and the components",
    run=ensure_all,
    steps=tuple(_step(identity) for identity in IDENTITIES),
    options=(*OPTIONS, "node-name"),
)
