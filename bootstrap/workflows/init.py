"""``bootstrap init``: a control plane on this machine, from nothing or from wherever an earlier run ended.

    lock -> settle what was interrupted -> render everything once -> phases -> generation -> what to do next

Invariant: run again after any interruption it converges; nothing is written while a template or the
configuration is wrong.
"""

from __future__ import annotations

import dataclasses
import shutil

from bootstrap.apply.plan import make_plan
from bootstrap.host.files import Files
from bootstrap.host.lock import NodeLock
from bootstrap.phases.addon import check_addons
from bootstrap.phases.agent_start import AGENT_START, check_unit, launch_agent
from bootstrap.phases.certs import CERTS
from bootstrap.phases.context import Context
from bootstrap.phases.control_plane import CONTROL_PLANE
from bootstrap.phases.etcd import ETCD
from bootstrap.phases.existing import check_existing
from bootstrap.phases.kubeconfig import KUBECONFIG
from bootstrap.phases.manifests import desired_manifests
from bootstrap.phases.phase import Phase, run_all, run_phase, select
from bootstrap.phases.preflight import PREFLIGHT, check_machine
from bootstrap.phases.show_join_command import SHOW_JOIN_COMMAND
from bootstrap.phases.wait_control_plane import WAIT_CONTROL_PLANE
from bootstrap.render.kubeconfigs import IDENTITIES, ClientIdentity
from bootstrap.workflows.apply import record_generation
from bootstrap.workflows.initphase import PHASES, phase_named
from bootstrap.workflows.recorded import refuse_reconfiguration
from bootstrap.workflows.rehearsal import offline, staged_copy, written
from bootstrap.workflows.settle import settle
from bootstrap.workflows.startorder import Chosen, in_order_of_start
from pki.catalog import NAMES

WRITING: tuple[Phase, ...] = (CERTS, KUBECONFIG, ETCD, CONTROL_PLANE)
"""The phases that write files and do nothing else."""

INIT: tuple[Phase, ...] = tuple(map(phase_named, PHASES))

_NOT_REHEARSED = (WAIT_CONTROL_PLANE, SHOW_JOIN_COMMAND)
"""There is no control plane to wait for, and no token anybody could use."""

KUBEADM_ONLY = frozenset(
    {
        *("addon", "addon/coredns", "addon/kube-proxy", "bootstrap-token", "kubelet-finalize"),
        *("kubelet-finalize/enable-client-cert-rotation", "kubelet-start", "mark-control-plane"),
        *("show-join-command", "upload-certs"),
    }
)
"""Phases of kubeadm that are not run here: a configuration may skip them (cmd/kubeadm/app/cmd/init.go)."""


def run_init(context: Context) -> None:
    """Run every phase but those of ``skipPhases``; with ``dryRun`` in a directory of its own.

    Raises NodeLockedError and whatever a phase raises; the same command run again continues.
    """
    chosen = select(INIT, context.control_plane.init.skip_phases, foreign=KUBEADM_ONLY)
    if context.control_plane.init.dry_run:
        rehearse(context, tuple(pair for pair in chosen if pair[1] not in _NOT_REHEARSED))
        return
    _run(context, chosen)
    _tell_next_steps(context)


def stage_init(context: Context) -> None:
    """Write what init writes, for a machine that is not this one: nothing is checked and nothing is started.

    ``context`` is one of ``offline``. Raises as ``run_init`` does.
    """
    writing = {phase.name for phase in WRITING}
    chosen = select(INIT, context.control_plane.init.skip_phases, foreign=KUBEADM_ONLY)
    chosen = tuple(pair for pair in chosen if pair[0].partition("/")[0] in writing)
    if context.control_plane.init.dry_run:
        rehearse(context, chosen)
        return
    _run(context, chosen)
    root, name = context.files.root, context.control_plane.node_name
    for line in (
        f"Written below {root}: certificates, kubeconfig files and manifests of {name}.",
        "No machine was checked, and nothing was started. To do that, copy it all, then run init there:",
        f"  tar -C {root} -cp etc var | ssh root@{name} 'tar -C / -xp && bootstrap init'",
    ):
        context.reporter.info(line)


def _run(context: Context, chosen: Chosen) -> None:
    desired_manifests(context)
    check_addons(context)
    check_unit(context)
    with NodeLock(context.files, context.layout.lock, "bootstrap init"):
        settle(context)
        refuse_reconfiguration(context)
        check_existing(context, *_credentials(chosen))
        for phase in in_order_of_start(chosen):
            run_phase(phase, context)
            if phase is PREFLIGHT and any(phase is AGENT_START for _path, phase in chosen):
                # It takes as long to start as the certificates take to be made.
                launch_agent(context)
        # Phases may have been skipped; a generation is what lies on disk, never a way to write it.
        if make_plan(desired_manifests(context), context.files).is_empty:
            record_generation(context)


def _credentials(chosen: Chosen) -> tuple[tuple[str, ...], tuple[ClientIdentity, ...]]:
    """The certificates and the kubeconfig files that are going to be made or used."""
    steps = {path for path, _phase in chosen}
    names = tuple(name for name in NAMES if not steps.isdisjoint({CERTS.name, f"{CERTS.name}/{name}"}))
    return names, tuple(
        one for one in IDENTITIES if not steps.isdisjoint({KUBECONFIG.name, f"{KUBECONFIG.name}/{one.name}"})
    )


def rehearse(context: Context, chosen: Chosen) -> None:
    """Preflight looks at the real machine; everything else writes into a copy of its directories.

    The copy stays, to be looked at, as kubeadm's does; that of a rehearsal that fails does not.
    """
    staging = staged_copy(context.files, context.layout)
    try:
        _rehearse_in(staging, context, chosen)
    except BaseException:
        shutil.rmtree(staging.root)
        raise


def _rehearse_in(staging: Files, context: Context, chosen: Chosen) -> None:
    layout, reporter = context.layout, context.reporter
    rehearsed = offline(context, staging)
    for _path, phase in chosen:
        if phase is PREFLIGHT:
            check_machine(dataclasses.replace(rehearsed, http=context.http, runtime=context.runtime))
        else:
            run_all((phase,), rehearsed)
    for line in written(context.files, staging, (layout.kubernetes, layout.pki)):
        reporter.info(f"would {line}")
    reporter.info(f"nothing was changed; all files were written below {staging.root}")
    reporter.info(f"private keys are among them; when you have seen enough: rm -r {staging.root}")


def _outcome(context: Context) -> str:
    """Only what was waited for is called ready."""
    if WAIT_CONTROL_PLANE.name in context.control_plane.init.skip_phases:
        return "The phases were run; nothing waited for the control plane."
    return "Your control plane is ready."


def _tell_next_steps(context: Context) -> None:
    admin = context.layout.kubeconfig("admin")
    for line in (
        f"{_outcome(context)} To use it as root:",
        f"  export KUBECONFIG={admin}",
        "as an ordinary user:",
        f"  mkdir -p ~/.kube && sudo install -m 600 -o $(id -u) -g $(id -g) {admin} ~/.kube/config",
        "What runs, and why something does not: bootstrap agent status",
    ):
        context.reporter.info(line)
