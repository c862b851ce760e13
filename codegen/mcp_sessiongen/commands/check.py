"""`mcp-sessiongen check`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from mcp_sessiongen.commands.shared import (
    Reporter,
    command_line,
    count,
    find_jobs,
    format_option,
    output_option,
    quiet_option,
    sources_argument,
)

if TYPE_CHECKING:
    from mcp_sessiongen.config import Job
    from mcp_sessiongen.diagnostics import Diagnostic
    from mcp_sessiongen.output import FileState

_FINDINGS: Final = {
    "missing": ("missing-file", "the generated module is not there"),
    "stale": ("stale-file", "the generated module is not what its schema gives now"),
    "edited": ("edited-file", "the generated module was changed by hand: --force overwrites it"),
    "left-over": ("left-over-file", "no schema makes this module any more"),
    "kept": ("left-over-file", "no schema makes this module any more, but it was changed by hand: remove it yourself"),
}


@click.command(short_help="Tell whether generated modules are up to date.")
@sources_argument
@output_option
@click.option("--diff", "with_diff", is_flag=True, help="Print the difference too.")
@quiet_option
@format_option
def command(sources: tuple[str, ...], output: Path | None, with_diff: bool, quiet: bool, form: str) -> None:
    """Tell whether the modules in a folder are what `generate` would write.

    If not, names each file and the command to run, and exits with 1. Changes nothing.
    """
    reporter = Reporter(form, quiet)
    with reporter.guarded("nothing was checked"):
        jobs = find_jobs("check", sources, output)
        number, wrong = compare_all(jobs, quiet=quiet)
        to_run = command_line("generate", sources, output)
    if form != "text":
        reporter.findings([finding(state, _remedy(state, to_run)) for state in wrong])
    if not wrong:
        reporter.tell(f"{count(number, 'file')} up to date")
        return
    if form == "text":
        _tell(wrong, with_diff=with_diff)
    commands = dict.fromkeys(remedy for state in wrong if (remedy := _command(state, to_run)))
    told = "".join(f"\n  {line}" for line in commands)
    reporter.note(f"{count(len(wrong), 'file')} of {number} not up to date{'; run:' if told else ''}{told}")
    sys.exit(1)


def _command(state: "FileState", to_run: str) -> str:
    """Return the command after which a file is as it should be; "" if there is none."""
    if state.state == "kept":
        return ""
    return f"{to_run} --force" if state.state == "edited" else to_run


def _remedy(state: "FileState", to_run: str) -> str:
    line = _command(state, to_run)
    return f"run  {line}" if line else "remove it, or bring its schema back"


def compare_all(jobs: "list[Job]", *, quiet: bool) -> "tuple[int, list[FileState]]":
    """Return how many files there should be, and those that are not as they should be.

    Raises:
        SchemaErrors: If a source is wrong, or something is in the way.
    """
    from mcp_sessiongen.fresh import fresh_files

    known = [fresh_files(job) for job in jobs]
    if all(paths is not None for paths in known):
        return sum(len(paths or ()) for paths in known), []
    from mcp_sessiongen.compare import compare
    from mcp_sessiongen.terminal import progress

    with progress("checking", quiet=quiet) as step:
        states = [state for job in jobs for state in compare(job, step).states]
    return len(states), [state for state in states if state.state != "fresh"]


def finding(state: "FileState", hint: str = "") -> "Diagnostic":
    """Return what there is to say about a file that is not as it should be."""
    from mcp_sessiongen.diagnostics import Diagnostic, Source

    code, message = _FINDINGS[state.state]
    source = Source(str(state.path))
    return Diagnostic(source.nowhere() if state.before is None else source.span(), code, message, hint)


def _tell(wrong: "list[FileState]", *, with_diff: bool) -> None:
    from mcp_sessiongen.terminal import diff, say

    Reporter().findings([finding(state) for state in wrong])
    for state in wrong if with_diff else ():
        say(diff(state))
