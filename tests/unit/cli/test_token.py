from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bootstrap.cli.kubeconfigs import read_kubeconfig
from bootstrap.cli.main import exit_code_of
from bootstrap.cli.token import token_document, token_row
from bootstrap.errors import BootstrapError
from bootstrap.kube.tokens import StoredToken, is_token
from bootstrap.model.secret import Secret
from bootstrap.render.kubeconfigs import render_kubeconfig

NOW = datetime(2027, 1, 1, tzinfo=UTC)
FOREVER = StoredToken("abcdef", Secret("abcdef.0123456789abcdef"), "", None, (), ())
FOR_AN_HOUR = StoredToken(
    "abcdef",
    Secret("abcdef.0123456789abcdef"),
    "for the lab",
    NOW + timedelta(hours=1),
    ("authentication", "signing"),
    ("system:bootstrappers:a", "system:bootstrappers:b"),
)


def test_rows_read_as_kubeadms() -> None:
    assert token_row(FOREVER, NOW) == (
        *("abcdef.0123456789abcdef", "<forever>", "<never>"),
        *("<none>", "<none>", "<none>"),
    )
    assert token_row(FOR_AN_HOUR, NOW) == (
        *("abcdef.0123456789abcdef", "1h", "2027-01-01T01:00:00Z", "authentication,signing"),
        *("for the lab", "system:bootstrappers:a,system:bootstrappers:b"),
    )


def test_documents_leave_out_what_is_not_set() -> None:
    assert token_document(FOREVER) == {
        "apiVersion": "output.kubeadm.k8s.io/v1alpha3",
        "kind": "BootstrapToken",
        "token": "abcdef.0123456789abcdef",
    }
    assert token_document(FOR_AN_HOUR)["expires"] == "2027-01-01T01:00:00Z"


def test_generate_prints_a_token(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code_of(["token", "generate"]) == 0
    assert is_token(capsys.readouterr().out.strip())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--certificate-key", "00"], "--print-join-command"),
        (["--usages", "joining"], "joining"),
        (["not-a-token"], "the token must have the form"),
        (["--ttl", "soon"], "--ttl must be a duration"),
    ],
)
def test_what_contradicts_itself_is_refused_before_a_cluster_is_asked(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code_of(["token", "create", *arguments]) == 3
    assert words in capsys.readouterr().err


def kubeconfig(path: Path, server: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        render_kubeconfig(server=server, cluster_name="a", user="b", ca="c", certificate="d", key=Secret("e"))
    )
    return path


def test_a_kubeconfig_is_looked_for_where_kubectl_does(tmp_path: Path) -> None:
    named = kubeconfig(tmp_path / "named", "https://named:1")
    home = kubeconfig(tmp_path / ".kube" / "config", "https://home:1")
    other = kubeconfig(tmp_path / "other", "https://other:1")
    environment = {"KUBECONFIG": f"{tmp_path / 'missing'}:{other}", "HOME": str(tmp_path)}
    assert read_kubeconfig(str(named), environment).server == "https://named:1"
    assert read_kubeconfig("", environment).server == "https://other:1"
    assert read_kubeconfig(str(home), {}).server == "https://home:1"


def test_one_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BootstrapError, match="there is no kubeconfig /"):
        read_kubeconfig(str(tmp_path / "missing"))
