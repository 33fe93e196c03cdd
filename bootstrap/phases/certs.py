"""Phase ``certs``: the certificates directory has all key pairs of this control plane.

Run as a whole it makes all keys at once on all CPUs; each step makes one. Invariant: an existing file is used
as it is or refused with the command that mends it, never replaced.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bootstrap.apply import inventory
from bootstrap.errors import BootstrapError
from bootstrap.model.cluster import ControlPlane
from bootstrap.model.duration import parse_duration
from bootstrap.phases.context import Context
from bootstrap.phases.phase import Phase
from pki import catalog
from pki.cluster import TEN_YEARS, YEAR, ClusterPki
from pki.errors import PkiError

if TYPE_CHECKING:
    from pki.ensure import Outcome

OPTIONS = ("config", "cert-dir", "kubernetes-version", "dry-run")
SERVING_OPTIONS = (
    *OPTIONS,
    "apiserver-advertise-address",
    "apiserver-cert-extra-sans",
    "control-plane-endpoint",
    "service-cidr",
    "service-dns-domain",
)


def cluster_pki(control_plane: ControlPlane) -> ClusterPki:
    """What the control plane's certificates depend on."""
    cluster, version = control_plane.cluster, control_plane.version
    etcd = control_plane.local_etcd
    validity, authority_validity = (
        cluster.certificate_validity_period,
        cluster.ca_certificate_validity_period,
    )
    stable = cluster.control_plane_endpoint
    return ClusterPki(
        directory=control_plane.layout.pki,
        node_name=control_plane.node_name,
        advertise_address=control_plane.advertise_address,
        service_subnet=control_plane.service_subnets[0],
        dns_domain=cluster.networking.dns_domain,
        version=(version.major, version.minor, version.patch),
        endpoint_host=(urlsplit(f"//{stable}").hostname or "") if stable else "",
        apiserver_sans=cluster.api_server.cert_sans,
        etcd_server_sans=etcd.server_cert_sans if etcd else (),
        etcd_peer_sans=etcd.peer_cert_sans if etcd else (),
        local_etcd=etcd is not None,
        algorithm=cluster.encryption_algorithm,
        validity=parse_duration(validity) if validity else YEAR,
        authority_validity=parse_duration(authority_validity) if authority_validity else TEN_YEARS,
    )


def prepare_keys(context: Context, names: tuple[str, ...] = catalog.NAMES) -> None:
    """Start making the keys that these are going to need, and return at once.

    For whoever has something else to do first, be it to load what signs certificates.
    """
    cluster = cluster_pki(context.control_plane)
    wanted = [name for name in names if cluster.local_etcd or not catalog.belongs_to_etcd(name)]
    paths = [
        cluster.certificate_path(catalog.SPECS[name])
        if name in catalog.SPECS
        else cluster.service_account_key
        for name in wanted
    ]
    missing = sum(not context.files.exists(path) for path in paths)
    context.keys.prepare(cluster.algorithm, missing)


def ensure_all(context: Context) -> None:
    """All certificates and the service account's keys."""
    ensure(context, catalog.NAMES)


def ensure(context: Context, names: tuple[str, ...], of: str = "") -> None:
    """Some of ``catalog.NAMES``; ``of``: whose they are said to be.

    Raises BootstrapError with every problem of existing files.
    """
    prepare_keys(context, names)
    from pki.ensure import ensure as ensure_certificates

    def announce(paths: tuple[PurePosixPath, ...]) -> None:
        inventory.record(context.files, context.layout, paths)

    cluster = cluster_pki(context.control_plane)
    certificates = f"certificates of {of}" if of else "certificates"
    with context.reporter.step(f"Making {certificates}") as step, translated():
        _sweep(context, cluster)
        outcome = ensure_certificates(
            names, cluster, context.files, context.keys, context.clock.now(), announce
        )
        step.done(f"{certificates}: {_summary(outcome)}")
    for path in outcome.outlived:
        context.reporter.warn(f"{path} expires before certificates it has just signed")
    if outcome.finished:
        context.reporter.info(
            f"finished what an interrupted run left: {', '.join(map(str, outcome.finished))}"
        )


def _summary(outcome: Outcome) -> str:
    counts = {
        "made": len(outcome.having("make")),
        "restored": len(outcome.having("restore")),
        "kept": len(outcome.having("keep")),
        "provided by you": len(outcome.having("provided")),
    }
    return ", ".join(f"{count} {what}" for what, count in counts.items() if count)


@contextmanager
def translated() -> Iterator[None]:
    """The certificate library's failures as ours."""
    try:
        yield
    except PkiError as error:
        raise BootstrapError(error.message, remedy=error.remedy, details=error.details) from error


def _sweep(context: Context, cluster: ClusterPki) -> None:
    """Remove half-written files of a killed run: one may hold a private key."""
    for directory in {cluster.certificate_path(spec).parent for spec in catalog.CERTIFICATES}:
        context.files.sweep(directory)


def _skip(name: str, context: Context) -> str:
    if catalog.belongs_to_etcd(name) and context.control_plane.local_etcd is None:
        return "etcd is external"
    return ""


def _step(name: str, summary: str) -> Phase:
    return Phase(
        name,
        summary,
        run=lambda context: ensure(context, (name,)),
        skip=lambda context: _skip(name, context),
        options=SERVING_OPTIONS if name == "apiserver" else OPTIONS,
    )


CERTS = Phase(
    "certs",
    "Make the certificates and keys of the control plane",
    run=ensure_all,
    steps=(
        *(_step(spec.name, spec.summary) for spec in catalog.CERTIFICATES),
        _step(catalog.SERVICE_ACCOUNT, "Make the key pair that signs service account tokens"),
    ),
    options=SERVING_OPTIONS,
)

OF_ETCD = tuple(spec.name for spec in catalog.CERTIFICATES if spec.file.startswith("etcd/"))
"""What etcd itself reads: with these it can start."""

CERTS_OF_ETCD = Phase(
    CERTS.name,
    "Make the certificates of etcd",
    run=lambda context: ensure(context, OF_ETCD, "etcd"),
    skip=lambda context: _skip(catalog.ETCD_AUTHORITY, context),
)
OTHER_CERTS = Phase(
    CERTS.name,
    "Make the other certificates and keys of the control plane",
    run=lambda context: ensure(context, tuple(name for name in catalog.NAMES if name not in OF_ETCD)),
)
"""Together what ``CERTS`` makes, for a workflow that has something to do in between."""
