"""The systemd unit of the agent. Invariant: its words are the argv given, whatever is in them."""

from __future__ import annotations

from bootstrap.model.desired import DesiredFile
from bootstrap.model.layout import Layout
from bootstrap.render.engine import Templates, templates_of

WATCHDOG_SECONDS = 30
"""The agent is restarted when it says nothing for this long; it speaks at half of that."""


def render_agent_unit(
    argv: tuple[str, ...], *, layout: Layout, templates: Templates | None = None
) -> DesiredFile:
    """The unit that runs ``argv``, whose first word is an absolute path.

    Of the built-in templates, unless others are given. Raises TemplateFailedError.
    """
    values = {"argv": argv, "watchdog_seconds": WATCHDOG_SECONDS}
    text = (templates or templates_of("")).unit("systemd/bootstrap-agent.service.j2", values)
    return DesiredFile(path=layout.agent_unit, content=text, mode=0o644, kind="unit")
