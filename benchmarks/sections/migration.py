"""How many sessions a second are migrated to another version of their schema, in each store."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

from bench import Bench
from contest import Stat
from generated.bench import BenchSession
from mcp_sessions import Migration, open_store
from mcp_sessions.bulk import migrate_sessions
from mcp_sessions.stores import MemoryStore
from places import Servers, small_objects
from report import Section, shown

TASKS, ROUNDS = 64, 3
NEXT: Any = SimpleNamespace(
    schema=replace(BenchSession.schema, version=2, digest="2", migrations=(Migration(to=2, renamed={"text": "title"}),))
)
"""The next version of the schema, in which a key has another name."""


async def migrated(url: str, number: int) -> tuple[float, float]:
    """Create sessions, and return how many a second; then migrate them, and return how many of these."""
    store = MemoryStore() if url == "memory" else open_store(url)
    left = iter(range(number))

    async def some() -> None:
        for _ in left:
            await BenchSession.create(store, values={"n": 1, "text": "a title", **small_objects(1 << 10)})

    start = time.perf_counter()
    await asyncio.gather(*(some() for _ in range(TASKS)))
    created = time.perf_counter()
    report = await migrate_sessions(store, [cast(type[BenchSession], NEXT)])
    end = time.perf_counter()
    if report.migrated != number or report.failures:
        raise RuntimeError(f"{report.migrated} of {number} were migrated; {report.failures[:1]}")
    again = await migrate_sessions(store, [cast(type[BenchSession], NEXT)])
    if again.current < number:
        raise RuntimeError(f"only {again.current} of {number} stayed migrated")
    await store.aclose()
    return number / (created - start), number / (end - created)


def _empty(servers: Servers, store: str) -> str:
    """Return the address of a store with nothing in it."""
    match store:
        case "SQLite":
            return f"sqlite:///{servers.path()}"
        case "Valkey":
            with servers.valkey.client() as client:
                client.execute_command("FLUSHALL", "SYNC")
            return str(servers.valkey.url)
        case "PostgreSQL":
            servers.postgres.empty()
            return str(servers.postgres.url)
    return store


def rates(bench: Bench) -> Iterator[Section]:
    """Migrate sessions of 1 KiB, in batches of 100 as `mcp-sessiongen migrate` does."""
    number = bench.scaled(2000)
    section = Section(f"Migration of {number:,} sessions of 1 KiB, a second")
    section.lines += ["| store | created per second | migrated per second |", "| --- | --- | --- |"]
    for store in ("memory", "SQLite", "Valkey", "PostgreSQL"):
        found = []
        for _ in range(ROUNDS):
            found.append(asyncio.run(migrated(_empty(bench.servers, store), number)))
        created, rate = (Stat.of(values) for values in zip(*found, strict=True))
        section.lines.append(f"| {store} | {shown(created)} | {shown(rate)} |")
    yield section
