"""`mcp-sessiongen diff`."""

import sys
from pathlib import Path

import click

from mcp_sessiongen.commands.check import compare_all, finding
from mcp_sessiongen.commands.shared import (
    Reporter,
    find_jobs,
    format_option,
    output_option,
    sources_argument,
)


@click.command(short_help="Show what generate would change.")
@sources_argument
@output_option
@format_option
def command(sources: tuple[str, ...], output: Path | None, form: str) -> None:
    """Show what `generate` would change, as a unified diff.

    Exits with 1 if there is a difference. Changes nothing.
    """
    reporter = Reporter(form)
    with reporter.guarded("nothing was compared"):
        jobs = find_jobs("diff", sources, output)
        wrong = [state for state in compare_all(jobs, quiet=False)[1] if state.state != "kept"]  # never removed
    if form != "text":
        reporter.findings([finding(state) for state in wrong])
    else:
        from mcp_sessiongen.terminal import diff, has_colours, say

        for state in wrong:
            say(diff(state, colours=has_colours()))
    if wrong:
        sys.exit(1)
