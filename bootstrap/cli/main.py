"""The ``bootstrap`` command: finds the subcommand, and turns a failure into words and an exit code.

Invariant: ``--help`` and ``version`` import nothing beyond click; a subcommand's module is imported only when
that subcommand runs.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import click

from bootstrap import __version__
from bootstrap.cli.failure import below_root, show_failure, tell_failure, wants_traceback
from bootstrap.errors import BootstrapError, ConfigError, InterruptedByUserError

COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("bootstrap.cli.init:init", "Start a control plane on this machine."),
    "plan": ("bootstrap.cli.plan:plan", "Show what apply would change; exit code 2 when there are changes."),
    "apply": ("bootstrap.cli.plan:apply", "Bring the node to its configuration, one component at a time."),
    "templates": (
        "bootstrap.cli.templates:templates",
        "Templates of your own: copy built-in ones, and follow their changes.",
    ),
    "token": ("bootstrap.cli.token:token", "Make, list and delete bootstrap tokens, with which nodes join."),
    "config": ("bootstrap.cli.config:config", "Print, check and migrate configurations."),
    "certs": (
        "bootstrap.cli.certs:certs",
        "See when certificates end, renew them, make requests for an authority elsewhere.",
    ),
    "kubeconfig": ("bootstrap.cli.kubeconfig:kubeconfig", "Make kubeconfig files for people."),
    "reset": ("bootstrap.cli.reset:reset", "Remove what init made, and nothing else."),
    "images": ("bootstrap.cli.images:images", "List, pull, build, load and save component images."),
    "agent": ("bootstrap.cli.agent:agent", "The static-pod agent: run it, ask it, read its log."),
    "completion": ("bootstrap.cli.completion:completion", "Print a shell completion script."),
    "version": ("bootstrap.cli.version:version", "Print the version of this program."),
}
"""Command -> where it lives, and its line in the help: the help is drawn without importing the commands."""


class GlobalOptions:
    """What the global options said; ``verbosity`` counts the ``-v``.

    Filled in while the command line is read, before any command runs.
    """

    def __init__(self) -> None:
        self.root = Path("/")
        self.verbosity = 0
        self.color = True


class LateGroup(click.Group):
    """A group that lists its commands without having them: one is made when it is called."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as error:
            # click would look for the one that was meant among commands that are loaded.
            possibilities = self.list_commands(ctx)
            raise click.exceptions.NoSuchCommand(args[0], possibilities=possibilities, ctx=ctx) from error


class Program(LateGroup):
    """The program itself: help lists the commands of ``COMMANDS``, a call imports one of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return accept_global_options(command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_where, summary) in COMMANDS.items()])


EPILOG = """\b
Examples:
  bootstrap init                                 a control plane with kubeadm's defaults
  bootstrap init --config cluster.yaml           the same, described in a file
  bootstrap plan --config cluster.yaml           what would change
  bootstrap agent status                         what runs, and why something does not

\b
Exit codes: 0 done, 1 failed (2 for `plan`: there are changes), 2 preflight,
3 configuration, 4 timed out, 130 interrupted.
"""


def global_options() -> list[click.Parameter]:
    """Options that may stand before or after the subcommand; the one given last counts."""
    return [
        click.Option(
            ["--root"],
            type=click.Path(file_okay=False, path_type=Path),
            help="Write everything below this directory; the paths inside the files stay final.",
            metavar="DIR",
            expose_value=False,
            callback=_remember("root"),
        ),
        click.Option(
            ["-v", "--verbose"],
            count=True,
            help="Say more; -vv also shows tracebacks.",
            expose_value=False,
            callback=_remember("verbosity"),
        ),
        click.Option(
            ["--no-color"],
            is_flag=True,
            help="No colours (also: NO_COLOR in the environment).",
            expose_value=False,
            callback=_remember("color"),
        ),
    ]


def _remember(field: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def remember(ctx: click.Context, _parameter: click.Parameter, value: Any) -> None:
        options = ctx.find_object(GlobalOptions) or GlobalOptions()
        if field == "root" and value is not None:
            options.root = value.absolute()
        elif field == "verbosity":
            options.verbosity += value
        elif field == "color" and (value or os.environ.get("NO_COLOR")):
            options.color = False
        ctx.find_root().obj = ctx.obj = options

    return remember


def accept_global_options(command: click.Command) -> click.Command:
    """The same command, its subcommands too, with the global options (not repeated in its help)."""
    known = {name for parameter in command.params for name in parameter.opts}
    for option in global_options():
        assert isinstance(option, click.Option)
        if not known.intersection(option.opts):
            option.hidden = True
            command.params.append(option)
    if isinstance(command, click.Group):
        for child in command.commands.values():
            accept_global_options(child)
    return command


@click.group(
    cls=Program,
    params=global_options(),
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="bootstrap", message="%(prog)s %(version)s")
def main() -> None:
    """A Kubernetes control plane from a Docker Engine alone: no kubelet needed."""


def run(arguments: list[str] | None = None) -> None:
    """The whole program, which ends with it."""
    refuse_mixed_installation()
    signal.signal(signal.SIGTERM, _interrupt)
    arguments = sys.argv[1:] if arguments is None else arguments
    leave(exit_code_of(arguments))


def leave(code: int) -> NoReturn:
    """End the process without taking the interpreter apart first, which costs a command some 80 ms.

    By now all that matters is on the disk or in the streams.
    """
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        code = code or 1
    os._exit(code)


def exit_code_of(arguments: list[str]) -> int:
    """Run the command line; every foreseen failure is told, and is its documented exit code."""
    options = GlobalOptions()
    try:
        result: Any = main.main(args=arguments, prog_name="bootstrap", standalone_mode=False, obj=options)
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return ConfigError.exit_code
    except BrokenPipeError:
        # The reader of our output went away (| head); there is nobody left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (Exception, KeyboardInterrupt) as error:
        failure = below_root(error, options.root) if isinstance(error, BootstrapError) else failure_of(error)
        tell_failure(failure, arguments)
        if wants_traceback(arguments) and not isinstance(error, click.UsageError | InterruptedByUserError):
            raise
        return failure.exit_code
    return result if isinstance(result, int) else 0


def failure_of(error: BaseException) -> BootstrapError:
    """What else ended the command, as one of the errors a person may meet."""
    if isinstance(error, click.UsageError):
        path = error.ctx.command_path if error.ctx else "bootstrap"
        return ConfigError(error.format_message(), remedy=f"{path} --help")
    if isinstance(error, click.Abort | KeyboardInterrupt):
        return InterruptedByUserError("interrupted", remedy="run the same command again: it continues")
    return BootstrapError(
        f"internal error: {type(error).__name__}: {error}",
        remedy="run it again with -vv before the subcommand and report what it prints",
    )


def _interrupt(_number: int, _frame: object) -> None:
    """SIGTERM ends a command as Ctrl-C does: what it holds is released, and it is said what to do."""
    raise KeyboardInterrupt


def refuse_mixed_installation() -> None:
    """``bootstrap`` and ``pki`` are names other software also uses: both must come from one place."""
    spec = importlib.util.find_spec("pki")
    ours = Path(__file__).resolve().parents[2]
    found = Path(spec.origin).resolve().parents[1] if spec and spec.origin else None
    if found != ours:
        show_failure(
            BootstrapError(
                f"package pki comes from {found or 'nowhere'}, bootstrap from {ours}",
                remedy="install podstrap into a venv of its own: pipx install podstrap",
            )
        )
        raise SystemExit(1)
