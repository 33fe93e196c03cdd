"""``bootstrap certs generate-csr``: keys and requests for an authority whose key is kept elsewhere.

Source: cmd/kubeadm/app/cmd/certs.go and phases/kubeconfig. Invariant: all files are new, and all of them are
written or none is.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from bootstrap.apply import inventory
from bootstrap.model.secret import Secret
from bootstrap.phases.certs import cluster_pki, translated
from bootstrap.phases.context import Context
from bootstrap.render.kubeconfigs import IDENTITIES, render_kubeconfig, server_of, user_of
from bootstrap.workflows.certificates import leaf_specs
from pki import pending
from pki.catalog import CLUSTER_AUTHORITY, SPECS
from pki.clients import client_profile
from pki.csr import refuse_existing, request_pem
from pki.issue import certificate_pem
from pki.pem import private_pem
from pki.pending import NewFile
from pki.store import KEY_MODE, parse_chain


def generate_requests(context: Context, kubeconfigs: PurePosixPath) -> tuple[PurePosixPath, ...]:
    """Make NAME.key and NAME.csr for each certificate, and X.conf and X.conf.csr below ``kubeconfigs``.

    The certificates go to the certificates directory of the configuration. Returns the requests; raises
    BootstrapError when one of the files is there.
    """
    cluster = cluster_pki(context.control_plane)
    context.keys.prepare(cluster.algorithm, len(leaf_specs(context)) + len(IDENTITIES))
    with translated():
        new = [*_certificates(context), *_kubeconfigs(context, kubeconfigs)]
        paths = [PurePosixPath(file.path) for file in new]
        refuse_existing(context.files, paths)

        def announce(made: tuple[PurePosixPath, ...]) -> None:
            inventory.record(context.files, context.layout, made)

        pending.commit(context.files, cluster.directory, new, announce)
    return tuple(path for path in paths if path.suffix == ".csr")


def _certificates(context: Context) -> Iterator[NewFile]:
    cluster = cluster_pki(context.control_plane)
    for spec in leaf_specs(context):
        key = context.keys.take(cluster.algorithm)
        request = cluster.certificate_path(spec).with_suffix(".csr")
        yield NewFile(str(cluster.key_path(spec)), private_pem(key), KEY_MODE)
        yield NewFile(str(request), request_pem(cluster.profile(spec), key), KEY_MODE)


def _kubeconfigs(context: Context, directory: PurePosixPath) -> Iterator[NewFile]:
    """Complete but for the client certificate; the authority is embedded where its certificate is there."""
    control_plane = context.control_plane
    cluster = cluster_pki(control_plane)
    ca = _authority(context)
    for identity in IDENTITIES:
        key = context.keys.take(cluster.algorithm)
        user = user_of(identity, control_plane)
        text = render_kubeconfig(
            server=server_of(identity, control_plane),
            cluster_name=control_plane.cluster.cluster_name,
            user=user,
            ca=ca,
            certificate="",
            key=Secret(private_pem(key)),
        )
        path = directory / f"{identity.name}.conf"
        yield NewFile(str(path), text, KEY_MODE)
        yield NewFile(f"{path}.csr", request_pem(client_profile(user, identity.group), key), KEY_MODE)


def _authority(context: Context) -> str:
    """PEM, "" when it is not there yet."""
    path = cluster_pki(context.control_plane).certificate_path(SPECS[CLUSTER_AUTHORITY])
    if not context.files.exists(path):
        context.reporter.warn(
            f"there is no {path}, so the kubeconfig files trust nobody yet: put it there first, or fill in"
            " certificate-authority-data together with client-certificate-data"
        )
        return ""
    return certificate_pem(parse_chain(context.files.read_bytes(path))[0])
