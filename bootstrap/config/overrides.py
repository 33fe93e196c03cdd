"""kubeadm init's flags, as changes to the documents.

Invariant: a flag changes exactly the field it is named for, and that field's origin is the flag from then on.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from bootstrap.config.documents import Documents
from bootstrap.config.problems import FieldPath, Problems
from bootstrap.errors import ConfigError
from bootstrap.model.kubeadm import BootstrapToken, Patches

T = TypeVar("T", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """Values of flags; None or empty where a flag was not given.

    ``feature_gates`` is the flag's text (``Name=true,Other=false``); ``token_ttl`` is Go duration text.
    """

    apiserver_advertise_address: str | None = None
    apiserver_bind_port: int | None = None
    apiserver_cert_extra_sans: tuple[str, ...] = ()
    cert_dir: str | None = None
    certificate_key: str | None = field(default=None, repr=False)
    control_plane_endpoint: str | None = None
    cri_socket: str | None = None
    dry_run: bool = False
    feature_gates: str | None = None
    ignore_preflight_errors: tuple[str, ...] = ()
    image_repository: str | None = None
    kubernetes_version: str | None = None
    node_name: str | None = None
    patches: str | None = None
    pod_network_cidr: str | None = None
    service_cidr: str | None = None
    service_dns_domain: str | None = None
    skip_phases: tuple[str, ...] = ()
    token: str | None = field(default=None, repr=False)
    token_ttl: str | None = None

    def given(self) -> dict[str, Any]:
        """The flags that were used, by attribute name."""
        values = {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}
        return {name: value for name, value in values.items() if value not in (None, (), False)}


_INIT = "InitConfiguration"
_CLUSTER = "ClusterConfiguration"

_FIELDS: dict[str, tuple[str, ...]] = {
    "apiserver_advertise_address": (_INIT, "localAPIEndpoint", "advertiseAddress"),
    "apiserver_bind_port": (_INIT, "localAPIEndpoint", "bindPort"),
    "apiserver_cert_extra_sans": (_CLUSTER, "apiServer", "certSANs"),
    "cert_dir": (_CLUSTER, "certificatesDir"),
    "certificate_key": (_INIT, "certificateKey"),
    "control_plane_endpoint": (_CLUSTER, "controlPlaneEndpoint"),
    "cri_socket": (_INIT, "nodeRegistration", "criSocket"),
    "dry_run": (_INIT, "dryRun"),
    "feature_gates": (_CLUSTER, "featureGates"),
    "ignore_preflight_errors": (_INIT, "nodeRegistration", "ignorePreflightErrors"),
    "image_repository": (_CLUSTER, "imageRepository"),
    "kubernetes_version": (_CLUSTER, "kubernetesVersion"),
    "node_name": (_INIT, "nodeRegistration", "name"),
    "patches": (_INIT, "patches"),
    "pod_network_cidr": (_CLUSTER, "networking", "podSubnet"),
    "service_cidr": (_CLUSTER, "networking", "serviceSubnet"),
    "service_dns_domain": (_CLUSTER, "networking", "dnsDomain"),
    "skip_phases": (_INIT, "skipPhases"),
    "token": (_INIT, "bootstrapTokens", "0", "token"),
    "token_ttl": (_INIT, "bootstrapTokens", "0", "ttl"),
}

_WITH_CONFIG = frozenset({"dry_run", "ignore_preflight_errors", "node_name", "skip_phases"})
"""Source: isAllowedFlag in cmd/kubeadm/app/apis/kubeadm/validation/validation.go."""

_KUBEADM_DOCUMENTS = frozenset({_INIT, _CLUSTER})

_BOOLEANS = {
    **dict.fromkeys(("1", "t", "T", "true", "TRUE", "True"), True),
    **dict.fromkeys(("0", "f", "F", "false", "FALSE", "False"), False),
}
"""Go's strconv.ParseBool."""


def flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def refuse_mixture(overrides: Overrides, documents: Documents) -> None:
    """Raises ConfigError for flags that say what a kubeadm document given beside them should say.

    With a BootstrapConfiguration alone every flag may be used: kubeadm's fields come from nowhere else then.
    """
    mixed = sorted(flag(name) for name in overrides.given() if name not in _WITH_CONFIG)
    if mixed and documents.given & _KUBEADM_DOCUMENTS:
        fields = ", ".join(_shown(name) for name in overrides.given() if flag(name) in mixed)
        raise ConfigError(
            f"--config cannot be mixed with {', '.join(mixed)}",
            remedy=f"write the value into the configuration instead: {fields}",
        )


def _shown(name: str) -> str:
    kind, *steps = _FIELDS[name]
    return f"{'.'.join(step for step in steps if step != '0')} ({kind})"


def apply_overrides(overrides: Overrides, documents: Documents, problems: Problems) -> None:
    """Changes the documents as the given flags say."""
    for name, value in overrides.given().items():
        kind, *steps = _FIELDS[name]
        path: FieldPath = tuple(0 if step == "0" else step for step in (kind, *steps))
        for known in [known for known in documents.origins if known[: len(path)] == path]:
            del documents.origins[known]
        documents.origins[path] = flag(name)
        wanted = _wanted(name, value, documents, problems)
        if kind == _CLUSTER:
            documents.cluster = _with(documents.cluster, tuple(steps), wanted)
        elif name in ("token", "token_ttl"):
            _set_token(documents, {"token_ttl": "ttl"}.get(name, name), wanted)
        else:
            documents.init = _with(documents.init, tuple(steps), wanted)


def _wanted(name: str, value: Any, documents: Documents, problems: Problems) -> Any:
    """The field's value for a flag's value."""
    if name == "feature_gates":
        return _parse_gates(value, problems)
    if name == "patches":
        return Patches(directory=value)
    if name == "ignore_preflight_errors":
        return (*documents.init.node_registration.ignore_preflight_errors, *value)
    return value


def _with(struct: T, steps: tuple[str, ...], value: Any) -> T:
    """A copy with one field, named by its wire names, set."""
    first, *rest = steps
    name = next(item.name for item in msgspec.structs.fields(struct) if item.encode_name == first)
    return msgspec.structs.replace(
        struct, **{name: _with(getattr(struct, name), tuple(rest), value) if rest else value}
    )


def _set_token(documents: Documents, name: str, value: str) -> None:
    first, *others = documents.init.bootstrap_tokens or (BootstrapToken(),)
    tokens = (msgspec.structs.replace(first, **{name: value}), *others)
    documents.init = msgspec.structs.replace(documents.init, bootstrap_tokens=tokens)


def _parse_gates(text: str, problems: Problems) -> dict[str, bool]:
    gates: dict[str, bool] = {}
    for item in filter(None, text.split(",")):
        name, equals, value = (part.strip() for part in item.partition("="))
        if equals and value in _BOOLEANS:
            gates[name] = _BOOLEANS[value]
        else:
            problems.add("--feature-gates", f'"{item}" must be NAME=true or NAME=false')
    return gates
