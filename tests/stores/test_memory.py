"""What is the memory store's own: that what has expired leaves no memory behind."""

import gc
import tracemalloc
from dataclasses import replace
from typing import Any

from mcp_sessions.stores import TOMBSTONE_SECONDS, TRANSPORT_SCHEMA, Access, Address, Lifetime, MemoryStore


async def test_expired_sessions_and_tombstones_go_away_by_themselves(clock: Any) -> None:
    store = MemoryStore(clock=clock)
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(2000):
            access = Access(Address("handle", str(number), "cart"))
            await store.create(access, Lifetime(60.0), {"a": bytes(5000)})
            if number % 2:
                await store.end(access)
        full = tracemalloc.get_traced_memory()[0] - before
        clock.advance(TOMBSTONE_SECONDS * 2)
        await store.create(Access(Address("handle", "one", "cart")), Lifetime(1e6))
        for _ in range(1000):
            await store.touch(Access(Address("handle", "one", "cart")))
        gc.collect()
        left = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert full > 5_000_000
    assert left < full / 20


async def test_using_a_session_often_does_not_fill_the_memory(clock: Any) -> None:
    store, access = MemoryStore(clock=clock), Access(Address("handle", "1", "cart"))
    await store.create(access, Lifetime(60.0))
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(5000):
            clock.advance(10.0)
            await store.touch(access)
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] - before < 20_000
    finally:
        tracemalloc.stop()


async def test_children_that_go_with_their_parents_do_not_fill_the_memory(clock: Any) -> None:
    store = MemoryStore(clock=clock)

    async def come_and_go(first: int, last: int) -> None:
        for number in range(first, last):
            clock.advance(10.0)
            parent = Access(Address("transport", str(number), TRANSPORT_SCHEMA))
            child = replace(parent, address=replace(parent.address, schema="cart"), begin=Lifetime(1e6))
            await store.create(parent, Lifetime(1e6 if number % 2 else 60.0))
            await store.write(child, {"a": bytes(100)})
            if number % 2:
                await store.end(parent)

    gc.collect()
    tracemalloc.start()
    try:
        await come_and_go(0, 1000)
        before = tracemalloc.get_traced_memory()[0]
        await come_and_go(1000, 4000)
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] - before < 50_000
    finally:
        tracemalloc.stop()
