"""The phases that make objects of the API, on a machine and a cluster in memory."""

from __future__ import annotations

import base64
import itertools
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from msgspec.structs import replace

from bootstrap.config.defaults import CONTROL_PLANE_TAINT, TOKEN_GROUPS
from bootstrap.kube.client import JsonObject
from bootstrap.kube.kubeconfig import parse_kubeconfig
from bootstrap.model.bootstrapconfig import BootstrapConfiguration, TemplateSettings
from bootstrap.model.cluster import ControlPlane
from bootstrap.model.kubeadm import DNS, BootstrapToken, Etcd, ExternalEtcd, Patches
from bootstrap.model.nodelabels import STATIC_PODS_ONLY
from bootstrap.phases.addon import ADDON
from bootstrap.phases.bootstrap_token import BOOTSTRAP_TOKEN
from bootstrap.phases.context import Context, Wishes
from bootstrap.phases.mark_control_plane import MARK_CONTROL_PLANE
from bootstrap.phases.phase import Phase, run_all
from bootstrap.phases.show_join_command import SHOW_JOIN_COMMAND
from bootstrap.phases.upload_certs import UPLOAD_CERTS
from bootstrap.render.addons import InvalidAddonError
from bootstrap.render.engine import TemplateFailedError
from bootstrap.workflows.init import run_init
from pki.pins import pins
from pki.sealing import unseal
from tests.fakes.node import QUICK, WITHOUT_A_CLUSTER, FakeNode
from tests.golden.control_planes import control_plane

SYSTEM = "/api/v1/namespaces/kube-system"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
TOKEN = "abcdef.0123456789abcdef"
KEY = "00" * 31 + "ff"


def with_init(**changes: object) -> ControlPlane:
    return control_plane(cluster=QUICK.cluster, init=replace(QUICK.init, **changes))


def with_cluster(**changes: object) -> ControlPlane:
    return control_plane(cluster=replace(QUICK.cluster, **changes), init=QUICK.init)


@pytest.fixture
def node(tmp_path: Path) -> FakeNode:
    """Files are there, as init makes them; of the cluster there is nothing yet."""
    made = FakeNode(tmp_path)
    run_init(made.context(described=with_init(skip_phases=("agent-start", *WITHOUT_A_CLUSTER))))
    made.api.on_request = lambda: None
    made.api.answering = True
    return made


def run(node: FakeNode, phase: Phase, described: ControlPlane = QUICK, **wishes: bool) -> Context:
    context = node.context(described=described, wishes=Wishes(**wishes))
    node.reporter.results.clear()
    run_all((phase,), context)
    return context


def decoded(secret: JsonObject) -> dict[str, bytes]:
    return {name: base64.b64decode(value) for name, value in secret["data"].items()}


def tokens(node: FakeNode) -> list[dict[str, str]]:
    paths = [path for path in node.api.objects if path.startswith(f"{SYSTEM}/secrets/bootstrap-token-")]
    return [
        {name: value.decode() for name, value in decoded(node.api.objects[path]).items()} for path in paths
    ]


def test_a_token_is_made_that_signs_and_authenticates_for_a_day(node: FakeNode) -> None:
    run(node, BOOTSTRAP_TOKEN)
    (token,) = tokens(node)
    assert token["expiration"] == f"{node.clock.now() + timedelta(hours=24):%Y-%m-%dT%H:%M:%SZ}"
    assert (token["usage-bootstrap-signing"], token["usage-bootstrap-authentication"]) == ("true", "true")
    assert token["auth-extra-groups"] == TOKEN_GROUPS[0]
    stored = node.api.objects[f"{SYSTEM}/secrets/bootstrap-token-{token['token-id']}"]
    assert stored["type"] == "bootstrap.kubernetes.io/token"


def test_running_it_again_leaves_no_trail_of_tokens(node: FakeNode) -> None:
    run(node, BOOTSTRAP_TOKEN)
    node.api.history.clear()
    run(node, BOOTSTRAP_TOKEN)
    assert node.api.history == []


def test_a_token_that_is_about_to_end_is_followed_by_another(node: FakeNode) -> None:
    run(node, BOOTSTRAP_TOKEN)
    node.clock.advance(23.5 * 3600)
    run(node, BOOTSTRAP_TOKEN)
    assert len(tokens(node)) == 2


def test_given_tokens_are_stored_as_they_are(node: FakeNode) -> None:
    given = (
        BootstrapToken(token=TOKEN, ttl="0s", usages=("authentication",), groups=("system:bootstrappers:a",)),
        BootstrapToken(
            token="abcde0.0123456789abcdef", expires="2100-06-01T00:00:00+02:00", description="for the lab"
        ),
    )
    run(node, BOOTSTRAP_TOKEN, with_init(bootstrap_tokens=given))
    assert tokens(node) == [
        {
            "token-id": "abcdef",
            "token-secret": "0123456789abcdef",
            "usage-bootstrap-authentication": "true",
            "auth-extra-groups": "system:bootstrappers:a",
        },
        {
            "token-id": "abcde0",
            "token-secret": "0123456789abcdef",
            "description": "for the lab",
            "expiration": "2100-05-31T22:00:00Z",
        },
    ]


def test_everybody_may_read_whose_cluster_it_is_and_nothing_more(node: FakeNode) -> None:
    run(node, BOOTSTRAP_TOKEN)
    info = node.api.objects["/api/v1/namespaces/kube-public/configmaps/cluster-info"]
    admin = parse_kubeconfig(node.files.read_text(node.described.layout.kubeconfig("admin")), "admin.conf")
    (cluster,) = yaml.safe_load(info["data"]["kubeconfig"])["clusters"]
    assert cluster["cluster"]["server"] == admin.server
    assert base64.b64decode(cluster["cluster"]["certificate-authority-data"]).decode() == admin.ca
    assert "PRIVATE" not in str(info)
    assert admin.key.reveal() not in str(info)
    role = node.api.objects[f"{RBAC}/namespaces/kube-public/roles/kubeadm:bootstrap-signer-clusterinfo"]
    assert role["rules"][0]["resourceNames"] == ["cluster-info"]


def test_signatures_of_cluster_info_stay(node: FakeNode) -> None:
    run(node, BOOTSTRAP_TOKEN)
    path = "/api/v1/namespaces/kube-public/configmaps/cluster-info"
    node.api.objects[path]["data"]["jws-kubeconfig-abcdef"] = "signed"
    run(node, BOOTSTRAP_TOKEN)
    assert node.api.objects[path]["data"]["jws-kubeconfig-abcdef"] == "signed"


@pytest.mark.parametrize(
    ("binding", "role", "group"),
    [
        ("kubeadm:get-nodes", "kubeadm:get-nodes", TOKEN_GROUPS[0]),
        ("kubeadm:kubelet-bootstrap", "system:node-bootstrapper", TOKEN_GROUPS[0]),
        (
            "kubeadm:node-autoapprove-bootstrap",
            "system:certificates.k8s.io:certificatesigningrequests:nodeclient",
            TOKEN_GROUPS[0],
        ),
        (
            "kubeadm:node-autoapprove-certificate-rotation",
            "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient",
            "system:nodes",
        ),
    ],
)
def test_who_holds_a_token_may_become_a_node(node: FakeNode, binding: str, role: str, group: str) -> None:
    run(node, BOOTSTRAP_TOKEN)
    found = node.api.objects[f"{RBAC}/clusterrolebindings/{binding}"]
    assert found["roleRef"]["name"] == role
    assert [subject["name"] for subject in found["subjects"]] == [group]


def test_certificates_are_uploaded_only_when_that_is_asked_for(node: FakeNode) -> None:
    run(node, UPLOAD_CERTS)
    assert node.api.objects.keys().isdisjoint({f"{SYSTEM}/secrets/kubeadm-certs"})
    assert any("--upload-certs was not given" in line for line in node.reporter.lines)


def test_uploaded_certificates_open_with_the_printed_key_and_end_with_their_token(node: FakeNode) -> None:
    run(node, UPLOAD_CERTS, upload_certs=True)
    (key,) = node.reporter.results
    uploaded = node.api.objects[f"{SYSTEM}/secrets/kubeadm-certs"]
    pki = node.described.layout.pki
    for name, file in {"ca.key": "ca.key", "etcd-ca.crt": "etcd/ca.crt", "sa.pub": "sa.pub"}.items():
        content = node.files.read_bytes(pki / file)
        assert unseal(decoded(uploaded)[name], bytes.fromhex(key)) == content
        assert content not in decoded(uploaded)[name]
    assert set(uploaded["data"]) == {
        *("ca.crt", "ca.key", "etcd-ca.crt", "etcd-ca.key"),
        *("front-proxy-ca.crt", "front-proxy-ca.key", "sa.key", "sa.pub"),
    }
    (token,) = tokens(node)
    assert token["expiration"] == f"{node.clock.now() + timedelta(hours=2):%Y-%m-%dT%H:%M:%SZ}"
    assert not [name for name in token if name.startswith("usage")]
    (owner,) = uploaded["metadata"]["ownerReferences"]
    stored = node.api.objects[f"{SYSTEM}/secrets/bootstrap-token-{token['token-id']}"]
    assert (owner["kind"], owner["uid"], owner["controller"]) == ("Secret", stored["metadata"]["uid"], True)


def test_a_given_certificate_key_is_used_and_need_not_be_printed(node: FakeNode) -> None:
    run(
        node,
        UPLOAD_CERTS,
        with_init(certificate_key=KEY),
        upload_certs=True,
        skip_certificate_key_print=True,
    )
    assert node.reporter.results == []
    assert KEY not in str(node.reporter.lines)
    sealed = decoded(node.api.objects[f"{SYSTEM}/secrets/kubeadm-certs"])["ca.crt"]
    assert unseal(sealed, bytes.fromhex(KEY)).startswith(b"-----BEGIN CERTIFICATE")


def test_a_key_that_is_kept_elsewhere_is_empty(node: FakeNode) -> None:
    node.files.remove(node.described.layout.pki / "ca.key")
    run(node, UPLOAD_CERTS, upload_certs=True)
    assert decoded(node.api.objects[f"{SYSTEM}/secrets/kubeadm-certs"])["ca.key"] == b""


def test_of_an_external_etcd_its_client_files_are_uploaded(node: FakeNode) -> None:
    external = ExternalEtcd(endpoints=("http://etcd:2379",))
    run(node, UPLOAD_CERTS, with_cluster(etcd=Etcd(external=external)), upload_certs=True)
    names = set(node.api.objects[f"{SYSTEM}/secrets/kubeadm-certs"]["data"])
    assert {name for name in names if "etcd" in name} == {
        *("external-etcd-ca.crt", "external-etcd.crt", "external-etcd.key"),
    }


def node_object(**spec: Any) -> JsonObject:
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "master"}, "spec": spec}


TAINTED = with_init(
    node_registration=replace(QUICK.init.node_registration, taints=(CONTROL_PLANE_TAINT,)),
)


def test_a_node_gets_the_role_and_keeps_taints_of_others(node: FakeNode) -> None:
    other = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}
    node.api.add("/api/v1/nodes/master", node_object(taints=[other]))
    run(node, MARK_CONTROL_PLANE, TAINTED)
    marked = node.api.objects["/api/v1/nodes/master"]
    assert set(marked["metadata"]["labels"]) == {
        "node-role.kubernetes.io/control-plane",
        "node.kubernetes.io/exclude-from-external-load-balancers",
    }
    role = {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}
    assert marked["spec"]["taints"] == [role, other]
    node.api.history.clear()
    run(node, MARK_CONTROL_PLANE, TAINTED)
    assert node.api.history == []


def test_without_taints_only_the_labels_are_set(node: FakeNode) -> None:
    node.api.add("/api/v1/nodes/master", node_object())
    run(
        node,
        MARK_CONTROL_PLANE,
        with_init(node_registration=replace(TAINTED.init.node_registration, taints=())),
    )
    marked = node.api.objects["/api/v1/nodes/master"]
    assert marked["spec"].get("taints", []) == []
    assert "node-role.kubernetes.io/control-plane" in marked["metadata"]["labels"]


def test_a_machine_that_is_no_node_is_nothing_to_mark(node: FakeNode) -> None:
    run(node, MARK_CONTROL_PLANE)
    assert node.reporter.steps[-1].summary == "node not marked: the cluster has no Node master"


def test_a_node_that_the_agent_is_about_to_register_is_waited_for(node: FakeNode) -> None:
    node.agent.running = True
    asked = itertools.count()

    def register_late() -> None:
        if next(asked) == 5:
            node.api.add("/api/v1/nodes/master", node_object())

    node.api.on_request = register_late
    run(node, MARK_CONTROL_PLANE)
    assert (
        "node-role.kubernetes.io/control-plane"
        in node.api.objects["/api/v1/nodes/master"]["metadata"]["labels"]
    )


def test_the_add_ons_are_installed_and_not_written_again(node: FakeNode) -> None:
    run(node, ADDON)
    service = node.api.objects[f"{SYSTEM}/services/kube-dns"]
    assert service["spec"]["clusterIP"] == "10.96.0.10"
    corefile = node.api.objects[f"{SYSTEM}/configmaps/coredns"]["data"]["Corefile"]
    assert "kubernetes cluster.local in-addr.arpa ip6.arpa {" in corefile
    proxy = node.api.objects[f"{SYSTEM}/configmaps/kube-proxy"]
    assert yaml.safe_load(proxy["data"]["config.conf"])["kind"] == "KubeProxyConfiguration"
    assert "component-config.hash" in str(proxy["metadata"]["annotations"])
    kubeconfig = yaml.safe_load(proxy["data"]["kubeconfig.conf"])
    assert kubeconfig["clusters"][0]["cluster"]["server"] == "https://192.0.2.10:6443"
    node.api.history.clear()
    run(node, ADDON)
    assert node.api.history == []


def test_a_corefile_and_replicas_of_users_stay(node: FakeNode) -> None:
    run(node, ADDON)
    node.api.objects[f"{SYSTEM}/configmaps/coredns"]["data"]["Corefile"] = "mine"
    deployment = node.api.objects["/apis/apps/v1/namespaces/kube-system/deployments/coredns"]
    deployment["spec"]["replicas"] = 5
    deployment["spec"]["template"]["spec"]["containers"][0]["image"] = "old"
    run(node, ADDON)
    now = node.api.objects["/apis/apps/v1/namespaces/kube-system/deployments/coredns"]
    assert now["spec"]["replicas"] == 5
    assert now["spec"]["template"]["spec"]["containers"][0]["image"].endswith("coredns:v1.14.6")
    assert node.api.objects[f"{SYSTEM}/configmaps/coredns"]["data"]["Corefile"] == "mine"


def test_a_disabled_add_on_is_left_out(node: FakeNode) -> None:
    run(node, ADDON, with_cluster(dns=DNS(disabled=True)))
    assert f"{SYSTEM}/services/kube-dns" not in node.api.objects
    assert f"{SYSTEM}/configmaps/kube-proxy" in node.api.objects
    assert "info Install CoreDNS: skipped, dns.disabled is set" in node.reporter.lines


def test_manifests_can_be_printed_without_a_cluster(node: FakeNode) -> None:
    node.files.remove(node.described.layout.kubeconfig("admin"))
    run(node, ADDON, print_manifest=True)
    kinds = [document["kind"] for text in node.reporter.results for document in yaml.safe_load_all(text)]
    assert sorted(set(kinds)) == [
        *("ClusterRole", "ClusterRoleBinding", "ConfigMap", "DaemonSet", "Deployment"),
        *("Role", "RoleBinding", "Service", "ServiceAccount"),
    ]
    assert node.api.history == []


def test_a_patch_changes_the_deployment(node: FakeNode, tmp_path: Path) -> None:
    patches = tmp_path / "patches"
    patches.mkdir()
    (patches / "corednsdeployment.yaml").write_text("spec: {replicas: 3}\n")
    run(node, ADDON, with_init(patches=Patches(directory=str(patches))))
    deployment = node.api.objects["/apis/apps/v1/namespaces/kube-system/deployments/coredns"]
    assert deployment["spec"]["replicas"] == 3


def test_kube_proxy_keeps_away_from_nodes_that_run_static_pods_only(node: FakeNode) -> None:
    run(node, ADDON)
    pod = node.api.objects["/apis/apps/v1/namespaces/kube-system/daemonsets/kube-proxy"]["spec"]["template"]
    wanted = pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    expression = {"key": STATIC_PODS_ONLY.key, "operator": "DoesNotExist"}
    assert wanted == {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}


def site(directory: Path, name: str, text: str) -> ControlPlane:
    (directory / "site" / "addons").mkdir(parents=True)
    (directory / "site" / "addons" / name).write_text(text)
    settings = BootstrapConfiguration(templates=TemplateSettings(directory=str(directory / "site")))
    return control_plane(cluster=QUICK.cluster, init=QUICK.init, bootstrap=settings)


def test_a_template_of_the_site_takes_the_place_of_the_builtin_one(node: FakeNode, tmp_path: Path) -> None:
    block = "{% block corefile %}    .:53 { whoami }\n{% endblock %}"
    text = f'{{% extends "builtin/addons/coredns.yaml.j2" %}}{block}'
    run(node, ADDON, site(tmp_path, "coredns.yaml.j2", text))
    assert node.api.objects[f"{SYSTEM}/configmaps/coredns"]["data"]["Corefile"] == ".:53 { whoami }\n"


def test_a_template_that_makes_no_object_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    described = site(tmp_path, "coredns.yaml.j2", "kind: ConfigMap\n")
    fresh = FakeNode(tmp_path / "fresh", described)
    with pytest.raises(InvalidAddonError, match=r"coredns\.yaml\.j2"):
        run_init(fresh.context())
    assert fresh.tree() == {}


def test_a_unit_of_the_site_that_does_not_render_is_refused_before_anything_is_written(
    tmp_path: Path,
) -> None:
    described = site(tmp_path, "unit.j2", "{{ mistake }}")
    (tmp_path / "site/addons").rename(tmp_path / "site/systemd")
    (tmp_path / "site/systemd/unit.j2").rename(tmp_path / "site/systemd/bootstrap-agent.service.j2")
    fresh = FakeNode(tmp_path / "fresh", described)
    with pytest.raises(TemplateFailedError, match=r"bootstrap-agent\.service\.j2, line 1"):
        run_init(fresh.context())
    assert fresh.tree() == {}


def test_the_join_command_has_the_token_and_the_pin_of_the_authority(node: FakeNode) -> None:
    run(node, BOOTSTRAP_TOKEN)
    run(node, SHOW_JOIN_COMMAND)
    (token,) = tokens(node)
    (pin,) = pins(node.files.read_text(node.described.layout.pki / "ca.crt"))
    assert node.reporter.results == [
        f"kubeadm join 192.0.2.10:6443 --token {token['token-id']}.{token['token-secret']} \\\n"
        f"\t--discovery-token-ca-cert-hash {pin}"
    ]
    assert token["token-secret"] not in str(node.reporter.lines)


def test_secrets_of_the_join_command_can_be_withheld(node: FakeNode) -> None:
    stable = with_cluster(control_plane_endpoint="k8s.example:6443")
    run(node, BOOTSTRAP_TOKEN, stable)
    run(
        node,
        SHOW_JOIN_COMMAND,
        stable,
        upload_certs=True,
        skip_token_print=True,
        skip_certificate_key_print=True,
    )
    control_planes, nodes = node.reporter.results
    assert "--token <value withheld>" in nodes
    assert control_planes.endswith("--control-plane --certificate-key <value withheld>")


def test_with_a_stable_address_control_planes_may_join_with_the_key(node: FakeNode) -> None:
    stable = control_plane(
        cluster=replace(QUICK.cluster, control_plane_endpoint="k8s.example:6443"),
        init=replace(QUICK.init, certificate_key=KEY, bootstrap_tokens=(BootstrapToken(token=TOKEN),)),
    )
    run(node, SHOW_JOIN_COMMAND, stable, upload_certs=True)
    assert node.reporter.results[0].endswith(f"\\\n\t--control-plane --certificate-key {KEY}")
    run(node, SHOW_JOIN_COMMAND, stable)
    assert node.reporter.results[0].endswith("\\\n\t--control-plane")


def test_without_a_token_it_says_how_to_make_one(node: FakeNode) -> None:
    run(node, SHOW_JOIN_COMMAND)
    assert node.reporter.results == []
    assert "bootstrap token create --print-join-command" in node.reporter.lines[-1]
