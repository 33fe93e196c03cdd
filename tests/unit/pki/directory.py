"""A certificates directory below a test's own root, and ways to damage it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

from cryptography import x509

from bootstrap.host.files import Files
from pki import catalog
from pki.cluster import ClusterPki
from pki.ensure import Outcome, ensure
from pki.errors import PkiError
from pki.issue import Authority, certificate_pem, issue, issue_authority
from pki.keys import PrivateKey, generate
from pki.pem import private_pem, read_private
from pki.pool import KeyPool
from pki.profile import Period, Profile
from tests.fakes.dying_files import UnflushedFiles

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
PKI = PurePosixPath("/etc/kubernetes/pki")
ALGORITHM = "ECDSA-P256"

CLUSTER = ClusterPki(
    directory=PKI,
    node_name="master",
    advertise_address="192.0.2.10",
    service_subnet="10.96.0.0/12",
    dns_domain="cluster.local",
    version=(1, 37, 2),
    algorithm=ALGORITHM,
)


@dataclass
class Directory:
    """``root`` stands for /; ``announced`` collects what was said to be made."""

    root: Path
    cluster: ClusterPki = CLUSTER
    now: datetime = NOW
    announced: list[PurePosixPath] = field(default_factory=list)

    @property
    def files(self) -> Files:
        return UnflushedFiles(self.root)

    def ensure(self, names: Iterable[str] = catalog.NAMES, files: Files | None = None) -> Outcome:
        return ensure(names, self.cluster, files or self.files, KeyPool(), self.now, self.announced.extend)

    def refusal(self, names: Iterable[str] = catalog.NAMES) -> PkiError:
        """What ``ensure`` refuses, having made sure that it wrote nothing."""
        before = self.contents()
        try:
            self.ensure(names)
        except PkiError as error:
            assert self.contents() == before
            return error
        raise AssertionError("nothing was refused")

    def path(self, name: str) -> Path:
        """Where ``apiserver.crt`` or ``etcd/ca.key`` really lies."""
        return self.root / PKI.relative_to("/") / name

    def contents(self) -> dict[str, bytes]:
        base = self.path("")
        return {str(path.relative_to(base)): path.read_bytes() for path in base.rglob("*") if path.is_file()}

    def certificate(self, file: str) -> x509.Certificate:
        return x509.load_pem_x509_certificate(self.path(f"{file}.crt").read_bytes())

    def key(self, file: str) -> PrivateKey:
        return read_private(self.path(f"{file}.key").read_bytes())

    def authority(self, file: str = "ca") -> Authority:
        return Authority(self.certificate(file), self.key(file))

    def remove(self, *names: str) -> None:
        for name in names:
            self.path(name).unlink()

    def put(self, file: str, certificates: Iterable[x509.Certificate], key: PrivateKey | None) -> None:
        """Write a pair of the user's own."""
        self.path(file).parent.mkdir(parents=True, exist_ok=True)
        self.path(f"{file}.crt").write_text("".join(map(certificate_pem, certificates)))
        if key is not None:
            self.path(f"{file}.key").write_text(private_pem(key))

    def reissue(self, file: str, profile: Profile, authority: Authority | None = None) -> None:
        """Replace a leaf by one that says something else."""
        key = generate(ALGORITHM)
        certificate = issue(profile, key.public_key(), authority or self.authority(), period())
        self.put(file, [certificate], key)


def period(days: int = 365) -> Period:
    return Period.starting(NOW, timedelta(days=days))


def authority(name: str = "somebody else's") -> Authority:
    return issue_authority(name, generate(ALGORITHM), period(3650))


def profile_of(name: str, **changes: object) -> Profile:
    """What a certificate of ``CLUSTER`` says, but for ``changes``."""
    profile = CLUSTER.profile(catalog.SPECS[name])
    return replace(profile, **changes)  # type: ignore[arg-type]
