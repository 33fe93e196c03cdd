"""Fields of a v1 Pod that ``podspec`` does not have, on purpose: why each is refused, or dropped silently.

Source: the kubelet's rules for static pods since 1.34 (pkg/kubelet/config, PreventStaticPodAPIReferences).
Invariant: a path here is general: ``[]`` for every index, and ``containers`` for any kind of container.
"""

from __future__ import annotations

_NEEDS_API = "static pods may not reference API objects"
_UNSUPPORTED = "this agent does not support it"
_LINUX = "this node runs Linux"

_API_VOLUMES = """
    secret configMap persistentVolumeClaim csi ephemeral glusterfs azureFile
"""
_OTHER_VOLUMES = """
    awsElasticBlockStore azureDisk cephfs cinder fc flexVolume flocker gcePersistentDisk gitRepo
    iscsi nfs photonPersistentDisk portworxVolume quobyte rbd scaleIO storageos vsphereVolume
"""
_API_PROJECTIONS = """
    secret configMap serviceAccountToken clusterTrustBundle podCertificate
"""
_SERVER_METADATA = """
    creationTimestamp deletionTimestamp finalizers generateName generation managedFields ownerReferences
    resourceVersion selfLink
"""

REFUSED = {
    "spec.serviceAccountName": _NEEDS_API,
    "spec.serviceAccount": _NEEDS_API,
    "spec.imagePullSecrets": _NEEDS_API,
    "spec.resourceClaims": _NEEDS_API,
    "spec.ephemeralContainers": "only a running pod may have them",
    "spec.securityContext.windowsOptions": _LINUX,
    "spec.containers[].securityContext.windowsOptions": _LINUX,
    "spec.containers[].resources.claims": _NEEDS_API,
    "spec.containers[].envFrom": _NEEDS_API,
    "spec.containers[].env[].valueFrom.secretKeyRef": _NEEDS_API,
    "spec.containers[].env[].valueFrom.configMapKeyRef": _NEEDS_API,
    "spec.containers[].env[].valueFrom.fileKeyRef": _UNSUPPORTED,
    "spec.containers[].volumeDevices": _UNSUPPORTED,
    "spec.containers[].restartPolicyRules": _UNSUPPORTED,
    "spec.containers[].lifecycle.postStart.tcpSocket": "such a hook fails always: use exec, httpGet or sleep",
    **{f"spec.volumes[].{source}": _NEEDS_API for source in _API_VOLUMES.split()},
    **{f"spec.volumes[].projected.sources[].{source}": _NEEDS_API for source in _API_PROJECTIONS.split()},
    "spec.volumes[].image": "Docker Engine cannot mount an image",
    **{f"spec.volumes[].{source}": _UNSUPPORTED for source in _OTHER_VOLUMES.split()},
}
"""Field -> why a pod that has it is refused."""

INERT = {
    "spec.containers[].lifecycle.preStop.tcpSocket": "no kubelet runs such a hook",
    "spec.resources": "only containers are limited, as pods have no cgroup of their own",
    "spec.schedulingGates": "a static pod needs no scheduler",
    "spec.securityContext.seLinuxChangePolicy": "volumes are not relabelled",
    "spec.containers[].resizePolicy": "a static pod is never resized",
}
"""Field -> why a pod that has it runs as if it had not. Said once."""

UNREMARKABLE = frozenset({"status", *(f"metadata.{field}" for field in _SERVER_METADATA.split())})
"""Fields the API server writes: dropped without a word, so that ``kubectl get -o yaml`` output is usable."""
