"""Brings every component image into the engine, from the first of the configured sources that has it.

Invariant: when ``ensure`` returns, every reference is present; when it raises, the error says for each image
which sources were asked and what they said.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bootstrap.errors import BootstrapError
from bootstrap.host.clock import Clock
from bootstrap.images.archive import archives_of, load_archive
from bootstrap.images.build import make_image, programs_in
from bootstrap.images.registry import Puller
from bootstrap.model.bootstrapconfig import ImageSettings, ImageSource
from bootstrap.model.cluster import ControlPlane
from bootstrap.model.images import PAUSE, component_images
from bootstrap.model.report import Reporter, Step
from bootstrap.runtime.api import ContainerRuntime

ALWAYS, NEVER = "Always", "Never"
"""imagePullPolicy of a NodeRegistration; empty means IfNotPresent."""


class ImagesMissingError(BootstrapError):
    """Some images could not be had from any source."""


@dataclass(slots=True)
class Search:
    """What is still missing (reference -> component), and what was said of it by the sources asked so far."""

    missing: dict[str, str]
    reasons: dict[str, list[str]] = field(default_factory=dict)

    def found(self, reference: str) -> None:
        self.missing.pop(reference, None)

    def refused(self, reference: str, reason: str) -> None:
        self.reasons.setdefault(reference, []).append(reason)


@dataclass(frozen=True, slots=True)
class ImageSources:
    """``runtime`` opens a connection to the engine: one for this, and one for each parallel pull."""

    settings: ImageSettings
    runtime: Callable[[], ContainerRuntime]
    reporter: Reporter
    clock: Clock

    def ensure(
        self, references: Mapping[str, str], *, pull_policy: str = "", one_by_one: bool = False
    ) -> None:
        """Make ``references`` (component -> reference) present. Raises ImagesMissingError.

        ``pull_policy`` Always takes an image anew although it is present; Never does not ask a registry.
        """
        search = Search({reference: component for component, reference in references.items()})
        with self.reporter.step("Component images") as step:
            engine = self.runtime()
            try:
                for source in allowed_sources(self.settings.sources, pull_policy):
                    if search.missing:
                        self._ask(source, search, engine, step, one_by_one=one_by_one)
            finally:
                engine.close()
            if search.missing:
                raise missing_error(search, len(references))
            step.done(f"{len(references)} component images are present")

    def _ask(
        self, source: ImageSource, search: Search, engine: ContainerRuntime, step: Step, *, one_by_one: bool
    ) -> None:
        if source == "present":
            self._look(search, engine)
        elif source == "archive":
            self._load(search, engine, step)
        elif source == "binaries":
            self._make(search, engine, step)
        else:
            self._pull(search, step, one_by_one=one_by_one)

    def _look(self, search: Search, engine: ContainerRuntime) -> None:
        for reference in tuple(search.missing):
            if engine.image(reference):
                search.found(reference)
            else:
                search.refused(reference, "not in the engine")

    def _load(self, search: Search, engine: ContainerRuntime, step: Step) -> None:
        for archive in archives_of(self.settings.archives):
            if not search.missing:
                return
            step.update(f"loading {archive}")
            for reference in load_archive(engine, archive, tuple(search.missing)):
                search.found(reference)
        if self.settings.archives:
            for reference in search.missing:
                search.refused(reference, "not in the archives")

    def _make(self, search: Search, engine: ContainerRuntime, step: Step) -> None:
        if not self.settings.binaries_dir:
            return
        directory = Path(self.settings.binaries_dir)
        for reference, component in tuple(search.missing.items()):
            programs = programs_in(directory, component)
            if programs:
                step.update(f"making {reference}")
                make_image(programs, reference, engine, Path(tempfile.gettempdir()))
                search.found(reference)
            else:
                search.refused(reference, f"no {component} in {directory}")

    def _pull(self, search: Search, step: Step, *, one_by_one: bool) -> None:
        wanted = tuple(search.missing)
        failures = Puller(self.runtime, self.clock).pull(wanted, step, one_by_one=one_by_one)
        for reference in wanted:
            if reference in failures:
                search.refused(reference, failures[reference])
            else:
                search.found(reference)


def ensure(
    control_plane: ControlPlane,
    runtime: Callable[[], ContainerRuntime],
    reporter: Reporter,
    clock: Clock,
) -> None:
    """Make present what this node's static pods run. Raises ImagesMissingError.

    kube-proxy and CoreDNS are not among it: they are pods of the cluster, pulled where they are scheduled.
    """
    node = control_plane.init.node_registration
    sources = ImageSources(control_plane.bootstrap.images, runtime, reporter, clock)
    sources.ensure(
        static_pod_images(control_plane),
        pull_policy=node.image_pull_policy,
        one_by_one=bool(node.image_pull_serial),
    )


def static_pod_images(control_plane: ControlPlane) -> dict[str, str]:
    """Component -> reference of what the agent runs: the components of this node, and the sandbox."""
    wanted = (*control_plane.components, PAUSE)
    return {name: each for name, each in component_images(control_plane).items() if name in wanted}


def allowed_sources(sources: tuple[ImageSource, ...], pull_policy: str) -> tuple[ImageSource, ...]:
    """The sources that an imagePullPolicy leaves."""
    refused = {ALWAYS: "present", NEVER: "registry"}.get(pull_policy, "")
    return tuple(source for source in sources if source != refused)


def missing_error(search: Search, count: int) -> ImagesMissingError:
    """One line for each image, and the ways out."""
    return ImagesMissingError(
        f"{len(search.missing)} of {count} component images cannot be had",
        remedy="bootstrap images load FILE (an archive from another machine), or bootstrap images build "
        "(from Go modules)",
        details=tuple(
            f"{reference}: {'; '.join(search.reasons.get(reference, ['no source was asked']))}"
            for reference in search.missing
        ),
    )
