"""Files of an earlier life, looked at before the first file is written.

The phases refuse what does not fit too, each when it gets there; by then manifests may have been written and
components started. Invariant: reads only, and tells every problem at once.
"""

from __future__ import annotations

from pathlib import PurePosixPath

from bootstrap.phases.certs import cluster_pki, translated
from bootstrap.phases.context import Context
from bootstrap.phases.kubeconfig import existing_problems
from bootstrap.render.kubeconfigs import ClientIdentity
from pki.catalog import CLUSTER_AUTHORITY, SPECS
from pki.errors import Problem, refuse


def check_existing(context: Context, names: tuple[str, ...], identities: tuple[ClientIdentity, ...]) -> None:
    """``names`` of certificates and ``identities`` of kubeconfig files are those about to be made or used.

    Nothing is said while no kubeconfig file is there: the certificates are looked at before anything else is
    written anyway. Raises BootstrapError.
    """
    existing = [one for one in identities if context.files.exists(context.layout.kubeconfig(one.name))]
    if not existing:
        return
    from pki import pending
    from pki.clients import load_authority
    from pki.examine import examine

    cluster, now = cluster_pki(context.control_plane), context.clock.now()
    authority = cluster.certificate_path(SPECS[CLUSTER_AUTHORITY])
    if context.files.exists(pending.pending_path(cluster.directory)):
        return
    with translated():
        if not context.files.exists(authority):
            refuse([_orphan(context.layout.kubeconfig(one.name), authority) for one in existing])
        anchor = load_authority(cluster, context.files, now)
        problems = examine(names, cluster, context.files, now).problems
        refuse([*problems, *existing_problems(context, tuple(existing), anchor)])


def _orphan(path: PurePosixPath, authority: PurePosixPath) -> Problem:
    return Problem(
        f"{path} is there, but not {authority}, the only authority that it can belong to",
        f"put {authority} back, or start anew: rm {path}",
    )
