"""The command line: arguments in, exit codes and messages out.

Imports nothing but click at the start, so that `--version` and `--help` are quick.
"""

import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import click

from mcp_sessiongen import __version__

if TYPE_CHECKING:
    from mcp_sessiongen.diagnostics import SchemaErrors
    from mcp_sessiongen.write import FileState

C = TypeVar("C", bound=Callable[..., None])

_DEBUG: Final = "MCP_SESSIONGEN_DEBUG"
_COLOURS: Final = {"path": None, "error": "red", "caret": "red", "help": "cyan"}

_HELP: Final = """Compile session schemas into typed accessor classes for MCP servers.

A SCHEMA is a .yaml file, a .py file or an importable module with SessionModel classes (append :Class for one of
them), or a folder, which stands for its YAML files.

\b
Examples:
  mcp-sessiongen generate schemas/counter.yaml -o app/sessions
  mcp-sessiongen schemas/ -o app/sessions          # the same as generate
  mcp-sessiongen generate app.schemas:Cart -o app/sessions
  mcp-sessiongen check schemas/ -o app/sessions    # in CI

\b
Exit codes:
  0  everything is fine
  1  check: files are missing or stale
  2  wrong usage or a wrong schema; nothing was written
"""


class _Commands(click.Group):
    """A group in which `generate` may be left out."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own = {"--help", "-h", "--version", *self.commands}
        if args and args[0] not in own and not self.is_mistyped(args[0]):
            args = ["generate", *args]
        return super().parse_args(ctx, args)

    def is_mistyped(self, word: str) -> bool:
        """Tell whether a first argument is meant to be a command: then click says which ones it is close to."""
        import difflib

        return bool(difflib.get_close_matches(word, self.commands)) and not Path(word).exists()


@click.group(
    cls=_Commands, help=_HELP, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120}
)
@click.version_option(__version__, prog_name="mcp-sessiongen")
def main() -> None:
    """Entry point of `mcp-sessiongen`."""


def _folder(context: click.Context, parameter: click.Parameter, value: str) -> Path:
    if not value:
        raise click.BadParameter("it should name a folder, and is empty", context, parameter)
    return Path(value)


def _arguments(command: C) -> C:
    """Add what `generate` and `check` share."""
    for decorate in (
        click.option("-q", "--quiet", is_flag=True, help="Print nothing but problems."),
        click.option(
            "-o",
            "--output",
            metavar="FOLDER",
            required=True,
            callback=_folder,
            help="Where the generated modules are.",
        ),
        click.argument("sources", metavar="SCHEMA...", nargs=-1, required=True),
    ):
        command = decorate(command)
    return command


@main.command(short_help="Compile schemas into a folder.")
@_arguments
def generate(sources: tuple[str, ...], output: Path, quiet: bool) -> None:
    """Compile schemas into a folder.

    Each schema file becomes one module of the same name. All files are written or none; those that are up to date
    are not touched, and files that mcp-sessiongen did not write are never overwritten.
    """
    states = _guarded(lambda: _generate(sources, output), "nothing was written")
    if quiet:
        return
    from mcp_sessiongen.diagnostics import printable
    from mcp_sessiongen.terminal import say

    for state in states:
        say(f"{'unchanged' if state.state == 'fresh' else 'wrote':<9} {printable(str(state.path))}")
    changed = sum(state.state != "fresh" for state in states)
    say(f"{_count(changed, 'file')} written, {len(states) - changed} unchanged")


@main.command(short_help="Tell whether generated modules are up to date.")
@_arguments
def check(sources: tuple[str, ...], output: Path, quiet: bool) -> None:
    """Tell whether the modules in a folder are what `generate` would write.

    If not, prints the difference and the command to run, and exits with 1. Changes nothing.
    """
    states = _guarded(lambda: _compare(sources, output), "nothing was checked")
    from mcp_sessiongen.diagnostics import printable
    from mcp_sessiongen.terminal import diff, say

    stale = [state for state in states if state.state != "fresh"]
    if stale:
        command = printable(shlex.join(["mcp-sessiongen", "generate", *sources, "-o", str(output)]))
        for state in stale:
            say(diff(state))
        say(f"{_count(len(stale), 'file')} of {len(states)} not up to date; run:\n  {command}", err=True)
        sys.exit(1)
    if not quiet:
        say(f"{_count(len(states), 'file')} up to date")


def _compare(sources: tuple[str, ...], output: Path) -> "list[FileState]":
    from mcp_sessiongen.pipeline import compile_sources
    from mcp_sessiongen.render import HEADER
    from mcp_sessiongen.write import inspect_output

    return inspect_output(output, compile_sources(sources, output), HEADER)


def _generate(sources: tuple[str, ...], output: Path) -> "list[FileState]":
    from mcp_sessiongen.write import write_files

    states = _compare(sources, output)
    write_files(output, states)
    return states


def _guarded(work: "Callable[[], list[FileState]]", outcome: str) -> "list[FileState]":
    """Do the work; tell what is wrong with the schemas, or that the fault is ours, and exit with 2."""
    from mcp_sessiongen.diagnostics import SchemaErrors, printable
    from mcp_sessiongen.safe_text import safe_str
    from mcp_sessiongen.terminal import say

    try:
        return work()
    except SchemaErrors as errors:
        _show(errors, outcome)
    except Exception as error:
        if os.environ.get(_DEBUG):
            raise
        say(
            f"mcp-sessiongen {__version__}: internal error: {type(error).__name__}: {printable(safe_str(error))}\n"
            f"This is a bug, please report it; {_DEBUG}=1 shows where it happened.",
            err=True,
        )
    sys.exit(2)


def _show(errors: "SchemaErrors", outcome: str) -> None:
    from mcp_sessiongen.diagnostics import render_text
    from mcp_sessiongen.terminal import say

    colour = sys.stderr.isatty() and not os.environ.get("NO_COLOR")

    def style(text: str, role: str) -> str:
        return click.style(text, fg=_COLOURS[role], bold=True) if colour else text

    for diagnostic in errors.diagnostics:
        say(render_text(diagnostic, style), err=True)
    say(f"{_count(len(errors.diagnostics), 'error')}; {outcome}", err=True)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
