"""Phase ``upload-certs``: the shared certificates and keys, encrypted, for control planes that join.

Source: cmd/kubeadm/app/phases/copycerts. Invariant: the key that opens them is never written anywhere; the
Secret goes away by itself, because it belongs to a token that expires.
"""

from __future__ import annotations

from pathlib import PurePosixPath

from bootstrap.kube import objects
from bootstrap.kube.client import JsonObject
from bootstrap.kube.tokens import new_token, token_secret
from bootstrap.model.cluster import ControlPlane
from bootstrap.model.kubeadm import BootstrapToken
from bootstrap.phases.certs import cluster_pki
from bootstrap.phases.cluster import ADMIN_KUBECONFIG, BOOTSTRAPPERS, Wanted, admin_client, bring_about
from bootstrap.phases.context import Context
from bootstrap.phases.phase import Phase
from pki import catalog

NAME = "kubeadm-certs"

_ROLE = "kubeadm:kubeadm-certs"
_EXTERNAL_ETCD = ("external-etcd-ca.crt", "external-etcd.crt", "external-etcd.key")
_LIFE = BootstrapToken(description="Proxy for managing TTL for the kubeadm-certs secret", ttl="2h0m0s")
"""Of the token whose end is the end of the Secret; it lets nobody in, since it has no usage."""


def upload_certs(context: Context) -> None:
    with context.reporter.step("Uploading the shared certificates") as step, admin_client(context) as api:
        token = Wanted(token_secret(new_token(), _LIFE, context.clock.now()))
        (owner,) = bring_about(context, api, [token])
        wanted = (
            _secret(context, owner),
            objects.reading_role(_ROLE, objects.SYSTEM, "secrets", NAME),
            objects.role_binding(_ROLE, objects.SYSTEM, [objects.group(BOOTSTRAPPERS)]),
        )
        bring_about(context, api, [Wanted(body) for body in wanted])
        step.done("shared certificates uploaded for two hours (kube-system/kubeadm-certs)")
    if not context.wishes.skip_certificate_key_print:
        context.reporter.info("The certificate key, which opens them, is:")
        context.reporter.result(context.certificate_key.reveal())


def shared_files(control_plane: ControlPlane) -> dict[str, PurePosixPath | None]:
    """What control planes share, by its name in the Secret; None where the configuration names no file."""
    cluster = cluster_pki(control_plane)
    names = ("ca", "front-proxy-ca", *(("etcd-ca",) if cluster.local_etcd else ()))
    files: dict[str, PurePosixPath | None] = {
        "sa.key": cluster.service_account_key,
        "sa.pub": cluster.service_account_public_key,
    }
    for spec in (catalog.SPECS[name] for name in names):
        files[f"{spec.name}.crt"] = cluster.certificate_path(spec)
        files[f"{spec.name}.key"] = cluster.key_path(spec)
    external = control_plane.external_etcd
    if external:
        given = (external.ca_file, external.cert_file, external.key_file)
        files |= {
            name: PurePosixPath(path) if path else None
            for name, path in zip(_EXTERNAL_ETCD, given, strict=True)
        }
    return files


def _secret(context: Context, owner: JsonObject) -> JsonObject:
    """What there is no file for, as the key of an external authority, is empty: kubeadm wants all names."""
    from pki.sealing import seal

    key = bytes.fromhex(context.certificate_key.reveal())
    data = {
        name: seal(context.files.read_bytes(path), key) if path and context.files.exists(path) else b""
        for name, path in shared_files(context.control_plane).items()
    }
    return objects.secret(NAME, objects.SYSTEM, data, owners=[owner])


def _not_asked_for(context: Context) -> str:
    return "" if context.wishes.upload_certs else "--upload-certs was not given"


UPLOAD_CERTS = Phase(
    "upload-certs",
    "Upload the shared certificates for control planes that join",
    run=upload_certs,
    needs=(ADMIN_KUBECONFIG,),
    skip=_not_asked_for,
    options=("config", "upload-certs", "certificate-key", "skip-certificate-key-print", "dry-run"),
)
