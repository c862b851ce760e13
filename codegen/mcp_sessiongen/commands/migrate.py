"""`mcp-sessiongen migrate`."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import click

from mcp_sessiongen.commands.shared import Reporter, quiet_option
from mcp_sessiongen.commands.stores import accessors, opened, progress_bar, store_option

if TYPE_CHECKING:
    from mcp_sessions.base_session import BaseSession
    from mcp_sessions.bulk import MigrationReport

_SHOWN: Final = 20


@click.command(short_help="Migrate all sessions of a store.")
@click.argument("modules", metavar="[MODULE...]", nargs=-1)
@store_option
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
        _run(accessors(modules), store, report, dry_run=dry_run, batch=batch, quiet=quiet)
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
    found: "list[type[BaseSession]]", url: str, report: "MigrationReport", *, dry_run: bool, batch: int, quiet: bool
) -> None:
    import asyncio

    from mcp_sessions.bulk import migrate_sessions

    async def migrate() -> None:
        async with opened(url) as store:
            with progress_bar(await store.count(), quiet=quiet) as bar:
                await migrate_sessions(store, found, dry_run=dry_run, batch=batch, progress=bar.update, report=report)

    asyncio.run(migrate())
