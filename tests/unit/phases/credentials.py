"""A node on which only certificates and kubeconfig files are made."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn

import yaml
from cryptography import x509
from msgspec.structs import replace

from bootstrap.errors import BootstrapError
from bootstrap.host.files import Files
from bootstrap.model.cluster import ControlPlane
from bootstrap.phases.certs import CERTS
from bootstrap.phases.context import Context
from bootstrap.phases.kubeconfig import KUBECONFIG
from bootstrap.phases.phase import run_all
from tests.fakes.clock import FakeClock
from tests.fakes.dying_files import UnflushedFiles
from tests.fakes.http import FakeHttp
from tests.fakes.network import FakeNetwork
from tests.fakes.processes import FakeProcesses
from tests.fakes.reporter import RecordingReporter
from tests.fakes.services import FakeAgentService
from tests.golden.control_planes import CLUSTER, FACTS, control_plane

KUBERNETES = PurePosixPath("/etc/kubernetes")
QUICK = replace(CLUSTER, encryption_algorithm="ECDSA-P256")


@dataclass
class CredentialNode:
    """``root`` stands for /; ``described`` may be replaced between runs."""

    root: Path
    described: ControlPlane = field(default_factory=lambda: control_plane(QUICK))
    clock: FakeClock = field(default_factory=lambda: FakeClock(datetime(2026, 1, 1, 12, tzinfo=UTC)))
    reporter: RecordingReporter = field(default_factory=RecordingReporter)

    def context(self, files: Files | None = None) -> Context:
        return Context(
            control_plane=self.described,
            facts=FACTS,
            files=files or UnflushedFiles(self.root),
            processes=FakeProcesses(),
            network=FakeNetwork(),
            http=FakeHttp(),
            machine=_unavailable,
            clock=self.clock,
            agent_service=FakeAgentService(),
            runtime=_unavailable,
            api=_unavailable,
            reporter=self.reporter,
        )

    def run(self, *skipped: str, files: Files | None = None) -> None:
        """Both phases, less the skipped."""
        run_all((CERTS, KUBECONFIG), self.context(files), skipped)

    def summaries(self) -> list[str]:
        return [step.summary for step in self.reporter.steps]

    def path(self, name: str) -> Path:
        """Where ``admin.conf`` or ``pki/ca.crt`` really lies."""
        return self.root / KUBERNETES.relative_to("/") / name

    def contents(self) -> dict[str, bytes]:
        base = self.path("")
        return {str(path.relative_to(base)): path.read_bytes() for path in base.rglob("*") if path.is_file()}

    def kubeconfig(self, name: str) -> dict[str, Any]:
        document: dict[str, Any] = yaml.safe_load(self.path(f"{name}.conf").read_text())
        return document

    def change_kubeconfig(self, name: str, section: str, **fields: str | None) -> None:
        """Set fields of the cluster or user entry; None removes one."""
        document = self.kubeconfig(name)
        entry = document[f"{section}s"][0][section]
        for key, value in fields.items():
            entry.pop(key.replace("_", "-"), None)
            if value is not None:
                entry[key.replace("_", "-")] = value
        self.path(f"{name}.conf").write_text(yaml.safe_dump(document))

    def server(self, name: str) -> str:
        return str(self.kubeconfig(name)["clusters"][0]["cluster"]["server"])

    def client_certificate(self, name: str) -> x509.Certificate:
        data = self.kubeconfig(name)["users"][0]["user"]["client-certificate-data"]
        return x509.load_pem_x509_certificate(base64.b64decode(data))

    def with_cluster(self, **changes: Any) -> None:
        self.described = control_plane(replace(self.described.cluster, **changes))


def _unavailable(*_arguments: object) -> NoReturn:
    raise BootstrapError("certificates need no container engine, API server or machine")
