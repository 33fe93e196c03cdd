"""``bootstrap kubeconfig user``: a kubeconfig for one more user of the cluster.

Source: cmd/kubeadm/app/cmd/kubeconfig.go. Invariant: nothing is written; the text is returned.
"""

from __future__ import annotations

from datetime import timedelta

from bootstrap.errors import BootstrapError
from bootstrap.model.secret import Secret
from bootstrap.phases.certs import cluster_pki, translated
from bootstrap.phases.context import Context
from bootstrap.render.kubeconfigs import render_kubeconfig, render_token_kubeconfig
from pki.clients import client_profile, issue_client, load_authority


def user_kubeconfig(
    context: Context, user: str, groups: tuple[str, ...], validity: timedelta, token: Secret
) -> Secret:
    """With a client certificate, or with ``token`` where there is one. Raises BootstrapError."""
    control_plane = context.control_plane
    cluster, now = cluster_pki(control_plane), context.clock.now()
    server, cluster_name = control_plane.control_plane_endpoint, control_plane.cluster.cluster_name
    with translated():
        anchor = load_authority(cluster, context.files, now)
        if token:
            return Secret(
                render_token_kubeconfig(
                    server=server, cluster_name=cluster_name, user=user, ca=anchor.pem, token=token
                )
            )
        if anchor.key is None:
            raise BootstrapError(
                "the key of the cluster's authority is not on this node, so nothing can be signed here",
                remedy="have one signed where the key is, or use --token",
            )
        key = context.keys.take(cluster.algorithm)
        certificate, key_pem = issue_client(client_profile(user, *groups), key, anchor, validity, now)
    return Secret(
        render_kubeconfig(
            server=server,
            cluster_name=cluster_name,
            user=user,
            ca=anchor.pem,
            certificate=certificate,
            key=Secret(key_pem),
        )
    )
