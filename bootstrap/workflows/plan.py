"""What ``apply`` would change on this node. Invariant: nothing is written, not even a lock."""

from __future__ import annotations

from bootstrap.apply import generations, journal
from bootstrap.apply.plan import Plan, make_plan
from bootstrap.apply.skew import current_versions, require_step
from bootstrap.phases.context import Context
from bootstrap.phases.manifests import desired_manifests


def plan_node(context: Context) -> Plan:
    """The manifests as configured, compared with the disk; what the last generation had and nobody wants any
    more is deleted.

    Raises ConfigError when a template is wrong or the version is no step from the one that runs.
    """
    files, layout = context.files, context.layout
    if journal.load(files, layout) is not None:
        context.reporter.warn(
            "an apply was interrupted: the next apply or init settles that first, so its plan may differ"
        )
    require_step(current_versions(files, layout), context.control_plane.version)
    last = generations.latest(files, layout)
    applied = tuple(file.as_desired for file in last.files) if last else ()
    return make_plan(desired_manifests(context), files, applied=applied)
