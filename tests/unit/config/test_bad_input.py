"""Every way a document can be wrong, and the exact line that says so."""

from __future__ import annotations

import pytest

from tests.unit.config.cases import BOOTSTRAP, CLUSTER, INIT, load_text, problems_of

Case = tuple[str, tuple[str, ...]]

DOCUMENTS: dict[str, Case] = {
    "nothing in the file": (
        "# only a comment\n",
        ("cluster.yaml: there is no document in it; begin with apiVersion: kubeadm.k8s.io/v1beta4",),
    ),
    "text instead of a mapping": (
        "hello\n",
        ("cluster.yaml:1:1: a document must be a mapping with apiVersion and kind",),
    ),
    "nothing but what is not ours": (
        "apiVersion: v1\nkind: ConfigMap\n",
        ("cluster.yaml: there is no configuration in it; begin with apiVersion: kubeadm.k8s.io/v1beta4",),
    ),
    "no kind": (
        "apiVersion: kubeadm.k8s.io/v1beta4\n",
        ("cluster.yaml:1:1: the document has no kind",),
    ),
    "misspelt apiVersion": (
        "apiversion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n",
        ('cluster.yaml:1:1: the document has no apiVersion; "apiversion" looks like it',),
    ),
    "kind is a number": (
        "apiVersion: kubeadm.k8s.io/v1beta4\nkind: 5\n",
        ("cluster.yaml:2:7: kind must be text",),
    ),
    "unknown kind of a known group": (
        "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfig\n",
        ('cluster.yaml:2:7: unknown kind "ClusterConfig"; did you mean "ClusterConfiguration"?',),
    ),
    "unknown group that is near": (
        "apiVersion: kubadm.k8s.io/v1beta4\nkind: Something\n",
        ('cluster.yaml:1:13: unknown group "kubadm.k8s.io"; did you mean "kubeadm.k8s.io"?',),
    ),
    "misspelt version": (
        "apiVersion: kubeadm.k8s.io/v1beta5\nkind: ClusterConfiguration\n",
        (
            'cluster.yaml:1:13: apiVersion "kubeadm.k8s.io/v1beta5" of ClusterConfiguration is not supported;'
            " write kubeadm.k8s.io/v1beta4",
        ),
    ),
    "version nothing reads any more": (
        "apiVersion: kubeadm.k8s.io/v1beta2\nkind: ClusterConfiguration\n",
        (
            'cluster.yaml:1:13: apiVersion "kubeadm.k8s.io/v1beta2" of ClusterConfiguration is not supported;'
            " migrate the file with kubeadm 1.22, or write kubeadm.k8s.io/v1beta4",
        ),
    ),
    "the same kind twice": (
        f"{CLUSTER}---\n{CLUSTER}",
        ("cluster.yaml:4:1: a second ClusterConfiguration; the first is at cluster.yaml:1:1",),
    ),
    "a component configuration alone": (
        "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n",
        ("cluster.yaml:1:1: there is no InitConfiguration or ClusterConfiguration beside it",),
    ),
}

YAML: dict[str, Case] = {
    "bad indentation": (
        f"{CLUSTER}networking:\n  podSubnet: a\n   dnsDomain: b\n",
        ("cluster.yaml:5:13: not YAML: mapping values are not allowed in this context",),
    ),
    "a tab": (
        f"{CLUSTER}networking:\n\tpodSubnet: a\n",
        ("cluster.yaml:4:1: not YAML: found character that cannot start any token",),
    ),
    "an open bracket": (
        f"{CLUSTER}apiServer: {{certSANs: [a\n",
        ("cluster.yaml:4:1: not YAML: did not find expected ',' or ']'",),
    ),
    "a control character": (
        f"{CLUSTER}clusterName: a\x01b\n",
        ("cluster.yaml:3:15: not YAML: control characters are not allowed",),
    ),
    "a key given twice": (
        f"{CLUSTER}networking:\n  podSubnet: 10.1.0.0/16\n  podSubnet: 10.2.0.0/16\n",
        ('cluster.yaml:5:3: "podSubnet" is given twice (first on line 4)',),
    ),
    "a key that is no text": (
        f"{CLUSTER}? [a, b]\n: c\n",
        ("cluster.yaml:3:3: a key must be text; quote it if it holds braces or brackets",),
    ),
    "a tag of its own": (
        f"{CLUSTER}clusterName: !secret a\n",
        ("cluster.yaml:3:14: the tag !secret means nothing here; remove it",),
    ),
    "an alias without anchor": (
        f"{CLUSTER}clusterName: *name\n",
        ("cluster.yaml:3:14: not YAML: found undefined alias",),
    ),
    "an alias that contains itself": (
        f"{CLUSTER}apiServer: &a\n  certSANs: *a\n",
        ("cluster.yaml:3:12: nested more than 100 levels deep, or an alias that contains itself",),
    ),
    "a merge of text": (
        f"{CLUSTER}<<: text\n",
        ("cluster.yaml:3:5: << can only merge mappings",),
    ),
}

FIELDS: dict[str, Case] = {
    "a misspelt field": (
        f"{CLUSTER}networking: {{podSubet: 10.244.0.0/16}}\n",
        ('cluster.yaml:3:14: unknown field "podSubet" in networking; did you mean "podSubnet"?',),
    ),
    "a field in other case": (
        f"{CLUSTER}clustername: a\n",
        (
            'cluster.yaml:3:1: unknown field "clustername" in ClusterConfiguration;'
            ' did you mean "clusterName"?',
        ),
    ),
    "a field of another section": (
        f"{CLUSTER}podSubnet: 10.244.0.0/16\n",
        ('cluster.yaml:3:1: unknown field "podSubnet" in ClusterConfiguration; it belongs in networking',),
    ),
    "a field of another document": (
        f"{CLUSTER}localAPIEndpoint: {{}}\n",
        (
            'cluster.yaml:3:1: unknown field "localAPIEndpoint" in ClusterConfiguration;'
            " it belongs in InitConfiguration",
        ),
    ),
    "a section of another document": (
        f"{INIT}serviceSubnet: 10.96.0.0/16\n",
        (
            'cluster.yaml:3:1: unknown field "serviceSubnet" in InitConfiguration;'
            " it belongs in networking of ClusterConfiguration",
        ),
    ),
    "a field of v1beta3": (
        f"{CLUSTER}apiServer: {{timeoutForControlPlane: 4m}}\n",
        (
            'cluster.yaml:3:13: unknown field "timeoutForControlPlane" in apiServer;'
            " v1beta4 has timeouts.controlPlaneComponentHealthCheck in InitConfiguration",
        ),
    ),
    "an unknown field like no other": (
        f"{CLUSTER}wibble: 1\n",
        ('cluster.yaml:3:1: unknown field "wibble" in ClusterConfiguration',),
    ),
    "flags as v1beta3 had them": (
        f"{CLUSTER}apiServer: {{extraArgs: {{v: '4'}}}}\n",
        (
            "cluster.yaml:3:24: apiServer.extraArgs must be a list of name and value pairs"
            " (v1beta3 had a mapping), not a mapping",
        ),
    ),
    "a version that is a number": (
        f"{CLUSTER}kubernetesVersion: 1.30\n",
        ('cluster.yaml:3:20: kubernetesVersion must be text, but 1.30 is a number; quote it: "1.30"',),
    ),
    "a name that is a boolean": (
        f"{CLUSTER}clusterName: no\n",
        ('cluster.yaml:3:14: clusterName must be text, but no is a boolean; quote it: "no"',),
    ),
    "a flag's value that is a number": (
        f"{CLUSTER}scheduler:\n  extraArgs:\n  - name: v\n    value: 4\n",
        ('cluster.yaml:6:12: scheduler.extraArgs[0].value must be text, but 4 is a number; quote it: "4"',),
    ),
    "text where a number belongs": (
        f"{INIT}localAPIEndpoint: {{bindPort: '6443'}}\n",
        ('cluster.yaml:3:30: localAPIEndpoint.bindPort must be a whole number, not "6443"',),
    ),
    "an octal number": (
        f"{INIT}localAPIEndpoint: {{bindPort: 07443}}\n",
        ("cluster.yaml:3:30: localAPIEndpoint.bindPort must be a whole number, not 07443",),
    ),
    "text where a boolean belongs": (
        f"{CLUSTER}proxy: {{disabled: 'true'}}\n",
        ('cluster.yaml:3:19: proxy.disabled must be true or false, not "true"',),
    ),
    "a name that is a letter of YAML 1.1": (
        f"{CLUSTER}clusterName: y\n",
        ('cluster.yaml:3:14: clusterName must be text, but y is a boolean; quote it: "y"',),
    ),
    "a name that Go takes for a number": (
        f"{CLUSTER}clusterName: 1e3\n",
        ('cluster.yaml:3:14: clusterName must be text, but 1e3 is a number; quote it: "1e3"',),
    ),
    "an octal name of YAML 1.2": (
        f"{CLUSTER}clusterName: 0o17\n",
        ('cluster.yaml:3:14: clusterName must be text, but 0o17 is a number; quote it: "0o17"',),
    ),
    "a list where text belongs": (
        f"{CLUSTER}clusterName: [a]\n",
        ("cluster.yaml:3:14: clusterName must be text, not a list",),
    ),
    "a mapping where a list belongs": (
        f"{CLUSTER}apiServer: {{certSANs: {{a: b}}}}\n",
        ("cluster.yaml:3:23: apiServer.certSANs must be a list, not a mapping",),
    ),
    "text where a mapping belongs": (
        f"{CLUSTER}networking: 10.244.0.0/16\n",
        ('cluster.yaml:3:13: networking must be a mapping, not "10.244.0.0/16"',),
    ),
    "a mapping of gates that is a list": (
        f"{CLUSTER}featureGates: [A]\n",
        ("cluster.yaml:3:15: featureGates must be a mapping, not a list",),
    ),
    "a gate whose name is no text": (
        f"{CLUSTER}featureGates: {{1: true}}\n",
        ('cluster.yaml:3:16: a key in featureGates must be text; quote it: "1"',),
    ),
    "a required field left out": (
        f"{CLUSTER}apiServer:\n  extraVolumes:\n  - {{name: a, hostPath: /a}}\n",
        ("cluster.yaml:5:5: apiServer.extraVolumes[0].mountPath is required",),
    ),
    "a required field left empty": (
        f"{CLUSTER}apiServer:\n  extraArgs:\n  - name:\n    value: a\n",
        ("cluster.yaml:5:5: apiServer.extraArgs[0].name is required",),
    ),
    "a value that is none of the choices": (
        f"{INIT}nodeRegistration: {{imagePullPolicy: always}}\n",
        (
            'cluster.yaml:3:37: nodeRegistration.imagePullPolicy must be one of "Always", "IfNotPresent",'
            ' "Never", not "always"; did you mean "Always"?',
        ),
    ),
    "an encryption algorithm nobody has": (
        f"{CLUSTER}encryptionAlgorithm: RSA_2048\n",
        (
            'cluster.yaml:3:22: encryptionAlgorithm must be one of "ECDSA-P256", "ECDSA-P384", "RSA-2048",'
            ' "RSA-3072", "RSA-4096", not "RSA_2048"; did you mean "RSA-2048"?',
        ),
    ),
    "a field of our own document": (
        f"{BOOTSTRAP}dockersocket: /d\n",
        (
            'cluster.yaml:3:1: unknown field "dockersocket" in BootstrapConfiguration;'
            ' did you mean "dockerSocket"?',
        ),
    ),
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [pytest.param(*case, id=name) for table in (DOCUMENTS, YAML, FIELDS) for name, case in table.items()],
)
def test_what_is_wrong_is_said_with_its_place(text: str, expected: tuple[str, ...]) -> None:
    assert problems_of(text) == expected


def test_a_document_before_a_syntax_error_is_still_checked() -> None:
    first, second = problems_of(f"{CLUSTER}clusterNam: a\n---\na: [\n")

    assert first.startswith('cluster.yaml:3:1: unknown field "clusterNam"')
    assert second.startswith("cluster.yaml:6:1: not YAML")


def test_an_alias_bomb_is_refused_before_it_grows() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]

    (problem,) = problems_of(CLUSTER + "\n".join(lines))

    assert problem.endswith("the document grows beyond 50000 values when its aliases are expanded")


def test_deep_nesting_is_refused() -> None:
    (problem,) = problems_of(f"{CLUSTER}clusterName: {'[' * 500}{']' * 500}\n")

    assert "nested more than 100 levels deep" in problem


def test_anchors_and_merge_keys_work() -> None:
    plane = load_text(
        f"{CLUSTER}"
        "controllerManager: &common\n  extraArgs: &args [{name: v, value: '4'}]\n"
        "scheduler:\n  <<: *common\n"
        "apiServer: {extraArgs: *args, <<: [{certSANs: [a.example.com]}]}\n"
    ).control_plane

    assert plane.cluster.scheduler == plane.cluster.controller_manager
    assert plane.cluster.api_server.extra_args == plane.cluster.scheduler.extra_args
    assert plane.cluster.api_server.cert_sans == ("a.example.com",)


def test_dates_and_base_60_numbers_are_text_as_they_are_to_kubeadm() -> None:
    plane = load_text(
        f"{INIT}bootstrapTokens: [{{token: abcdef.0123456789abcdef, expires: 2027-01-31T12:00:00Z}}]\n"
        f"---\n{CLUSTER}scheduler: {{extraArgs: [{{name: at, value: 1:30}}]}}\n"
    ).control_plane

    assert plane.init.bootstrap_tokens[0].expires == "2027-01-31T12:00:00Z"
    assert plane.cluster.scheduler.extra_args[0].value == "1:30"


def test_documents_of_other_commands_and_of_other_programs_are_ignored_with_a_warning() -> None:
    warnings = load_text(
        f"{CLUSTER}---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\nanything: goes\n"
        "---\napiVersion: operator.tigera.io/v1\nkind: Installation\n"
    ).warnings

    assert warnings == (
        "cluster.yaml:4:1: ignored: JoinConfiguration is for `bootstrap join`",
        "cluster.yaml:8:1: ignored: operator.tigera.io/v1 Installation is no kind this program reads",
    )


def test_offending_text_cannot_break_the_line_or_the_terminal() -> None:
    (problem,) = problems_of(f'{CLUSTER}certificatesDir: "a\\nb\\e[2J{"x" * 1000}"\n')

    assert problem.startswith(
        'cluster.yaml:3:18: certificatesDir must be an absolute path, not "a\\nb\\x1b[2Jxxx'
    )
    assert len(problem) < 450


def test_null_means_the_default() -> None:
    plane = load_text(
        f"{CLUSTER}networking:\nclusterName: ~\n---\n{INIT}nodeRegistration: {{taints: null}}\n"
    )

    assert plane.control_plane.cluster.cluster_name == "kubernetes"
    assert plane.control_plane.init.node_registration.taints


def test_problems_of_all_items_of_a_list_are_named() -> None:
    assert [
        problem.split(": ")[0]
        for problem in problems_of(
            f"{CLUSTER}scheduler:\n  extraArgs:\n  - {{nme: a}}\n  - {{name: 5}}\n  -\n"
        )
    ] == ["cluster.yaml:5:5", "cluster.yaml:5:6", "cluster.yaml:6:12", "cluster.yaml:7:4"]
