"""`mcp-sessiongen schema`."""

from pathlib import Path

import click

from mcp_sessiongen.commands.shared import Reporter


@click.command(short_help="Print the JSON Schema of the YAML format.")
@click.option("-o", "--output", metavar="FILE", type=click.Path(path_type=Path), help="Write it to a file instead.")
def command(output: Path | None) -> None:
    """Print the JSON Schema of the YAML format.

    With it an editor completes and checks schemas: the first line of a schema may name it, as in
    `# yaml-language-server: $schema=session-schema.json`.
    """
    reporter = Reporter()
    with reporter.guarded("nothing was written"):
        text = format_schema_text()
        if output is None:
            reporter.tell(text.rstrip("\n"))
            return
        from mcp_sessiongen.write import write_text

        write_text(output, text)


def format_schema_text() -> str:
    """Return the JSON Schema of the YAML format, as it is shipped."""
    return (Path(__file__).parents[1] / "session-schema.json").read_text(encoding="utf-8")
