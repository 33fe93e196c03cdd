"""The order in which init runs what was chosen."""

from __future__ import annotations

from bootstrap.phases.certs import CERTS, CERTS_OF_ETCD, OF_ETCD, OTHER_CERTS
from bootstrap.phases.phase import Phase, paths, select
from bootstrap.phases.wait_control_plane import WAIT_CONTROL_PLANE, WAIT_FOR_REQUESTS
from bootstrap.workflows.init import INIT
from bootstrap.workflows.startorder import in_order_of_start

IN_PARTS = {CERTS: {CERTS_OF_ETCD, OTHER_CERTS}, WAIT_CONTROL_PLANE: {WAIT_FOR_REQUESTS, WAIT_CONTROL_PLANE}}


def order(*skipped: str) -> list[str]:
    return [phase.summary for phase in in_order_of_start(select(INIT, skipped))]


def summary(path: str) -> str:
    found: tuple[Phase, ...] = INIT
    for name in path.split("/"):
        (phase,) = (phase for phase in found if phase.name == name)
        found = phase.steps
    return phase.summary


def test_whatever_is_skipped_the_others_are_all_run_and_once() -> None:
    for skipped in ((), *((path,) for path in paths(INIT))):
        chosen = select(INIT, skipped)
        wanted = [part.summary for _path, phase in chosen for part in IN_PARTS.get(phase, {phase})]
        assert sorted(order(*skipped)) == sorted(wanted)


def test_etcd_can_start_before_the_certificates_of_others_are_made() -> None:
    assert order()[1:5] == [
        CERTS_OF_ETCD.summary,
        summary("etcd/local"),
        OTHER_CERTS.summary,
        summary("control-plane/apiserver"),
    ]


def test_certificates_made_one_by_one_are_in_the_same_order() -> None:
    found = order("certs/sa")
    last_of_etcd = max(found.index(summary(f"certs/{name}")) for name in OF_ETCD)
    assert last_of_etcd < found.index(summary("etcd/local")) < found.index(summary("certs/ca"))
    assert found.index(summary("certs/apiserver-etcd-client")) < found.index(
        summary("control-plane/apiserver")
    )


def test_the_cluster_is_written_to_between_the_two_waits() -> None:
    found = order()
    begin, end = found.index(WAIT_FOR_REQUESTS.summary), found.index(WAIT_CONTROL_PLANE.summary)
    for path in (
        "upload-config/kubeadm",
        "upload-certs",
        "mark-control-plane",
        "bootstrap-token",
        "addon/coredns",
    ):
        assert begin < found.index(summary(path)) < end
    assert found[-1] == summary("show-join-command")
