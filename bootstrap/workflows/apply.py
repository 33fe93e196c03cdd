"""Bring a node to its configuration, one component at a time.

    lock -> settle what was interrupted -> plan -> ask -> images -> commit, gate after each component

Invariant: no file is touched before every image is there and the plan was agreed to; the plan that was shown
is the one that is committed, because the lock is held from before the one until after the other.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from bootstrap.apply.commit import commit, recover
from bootstrap.apply.generations import Origin
from bootstrap.apply.plan import Plan
from bootstrap.config.dump import dump
from bootstrap.host.lock import NodeLock
from bootstrap.model.cluster import ControlPlane
from bootstrap.phases.context import Context
from bootstrap.phases.wait_control_plane import wait_for_component
from bootstrap.render.image_names import etcd_tag
from bootstrap.workflows.plan import plan_node

EnsureImages = Callable[[Context], None]
"""Makes every image of the configuration present in the engine; raises BootstrapError when it cannot."""

Confirm = Callable[[Plan], bool]
"""Shows a plan that is not empty and tells whether to go on."""


@dataclass(frozen=True, slots=True)
class Applied:
    """``generation`` is the number it is kept under, 0 when the plan was turned down."""

    plan: Plan
    generation: int


def apply_node(
    context: Context, *, ensure_images: EnsureImages, confirm: Confirm, gated: bool = True
) -> Applied:
    """Raises NodeLockedError, ConfigError, RolledBackError, and what ``ensure_images`` raises.

    ``gated`` False writes all files at once: for a node on which nothing runs yet, or a staged tree.
    """
    with NodeLock(context.files, context.layout.lock, "bootstrap apply"):
        settle(context)
        plan = plan_node(context)
        if not plan.is_empty:
            if not confirm(plan):
                return Applied(plan, 0)
            ensure_images(context)
        gate = (lambda component: wait_for_component(context, component)) if gated else None
        generation = commit(
            plan,
            context.files,
            context.layout,
            clock=context.clock,
            gate=gate,
            origin=origin_of(context.control_plane),
        )
        return Applied(plan, generation)


def settle(context: Context) -> None:
    """Finish or undo what an interrupted command left, and say so. To be called under the node's lock."""
    recovery = recover(context.files, context.layout)
    if recovery is not None:
        context.reporter.warn(recovery.sentence)


def record_generation(context: Context) -> int:
    """Keep the manifests as they are configured as a generation; its number.

    For ``init``, whose phases write them one by one. Raises BootstrapError.
    """
    plan = plan_node(context)
    return commit(
        plan, context.files, context.layout, clock=context.clock, origin=origin_of(context.control_plane)
    )


def origin_of(control_plane: ControlPlane) -> Origin:
    """The configuration without its tokens and keys, which are of a run and not of the node."""
    init = msgspec.structs.replace(control_plane.init, bootstrap_tokens=(), certificate_key="")
    lasting = dataclasses.replace(control_plane, init=init)
    versions = {"kubernetes": control_plane.version.text}
    if control_plane.local_etcd:
        versions["etcd"] = etcd_tag(control_plane)
    return Origin(dump(lasting), versions)
