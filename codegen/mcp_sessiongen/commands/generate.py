"""`mcp-sessiongen generate`."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from mcp_sessiongen.commands.shared import (
    Reporter,
    count,
    find_jobs,
    format_option,
    output_option,
    quiet_option,
    sources_argument,
)

if TYPE_CHECKING:
    from mcp_sessiongen.config import Job
    from mcp_sessiongen.output import FileState

_DONE: Final = "the files are as they should be all the same"


@click.command(short_help="Compile schemas into a folder.")
@sources_argument
@output_option
@click.option("--force", is_flag=True, help="Overwrite generated files that were changed by hand.")
@quiet_option
@format_option
def command(sources: tuple[str, ...], output: Path | None, force: bool, quiet: bool, form: str) -> None:
    """Compile schemas into a folder.

    Each schema file becomes one module of the same name; without arguments, those that pyproject.toml names. All
    files are written or none; those that are up to date are not touched. Files that mcp-sessiongen did not write
    are never overwritten, and those that were changed by hand only with --force. A module whose schema is gone is
    removed, unless it was changed.
    """
    reporter = Reporter(form, quiet)
    with reporter.guarded("nothing was written"):
        jobs = find_jobs("generate", sources, output)
        states = _generate(jobs, reporter, force=force)
    if form == "json":
        reporter.findings(())
    _tell(states, reporter)


def _generate(jobs: "list[Job]", reporter: Reporter, *, force: bool) -> "list[FileState]":
    from mcp_sessiongen.fresh import fresh_files
    from mcp_sessiongen.output import FileState

    known = [fresh_files(job) for job in jobs]
    if all(paths is not None for paths in known):
        return [FileState(path, None, None, "fresh") for paths in known for path in paths or ()]
    return _write(jobs, reporter, force=force)


def _write(jobs: "list[Job]", reporter: Reporter, *, force: bool) -> "list[FileState]":
    from mcp_sessiongen.compare import compare
    from mcp_sessiongen.diagnostics import printable
    from mcp_sessiongen.output import require_unedited
    from mcp_sessiongen.terminal import progress
    from mcp_sessiongen.write import write_files

    with progress("compiling", quiet=reporter.quiet) as step:
        compared = [compare(job, step) for job in jobs]
    states = [state for found in compared for state in found.states]
    if not force:
        require_unedited(states)
    write_files([*states, *(found.manifest for found in compared)])
    for found in compared:
        if found.problem:
            path = printable(str(found.manifest.path))
            reporter.note(f"note: {path} was written anew: {found.problem}")
    return states


def _tell(states: "list[FileState]", reporter: Reporter) -> None:
    from mcp_sessiongen.diagnostics import printable

    words = {"fresh": "unchanged", "left-over": "removed"}
    for state in states:
        path = printable(str(state.path))
        if state.state == "kept":
            reporter.note(f"note: {path} has no schema any more, but was changed by hand: remove it yourself")
        else:
            reporter.tell(f"{words.get(state.state, 'wrote'):<9} {path}", done=_DONE)
    unchanged = sum(state.state == "fresh" for state in states)
    removed = sum(state.state == "left-over" for state in states)
    written = sum(state.state in ("missing", "stale", "edited") for state in states)
    also = f", {removed} removed" if removed else ""
    reporter.tell(f"{count(written, 'file')} written, {unchanged} unchanged{also}", done=_DONE)
