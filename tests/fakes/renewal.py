"""A node's certificates and the program that renews them, on the test's clock."""

from __future__ import annotations

import base64
import json
import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import yaml

from bootstrap.agent.heldcertificates import places
from bootstrap.agent.keeper import Renewal
from bootstrap.model.certificates import LEAVES
from pki import keys
from pki.issue import certificate_pem, issue_authority
from pki.profile import Period
from tests.fakes.agent import AgentHarness

PROGRAM = "renew"
LIFE = timedelta(minutes=10)


class RenewingNode(AgentHarness):
    """An agent with certificates that live for ten minutes.

    ``refused`` are certificates the program does not renew, and why; ``broken`` is what it says when it
    cannot even begin. ``runs`` has what each run was asked for.
    """

    def __init__(self, directory: Path) -> None:
        self.kubernetes = directory / "kubernetes"
        self.renewal = Renewal(
            places(self.kubernetes / "pki", self.kubernetes, directory / "serving.pem"), (PROGRAM,)
        )
        self.refused: dict[str, str] = {}
        self.broken = ""
        self.remarks: tuple[str, ...] = ()
        self.runs: list[tuple[str, ...]] = []
        self._key = keys.generate("ECDSA-P256")
        super().__init__(directory)
        self.processes.install(PROGRAM, self._renew)

    def make(self, *names: str, life: timedelta = LIFE, begins: timedelta = timedelta(0)) -> None:
        """New certificates of these names, each also as NAME.pem; they begin so much later than usual."""
        for name in names:
            period = Period.starting(self.clock.now(), life)
            period = replace(period, not_before=period.not_before + begins)
            pem = certificate_pem(issue_authority(name, self._key, period).certificate)
            path = self.place(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.with_suffix(".pem").write_text(pem)
            fresh = path.with_name(f".{path.name}")
            fresh.write_text(kubeconfig(pem) if LEAVES[name].is_kubeconfig else pem)
            os.utime(fresh, (self.clock.now().timestamp(),) * 2)
            fresh.replace(path)

    def place(self, name: str) -> Path:
        assert self.renewal is not None
        return self.renewal.places.leaves[name]

    def _renew(self, names: tuple[str, ...]) -> tuple[int, str]:
        self.runs.append(names)
        if self.broken:
            return 1, self.broken
        renewed = [name for name in names if name not in self.refused]
        self.make(*renewed)
        problems = {name: self.refused[name] for name in names if name in self.refused}
        return 0, json.dumps({"renewed": renewed, "problems": problems, "remarks": self.remarks})


def kubeconfig(pem: str) -> str:
    """With this as its client certificate (and as its authority, and in the place of its key)."""
    data = base64.b64encode(pem.encode()).decode()
    return yaml.safe_dump(
        {
            "clusters": [{"name": "c", "cluster": {"server": "x", "certificate-authority-data": data}}],
            "users": [{"name": "u", "user": {"client-certificate-data": data, "client-key-data": data}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
    )
