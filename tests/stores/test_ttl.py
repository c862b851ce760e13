"""Values whose time to live is over leave nothing behind."""

import gc
import sqlite3
import tracemalloc
from contextlib import closing
from pathlib import Path
from typing import Any

from mcp_sessions.stores import Access, Address, Lifetime, MemoryStore, SQLiteStore


async def test_what_is_over_leaves_no_row_behind(sqlite_store: SQLiteStore, sqlite_path: Path, clock: Any) -> None:
    access = Access(Address("handle", "1", "cart"))
    await sqlite_store.create(access, Lifetime(1e6), dict.fromkeys("abc", b"1"), {"a": 30.0, "b": 60.0})
    clock.advance(30.0)
    await sqlite_store.purge_expired()
    with closing(sqlite3.connect(sqlite_path)) as connection:
        assert connection.execute("SELECT key FROM session_values ORDER BY key").fetchall() == [("b",), ("c",)]


async def test_values_that_are_over_leave_no_memory_behind(clock: Any) -> None:
    store, access = MemoryStore(clock=clock), Access(Address("handle", "1", "cart"))
    await store.create(access, Lifetime(1e6))

    async def come_and_go(first: int, last: int) -> None:
        for number in range(first, last):
            clock.advance(10.0)
            await store.write(access, {"hot": bytes(100), f"{number}": bytes(100)}, ttls={"hot": 5.0, f"{number}": 9.0})
            await store.write(access, {f"removed {number}": b"1"}, ttls={f"removed {number}": 1e6})
            await store.remove(access, f"removed {number}")

    gc.collect()
    tracemalloc.start()
    try:
        await come_and_go(0, 500)
        before = tracemalloc.get_traced_memory()[0]
        await come_and_go(500, 3000)
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] - before < 50_000
    finally:
        tracemalloc.stop()
