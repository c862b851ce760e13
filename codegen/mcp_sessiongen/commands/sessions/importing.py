"""`mcp-sessiongen sessions import`."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

import click

from mcp_sessiongen.commands.sessions.options import Place, keyed_store_options
from mcp_sessiongen.commands.shared import Reporter, count, quiet_option
from mcp_sessiongen.commands.stores import interruptible, perform, progress_bar

if TYPE_CHECKING:
    from mcp_sessions.stores.transfer import Imported

_HELP: Final = """Put the sessions of an export into a store; - is stdin.

They go on as if nothing had happened: same ids, owners, times and values. A session that is there already stays as it
is, so this can be interrupted and run again. A SQLite file that is not there is made. With keys, values are encrypted.

Exits with 1 if sessions could not be put in, because the MCP session that they live in is not there.

\b
Examples:
  mcp-sessiongen sessions import backup.jsonl --store postgresql://me@db/sessions
  mcp-sessiongen sessions export - --store sqlite:///old.db | mcp-sessiongen sessions import - --store redis://new
"""


@click.command(help=_HELP, short_help="Put exported sessions into a store.")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@keyed_store_options
@quiet_option
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(place: Place, file: Path, quiet: bool, form: str) -> None:
    """Do what the help says."""
    from mcp_sessiongen.terminal import say

    reporter = Reporter(form, quiet)
    with _opened(file) as stream, interruptible():
        done = perform(reporter, lambda: _import(place, stream, _size_of(file), quiet=quiet))
    if form == "json":
        say(json.dumps(asdict(done)))
    else:
        rest = {"there already": done.existing, "expired meanwhile": done.expired}
        others = "".join(f", {number} {what}" for what, number in rest.items() if number)
        reporter.tell(f"{count(done.sessions, 'session')} imported{others}")
    if done.orphans:
        reporter.note(f"not imported: {count(done.orphans, 'session')} of MCP sessions that are not there")
        sys.exit(1)


@contextmanager
def _opened(file: Path) -> Iterator[TextIO]:
    if str(file) == "-":
        yield sys.stdin
        return
    try:
        stream = file.open(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise click.UsageError(f"Cannot read {file}: {error.strerror}.") from None
    with stream:
        yield stream


def _size_of(file: Path) -> int:
    return 0 if str(file) == "-" else file.stat().st_size


async def _import(place: Place, stream: TextIO, total: int, *, quiet: bool) -> "Imported":
    from mcp_sessions.stores.transfer import import_sessions

    async with place.opened(creates=True, changes=True) as store:
        with progress_bar(total, quiet=quiet or not total, label="bytes") as bar:

            def lines() -> Iterator[str]:
                for line in stream:
                    yield line
                    bar.update(len(line))

            return await import_sessions(store, lines())
