"""What is wrong inside a KubeletConfiguration or KubeProxyConfiguration, and the line that says so."""

from __future__ import annotations

import pytest

from tests.unit.config.cases import CLUSTER, control_plane, problems_of

KUBELET = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n"
KUBE_PROXY = "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n"

WRONG = {
    "a misspelt field": (
        KUBELET + "maxPodz: 5",
        '6:10: maxPodz is no field of KubeletConfiguration in 1.37; did you mean "maxPods"?',
    ),
    "a misspelt field further down": (
        KUBELET + "authentication: {anonymus: {enabled: true}}",
        "6:28: authentication.anonymus is no field of KubeletConfiguration in 1.37;"
        ' did you mean "anonymous"?',
    ),
    "text for a number": (KUBELET + "maxPods: many", "6:10: maxPods must be a whole number, not 'many'"),
    "a number for text": (
        KUBELET + "evictionHard: {memory.available: 100}",
        "6:34: evictionHard.memory.available must be text, not 100",
    ),
    "a number without its unit": (
        KUBELET + "syncFrequency: '60'",
        "6:16: syncFrequency must be a duration, not '60'",
    ),
    "text for a list": (
        KUBELET + "clusterDNS: 10.96.0.10",
        "6:13: clusterDNS must be a list, not '10.96.0.10'",
    ),
    "an item of a list": (KUBELET + "clusterDNS: [10]", "6:14: clusterDNS[0] must be text, not 10"),
    "a list for a mapping": (KUBE_PROXY + "iptables: [a]", "6:11: iptables must be a mapping, not ['a']"),
    "text for a boolean": (
        KUBE_PROXY + "ipvs: {strictARP: 'yes'}",
        "6:19: ipvs.strictARP must be true or false, not 'yes'",
    ),
}


@pytest.mark.parametrize(("document", "problem"), WRONG.values(), ids=WRONG)
def test_what_the_component_would_not_take_is_named(document: str, problem: str) -> None:
    assert problems_of(f"{CLUSTER}---\n{document}\n") == (f"cluster.yaml:{problem}",)


def test_a_field_that_only_a_newer_release_has_is_refused() -> None:
    newer = f"{CLUSTER}kubernetesVersion: v1.35.4\n---\n{KUBELET}memoryReservationPolicy: None\n"

    assert problems_of(newer) == (
        "cluster.yaml:7:26: memoryReservationPolicy is no field of KubeletConfiguration in 1.35;"
        " 1.36, 1.37 have it",
    )


def test_values_of_every_form_are_taken() -> None:
    document = (
        "maxPods: 50\nenableServer: true\nsyncFrequency: 1m\nmemoryThrottlingFactor: 0.8\n"
        "clusterDNS: [10.96.0.10]\nevictionHard: {memory.available: 100Mi}\nresolvConf: null\n"
        "reservedMemory: [{numaNode: 0, limits: {memory: 1Gi}}]\nlogging: {flushFrequency: 5}\n"
    )

    assert control_plane(f"{CLUSTER}---\n{KUBELET}{document}").component_configs[0]["maxPods"] == 50
