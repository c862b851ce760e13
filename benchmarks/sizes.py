"""What many sessions take in each store, and what removing them costs others: `python benchmarks/sizes.py --help`."""

import argparse
import asyncio
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, closing
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any, Final, TypeAlias

sys.path.insert(0, str(Path(__file__).resolve().parent))

from mcp_sessions.ids import mint_handle
from mcp_sessions.stores import Access, Address, Lifetime, SQLiteStore, Store
from mcp_sessions.stores.postgres import PostgresStore
from mcp_sessions.stores.redis import RedisStore
from measure import machine

REPOSITORY: Final = Path(__file__).resolve().parent.parent
TASKS: Final = 64
OWNER: Final = "0123456789abcdef" * 4
SMALL: Final = {"visits": b"12", "title": b'"A list of groceries"', "items": b'["bread","milk","salt"]'}
KINDS: Final[dict[str, tuple[str | None, dict[str, bytes]]]] = {
    "empty": (None, {}),
    "one number": (None, {"visits": b"12"}),
    "three keys": (None, SMALL),
    "three keys, of an owner": (OWNER, SMALL),
    "one key of 1,000 bytes": (None, {"page": b'"' + b"x" * 998 + b'"'}),
}
MANY: Final = ("empty", "one number")
"""Of these there are as many as is said, of the others a tenth."""

Bytes: TypeAlias = Callable[[], int]
Opener: TypeAlias = Callable[[], AbstractAsyncContextManager[tuple[Store, Bytes]]]


@asynccontextmanager
async def valkey(server: Any) -> AsyncIterator[tuple[Store, Bytes]]:
    """A store in an empty Valkey, and how many bytes that has in use."""
    store = RedisStore(server.url)
    with server.client() as client:
        client.execute_command("FLUSHALL", "SYNC")
        yield store, lambda: int(client.info("memory")["used_memory"])
    await store.aclose()


@asynccontextmanager
async def sqlite(folder: Path) -> AsyncIterator[tuple[Store, Bytes]]:
    """A store in a new file, and how large that is."""
    path = folder / "sessions.db"
    path.unlink(missing_ok=True)
    store = SQLiteStore(path)
    with closing(sqlite3.connect(path)) as connection:
        yield store, lambda: int(connection.execute("PRAGMA page_count").fetchone()[0]) * 4096
    await store.aclose()


@asynccontextmanager
async def postgres(server: Any) -> AsyncIterator[tuple[Store, Bytes]]:
    """A store in empty tables, and how large these are with their indexes."""
    server.empty()
    store = PostgresStore(server.url)
    relations = ("sessions", "session_values")
    query = "SELECT " + " + ".join(f"pg_total_relation_size('mcp_sessions.{name}')" for name in relations)
    yield store, lambda: int(server.run(query)[0][0])
    await store.aclose()


def access(owner: str | None = None) -> Access:
    """Return a claim to a session that is not there yet."""
    return Access(Address("handle", mint_handle("cart"), "cart"), owner, digest="0123456789abcdef")


async def create(
    store: Store, number: int, owner: str | None, values: Mapping[str, bytes], idle: float
) -> list[Access]:
    """Create so many sessions, some at a time."""
    made: list[Access] = []
    left = count()

    async def some() -> None:
        while next(left) < number:
            one = access(owner)
            await store.create(one, Lifetime(idle), values)
            made.append(one)

    await asyncio.gather(*(some() for _ in range(TASKS)))
    return made


async def sizes(store: Store, used: Bytes, number: int, kind: str) -> tuple[float, float]:
    """Return the bytes that a session takes, and that are left of it when it has ended."""
    await create(store, 100, *KINDS["three keys"], 600.0)  # what is there once for all
    before = used()
    made = await create(store, number, *KINDS[kind], 3600.0)
    each = (used() - before) / number
    rest = iter(made)

    async def some() -> None:
        for one in rest:
            await store.end(one)

    await asyncio.gather(*(some() for _ in range(TASKS)))
    return each, (used() - before) / number


async def expiry(store: Store, number: int) -> tuple[float, list[float], list[float]]:
    """Return how many sessions a second are removed, and what writes took before and meanwhile."""
    probe = access()
    await store.create(probe, Lifetime(3600.0))
    await create(store, number, *KINDS["three keys"], 0.001)
    left = iter(range(200))
    quiet = await writes(store, probe, lambda: next(left, None) is None)
    start = time.perf_counter()
    removing = asyncio.ensure_future(purge(store))
    busy = await writes(store, probe, removing.done)
    await removing
    return number / (time.perf_counter() - start), quiet, busy


async def purge(store: Store) -> None:
    """Remove all that has expired."""
    while await store.purge_expired():
        pass


async def writes(store: Store, probe: Access, is_over: Callable[[], bool]) -> list[float]:
    """Return what each write took until something was over."""
    times: list[float] = []
    while not is_over() or not times:
        start = time.perf_counter()
        await store.write(probe, {"n": b"1"})
        times.append(time.perf_counter() - start)
        await asyncio.sleep(0.001)
    return times


def sections(stack: ExitStack, options: argparse.Namespace) -> Iterator[str]:
    """Yield the lines of the report."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    sys.path.insert(0, str(REPOSITORY))
    tests = {name: import_module(f"tests.stores.{name}_server") for name in ("valkey", "postgres")}  # of real servers
    server = stack.enter_context(tests["valkey"].running(folder))
    database = stack.enter_context(tests["postgres"].postgres_server())
    stores = {
        "Valkey": (options.valkey, lambda: valkey(server)),
        "SQLite": (options.files, lambda: sqlite(folder)),
        "PostgreSQL": (options.files, lambda: postgres(database)),
    }
    yield from ("# What sessions take", "", f"{machine()}.", "", "## Bytes of a session", "")
    yield "| store | sessions | " + " | ".join(KINDS) + " | tombstone |"
    yield "| --- | --- | " + " | ".join("---" for _ in KINDS) + " | --- |"
    for name, (number, opened) in stores.items():
        found = [asyncio.run(_measured(opened, number if kind in MANY else number // 10, kind)) for kind in KINDS]
        tombstone = f"{found[0][1]:.0f}" if name == "Valkey" else "its room is used again"
        cells = " | ".join(f"{each:.0f}" for each, _ in found)
        yield f"| {name} | {number:,}, {number // 10:,} | {cells} | {tombstone} |"
    yield from ("", "## Expiry: sessions of three keys, all of them due", "")
    yield "| store | sessions | removed per second | a write before: median, worst | meanwhile: median, worst |"
    yield "| --- | --- | --- | --- | --- |"
    for name, (_, opened) in stores.items():
        rate, quiet, busy = asyncio.run(_expired(opened, options.files))
        cells = " | ".join(f"{statistics.median(of) * 1000:.2f}, {max(of) * 1000:.1f} ms" for of in (quiet, busy))
        yield f"| {name} | {options.files:,} | {rate:,.0f} | {cells} |"


async def _measured(opened: Opener, number: int, kind: str) -> tuple[float, float]:
    async with opened() as (store, used):
        return await sizes(store, used, number, kind)


async def _expired(opened: Opener, number: int) -> tuple[float, list[float], list[float]]:
    async with opened() as (store, _):
        return await expiry(store, number)


def main() -> None:
    """Measure, print, and write the report if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--valkey", type=int, default=1_000_000, help="empty sessions in Valkey; a tenth of others")
    parser.add_argument("--files", type=int, default=100_000, help="the same, in SQLite and PostgreSQL")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the report there too")
    options = parser.parse_args()
    lines = []
    with ExitStack() as stack:
        for line in sections(stack, options):
            print(line, flush=True)
            lines.append(line)
    if options.write:
        options.write.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
