"""Templates to text: the only module that renders.

Invariant: whatever a template prints is one encoded value (``render.scalars``) or text another template laid
out; there is no way to print a value as it is. An undefined name is an error, and a template reaches nothing
but the values it was given (sandbox).

Templates are looked up in the site's directory first, then among the built-in ones; ``builtin/NAME`` is
always the built-in one, so that a site template may extend what it replaces.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType

import jinja2
import jinja2.sandbox

import bootstrap
from bootstrap.errors import ConfigError
from bootstrap.render.scalars import unit_word, yaml_scalar

_PACKAGE = Path(bootstrap.__file__).parent

_EVALUATION_ERRORS = (
    jinja2.TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What evaluating a template can raise, apart from defects of this program."""


class TemplateFailedError(ConfigError):
    """A template cannot be read, is not a template, or uses something that is not there."""


class _LaidOut(str):
    """Text made by a template: what a macro, ``super()`` or a whole template returns."""

    __slots__ = ()


class _Environment(jinja2.sandbox.ImmutableSandboxedEnvironment):
    """Marks what templates produce, so that only values are encoded when they are printed."""

    @staticmethod
    def concat(parts: Iterable[str]) -> str:
        return _LaidOut("".join(parts))


class Templates:
    """The templates of one site directory ("" for none) over the built-in ones.

    ``instead``: texts by name, taken for those of the site before they are written. Raises
    TemplateFailedError when ``site`` is not a directory.
    """

    def __init__(self, site: str = "", instead: Mapping[str, str] | None = None) -> None:
        if site and not Path(site).is_dir():
            raise TemplateFailedError(
                f"the template directory {site} does not exist",
                remedy="create it, or correct templates.directory in the BootstrapConfiguration",
            )
        self._yaml = _environment(site, instead or {}, yaml_scalar)
        self._unit = _environment(site, instead or {}, unit_word)

    def yaml(self, name: str, values: Mapping[str, object]) -> str:
        """Render a YAML document; raises TemplateFailedError with file, line and message."""
        return _render(self._yaml, name, values)

    def unit(self, name: str, values: Mapping[str, object]) -> str:
        """Render a systemd unit; raises TemplateFailedError with file, line and message."""
        return _render(self._unit, name, values)

    def where(self, name: str) -> str:
        """The file a template comes from, for messages."""
        return _load(self._yaml, name).filename or name


@functools.cache
def templates_of(site: str) -> Templates:
    """The same ``Templates`` for the same directory, so that each template is compiled once."""
    return Templates(site)


def builtin_directory() -> Path:
    """``_templates`` in an installed package, ``templates`` beside it in a source checkout."""
    installed = _PACKAGE / "_templates"
    return installed if installed.is_dir() else _PACKAGE.parent / "templates"


def _environment(site: str, instead: Mapping[str, str], encode: Callable[[object], str]) -> _Environment:
    builtin = jinja2.FileSystemLoader(builtin_directory())
    own: list[jinja2.BaseLoader] = [jinja2.FileSystemLoader(site)] if site else []
    if instead:
        own.insert(0, jinja2.FunctionLoader(lambda name: _given(site, name, instead.get(name))))
    return _Environment(
        loader=jinja2.ChoiceLoader([*own, builtin, jinja2.PrefixLoader({"builtin": builtin})]),
        undefined=jinja2.StrictUndefined,
        finalize=lambda value: _printed(value, encode),
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _given(site: str, name: str, text: str | None) -> tuple[str, str, None] | None:
    """As jinja2 wants it: the text, its file, and nothing that would tell whether it is out of date."""
    return None if text is None else (text, str(Path(site, name)), None)


def _printed(value: object, encode: Callable[[object], str]) -> str:
    if isinstance(value, jinja2.Undefined):
        return str(value)  # StrictUndefined raises, naming what is undefined
    if value is None:
        raise TypeError("a value to print is null")
    return value if isinstance(value, _LaidOut) else encode(value)


def _load(environment: _Environment, name: str) -> jinja2.Template:
    try:
        return environment.get_template(name)
    except jinja2.TemplateSyntaxError as error:
        raise failure(error.filename or error.name or name, error.lineno, str(error.message)) from error
    except jinja2.TemplateNotFound as error:
        raise failure(name, 0, f"there is no template {error.name}") from error
    except UnicodeDecodeError as error:
        raise failure(name, 0, "it is not UTF-8 text") from error


def _render(environment: _Environment, name: str, values: Mapping[str, object]) -> str:
    template = _load(environment, name)
    try:
        return str(template.render(values))
    except jinja2.TemplateSyntaxError as error:
        raise failure(error.filename or error.name or name, error.lineno, str(error.message)) from error
    except jinja2.TemplateNotFound as error:
        raise failure(template.filename or name, 0, f"there is no template {error.name}") from error
    except _EVALUATION_ERRORS as error:
        file, line = _position(error.__traceback__, template.filename or name)
        raise failure(file, line, str(error)) from error


def _position(trace: TracebackType | None, file: str) -> tuple[str, int]:
    """The innermost template line of a traceback (jinja2 puts template files and lines into it)."""
    line = 0
    while trace is not None:
        source = trace.tb_frame.f_code.co_filename
        if source.endswith(".j2"):
            file, line = source, trace.tb_lineno
        trace = trace.tb_next
    return file, line


def failure(file: str, line: int, message: str) -> TemplateFailedError:
    """``line`` is 0 where it is not known."""
    where = f"{file}, line {line}" if line else file
    own = not Path(file).is_relative_to(builtin_directory())
    return TemplateFailedError(
        f"template {where}: {message}",
        remedy="correct the template, or remove it to use the built-in one"
        if own
        else "a template of this program does not fit its values: reinstall podstrap",
    )
