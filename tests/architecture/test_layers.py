"""The rules of docs/architecture.md, as far as a tool can check them."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
SOURCES = sorted(path for package in ("bootstrap", "pki") for path in (REPOSITORY / package).rglob("*.py"))

HEAVY = {"cryptography", "docker", "jinja2", "rich", "yaml", "msgspec", "urllib3"}
"""What takes tens of milliseconds or megabytes to import."""

HOMES = {
    "docker": "bootstrap/runtime/docker_transfer.py",
    "click": "bootstrap/cli/",
    "jinja2": "bootstrap/render/",
}
ONLY_IN_HOST = {"subprocess", "socket", "time"}
TO_THE_OUTSIDE = ("bootstrap/host/", "bootstrap/runtime/engine_http.py")
"""The engine is on a socket, and its adapter a sibling of ``host``."""

CATCH_ALL_NAMES = {"utils", "util", "common", "helpers", "helper", "misc"}
LONGEST_FILE = 400
"""Lines: beyond that a file holds two concepts."""

LISTS_MODULES = (
    "import sys, json\n{code}\nprint(json.dumps(sorted({{m.partition('.')[0] for m in sys.modules}})))"
)


def modules_after(code: str) -> set[str]:
    """Top-level modules in a fresh interpreter that ran ``code``."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", LISTS_MODULES.format(code=code)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def relative(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


def imports_of(path: Path) -> set[str]:
    """Top-level names of every absolute import, inside functions too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module.partition(".")[0])
    return found


def test_imports_keep_the_contracts_of_pyproject() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [str(linter), "--no-cache"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("arguments", [["--help"], ["version"]], ids=" ".join)
def test_help_and_version_import_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import contextlib, io\n"
        "from bootstrap.cli.main import exit_code_of\n"
        f"with contextlib.redirect_stdout(io.StringIO()): assert exit_code_of({arguments!r}) == 0"
    )
    assert not modules_after(code) & HEAVY


def test_a_phase_that_is_run_alone_loads_no_other_and_no_adapter_it_does_not_use(tmp_path: Path) -> None:
    """A person waits for every module at a prompt."""
    code = (
        "from bootstrap.cli.main import exit_code_of\n"
        f"assert exit_code_of(['--root', {str(tmp_path)!r}, 'init', 'phase', 'certs', 'sa']) == 0"
    )
    assert not modules_after(code) & {"jinja2", "ssl", "subprocess", "docker", "concurrent", "rich"}


def test_the_agent_never_loads_what_only_the_other_half_needs() -> None:
    """Its resident memory is on every master, for ever."""
    modules = sorted(
        relative(path).removesuffix(".py").replace("/", ".")
        for path in SOURCES
        if path.is_relative_to(REPOSITORY / "bootstrap" / "agent") and path.name != "__init__.py"
    )
    loaded = modules_after("\n".join(f"import {module}" for module in modules))
    assert not loaded & {"jinja2", "cryptography", "click", "rich"}


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_a_module_is_named_after_what_it_holds_and_says_so(path: Path) -> None:
    assert path.stem not in CATCH_ALL_NAMES
    text = path.read_text()
    assert ast.get_docstring(ast.parse(text)), "a module says in its docstring what it is"
    assert len(text.splitlines()) <= LONGEST_FILE


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_processes_sockets_and_the_clock_are_reached_through_host(path: Path) -> None:
    assert relative(path).startswith(TO_THE_OUTSIDE) or not imports_of(path) & ONLY_IN_HOST


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_libraries_stay_in_their_adapters(path: Path) -> None:
    outside = {
        library for library in imports_of(path) & set(HOMES) if not relative(path).startswith(HOMES[library])
    }
    assert not outside


def test_our_own_modules_are_never_patched_in_tests() -> None:
    """Effects enter through Protocols; a test that patches has found a place where they do not."""
    others = (path for path in (REPOSITORY / "tests").rglob("*.py") if path != Path(__file__))
    patching = ("mock.patch", "monkeypatch.setattr")
    offenders = [relative(path) for path in others if any(word in path.read_text() for word in patching)]
    assert not offenders
