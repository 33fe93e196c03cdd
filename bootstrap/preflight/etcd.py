"""Whether an external etcd answers and is new enough."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from bootstrap.errors import ConfigError
from bootstrap.host.http import HttpRequest, NoAnswerError
from bootstrap.model.kubeadm import ExternalEtcd
from bootstrap.model.version import KubernetesVersion
from bootstrap.preflight.check import Problem, Subject

_LEAST = "3.5.24"
"""MinExternalEtcdVersion of cmd/kubeadm/app/constants, the same from 1.34 to 1.37."""

_TIMEOUT = 10.0


def external_etcd_version(subject: Subject) -> Iterator[Problem]:
    external = subject.control_plane.external_etcd
    if external is None:
        return
    for endpoint in external.http_endpoints or external.endpoints:
        message = _problem(subject, external, endpoint)
        if message:
            yield Problem("ExternalEtcdVersion", message, "look at etcd there, or correct etcd.external")


def _problem(subject: Subject, external: ExternalEtcd, endpoint: str) -> str:
    try:
        reply = subject.http.fetch(_request(subject, external, endpoint))
    except NoAnswerError as error:
        return f"etcd at {endpoint} does not answer: {error.message}"
    try:
        found = str(json.loads(reply.body)["etcdserver"])
        if KubernetesVersion.parse(found) < KubernetesVersion.parse(_LEAST):
            return f"etcd at {endpoint} is {found}, at least {_LEAST} is needed"
    except (ValueError, KeyError, TypeError, ConfigError):
        return f"what answers at {endpoint} is no etcd (HTTP status {reply.status})"
    return ""


def _request(subject: Subject, external: ExternalEtcd, endpoint: str) -> HttpRequest:
    parts = urlsplit(endpoint)

    def real(name: str) -> str:
        return str(subject.files.real(PurePosixPath(name))) if name else ""

    return HttpRequest(
        parts.hostname or "",
        parts.port or (443 if parts.scheme == "https" else 80),
        "/version",
        scheme=parts.scheme,
        timeout=_TIMEOUT,
        ca_file=real(external.ca_file),
        certificate_file=real(external.cert_file),
        key_file=real(external.key_file),
    )
