"""`mcp-sessiongen export`."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from mcp_sessiongen.commands.shared import Reporter, format_option

if TYPE_CHECKING:
    from mcp_sessiongen.pipeline import Compiled

_FORMS: Final = ("ir", "json-schema", "yaml", "pydantic")
_HELP: Final = """Print what a schema means, in another form.

\b
  ir           what it is to the compiler, as JSON
  json-schema  the state of its sessions as JSON Schema, draft 2020-12
  yaml         a YAML schema that means the same
  pydantic     a Python schema that means the same
"""


@click.command(short_help="Print what a schema means, in another form.", help=_HELP)
@click.argument("source", metavar="SCHEMA", type=click.Path())
@click.option("-f", "--format", "target", type=click.Choice(_FORMS), required=True, help="The form.")
@click.option("-o", "--output", metavar="FILE", type=click.Path(), help="Write it there, whatever the file held.")
@format_option
def command(source: str, target: str, output: str | None, form: str) -> None:
    """Print what a schema means, in another form."""
    with Reporter(form).guarded("nothing was exported"):
        from mcp_sessiongen.export import export

        compiled = _compiled(source)
        if output is not None:
            _require_other(output, compiled.target.given)
        text = export(compiled.module, target, source=compiled.target.given, classes=compiled.declared.classes)
        if output is not None:
            from mcp_sessiongen.write import write_text

            write_text(Path(output), text)
            return
    # As UTF-8 whatever the terminal takes: it is a file's content.
    click.echo(text.encode(), nl=False)


def _compiled(source: str) -> "Compiled":
    from mcp_sessiongen.pipeline import compile_modules

    found = compile_modules((source,))
    if len(found) == 1:
        return found[0]
    raise click.UsageError(f"{source} stands for {len(found)} schemas: export one at a time.")


def _require_other(output: str, schema: str) -> None:
    """Refuse to write over the schema that is exported: comments, and what another form does not say, would be lost."""
    if not output:
        raise click.UsageError("-o should name a file, and is empty.")
    if Path(output).exists() and Path(schema).exists() and Path(output).samefile(schema):
        raise click.UsageError(f"{schema!r} is the schema itself: name another file.")
