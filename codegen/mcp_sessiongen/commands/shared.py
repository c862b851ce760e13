"""What the commands have in common: options, the search for what to do, and the telling of what is wrong."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from mcp_sessiongen import __version__

if TYPE_CHECKING:
    from mcp_sessiongen.config import Config, Job
    from mcp_sessiongen.diagnostics import Diagnostic, SchemaErrors

C = TypeVar("C", bound=Callable[..., None])

FORMATS: Final = ("text", "json", "github")

_DEBUG: Final = "MCP_SESSIONGEN_DEBUG"
_COLOURS: Final = {"path": None, "error": "red", "warning": "yellow", "caret": "red", "help": "cyan"}

_NOTHING_TO_DO: Final = """No schema is named, and no pyproject.toml here or above has settings.
Name schemas and a folder:

  mcp-sessiongen {command} schemas -o app/sessions

or add these lines to pyproject.toml, and run it without arguments:

  [tool.mcp-sessiongen]
  sources = ["schemas"]
  output = "app/sessions\""""


def _folder(context: click.Context, parameter: click.Parameter, value: str | None) -> Path | None:
    if value == "":
        raise click.BadParameter("it should name a folder, and is empty", context, parameter)
    return None if value is None else Path(value)


def sources_argument(command: C) -> C:
    """Add the sources."""
    return click.argument("sources", metavar="[SCHEMA...]", nargs=-1, type=click.Path())(command)


def output_option(command: C) -> C:
    """Add the output folder."""
    return click.option(
        "-o", "--output", metavar="FOLDER", callback=_folder, type=click.Path(), help="Where the generated modules are."
    )(command)


def quiet_option(command: C) -> C:
    """Add `--quiet`."""
    return click.option("-q", "--quiet", is_flag=True, help="Print nothing but problems.")(command)


def format_option(command: C) -> C:
    """Add `--error-format`."""
    text = "How findings are told: as text, as one JSON array on stdout, or as GitHub's annotations on stdout."
    option = click.option(
        "--error-format", "form", type=click.Choice(FORMATS), default="text", show_default=True, help=text
    )
    return option(command)


def find_jobs(command: str, sources: tuple[str, ...], output: Path | None) -> "list[Job]":
    """Return what there is to compile: what the command line names, else what the project's settings do.

    Raises:
        SchemaErrors: If the settings are wrong.
        click.UsageError: If there is nothing to do.
    """
    from mcp_sessiongen.config import Job, find_config

    if sources and output:
        return [Job(sources, output)]
    config = find_config()
    jobs = config.jobs if config else ()
    if not sources and not output and jobs:
        return list(jobs)
    if len(jobs) == 1:
        return [Job(sources or jobs[0].sources, output or jobs[0].output)]
    if output or not sources:
        message = "Several targets are set: name the schemas too." if jobs else _NOTHING_TO_DO.format(command=command)
        raise click.UsageError(message)
    where = "the settings have several targets" if jobs else "there are no settings in pyproject.toml"
    raise click.UsageError(f"Missing option '-o' / '--output': {where}.")


def find_sources(command: str, sources: tuple[str, ...], config: "Config | None") -> list[tuple[str, ...]]:
    """Return the sources that the command line names, else those of each target in the project's settings.

    Raises:
        click.UsageError: If there are none.
    """
    if sources:
        return [sources]
    if config and config.jobs:
        return [job.sources for job in config.jobs]
    raise click.UsageError(_NOTHING_TO_DO.format(command=command).replace(" -o app/sessions", ""))


@dataclass(frozen=True)
class Reporter:
    """Tells a person or a machine what there is to say.

    Attributes:
        form: One of `FORMATS`. With any but text, stdout has the findings, and nothing else.
        quiet: Whether to leave out what is no problem.
    """

    form: str = "text"
    quiet: bool = False

    def tell(self, text: str, *, done: str = "") -> None:
        """Say how things go, and if that is impossible, what was done all the same."""
        if not self.quiet:
            self.note(text, err=False, done=done)

    def note(self, text: str, *, err: bool = True, done: str = "") -> None:
        """Say something that is left out under no circumstances."""
        from mcp_sessiongen.terminal import say

        say(text, err=err or self.form != "text", done=done)

    def findings(self, found: "Iterable[Diagnostic]", *, err: bool = False) -> None:
        """Tell findings, in their order; as text to stderr if they are what keeps a command from its work."""
        from mcp_sessiongen.diagnostics import render_text
        from mcp_sessiongen.reporting import as_github, as_json
        from mcp_sessiongen.terminal import has_colours, say

        if self.form == "json":
            say(as_json(found))
            return
        has_colour = has_colours(err=err)

        def style(text: str, role: str) -> str:
            return click.style(text, fg=_COLOURS[role], bold=True) if has_colour else text

        for diagnostic in found:
            if self.form == "github":
                say(as_github(diagnostic))
            else:
                say(render_text(diagnostic, style), err=err)

    def refuse(self, errors: "SchemaErrors", outcome: str) -> None:
        """Tell what keeps a command from its work."""
        self.findings(errors.diagnostics, err=True)
        self.note(f"{count(len(errors.diagnostics), 'error')}; {outcome}")

    @contextmanager
    def guarded(self, outcome: str) -> Iterator[None]:
        """Do some work; tell what is wrong with its input, or that the fault is ours, and exit with 2."""
        from mcp_sessiongen.diagnostics import SchemaErrors, Source, fatal, printable
        from mcp_sessiongen.safe_text import safe_str

        try:
            yield
            return
        except SchemaErrors as errors:
            self.refuse(errors, outcome)
        except OSError as error:  # wherever it happens: a name that is too long, a disk that is gone
            where, why = error.filename or ".", error.strerror or safe_str(error)
            span = Source(os.fsdecode(where) if isinstance(where, str | bytes) else ".").span()
            self.refuse(fatal(span, "write-failed", f"the system refuses: {why}", "check the path"), outcome)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            if os.environ.get(_DEBUG):
                raise
            self.note(
                f"mcp-sessiongen {__version__}: internal error: {type(error).__name__}: {printable(safe_str(error))}\n"
                f"This is a bug, please report it; {_DEBUG}=1 shows where it happened."
            )
        sys.exit(2)


def count(number: int, noun: str) -> str:
    """Return "1 file" or "2 files"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def command_line(command: str, sources: tuple[str, ...], output: Path | None) -> str:
    """Return what to run, as a person would type it, with nothing in it that harms a terminal."""
    import shlex

    from mcp_sessiongen.diagnostics import printable

    options: list[Any] = ["-o", str(output)] if output else []
    return printable(shlex.join(["mcp-sessiongen", command, *sources, *options]))
