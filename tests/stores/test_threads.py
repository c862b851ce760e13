"""Stores that are used from several threads and event loops."""

import asyncio
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.stores.valkey_server import ValkeyServer

from mcp_sessions.stores import Access, Lifetime, MemoryStore, SQLiteStore, Store
from mcp_sessions.stores.redis import RedisStore


@pytest.fixture
def restless_threads() -> Iterator[None]:
    """Switch between threads as often as possible, so that whatever can come between does."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def test_threads_with_event_loops_of_their_own_share_a_store(
    sqlite_path: Path, access: Access, lifetime: Lifetime, restless_threads: None, valkey: ValkeyServer
) -> None:
    for store in (MemoryStore(), SQLiteStore(sqlite_path), RedisStore(valkey.url, prefix="threads")):
        asyncio.run(store.create(access, lifetime))

        async def work(store: Store = store) -> None:
            await asyncio.gather(*(store.increment(access, "n", 1, b"0") for _ in range(50)))

        threads = [threading.Thread(target=lambda work=work: asyncio.run(work())) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert asyncio.run(store.read(access)) == {"n": b"200"}
        asyncio.run(store.aclose())


async def test_an_event_loop_that_is_gone_harms_nobody(sqlite_store: SQLiteStore, access: Access) -> None:
    await sqlite_store.create(access, Lifetime(600.0))

    def abandon() -> None:
        loop = asyncio.new_event_loop()
        call = loop.create_task(sqlite_store.increment(access, "n", 1, b"0"))
        loop.run_until_complete(asyncio.sleep(0))
        call.cancel()
        loop.run_until_complete(asyncio.gather(call, return_exceptions=True))
        loop.close()

    await asyncio.to_thread(abandon)
    assert await sqlite_store.increment(access, "n", 1, b"0") in (b"1", b"2")
