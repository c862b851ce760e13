"""`mcp-sessiongen breaking`."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from mcp_sessiongen.breaking.codes import BREAKING_CODES, CATEGORIES, codes_of, problem_with
from mcp_sessiongen.commands.baseline import settled, snapshot_of
from mcp_sessiongen.commands.shared import Reporter, count, format_option, quiet_option, sources_argument

if TYPE_CHECKING:
    from mcp_sessiongen.diagnostics import Diagnostic


class _Rules(click.ParamType[tuple[str, ...]]):
    """Names of rules and categories, separated by commas."""

    name = "RULES"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        names = tuple(name.strip() for name in str(value).split(","))
        for problem, hint in filter(None, map(problem_with, names)):
            self.fail(f"{problem}; {hint}", param, ctx)
        return names

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        before, comma, last = incomplete.rpartition(",")
        found = [name for name in (*CATEGORIES, *BREAKING_CODES) if name.startswith(last)]
        return [CompletionItem(f"{before}{comma}{name}") for name in found]


@click.command(short_help="Find what would break released code and stored data.")
@sources_argument
@click.option("--against", metavar="WHAT", help="What was released: git:REF, a snapshot, or a folder.")
@click.option("--write", is_flag=True, help="Write the snapshot schema.lock.json instead.")
@click.option("--select", type=_Rules(), multiple=True, help="Apply these rules or categories only.")
@click.option("--ignore", type=_Rules(), multiple=True, help="Do not apply these rules or categories.")
@quiet_option
@format_option
def command(
    sources: tuple[str, ...],
    against: str | None,
    write: bool,
    select: tuple[tuple[str, ...], ...],
    ignore: tuple[tuple[str, ...], ...],
    quiet: bool,
    form: str,
) -> None:
    """Find what would break stored data, released servers, code that uses the accessors, or clients of the tools.

    Compares the schemas with what was released, and exits with 1 if there is anything. Without --against that is what
    the settings say, or else the snapshot schema.lock.json beside pyproject.toml. The categories are data, servers,
    code, tools and policy; `explain` lists the rules.
    """
    reporter = Reporter(form, quiet)
    if write:
        with reporter.guarded("nothing was written"):
            path = _write(sources, against)
        if form == "json":
            reporter.findings(())
        reporter.tell(f"wrote {path}")
        return
    with reporter.guarded("nothing was compared"):
        found, new = _compare(sources, against, _named(select), _named(ignore))
    if found or form != "text":
        reporter.findings(found)
    for source in new:
        reporter.tell(f"{source} is new, and was not compared")
    if found:
        reporter.note(count(len(found), "breaking change"))
        sys.exit(1)
    reporter.tell("nothing breaks")


def _named(options: tuple[tuple[str, ...], ...]) -> set[str]:
    return {name for names in options for name in names}


def _compare(
    sources: tuple[str, ...], against: str | None, select: set[str], ignore: set[str]
) -> "tuple[list[Diagnostic], list[str]]":
    from mcp_sessiongen.breaking.compare import breaking
    from mcp_sessiongen.breaking.released import released
    from mcp_sessiongen.breaking.sources import schemas_in

    wanted, settings = settled("breaking", sources)
    current = schemas_in(wanted.sources, wanted.project, history=True)
    before, new = released(against or settings.against or snapshot_of(wanted), wanted)
    on = codes_of(select or settings.select or BREAKING_CODES)
    off = codes_of(ignore) | (codes_of(settings.ignore) - codes_of(select))
    arguments = shlex.join([*sources, *(("--against", against) if against else ())])
    found = breaking(before, current, arguments)
    return [finding for finding in found if finding.code in on - off], new


def _write(sources: tuple[str, ...], against: str | None) -> str:
    from mcp_sessiongen.breaking.snapshot import NAME, read_snapshot, snapshot_text
    from mcp_sessiongen.breaking.sources import covers, relative, schemas_in
    from mcp_sessiongen.write import write_text

    wanted, settings = settled("breaking", sources)
    place = against or settings.against or relative(wanted.project / NAME, Path.cwd())
    if place.startswith("git:") or Path(place).is_dir():
        raise click.UsageError(f"--write makes a snapshot, and {place} is none: name a file with --against.")
    schemas = schemas_in(wanted.sources, wanted.project)
    if sources and Path(place).exists():  # what was not named stays as it is
        kept = [one for one in read_snapshot(Path(place)) if not covers(sources, one.source, wanted.project)]
        schemas += kept
    write_text(Path(place), snapshot_text(schemas))
    return place
