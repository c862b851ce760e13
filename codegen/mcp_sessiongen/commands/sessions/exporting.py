"""`mcp-sessiongen sessions export`."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkstemp
from typing import TYPE_CHECKING, Final

import click

from mcp_sessiongen.commands.sessions.options import Place, keyed_store_options, not_empty
from mcp_sessiongen.commands.shared import Reporter, count, quiet_option
from mcp_sessiongen.commands.stores import perform, progress_bar

if TYPE_CHECKING:
    from collections.abc import Callable

_HELP: Final = """Write the sessions of a store into FILE, as lines of JSON; - is stdout.

It has all that is kept of them, so that another store can go on where this one stopped: see import. Each session is as
it is at one moment. Who has the file has the sessions: it is for its owner alone (mode 0600); keep it as you would keep
passwords. Values of an encrypted store are written in the clear if the keys are given, else as they are.

\b
Examples:
  mcp-sessiongen sessions export backup.jsonl
  mcp-sessiongen sessions export - --schema cart | gpg -e -r me@example.org > carts.gpg
"""


@click.command(help=_HELP, short_help="Write sessions into a file.")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@keyed_store_options
@click.option(
    "--schema",
    "schemas",
    metavar="NAME",
    multiple=True,
    callback=not_empty,
    help="Only of this schema; may be repeated.",
)
@click.option("--force", is_flag=True, help="Overwrite a file that is there.")
@quiet_option
def command(place: Place, file: Path, schemas: tuple[str, ...], force: bool, quiet: bool) -> None:
    """Do what the help says."""
    reporter = Reporter("text", quiet)
    is_stdout = str(file) == "-"
    if not is_stdout and file.exists() and not force:
        raise click.UsageError(f"{file} is there already: --force overwrites it.")
    if is_stdout:
        total, damaged = _export(place, schemas, _write_line, reporter)
    else:
        with _new_file(file, reporter, force=force) as write:
            total, damaged = _export(place, schemas, write, reporter)
    if not quiet:
        reporter.note(f"{count(total, 'session')} exported" + ("" if is_stdout else f" to {file}"), err=is_stdout)
    if damaged:
        reporter.note(f"{count(damaged, 'session')} could not be decrypted, and left out")
        sys.exit(1)


def _write_line(line: str) -> None:
    from mcp_sessiongen.terminal import say

    say(line)


def _export(
    place: Place, schemas: tuple[str, ...], write: "Callable[[str], None]", reporter: Reporter
) -> tuple[int, int]:
    """Write the sessions; return how many there were, and how many were damaged."""

    async def work() -> tuple[int, int]:
        from mcp_sessions.admin import schema_titled
        from mcp_sessions.stores.terms import Address
        from mcp_sessions.stores.transfer import export_sessions

        lines, damaged = -1, list[Address]()
        async with place.opened() as store:
            wanted = [schema_titled(schema) for schema in schemas] or None
            with progress_bar(await store.count(), quiet=reporter.quiet) as bar:
                async for line in export_sessions(store, schemas=wanted, damaged=damaged):
                    write(line)
                    lines += 1
                    bar.update(1)
        return lines, len(damaged)

    return perform(reporter, work)


@contextmanager
def _new_file(file: Path, reporter: Reporter, *, force: bool) -> "Iterator[Callable[[str], None]]":
    """Give what writes a line into a file that is there only when all is written, for its owner alone.

    Raises:
        click.UsageError: If it cannot be written.
    """
    temporary = None
    try:
        descriptor, temporary = mkstemp(prefix=f".{file.name}.", dir=file.parent)  # mode 0600
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as stream:
            yield lambda line: print(line, file=stream)
            stream.flush()
            os.fsync(stream.fileno())
        _put_in_place(Path(temporary), file, force=force)
    except OSError as error:
        raise click.UsageError(f"Cannot write {file}: {error.strerror}.") from None
    finally:
        if temporary is not None:
            with suppress(OSError):
                Path(temporary).unlink()


def _put_in_place(temporary: Path, file: Path, *, force: bool) -> None:
    """Give the file its name, unless another one has got it meanwhile."""
    if force:
        temporary.replace(file)
        return
    try:
        os.link(temporary, file)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        if file.exists():
            raise FileExistsError(17, "it is there already") from None
        temporary.replace(file)
