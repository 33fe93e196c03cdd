"""Authorities whose keys are never on a node: what a company's own would sign, and put where it belongs."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta
from pathlib import Path

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from pki import catalog
from pki.issue import Authority, certificate_pem, issue_authority
from pki.keys import generate
from pki.profile import Period

LEAVES = tuple(spec for spec in catalog.CERTIFICATES if not spec.is_authority)
KUBECONFIGS = ("admin", "super-admin", "kubelet", "controller-manager", "scheduler")


class Company:
    """Its authorities begin at ``now`` and last ten years."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        period = Period.starting(now, timedelta(days=3650))
        self.authorities = {
            spec.name: issue_authority(f"company-{spec.name}", generate("ECDSA-P256"), period)
            for spec in catalog.CERTIFICATES
            if spec.is_authority
        }

    def put_authorities(self, pki: Path) -> None:
        """The certificates alone."""
        for name, authority in self.authorities.items():
            path = pki / f"{catalog.SPECS[name].file}.crt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(certificate_pem(authority.certificate))

    def sign_everything(self, pki: Path, kubeconfigs: Path, life: timedelta) -> None:
        """Every request that ``bootstrap certs generate-csr`` made in these directories."""
        period = Period.starting(self._now, life)
        for spec in LEAVES:
            request = (pki / f"{spec.file}.csr").read_bytes()
            signed = sign(request, self.authorities[spec.authority], period)
            (pki / f"{spec.file}.crt").write_text(signed)
        for name in KUBECONFIGS:
            path = kubeconfigs / f"{name}.conf"
            request = path.with_name(f"{path.name}.csr").read_bytes()
            signed = sign(request, self.authorities[catalog.CLUSTER_AUTHORITY], period)
            document = yaml.safe_load(path.read_text())
            user = document["users"][0]["user"]
            user["client-certificate-data"] = base64.b64encode(signed.encode()).decode()
            path.write_text(yaml.safe_dump(document))


def sign(request: bytes, authority: Authority, period: Period) -> str:
    """The request's names and usages, nothing of ours."""
    csr = x509.load_pem_x509_csr(request)
    builder = (
        x509.CertificateBuilder()
        .subject_name(csr.subject)
        .issuer_name(authority.certificate.subject)
        .public_key(csr.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(period.not_before)
        .not_valid_after(period.not_after)
    )
    for extension in csr.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    return certificate_pem(builder.sign(authority.key, hashes.SHA256()))
