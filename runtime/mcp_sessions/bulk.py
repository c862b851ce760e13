"""The migration of all sessions in a store at once: for those who do not want to wait until each is used.

It is safe while servers run: each session is migrated as it would be at its next use. What is done stays done, so
after an interruption it is run again, and skips that.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from mcp_sessions.base_session import BaseSession
from mcp_sessions.errors import SessionDataError, SessionVersionError
from mcp_sessions.ids import masked
from mcp_sessions.migrating import bring_up
from mcp_sessions.migrations import require_migrations
from mcp_sessions.schema import SessionSchema
from mcp_sessions.stores.base import Listed, Store, require_store

__all__ = ["MigrationReport", "Unmigrated", "migrate_sessions"]

_TRIES: Final = 20
"""How often a session is tried that others change at the same time."""


@dataclass(frozen=True, slots=True)
class Unmigrated:
    """A session that could not be migrated, and was left as it is.

    Attributes:
        schema: The name of its schema.
        session: Its id, masked.
        version: The version of its data.
        why: What went wrong.
    """

    schema: str
    session: str
    version: int
    why: str


@dataclass(slots=True)
class MigrationReport:
    """What came of a migration.

    Attributes:
        migrated: How many sessions were migrated, or would be.
        current: How many did not need it.
        newer: How many are of a newer version, and were left to its servers.
        gone: How many were over before it was their turn.
        failures: Those that could not be migrated.
    """

    migrated: int = 0
    current: int = 0
    newer: int = 0
    gone: int = 0
    failures: list[Unmigrated] = field(default_factory=list)


async def migrate_sessions(
    store: Store,
    accessors: Iterable[type[BaseSession]],
    *,
    dry_run: bool = False,
    batch: int = 100,
    progress: Callable[[int], None] | None = None,
    report: MigrationReport | None = None,
) -> MigrationReport:
    """Migrate the live sessions of some schemas to the versions that these have; it is no use of a session.

    Args:
        store: Where they are.
        accessors: The generated classes of the schemas.
        dry_run: Whether only to try: then nothing is changed.
        batch: How many sessions are migrated at a time.
        progress: Told how many more sessions have been looked at.
        report: What to add to, so that whoever is interrupted has what came of it until then.

    Raises:
        SessionMigrationError: If a function that migrates cannot be imported; then nothing was done.
        mcp_sessions.StoreError: If the store fails. What is migrated stays so: begin again.
    """
    require_store(store, "a migration")
    if batch < 1:
        raise ValueError(f"batch is how many sessions are migrated at a time, from 1; got {batch}")
    schemas = [accessor.schema for accessor in accessors]
    for schema in schemas:
        require_migrations(schema)
    report = MigrationReport() if report is None else report
    for schema in schemas:
        cursor, is_over = "", False
        while not is_over:
            page = await store.scan(schema=schema.name, limit=batch, cursor=cursor)
            cursor, is_over = page.cursor, not page.cursor
            await _whole(
                asyncio.gather(*(_migrate(store, schema, one, report, dry_run=dry_run) for one in page.sessions))
            )
            if progress is not None:
                progress(len(page.sessions))
    return report


async def _whole(batch: "asyncio.Future[list[None]]") -> None:
    """Wait for a batch, also if the caller is cancelled meanwhile: so that the report knows what was done."""
    try:
        await asyncio.shield(batch)
    except asyncio.CancelledError:
        await batch
        raise


async def _migrate(store: Store, schema: SessionSchema, one: Listed, report: MigrationReport, *, dry_run: bool) -> None:
    info = one.info
    if info.version > schema.version:
        report.newer += 1
        return
    if info.version >= schema.reads_since:
        report.current += 1
        return
    outcome, why = "beaten", "others changed it each time; try again"
    try:
        for _ in range(_TRIES):
            outcome = await bring_up(store, schema, one.address, write=not dry_run)
            if outcome != "beaten":
                break
    except (SessionVersionError, SessionDataError) as error:
        outcome, why = "failed", str(error)
    match outcome:
        case "migrated":
            report.migrated += 1
        case "current":
            report.current += 1
        case "gone":
            report.gone += 1
        case _:
            report.failures.append(Unmigrated(schema.name, masked(one.address.id), info.version, why))
