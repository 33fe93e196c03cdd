"""Bring a node to its configuration, one component at a time.

    lock -> settle what was interrupted -> plan -> ask -> images -> commit, gate after each component

Invariant: no file is touched before every image is there and the plan was agreed to; the plan that was shown
is the one that is committed, because the lock is held from before the one until after the other.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec

from bootstrap.apply.commit import commit
from bootstrap.apply.generations import Origin
from bootstrap.apply.plan import Plan
from bootstrap.config.dump import dump
from bootstrap.host.lock import NodeLock
from bootstrap.images.sources import ensure
from bootstrap.model.cluster import ControlPlane
from bootstrap.model.kubeadm import Patches
from bootstrap.phases.context import Context
from bootstrap.workflows.plan import plan_node
from bootstrap.workflows.settle import settle

Confirm = Callable[[Plan], bool]
"""Shows a plan that is not empty and tells whether to go on."""


@dataclass(frozen=True, slots=True)
class Applied:
    """``generation`` is the number it is kept under, 0 when the plan was turned down."""

    plan: Plan
    generation: int


def apply_node(
    context: Context,
    *,
    confirm: Confirm,
    fetch: Callable[[Context], None] | None,
    gate: Callable[[Context, str], None] | None,
) -> Applied:
    """Raises NodeLockedError, ConfigError, RolledBackError, and what ``fetch`` raises.

    ``fetch`` makes images present (``ensure_images``) and ``gate`` waits for a component's new container
    (``wait_for_component``); both are None for a tree that nothing runs from.
    """
    with NodeLock(context.files, context.layout.lock, "bootstrap apply"):
        settle(context)
        plan = plan_node(context)
        if not plan.is_empty:
            if not confirm(plan):
                return Applied(plan, 0)
            if fetch is not None:
                fetch(context)
        generation = commit(
            plan,
            context.files,
            context.layout,
            clock=context.clock,
            gate=partial(gate, context) if gate else None,
            origin=origin_of(context.control_plane),
        )
        return Applied(plan, generation)


def ensure_images(context: Context) -> None:
    """Make the images of this node's static pods present. Raises ImagesMissingError."""
    ensure(context.control_plane, context.runtime, context.reporter, context.clock)


def record_generation(context: Context) -> int:
    """Keep the manifests as they are configured as a generation; its number.

    For ``init``, whose phases write them one by one. Raises BootstrapError.
    """
    plan = plan_node(context)
    return commit(
        plan, context.files, context.layout, clock=context.clock, origin=origin_of(context.control_plane)
    )


def origin_of(control_plane: ControlPlane) -> Origin:
    """The configuration without what is of a run and not of the node: tokens, keys, phases to skip.

    It is read again by commands that are given none, from whatever directory they are called in.
    """
    init = control_plane.init
    patches = init.patches and Patches(directory=str(Path(init.patches.directory).absolute()))
    lasting = msgspec.structs.replace(
        init,
        bootstrap_tokens=(),
        certificate_key="",
        skip_phases=(),
        dry_run=False,
        patches=patches,
        node_registration=msgspec.structs.replace(init.node_registration, ignore_preflight_errors=()),
    )
    versions = {"kubernetes": control_plane.version.text}
    if control_plane.local_etcd:
        versions["etcd"] = control_plane.local_etcd.image_tag or control_plane.release.etcd
    return Origin(dump(dataclasses.replace(control_plane, init=lasting)), versions)
