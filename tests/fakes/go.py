"""A Go toolchain that "compiles" in no time: what it builds are empty but valid static programs."""

from __future__ import annotations

import json
import struct
from pathlib import Path

PT_LOAD, PT_INTERP = 1, 3


class FakeGo:
    """A program for ``FakeProcesses``: knows modules that a test ``publish``es in ``directory``."""

    def __init__(self, directory: Path, *, version: str = "go1.26.8", toolchain: str = "local") -> None:
        self.version = version
        self.toolchain = toolchain
        self.builds: list[tuple[str, ...]] = []
        self.compile_failure = ""
        self._directory = directory
        self._modules: dict[str, dict[str, str]] = {}

    def publish(self, module: str, version: str, go_mod: dict[str, object], time: str = "") -> None:
        """Make a module version fetchable; ``go_mod`` is in the form of ``go mod edit -json``."""
        place = self._directory / module.replace("/", "_") / version
        place.mkdir(parents=True)
        (place / "go.mod").write_text(json.dumps(go_mod))
        (place / "info").write_text(json.dumps({"Version": version, "Time": time}))
        reply = {"Path": module, "GoMod": str(place / "go.mod"), "Info": str(place / "info")}
        self._modules[f"{module}@{version}"] = reply

    def __call__(self, arguments: tuple[str, ...]) -> tuple[int, str]:
        if arguments[:3] == ("mod", "download", "-json"):
            found = self._modules.get(arguments[3])
            return (0, json.dumps(found)) if found else (1, "no matching versions for query")
        if arguments[:3] == ("mod", "edit", "-json"):
            return 0, Path(arguments[3]).read_text()
        if arguments[0] == "env":
            return 0, json.dumps({"GOVERSION": self.version, "GOTOOLCHAIN": self.toolchain})
        if arguments[:2] == ("list", "-deps"):
            return 0, "fmt\nos\n" + "\n".join(arguments[2:])
        return self._build(arguments)

    def _build(self, arguments: tuple[str, ...]) -> tuple[int, str]:
        assert arguments[0] == "build"
        if self.compile_failure:
            return 1, self.compile_failure
        self.builds.append(arguments)
        target = arguments[arguments.index("-o") + 1]
        packages = arguments[arguments.index("-o") + 2 :]
        if not target.endswith("/"):
            write_elf(Path(target))
        for package in packages if target.endswith("/") else ():
            parts = package.split("/")
            write_elf(Path(target) / (parts[-2] if parts[-1] == "v3" else parts[-1]))
        return 0, "\n".join(packages)


def write_elf(path: Path, *, interpreter: bool = False) -> Path:
    """A 64-bit ELF file of one program header, which asks for a dynamic linker or does not."""
    header = b"\x7fELF\x02\x01\x01" + bytes(9)
    header += struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    entry = struct.pack("<IIQQQQQQ", PT_INTERP if interpreter else PT_LOAD, 4, 0, 0, 0, 0, 0, 0)
    path.write_bytes(header + entry + path.name.encode())
    path.chmod(0o755)
    return path
