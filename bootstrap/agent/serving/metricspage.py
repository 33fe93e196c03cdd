"""``/metrics``: the agent's pods and its work as Prometheus families. Pure.

A name that a kubelet has means here what it means there; what a kubelet does not tell begins with
``podstrap_``. Invariant: labels are bounded by the pods that exist.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from bootstrap.agent.measures import Measures
from bootstrap.agent.metrics import Family, Labels, Sample
from bootstrap.agent.status import AgentStatus, ApiStatus, ContainerStatus, PodStatus, RenewalStatus
from bootstrap.host.ownprocess import ProcessUse

STATIC: Labels = (("static", "true"),)


def pod_families(status: AgentStatus) -> tuple[Family, ...]:
    """What runs, and what does not."""
    wanted = [pod for pod in status.pods if pod.phase != "Terminating"]
    lifecycles = Tally("terminating" if pod.phase == "Terminating" else "sync" for pod in status.pods)
    states: Tally[str] = Tally(each.state for pod in status.pods for each in pod.containers)
    running = sum(any(each.state == "running" for each in pod.containers) for pod in status.pods)
    return (
        _gauge("kubelet_node_name", "The node's name. The count is always 1.", 1, (("node", status.node),)),
        _gauge("podstrap_info", "The version of the agent.", 1, (("version", status.version),)),
        _gauge("kubelet_desired_pods", "The number of pods there should be.", len(wanted), STATIC),
        Family(
            "kubelet_working_pods",
            "gauge",
            "The number of pods being looked after, by lifecycle phase.",
            tuple(
                Sample(lifecycles[each], (("lifecycle", each), *STATIC)) for each in ("sync", "terminating")
            ),
        ),
        _gauge("kubelet_running_pods", "The number of pods that have a running container.", running),
        Family(
            "kubelet_running_containers",
            "gauge",
            "The number of containers by state.",
            tuple(
                Sample(states[state], (("container_state", word),))
                for state, word in (("running", "running"), ("waiting", "created"), ("terminated", "exited"))
            ),
        ),
        Family(
            "podstrap_pod_ready",
            "gauge",
            "Whether the pod is ready.",
            tuple(Sample(pod.ready, _labels(pod)) for pod in wanted),
        ),
        _of_containers(
            status.pods, "podstrap_container_ready", "gauge", "Whether the container is ready.", _ready
        ),
        _of_containers(
            status.pods,
            "podstrap_container_restarts_total",
            "counter",
            "How often the container was restarted.",
            lambda each: (each.restarts, ()),
        ),
        _of_containers(
            status.pods,
            "podstrap_container_waiting",
            "gauge",
            "1 for a container that waits, for this reason: CrashLoopBackOff, ImagePullBackOff, ...",
            lambda each: (1, (("reason", each.reason),)) if each.state == "waiting" else None,
        ),
        _gauge(
            "podstrap_manifest_problems",
            "The number of manifests that are not run as they stand.",
            len(status.problems),
        ),
        _gauge("podstrap_engine_up", "Whether the container engine answers.", 0 if status.engine else 1),
    )


def api_families(api: ApiStatus | None) -> tuple[Family, ...]:
    """How the node stands with the API server; nothing for an agent that registers none."""
    if api is None:
        return ()
    return (
        _gauge("podstrap_api_up", "Whether the agent is connected to the API server.", api.connected),
        _gauge("kubelet_mirror_pods", "The number of mirror pods the API shows.", api.mirrors),
        _gauge("podstrap_unmirrored_pods", "Pods the API does not show as they are.", len(api.unmirrored)),
        _gauge("podstrap_foreign_pods", "Pods bound to this node that nobody runs.", len(api.foreign)),
    )


def work_families(measures: Measures) -> tuple[Family, ...]:
    """What was done."""
    return (
        Family(
            "kubelet_pod_worker_duration_seconds",
            "histogram",
            "Duration in seconds to sync a single pod.",
            measures.turns.samples(),
        ),
        Family(
            "kubelet_image_pull_duration_seconds",
            "histogram",
            "Duration in seconds to pull an image.",
            measures.pulls.samples(),
        ),
        Family(
            "podstrap_probe_results_total",
            "counter",
            "The number of probes by result; per container at /metrics/probes.",
            measures.probes.samples(),
        ),
        Family(
            "podstrap_events_total",
            "counter",
            "What happened to pods, by the reason an Event gives: Started, BackOff, Failed, Unhealthy, ...",
            measures.events.samples(),
        ),
        Family(
            "podstrap_certificate_renewals_total",
            "counter",
            "How often the agent has renewed a certificate, or could not (result).",
            measures.renewals.samples(),
        ),
    )


def probe_families(status: AgentStatus, measures: Measures) -> tuple[Family, ...]:
    """``/metrics/probes``; pods that are gone are forgotten."""
    measures.probes_of_pods.keep("pod_uid", (pod.uid for pod in status.pods))
    return (
        Family(
            "prober_probe_total",
            "counter",
            "Cumulative number of a liveness, readiness or startup probe for a container by result.",
            measures.probes_of_pods.samples(),
        ),
    )


def certificate_families(ends: Mapping[str, datetime]) -> tuple[Family, ...]:
    return (
        Family(
            "podstrap_certificate_expiration_timestamp_seconds",
            "gauge",
            "When the certificate in this file ends.",
            tuple(Sample(end.timestamp(), (("path", path),)) for path, end in ends.items()),
        ),
    )


def renewal_families(renewal: RenewalStatus | None) -> tuple[Family, ...]:
    """Nothing for an agent that renews none."""
    moments = renewal.due if renewal else {}
    return (
        Family(
            "podstrap_certificate_renewal_timestamp_seconds",
            "gauge",
            "When the agent renews the certificate.",
            tuple(Sample(due.timestamp(), (("certificate", name),)) for name, due in moments.items()),
        ),
    )


def process_families(use: ProcessUse) -> tuple[Family, ...]:
    """As the Prometheus client libraries name them."""
    return (
        Family(
            "process_cpu_seconds_total",
            "counter",
            "Total user and system CPU time spent in seconds.",
            (Sample(use.cpu_seconds),),
        ),
        _gauge("process_resident_memory_bytes", "Resident memory size in bytes.", use.resident_bytes),
        _gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.", use.virtual_bytes),
        _gauge(
            "process_start_time_seconds",
            "When the process started, in Unix time.",
            use.started,
        ),
        _gauge("process_open_fds", "Number of open file descriptors.", use.open_files),
        _gauge("process_max_fds", "Maximum number of open file descriptors.", use.most_files),
        _gauge("process_threads", "Number of threads.", use.threads),
    )


def _gauge(name: str, text: str, value: float, labels: Labels = ()) -> Family:
    return Family(name, "gauge", text, (Sample(value, labels),))


def _of_containers(
    pods: Iterable[PodStatus],
    name: str,
    kind: str,
    text: str,
    measure: Callable[[ContainerStatus], tuple[float, Labels] | None],
) -> Family:
    samples = []
    for pod in pods:
        for each in pod.containers:
            found = measure(each)
            if found is not None:
                samples.append(Sample(found[0], (*_labels(pod), ("container", each.name), *found[1])))
    return Family(name, "counter" if kind == "counter" else "gauge", text, tuple(samples))


def _ready(container: ContainerStatus) -> tuple[float, Labels]:
    return container.ready, ()


def _labels(pod: PodStatus) -> Labels:
    return (("namespace", pod.namespace), ("pod", pod.name))
