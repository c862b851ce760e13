"""`mcp-sessiongen watch`."""

import sys
from pathlib import Path

import click

from mcp_sessiongen.commands.shared import Reporter, format_option, output_option, sources_argument


@click.command(short_help="Compile again whenever something changes.")
@sources_argument
@output_option
@format_option
def command(sources: tuple[str, ...], output: Path | None, form: str) -> None:
    """Compile now, and again whenever a schema, a Python module or pyproject.toml changes.

    Looks at the project's folder and at the sources. While something is wrong, the last good output stays. Ctrl-C ends
    it. Needs the extra `watch`: pip install "mcp-sessiongen[watch]".
    """
    reporter = Reporter(form)
    try:
        from mcp_sessiongen.watching import watch
    except ModuleNotFoundError as error:
        if error.name != "watchfiles":
            raise
        reporter.note('watch needs watchfiles: run  pip install "mcp-sessiongen[watch]"')
        sys.exit(2)
    with reporter.guarded("the end"):
        watch(sources, output, form, reporter.note)
