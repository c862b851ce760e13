"""`mcp-sessiongen migrate`.

The one command that works on stores. So it imports the runtime and the user's generated modules, when it runs.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from mcp_sessiongen.commands.shared import Reporter, quiet_option

if TYPE_CHECKING:
    from mcp_sessions.base_session import BaseSession
    from mcp_sessions.bulk import MigrationReport

_SHOWN: Final = 20


@click.command(short_help="Migrate all sessions of a store.")
@click.argument("modules", metavar="[MODULE...]", nargs=-1)
@click.option(
    "--store",
    metavar="URL",
    envvar="MCP_SESSIONS_STORE",
    required=True,
    help="Where the sessions are, as for open_store; else MCP_SESSIONS_STORE.",
)
@click.option("--dry-run", is_flag=True, help="Only try, and change nothing.")
@click.option("--batch", type=click.IntRange(1, 10_000), default=100, show_default=True, help="Sessions at a time.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@quiet_option
def command(modules: tuple[str, ...], store: str, dry_run: bool, batch: int, form: str, quiet: bool) -> None:
    """Migrate the sessions in a store to the versions that their schemas have now.

    A MODULE is a generated module, such as state.cart, or state.cart:CartSession for one of its accessors; without any,
    those in the output folders of pyproject.toml.

    Safe while servers run, which migrate each session when it is used: this is for those who do not want to wait for
    that. May be interrupted and run again. Exits with 1 if any session could not be migrated; those are left as they
    were. With --dry-run all migrations are tried, and nothing is written.
    """
    from mcp_sessions.bulk import MigrationReport

    reporter, report = Reporter(form, quiet), MigrationReport()
    with reporter.guarded("see above for what was migrated before"), _telling(reporter, report, dry_run=dry_run):
        _run(_accessors(modules), store, report, dry_run=dry_run, batch=batch, quiet=quiet)
    if report.failures:
        sys.exit(1)


@contextmanager
def _telling(reporter: Reporter, report: "MigrationReport", *, dry_run: bool) -> Iterator[None]:
    """Tell what came of it, also when it was interrupted or the store failed."""
    from mcp_sessions.errors import SessionError

    try:
        yield
    except SessionError as error:
        _tell(reporter, report, dry_run=dry_run)
        reporter.note(f"error: {error}")
        sys.exit(2)
    except KeyboardInterrupt:
        _tell(reporter, report, dry_run=dry_run)
        raise
    _tell(reporter, report, dry_run=dry_run)


def _tell(reporter: Reporter, report: "MigrationReport", *, dry_run: bool) -> None:
    if reporter.form == "json":
        from mcp_sessiongen.terminal import say

        say(json.dumps(asdict(report) | {"dry_run": dry_run}))
        return
    done = "would be migrated" if dry_run else "migrated"
    rest = {"up to date": report.current, "of a newer version": report.newer, "over meanwhile": report.gone}
    others = "".join(f", {number} {what}" for what, number in rest.items() if number)
    reporter.tell(f"{report.migrated} {done}{others}")
    for one in report.failures[:_SHOWN]:
        reporter.note(f"not migrated: {one.schema} {one.session} of version {one.version}: {one.why}")
    if len(report.failures) > _SHOWN:
        reporter.note(f"... and {len(report.failures) - _SHOWN} more; --format json has all")


def _run(
    accessors: "list[type[BaseSession]]", url: str, report: "MigrationReport", *, dry_run: bool, batch: int, quiet: bool
) -> None:
    import asyncio

    from mcp_sessions import open_store
    from mcp_sessions.bulk import migrate_sessions

    _require_store(url)

    async def migrate() -> None:
        store = open_store(url)
        try:
            total = await store.count()
            with _progress(total, quiet=quiet) as bar:
                await migrate_sessions(
                    store, accessors, dry_run=dry_run, batch=batch, progress=bar.update, report=report
                )
        finally:
            await store.aclose()

    asyncio.run(migrate())


def _require_store(url: str) -> None:
    """Refuse addresses where nothing can be: opening them would make a new store, and find it empty.

    Raises:
        click.UsageError: If it is one.
    """
    from urllib.parse import unquote, urlsplit

    place = urlsplit(url)
    if place.scheme == "memory":
        raise click.UsageError("A store in memory is in the server's process, and nobody else's.")
    file = Path(unquote(place.path[1:]))
    if place.scheme == "sqlite" and not file.exists():
        raise click.UsageError(f"There is no session database {file}.")


def _progress(total: int, *, quiet: bool) -> Any:
    """Return a progress bar; it shows nothing where nobody watches."""
    is_hidden = quiet or not sys.stderr.isatty()
    return click.progressbar(length=max(total, 1), label="sessions", file=sys.stderr, hidden=is_hidden)


# --- the accessors -------------------------------------------------------------------------------------------------


def _accessors(modules: tuple[str, ...]) -> "list[type[BaseSession]]":
    """Return the accessor classes that are named, or those of the project.

    Raises:
        click.UsageError: If there are none.
    """
    from mcp_sessiongen.load.python_import import roots_from

    sys.path[:0] = [str(root) for root in roots_from(Path.cwd())]
    found = [accessor for name in modules or _of_project() for accessor in _in_module(name)]
    return list(dict.fromkeys(found))


def _of_project() -> list[str]:
    from mcp_sessiongen.config import find_config
    from mcp_sessiongen.load.python_import import place_of
    from mcp_sessiongen.load.targets import Target
    from mcp_sessiongen.manifest import read_manifest

    config = find_config()
    files = [job.output / name for job in (config.jobs if config else ()) for name in read_manifest(job.output).entries]
    names = [place_of(Target(str(file), "file")).name for file in files if file.name != "__init__.py"]
    if not names:
        raise click.UsageError("Name the generated modules, such as  state.cart: the project's settings name none.")
    return names


def _in_module(given: str) -> "list[type[BaseSession]]":
    from importlib import import_module

    from mcp_sessions.base_session import BaseSession
    from mcp_sessions.session import Session

    name, _, wanted = given.partition(":")
    try:
        module = import_module(name)
    except Exception as error:
        raise click.UsageError(f"Cannot import {name}: {type(error).__name__}: {error}") from None
    found: list[type[BaseSession]] = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Session) and value.__module__ == module.__name__
    ]
    chosen = [accessor for accessor in found if wanted in ("", accessor.__name__)]
    if not chosen:
        there = ", ".join(accessor.__name__ for accessor in found) or "none"
        raise click.UsageError(f"{name} has no accessor {wanted or 'class'}: there is {there}.")
    return chosen
