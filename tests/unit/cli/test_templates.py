"""``bootstrap templates`` as a person meets it. An older built-in template is written as a base."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from bootstrap.cli.main import exit_code_of
from bootstrap.render.engine import builtin_directory

CONFIG = """\
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint: {advertiseAddress: 192.0.2.10}
nodeRegistration: {name: master}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.37.2
encryptionAlgorithm: ECDSA-P256
---
apiVersion: bootstrap/v1alpha1
kind: BootstrapConfiguration
templates: {directory: SITE}
"""
POD = "manifests/static-pod.yaml.j2"
MINE = "    tier: control-plane\n    team: platform\n"

Run = Callable[..., int]
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return tmp_path / "site"


@pytest.fixture
def run(tmp_path: Path, site: Path) -> Run:
    """Runs a command with a configuration that names the site's directory."""
    config = tmp_path / "cluster.yaml"
    config.write_text(CONFIG.replace("SITE", str(site)))

    def command(*words: str) -> int:
        root = () if words[0] == "templates" else ("--root", str(tmp_path / "root"))
        return exit_code_of([*root, *words, "--config", str(config)])

    return command


@pytest.fixture
def outdated(run: Run, site: Path) -> Path:
    """The site's copy of a template has a label more; the built-in one had another host network then."""
    assert run("templates", "copy", "static-pod") == 0
    mine, base = site / POD, site / ".base" / POD / POD
    mine.write_text(mine.read_text().replace("    tier: control-plane\n", MINE))
    for path in (mine, base):
        path.write_text(path.read_text().replace("hostNetwork: true", "hostNetwork: false"))
    return mine


def conflicting(mine: Path) -> None:
    mine.write_text(mine.read_text().replace("hostNetwork: false", "hostNetwork: maybe"))


def contents(directory: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_templates_are_listed_with_what_became_of_them(run: Run, site: Path, capsys: Capture) -> None:
    assert run("templates", "copy", "static-pod", "kube-proxy") == 0
    shutil.rmtree(site / ".base/addons")
    (site / "addons/kube-proxy.yaml.j2").write_text("{# mine #}\n")
    (site / ".base" / POD / POD).write_text("older\n")
    (site / POD).write_text("mine\n")
    assert run("templates", "copy", "coredns", "--extend") == 0
    capsys.readouterr()
    assert run("templates", "list", "-o", "json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["schema"] == "bootstrap/templates/v1"
    assert {row["name"]: row["state"] for row in found["templates"] if row["state"] != "built-in"} == {
        POD: "changed",
        "addons/kube-proxy.yaml.j2": "unknown",
        "addons/coredns.yaml.j2": "yours",
    }
    assert run("templates", "list") == 0
    assert f"{POD}                changed    {site / POD}" in capsys.readouterr().out


def test_a_copy_is_the_built_in_one_and_changes_nothing(run: Run, site: Path, capsys: Capture) -> None:
    assert run("apply", "--yes") == 3  # the directory is still to be made
    assert run("templates", "copy", POD, "kube-apiserver", "coredns", "bootstrap-agent") == 0
    assert (site / POD).read_text() == (builtin_directory() / POD).read_text()
    assert run("apply", "--yes") == 0
    shutil.rmtree(site / "manifests")
    assert run("plan") == 0
    assert "warning" not in capsys.readouterr().err


def test_a_template_that_extends_is_ready_to_be_filled(run: Run, site: Path, tmp_path: Path) -> None:
    assert run("templates", "copy", "kube-scheduler", "--extend") == 0
    path = site / "manifests/kube-scheduler.yaml.j2"
    path.write_text(
        path.read_text() + "{% block labels %}\n{{ super() }}    team: platform\n{% endblock %}\n"
    )
    assert run("apply", "--yes") == 0
    manifest = (tmp_path / "root/etc/kubernetes/manifests/kube-scheduler.yaml").read_text()
    assert yaml.safe_load(manifest)["metadata"]["labels"]["team"] == "platform"


def test_a_copy_never_overwrites(run: Run, site: Path, capsys: Capture) -> None:
    assert run("templates", "copy", "coredns") == 0
    before = contents(site)
    assert run("templates", "copy", "kube-proxy", "coredns") == 3
    assert "coredns.yaml.j2 is there already" in capsys.readouterr().err
    assert contents(site) == before


def test_a_copy_that_no_configuration_names_is_told(tmp_path: Path, capsys: Capture) -> None:
    assert exit_code_of(["templates", "copy", "coredns", "--directory", str(tmp_path / "elsewhere")]) == 0
    assert "set templates.directory" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("copy", "kube-apisrever"), "did you mean kube-apiserver?"),
        (("diff", "coredns"), "bootstrap templates copy addons/coredns.yaml.j2"),
        (("accept", "etcd"), "bootstrap templates copy manifests/etcd.yaml.j2"),
    ],
)
def test_a_name_that_is_wrong_is_told(
    run: Run, capsys: Capture, words: tuple[str, ...], message: str
) -> None:
    assert run("templates", *words) == 3
    assert message in capsys.readouterr().err


def test_without_a_directory_it_says_where_to_name_one(capsys: Capture) -> None:
    assert exit_code_of(["templates", "diff"]) == 3
    assert "templates.directory" in capsys.readouterr().err


def test_another_root_is_refused(tmp_path: Path, capsys: Capture) -> None:
    assert exit_code_of(["--root", str(tmp_path), "templates", "list"]) == 3
    assert "--root does not apply" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [("plan",), ("apply", "--yes"), ("init",), ("init", "phase", "etcd", "local")]
)
def test_every_command_that_renders_tells_once_that_a_built_in_one_changed(
    run: Run, outdated: Path, capsys: Capture, words: tuple[str, ...]
) -> None:
    run(*words)
    sentence = f"warning: template {outdated}: the built-in {POD} has changed since yours was made from it"
    assert capsys.readouterr().err.count(sentence) == 1


def test_an_addon_alone_tells_it_too(run: Run, site: Path, capsys: Capture) -> None:
    assert run("templates", "copy", "coredns") == 0
    name = "addons/coredns.yaml.j2"
    (site / name).write_text((site / name).read_text().replace("100m", "200m"))
    (site / ".base" / name / name).write_text("older\n")
    assert run("init", "phase", "addon", "coredns", "--print-manifest") == 0
    assert f"the built-in {name} has changed" in capsys.readouterr().err


def test_the_difference_is_shown_from_both_sides(run: Run, outdated: Path, capsys: Capture) -> None:
    capsys.readouterr()
    assert run("templates", "diff") == 2
    lines = capsys.readouterr().out.splitlines()
    headings = [line for line in lines if line.startswith(("---", "+++"))]
    assert headings == [
        f"--- built-in {POD}, as yours was made from it",
        f"+++ built-in {POD}, as it is now",
        f"--- built-in {POD}, as yours was made from it",
        f"+++ {outdated}",
    ]
    changes = [line for line in lines if line[:1] in "+-" and line not in headings]
    assert changes == ["-  hostNetwork: false", "+  hostNetwork: true", "+    team: platform"]


def test_a_merge_has_both_changes_and_is_the_end_of_it(
    run: Run, outdated: Path, tmp_path: Path, capsys: Capture
) -> None:
    assert run("templates", "merge", "--print", "static-pod") == 0
    printed = capsys.readouterr().out
    assert "hostNetwork: true" not in outdated.read_text()
    assert run("templates", "merge") == 0
    assert outdated.read_text() in printed
    assert outdated.read_text() == (builtin_directory() / POD).read_text().replace(
        "    tier: control-plane\n", MINE
    )
    assert run("templates", "diff") == 0
    capsys.readouterr()
    assert run("apply", "--yes") == 0
    assert "warning" not in capsys.readouterr().err
    manifest = (tmp_path / "root/etc/kubernetes/manifests/etcd.yaml").read_text()
    assert yaml.safe_load(manifest)["metadata"]["labels"]["team"] == "platform"
    assert run("templates", "merge") == 0
    assert "Nothing to merge." in capsys.readouterr().err


def test_a_conflict_is_refused_and_nothing_is_written(
    run: Run, outdated: Path, site: Path, capsys: Capture
) -> None:
    conflicting(outdated)
    before = contents(site)
    assert run("templates", "merge") == 3
    said = capsys.readouterr().err
    line = outdated.read_text().splitlines().index("  hostNetwork: maybe") + 1
    assert f"{outdated}: 1 conflict, at line {line} of bootstrap templates merge {POD} --print" in said
    assert f"bootstrap templates merge {POD} --conflicts" in said
    assert contents(site) == before


def test_a_conflict_in_the_file_has_to_be_resolved_before_anything_is_rendered(
    run: Run, outdated: Path, tmp_path: Path, capsys: Capture
) -> None:
    conflicting(outdated)
    mine = outdated.read_text()
    assert run("templates", "merge", "--conflicts") == 1
    assert outdated.with_name(f"{outdated.name}.orig").read_text() == mine
    line = outdated.read_text().splitlines().index(f"<<<<<<< {outdated}") + 1
    for words in (
        ("plan",),
        ("apply", "--yes"),
        ("init",),
        ("templates", "accept", POD),
        ("templates", "list"),
    ):
        capsys.readouterr()
        assert run(*words) == 3
        assert (
            f"template {outdated}, line {line}: a conflict of a merge is not resolved"
            in capsys.readouterr().err
        )
    assert not (tmp_path / "root/etc").exists()
    marked = outdated.read_text().splitlines(keepends=True)
    begin, end = (next(n for n, one in enumerate(marked) if one.startswith(mark)) for mark in ("<<<", ">>>"))
    outdated.write_text("".join((*marked[:begin], "  hostNetwork: true\n", *marked[end + 1 :])))
    assert run("apply", "--yes") == 0
    assert run("templates", "diff") == 0


def test_a_merge_that_would_not_render_is_refused(
    run: Run, outdated: Path, site: Path, capsys: Capture
) -> None:
    outdated.write_text(outdated.read_text().replace("team: platform", "team: {{ mistake }}"))
    before = contents(site)
    assert run("templates", "merge") == 3
    said = capsys.readouterr().err
    assert "nothing was written" in said
    assert f"{outdated}, line" in said
    assert "'mistake' is undefined" in said
    assert contents(site) == before


def test_a_merge_into_a_pod_that_cannot_run_is_refused(
    run: Run, outdated: Path, site: Path, capsys: Capture
) -> None:
    outdated.write_text(outdated.read_text().replace("    image: {{ image }}\n", ""))
    before = contents(site)
    assert run("templates", "merge") == 3
    said = capsys.readouterr().err
    assert "produces cannot run" in said
    assert f"bootstrap templates merge {POD} --print" in said
    assert contents(site) == before


def test_what_was_accepted_is_told_no_more(run: Run, outdated: Path, capsys: Capture) -> None:
    before = outdated.read_text()
    assert run("templates", "accept", "static-pod") == 0
    assert outdated.read_text() == before
    assert run("plan") == 2
    assert "warning" not in capsys.readouterr().err
    assert run("templates", "diff") == 0


def test_blocks_are_compared_and_accepted_but_not_merged(run: Run, site: Path, capsys: Capture) -> None:
    assert run("templates", "copy", "etcd", "--extend") == 0
    name = "manifests/etcd.yaml.j2"
    path = site / name
    path.write_text(path.read_text() + "{% block labels %}\n    component: etcd\n{% endblock %}\n")
    base = site / ".base" / name / POD
    base.write_text(base.read_text().replace("    tier: control-plane\n", ""))
    assert run("plan") == 2
    assert (
        f"the built-in {POD} has changed since yours took the place of a part of it"
        in capsys.readouterr().err
    )
    assert run("templates", "diff") == 2
    assert "+    tier: control-plane" in capsys.readouterr().out
    assert run("templates", "merge", name) == 3
    assert "these are not merged" in capsys.readouterr().err
    assert run("templates", "accept", name) == 0
    assert run("templates", "diff") == 0


def test_a_link_is_followed_when_it_is_merged(run: Run, outdated: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "checkout.yaml.j2"
    outdated.rename(elsewhere)
    outdated.symlink_to(elsewhere)
    assert run("templates", "merge") == 0
    assert outdated.is_symlink()
    assert "hostNetwork: true" in elsewhere.read_text()
