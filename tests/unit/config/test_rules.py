"""Complete configurations that must not be deployed, and the exact line that says why."""

from __future__ import annotations

import pytest

from tests.unit.config.cases import BOOTSTRAP, CLUSTER, INIT, control_plane, load_text, problems_of

INIT_RULES: dict[str, tuple[str, str]] = {
    "node name": (
        "nodeRegistration: {name: my_node}",
        "3:26: nodeRegistration.name must be a DNS name (lower case letters, digits, - and .),"
        ' not "my_node"; pass --node-name',
    ),
    "CRI socket": (
        "nodeRegistration: {criSocket: 'npipe://x'}",
        '3:31: nodeRegistration.criSocket must be a unix:// URL, not "npipe://x"',
    ),
    "kubelet flag without a name": (
        "nodeRegistration: {kubeletExtraArgs: [{name: ''}]}",
        "3:46: nodeRegistration.kubeletExtraArgs[0].name must not be empty",
    ),
    "all checks and one more": (
        "nodeRegistration: {ignorePreflightErrors: [ALL, Swap]}",
        '3:43: nodeRegistration.ignorePreflightErrors must not name single checks beside "all"',
    ),
    "advertise address that is a name": (
        "localAPIEndpoint: {advertiseAddress: host}",
        '3:38: localAPIEndpoint.advertiseAddress must be an IP address, not "host"',
    ),
    "advertise address that is unspecified": (
        "localAPIEndpoint: {advertiseAddress: 0.0.0.0}",
        "3:38: localAPIEndpoint.advertiseAddress must be an address other nodes can reach,"
        " not the unspecified address 0.0.0.0",
    ),
    "advertise address that is loopback": (
        "localAPIEndpoint: {advertiseAddress: 127.0.0.1}",
        "3:38: localAPIEndpoint.advertiseAddress must be an address other nodes can reach,"
        " not a loopback address 127.0.0.1",
    ),
    "advertise address that is multicast": (
        "localAPIEndpoint: {advertiseAddress: 224.0.0.1}",
        "3:38: localAPIEndpoint.advertiseAddress must be an address other nodes can reach,"
        " not a multicast address 224.0.0.1",
    ),
    "advertise address that is link-local": (
        "localAPIEndpoint: {advertiseAddress: 169.254.0.9}",
        "3:38: localAPIEndpoint.advertiseAddress must be an address other nodes can reach,"
        " not a link-local address 169.254.0.9",
    ),
    "advertise address that is the broadcast address": (
        "localAPIEndpoint: {advertiseAddress: 255.255.255.255}",
        "3:38: localAPIEndpoint.advertiseAddress must be an address other nodes can reach,"
        " not the broadcast address 255.255.255.255",
    ),
    "advertise address inside the service subnet": (
        "localAPIEndpoint: {advertiseAddress: 10.96.0.9}",
        "3:38: localAPIEndpoint.advertiseAddress 10.96.0.9 lies inside the service subnet 10.96.0.0/12",
    ),
    "bind port": (
        "localAPIEndpoint: {bindPort: 65536}",
        "3:30: localAPIEndpoint.bindPort must be a port between 1 and 65535, not 65536",
    ),
    "bootstrap token": (
        "bootstrapTokens: [{token: abc}]",
        "3:27: bootstrapTokens[0].token must have the form [a-z0-9]{6}.[a-z0-9]{16}",
    ),
    "token usage": (
        "bootstrapTokens: [{usages: [authentification]}]",
        '3:29: bootstrapTokens[0].usages[0] must be one of "authentication", "signing",'
        ' not "authentification"; did you mean "authentication"?',
    ),
    "token with groups that cannot authenticate": (
        "bootstrapTokens: [{usages: [signing]}]",
        '3:28: bootstrapTokens[0].usages must include "authentication", because the token has groups',
    ),
    "token group": (
        "bootstrapTokens: [{groups: [admins]}]",
        '3:29: bootstrapTokens[0].groups[0] must begin with "system:bootstrappers:", not "admins"',
    ),
    "token that ends twice": (
        "bootstrapTokens: [{ttl: 1h, expires: '2027-01-31T12:00:00Z'}]",
        "3:25: bootstrapTokens[0].ttl and expires exclude each other; keep one",
    ),
    "token's last moment": (
        "bootstrapTokens: [{expires: tomorrow}]",
        '3:29: bootstrapTokens[0].expires must be a time such as 2027-01-31T12:00:00Z, not "tomorrow"',
    ),
    "token's life": (
        "bootstrapTokens: [{ttl: 1d}]",
        '3:25: bootstrapTokens[0].ttl must be a duration, not "1d";'
        " write it as 4m0s, 90s or 500ms, for example",
    ),
    "certificate key": (
        "certificateKey: abcd",
        "3:17: certificateKey must be 32 bytes in hexadecimal (64 digits), not 4 characters",
    ),
    "timeout without a unit": (
        "timeouts: {kubernetesAPICall: '60'}",
        '3:31: timeouts.kubernetesAPICall must be a duration, not "60";'
        " write it as 4m0s, 90s or 500ms, for example",
    ),
    "timeout of no time": (
        "timeouts: {etcdAPICall: 0s}",
        "3:25: timeouts.etcdAPICall must be longer than 0s",
    ),
}

CLUSTER_RULES: dict[str, tuple[str, str]] = {
    "version without a patch": (
        "kubernetesVersion: '1.36'",
        '3:20: kubernetesVersion: "1.36" is not a Kubernetes version; write v1.36.3,'
        " or stable-1.36 for the newest known patch",
    ),
    "version that is none": (
        "kubernetesVersion: newest",
        '3:20: kubernetesVersion: "newest" is not a Kubernetes version; write it as v1.37.2 or stable-1.37',
    ),
    "version that is too old": (
        "kubernetesVersion: v1.30.1",
        "3:20: kubernetesVersion: Kubernetes 1.30 is not supported; choose one of 1.34, 1.35, 1.36, 1.37,"
        " for example kubernetesVersion: v1.37.2",
    ),
    "version of a CI build": (
        "kubernetesVersion: ci/latest",
        '3:20: kubernetesVersion: "ci/latest" is not a Kubernetes version; CI builds are not supported;'
        " write a release such as v1.37.2",
    ),
    "flag with its dashes": (
        "apiServer: {extraArgs: [{name: --v, value: '4'}]}",
        '3:32: apiServer.extraArgs[0].name must be a flag without its dashes: "v", not "--v"',
    ),
    "certificate name": (
        "apiServer: {certSANs: [ok.example.com, 'a b']}",
        "3:40: apiServer.certSANs[1] must be a lower case DNS name, a wildcard name or an IP address,"
        ' not "a b"',
    ),
    "variable from a ConfigMap": (
        "scheduler: {extraEnvs: [{name: A, valueFrom: {configMapKeyRef: {name: m, key: k}}}]}",
        "3:46: scheduler.extraEnvs[0].valueFrom must not have configMapKeyRef: a static pod cannot read API"
        " objects; write the value",
    ),
    "variable of etcd from a Secret": (
        "etcd: {local: {extraEnvs: [{name: A, valueFrom: {secretKeyRef: {name: m, key: k}}}]}}",
        "3:49: etcd.local.extraEnvs[0].valueFrom must not have secretKeyRef: a static pod cannot read API"
        " objects; write the value",
    ),
    "variable without a name": (
        "apiServer: {extraEnvs: [{name: ''}]}",
        "3:32: apiServer.extraEnvs[0].name must not be empty",
    ),
    "variable of an unknown source": (
        "apiServer: {extraEnvs: [{name: A, valueFrom: {file: /a}}]}",
        "3:46: apiServer.extraEnvs[0].valueFrom must have exactly one of fieldRef, fileKeyRef,"
        " resourceFieldRef",
    ),
    "volume's name": (
        "apiServer: {extraVolumes: [{name: A_B, hostPath: /a, mountPath: /a}]}",
        "3:35: apiServer.extraVolumes[0].name must be a DNS label (lower case letters, digits and -),"
        ' not "A_B"',
    ),
    "relative host path": (
        "scheduler: {extraVolumes: [{name: a, hostPath: a, mountPath: /a}]}",
        '3:48: scheduler.extraVolumes[0].hostPath must be an absolute path, not "a"',
    ),
    "host path type": (
        "scheduler: {extraVolumes: [{name: a, hostPath: /a, mountPath: /a, pathType: Folder}]}",
        '3:77: scheduler.extraVolumes[0].pathType must be one of "BlockDevice", "CharDevice", "Directory",'
        ' "DirectoryOrCreate", "File", "FileOrCreate", "Socket", not "Folder"',
    ),
    "relative certificate directory": (
        "certificatesDir: pki",
        '3:18: certificatesDir must be an absolute path, not "pki"',
    ),
    "endpoint with a scheme": (
        "controlPlaneEndpoint: https://k8s.example.com",
        "3:23: controlPlaneEndpoint must be HOST or HOST:PORT, the host a lower case name or an address,"
        ' not "https://k8s.example.com"',
    ),
    "endpoint with a port that is none": (
        "controlPlaneEndpoint: k8s.example.com:70000",
        "3:23: controlPlaneEndpoint must be HOST or HOST:PORT, the host a lower case name or an address,"
        ' not "k8s.example.com:70000"',
    ),
    "image repository": (
        "imageRepository: https://registry.example.com",
        "3:18: imageRepository must be an image repository such as registry.example.com/k8s,"
        ' not "https://registry.example.com"',
    ),
    "image repository of the DNS add-on": (
        "dns: {imageRepository: A//b}",
        '3:24: dns.imageRepository must be an image repository such as registry.example.com/k8s, not "A//b"',
    ),
    "feature gate": (
        "featureGates: {RootlesControlPlane: true}",
        "3:37: featureGates.RootlesControlPlane is no kubeadm feature gate;"
        ' did you mean "RootlessControlPlane"?',
    ),
    "feature gate of the past": (
        "featureGates: {PublicKeysECDSA: true}",
        "3:33: featureGates.PublicKeysECDSA was removed from kubeadm before 1.37; leave it out",
    ),
    "validity": (
        "certificateValidityPeriod: 1y",
        '3:28: certificateValidityPeriod must be a duration, not "1y";'
        " write it as 4m0s, 90s or 500ms, for example",
    ),
    "DNS domain": (
        "networking: {dnsDomain: Cluster.local}",
        '3:25: networking.dnsDomain must be a lower case DNS name, not "Cluster.local"',
    ),
    "pod subnet without a mask": (
        "networking: {podSubnet: 10.244.0.0}",
        '3:25: networking.podSubnet must be a CIDR (10.244.0.0/16), or one of each family, not "10.244.0.0"',
    ),
    "two subnets of one family": (
        "networking: {podSubnet: '10.244.0.0/16,10.245.0.0/16'}",
        "3:25: networking.podSubnet must be one CIDR, or an IPv4 and an IPv6 one for dual stack,"
        ' not "10.244.0.0/16,10.245.0.0/16"',
    ),
    "service subnet that is too small": (
        "networking: {serviceSubnet: 10.96.0.0/29}",
        "3:29: networking.serviceSubnet 10.96.0.0/29 has 8 addresses; at least 10 are needed",
    ),
    "service subnet that is too large": (
        "networking: {serviceSubnet: 10.0.0.0/11}",
        "3:29: networking.serviceSubnet 10.0.0.0/11 is too large; its mask must be /12 or longer",
    ),
    "pod subnet smaller than a node's": (
        "networking: {podSubnet: 10.244.0.0/25}",
        "3:25: networking.podSubnet 10.244.0.0/25 is smaller than the /24 that each node gets;"
        " enlarge it or set node-cidr-mask-size-ipv4 in controllerManager.extraArgs",
    ),
    "pod subnet of too many nodes": (
        "networking: {podSubnet: 'fd00::/40'}",
        "3:25: networking.podSubnet fd00::/40 makes more than 2^16 node subnets of /64; set"
        " node-cidr-mask-size-ipv6 in controllerManager.extraArgs",
    ),
    "node mask that is no number": (
        "networking: {podSubnet: 10.244.0.0/16}\n"
        "controllerManager: {extraArgs: [{name: node-cidr-mask-size-ipv4, value: big}]}",
        "3:25: networking.podSubnet cannot be divided: node-cidr-mask-size-ipv4 of kube-controller-manager"
        ' is "big", not a number',
    ),
    "subnets that overlap": (
        "networking: {podSubnet: 10.100.0.0/16}",
        "3:25: networking.podSubnet 10.100.0.0/16 overlaps the service subnet 10.96.0.0/12",
    ),
    "node inside the pod subnet": (
        "networking: {podSubnet: 192.168.0.0/16}",
        "3:25: localAPIEndpoint.advertiseAddress 192.168.10.5 lies inside the pod subnet 192.168.0.0/16",
    ),
    "services of the other family": (
        "networking: {serviceSubnet: 'fd00::/112'}",
        "3:29: networking.serviceSubnet fd00::/112 is not of the advertise address' family;"
        " put an IPv4 subnet first",
    ),
    "local and external etcd": (
        "etcd: {local: {}, external: {endpoints: [http://10.0.0.1:2379]}}",
        "3:29: etcd.external and etcd.local exclude each other; keep one",
    ),
    "etcd data": (
        "etcd: {local: {dataDir: data}}",
        '3:25: etcd.local.dataDir must be an absolute path, not "data"',
    ),
    "etcd certificate name": (
        "etcd: {local: {peerCertSANs: [A]}}",
        "3:31: etcd.local.peerCertSANs[0] must be a lower case DNS name, a wildcard name or an IP address,"
        ' not "A"',
    ),
    "no etcd endpoint": (
        "etcd: {external: {endpoints: []}}",
        "3:30: etcd.external.endpoints must name at least one endpoint",
    ),
    "etcd endpoint without a scheme": (
        "etcd: {external: {endpoints: ['10.0.0.1:2379']}}",
        '3:31: etcd.external.endpoints[0] must be a URL such as https://10.0.0.1:2379, not "10.0.0.1:2379"',
    ),
    "etcd endpoint without TLS beside certificates": (
        "etcd: {external: {endpoints: ['http://10.0.0.1:2379'], caFile: /ca.crt}}",
        "3:31: etcd.external.endpoints[0] must be an https:// URL, because certificates are given,"
        ' not "http://10.0.0.1:2379"',
    ),
    "etcd certificate without its key": (
        "etcd: {external: {endpoints: ['https://10.0.0.1:2379'], caFile: /ca.crt, certFile: /c.crt}}",
        "3:18: etcd.external must have both certFile and keyFile, or neither",
    ),
    "etcd key pair without its CA": (
        "etcd: {external: {endpoints: ['https://10.0.0.1:2379'], keyFile: /c.key, certFile: /c.crt}}",
        "3:18: etcd.external must have caFile beside certFile and keyFile",
    ),
    "relative etcd CA": (
        "etcd: {external: {endpoints: ['https://10.0.0.1:2379'], caFile: ca.crt}}",
        '3:65: etcd.external.caFile must be an absolute path, not "ca.crt"',
    ),
}

BOOTSTRAP_RULES: dict[str, tuple[str, str]] = {
    "Docker socket": (
        "dockerSocket: docker.sock",
        '3:15: dockerSocket must be an absolute path, not "docker.sock"',
    ),
    "image archive": (
        "images: {archives: [images.tar]}",
        '3:21: images.archives[0] must be an absolute path, not "images.tar"',
    ),
    "image source": (
        "images: {sources: [archives]}",
        '3:20: images.sources[0] must be one of "archive", "binaries", "present", "registry",'
        ' not "archives"; did you mean "archive"?',
    ),
    "health port": (
        "agent: {healthzPort: 0}",
        "3:22: agent.healthzPort must be a port between 1 and 65535, not 0",
    ),
    "health address": (
        "agent: {healthzBindAddress: localhost}",
        '3:29: agent.healthzBindAddress must be an IP address, not "localhost"',
    ),
    "file check": (
        "agent: {fileCheckFrequency: often}",
        '3:29: agent.fileCheckFrequency must be a duration, not "often";'
        " write it as 4m0s, 90s or 500ms, for example",
    ),
    "URL check": (
        "agent: {httpCheckFrequency: often}",
        '3:29: agent.httpCheckFrequency must be a duration, not "often";'
        " write it as 4m0s, 90s or 500ms, for example",
    ),
    "manifest URL": (
        "agent: {manifestURL: ftp://example.com/pods}",
        "3:22: agent.manifestURL must be a URL that can be fetched: http://HOST/... or https://HOST/...",
    ),
    "password in the manifest URL": (
        "agent: {manifestURL: 'https://user:secret@example.com/pods'}",
        "3:22: agent.manifestURL must not have a user or password, which everybody on the machine could read;"
        " put an Authorization header into the file that agent.manifestURLHeaderFile names",
    ),
    "headers": (
        "agent: {manifestURL: https://example.com, manifestURLHeaderFile: headers}",
        '3:66: agent.manifestURLHeaderFile must be an absolute path, not "headers"',
    ),
    "headers for nothing": (
        "agent: {manifestURLHeaderFile: /etc/headers}",
        "3:32: agent.manifestURLHeaderFile is given without agent.manifestURL, which it is for",
    ),
}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param(head + body, problem, id=name)
        for head, table in ((INIT, INIT_RULES), (CLUSTER, CLUSTER_RULES), (BOOTSTRAP, BOOTSTRAP_RULES))
        for name, (body, problem) in table.items()
    ],
)
def test_a_rule_that_is_broken_is_named_with_its_place(text: str, problem: str) -> None:
    assert problems_of(text) == (f"cluster.yaml:{problem}",)


WARNINGS: dict[str, tuple[str, str]] = {
    "long-lived certificates": (
        "certificateValidityPeriod: 9000h",
        "3:28: certificateValidityPeriod is longer than the recommended year",
    ),
    "long-lived CA": (
        "caCertificateValidityPeriod: 90000h",
        "3:30: caCertificateValidityPeriod is longer than the recommended ten years",
    ),
    "certificates that outlive their CA": (
        "caCertificateValidityPeriod: 24h\ncertificateValidityPeriod: 48h",
        "4:28: certificateValidityPeriod is longer than caCertificateValidityPeriod",
    ),
    "deprecated gate": (
        "kubernetesVersion: v1.36.3\nfeatureGates: {PublicKeysECDSA: true}",
        "4:33: featureGates.PublicKeysECDSA is deprecated in favour of encryptionAlgorithm: ECDSA-P256",
    ),
    "site-local pods": (
        "networking: {podSubnet: 'fec0::/56'}",
        "3:25: networking.podSubnet fec0::/56 is in fec0::/10, which RFC 3879 deprecated",
    ),
}


@pytest.mark.parametrize(("body", "warning"), WARNINGS.values(), ids=WARNINGS)
def test_what_is_only_unwise_is_a_warning(body: str, warning: str) -> None:
    assert load_text(CLUSTER + body).warnings == (f"cluster.yaml:{warning}",)


@pytest.mark.parametrize(
    ("url", "is_open"),
    [
        ("http://example.com/pods", True),
        ("http://192.0.2.1/", True),
        ("https://example.com/", False),
        ("http://127.0.0.1:8080/", False),
        ("http://[::1]/", False),
        ("http://localhost/", False),
    ],
)
def test_manifests_that_others_could_change_on_the_way_are_unwise(url: str, is_open: bool) -> None:
    warnings = load_text(f"{BOOTSTRAP}agent: {{manifestURL: '{url}'}}\n").warnings
    told = "agent.manifestURL is not https: who can change its answer on the way becomes root of this node"
    assert warnings == ((f"cluster.yaml:3:22: {told}",) if is_open else ())


def test_a_locked_gate_can_only_be_set_to_what_it_is() -> None:
    text = f"{CLUSTER}kubernetesVersion: v1.36.3\nfeatureGates: {{NodeLocalCRISocket: %s}}\n"

    assert load_text(text % "true").warnings == ()
    assert problems_of(text % "false") == (
        "cluster.yaml:4:36: featureGates.NodeLocalCRISocket is locked to true in 1.36",
    )


def test_the_pod_subnet_may_have_any_size_when_nodes_get_no_part_of_it() -> None:
    plane = control_plane(
        f"{CLUSTER}networking: {{podSubnet: 10.244.0.0/26}}\n"
        "controllerManager: {extraArgs: [{name: allocate-node-cidrs, value: 'false'}]}\n"
    )

    assert plane.cluster.networking.pod_subnet == "10.244.0.0/26"


def test_a_section_of_the_wrong_shape_in_a_component_configuration_is_named() -> None:
    assert problems_of(
        f"{CLUSTER}---\napiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n"
        "authorization: Webhook\n"
    ) == ("cluster.yaml:6:16: authorization must be a mapping, not 'Webhook'",)


def test_the_token_is_not_repeated_in_an_error() -> None:
    (problem,) = problems_of(token="TOP.SECRET")

    assert problem == "--token: bootstrapTokens[0].token must have the form [a-z0-9]{6}.[a-z0-9]{16}"
