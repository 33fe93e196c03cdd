"""One node's life, in order: the previous release, a changed flag, the newest release, and its end.

The tests build on each other; alone they make no sense.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.model.layout import ETCD, KUBE_APISERVER
from bootstrap.model.version import KubernetesVersion
from tests.e2e.conftest import Lab
from tests.e2e.control_plane import ControlPlane, config_map, wait_until
from tests.e2e.talker import put_talker, remove_talker
from tests.fixtures.probe_image import PROGRAM
from tests.lab import LabNode
from tests.lab.programs import NEWEST, PREVIOUS

CONFIG = "/etc/cluster.yaml"
FLAG = "--profiling=false"
TEMPLATES = "/etc/templates"
TEMPLATES_CONFIG = f"""\
apiVersion: bootstrap/v1alpha1
kind: BootstrapConfiguration
templates: {{directory: {TEMPLATES}}}
"""
POD = "manifests/static-pod.yaml.j2"


def write_config(node: LabNode, version: KubernetesVersion, *more: str, **arguments: str) -> None:
    """``more`` are further documents."""
    extra = "".join(f"\n  - name: {name}\n    value: '{value}'" for name, value in arguments.items())
    node.path(CONFIG).write_text(
        "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n"
        f"kubernetesVersion: {version.text}\n"
        + (f"apiServer:\n  extraArgs:{extra}\n" if extra else "")
        + "".join(f"---\n{document}" for document in more)
    )


def inventory(node: LabNode) -> dict[str, str]:
    """Everything that reset promises to leave as it was."""
    listing = "find /etc /var/lib /var/log /run /usr/libexec -path /var/lib/docker -prune"
    listing += " -o -path '/run/docker*' -prune -o -path '/run/containerd*' -prune -o -path /run/home -prune"
    return {
        "files": node.run(["sh", "-c", f"{listing} -o -print | sort"]).stdout,
        "containers": node.docker("ps", "--all", "--quiet"),
        "volumes": node.docker("volume", "ls", "--quiet"),
        "mounts": node.run(
            ["sh", "-c", "cut -d ' ' -f 2 /proc/mounts | grep -E '^/(etc|usr|var|run)' | grep -v /docker/"]
        ).stdout,
        "programs": "\n".join(sorted(program_names(node))),
        "listeners": node.run(["ss", "--listening", "--tcp", "--numeric", "--no-header"]).stdout,
    }


def program_names(node: LabNode) -> Iterator[str]:
    """Of every process; engines start and end helpers as they like."""
    for pid in node.pids():
        with contextlib.suppress(OSError):
            yield Path(f"/proc/{pid}/comm").read_text().strip()


class Life:
    """The node, and what was on it before anything of ours was."""

    def __init__(self, node: LabNode) -> None:
        self.node = node
        write_config(node, PREVIOUS)
        self.before = inventory(node)
        node.bootstrap("init", "--config", CONFIG)
        self.cluster = ControlPlane(node)


@pytest.fixture(scope="module")
def life(lab: Lab) -> Iterator[Life]:
    with lab.node(version=PREVIOUS) as node:
        yield Life(node)


@pytest.fixture
def talker(life: Life) -> Iterator[str]:
    name = put_talker(life.node)
    command = ["kubectl", "logs", name, "--container=main"]
    try:
        wait_until(lambda: life.node.run(command, check=False).stdout, "its log can be read")
        yield name
    finally:
        remove_talker(life.node)
        wait_until(lambda: not life.cluster.get("pods")["items"], "its mirror is gone")


def test_the_previous_release_comes_up(life: Life) -> None:
    life.cluster.wait_healthy()
    assert f'"gitVersion": "{PREVIOUS.text}"' in life.cluster.kubectl("get", "--raw=/version")
    assert life.cluster.kubectl("get", "--raw=/readyz?verbose").rstrip().endswith("readyz check passed")


@pytest.mark.parametrize("websockets", ["true", "false"])
def test_people_get_into_its_pods(life: Life, talker: str, websockets: str) -> None:
    command = ["kubectl", "exec", talker, "--container=main", "--", PROGRAM, "print:inside"]
    environment = {"KUBECTL_REMOTE_COMMAND_WEBSOCKETS": websockets}
    assert life.node.run(command, environment=environment).stdout == "inside\n"
    assert life.cluster.kubectl("logs", talker, "--container=main", "--tail=1") == "two\n"


def test_a_changed_flag_is_planned_and_restarts_its_component(life: Life) -> None:
    """Controller manager and scheduler end by themselves when the API server is away for ten seconds."""
    etcd = life.cluster.containers(ETCD)
    write_config(life.node, PREVIOUS, profiling="false")
    planned = life.node.bootstrap("plan", "--config", CONFIG, check=False)
    assert planned.returncode == 2, planned.stderr
    assert "profiling" in planned.stdout
    assert re.findall("restarts ([a-z-]+)", planned.stdout) == [KUBE_APISERVER]
    life.node.bootstrap("apply", "--config", CONFIG, "--yes")
    (apiserver,) = life.cluster.containers(KUBE_APISERVER)
    assert FLAG in life.node.docker("inspect", "--format", "{{.Args}} {{.Config.Cmd}}", apiserver)
    assert life.cluster.containers(ETCD) == etcd
    assert life.node.bootstrap("plan", "--config", CONFIG).returncode == 0


def test_the_newest_release_keeps_what_was_written_before(life: Life, own_template: Path) -> None:
    """Whoever has a template of his own is told that the built-in one changed, takes that over, goes on."""
    life.cluster.create(config_map("written-before", answer="42"))
    write_config(life.node, NEWEST, TEMPLATES_CONFIG, profiling="false")
    planned = life.node.bootstrap("plan", "--config", CONFIG, check=False)
    assert f"the built-in {POD} has changed since yours was made from it" in planned.stderr
    life.node.bootstrap("templates", "merge", "--config", CONFIG)
    assert "hostNetwork: true" in own_template.read_text()
    applied = life.node.bootstrap("apply", "--config", CONFIG, "--yes")
    assert "template" not in applied.stderr
    life.cluster.wait_healthy()
    assert f'"gitVersion": "{NEWEST.text}"' in life.cluster.kubectl("get", "--raw=/version")
    assert life.cluster.get("configmap", "written-before")["data"] == {"answer": "42"}
    assert life.node.bootstrap("plan", "--config", CONFIG).returncode == 0
    mirror = life.cluster.get("pod", f"kube-scheduler-{life.node.name}", "--namespace=kube-system")
    assert mirror["metadata"]["labels"]["team"] == "platform"


@pytest.fixture
def own_template(life: Life) -> Iterator[Path]:
    """A copy of a built-in template with a label more; the built-in one was another when it was made."""
    life.node.bootstrap("templates", "copy", "static-pod", "--directory", TEMPLATES)
    mine, base = (life.node.path(f"{TEMPLATES}/{path}") for path in (POD, f".base/{POD}/{POD}"))
    older = mine.read_text().replace("hostNetwork: true", "hostNetwork: false")
    base.write_text(older)
    tier = "    tier: control-plane\n"
    mine.write_text(older.replace(tier, f"{tier}    team: platform\n"))
    yield mine
    life.node.run(["rm", "-r", TEMPLATES])


@pytest.mark.parametrize("what", ["files", "containers", "volumes", "mounts", "programs", "listeners"])
def test_reset_leaves_nothing(life: Life, reset: dict[str, str], what: str) -> None:
    assert reset[what].splitlines() == life.before[what].splitlines()


@pytest.fixture(scope="module")
def reset(life: Life) -> dict[str, str]:
    """The inventory after the end."""
    life.node.bootstrap("reset", "--yes")
    return inventory(life.node)
