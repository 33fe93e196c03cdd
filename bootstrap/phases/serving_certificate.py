"""The agent's serving certificate: made before the agent is waited for, renewed by later runs of its phase,
and when the agent asks for it.

Signed by the cluster's authority where its key lies on the node, else self-signed, as a kubelet does: the API
server does not verify it unless it is told to. Invariant: the agent itself makes no certificate.
"""

from __future__ import annotations

from bootstrap.phases.certs import cluster_pki, translated
from bootstrap.phases.context import Context

KEY_ALGORITHM = "ECDSA-P256"
"""Whatever the cluster's: each scrape of the agent costs a signature."""


def ensure_serving_certificate(context: Context, *, renew: bool = False) -> str:
    """Have one that is good for a month at least, a new one with ``renew``; what became of it, in words.

    Raises BootstrapError.
    """
    from pki import catalog, store
    from pki.issue import Authority
    from pki.profile import AltNames, Period, Profile
    from pki.serving import serving_faults, serving_pem

    files, path, now = context.files, context.layout.agent_certificate, context.clock.now()
    files.sweep(path.parent)  # a killed run may have left half of one, with its key
    cluster = cluster_pki(context.control_plane)
    ca = catalog.SPECS[catalog.CLUSTER_AUTHORITY]
    with translated():
        profile = Profile(
            common_name=f"system:node:{cluster.node_name}",
            organizations=("system:nodes",),
            usages=("serverAuth",),
            alt_names=AltNames.of(
                (cluster.node_name, "localhost", cluster.advertise_address, "127.0.0.1", "::1")
            ),
        )
        pair = store.read_pair(files, cluster.certificate_path(ca), cluster.key_path(ca))
        authority = Authority(pair.chain[0], pair.key) if pair.chain and pair.key else None
        existed = files.exists(path)
        if existed and not renew:
            signer = authority.certificate if authority else None
            if not any(serving_faults(files.read_text(path), profile, signer, now)):
                return "kept"
        key = context.keys.take(KEY_ALGORITHM)
        content = serving_pem(profile, key, authority, Period.starting(now, cluster.validity))
    files.make_directory(path.parent, 0o700)
    files.write(path, content, 0o600)
    return "renewed" if existed else "made"
