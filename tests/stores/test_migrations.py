"""Migrations while others write, by stores that share nothing but the data."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from mcp_sessions.stores import Access, Lifetime, OtherVersionError, SchemaVersion, Store

SHARED = ["sqlite", "redis", "redis cluster", "postgres", "encrypted sqlite", "encrypted redis"]


@pytest.mark.parametrize("kind", SHARED)
async def test_no_write_of_another_worker_is_lost(make_store: Callable[..., Store], access: Access, kind: str) -> None:
    old, new = make_store(kind), make_store(kind)
    await old.create(access, Lifetime(600.0), {"n": b"0"})
    done = 0

    async def write() -> None:
        nonlocal done
        for _ in range(200):
            try:
                await old.increment(access, "n", 1, b"0")
            except OtherVersionError:
                return
            done += 1

    async def migrate() -> bool:
        copy = await new.copy_out(access.address)
        assert copy is not None
        moved = {"n": None, "total": copy.values["n"]}
        return await new.migrate(copy, SchemaVersion(2, "d2", 2), moved, {})

    async def migrate_at_last() -> None:
        await asyncio.sleep(0.01)
        while not await migrate():
            await asyncio.sleep(0)

    await asyncio.gather(write(), write(), migrate_at_last())
    second = replace(access, version=2, since=2)
    assert await new.read(second) == {"total": str(done).encode()}
    await asyncio.gather(old.aclose(), new.aclose())


@pytest.mark.parametrize("kind", SHARED)
async def test_of_two_workers_one_migrates_a_session(
    make_store: Callable[..., Store], access: Access, kind: str
) -> None:
    one, two = make_store(kind), make_store(kind)
    for number in range(20):
        cart = replace(access, address=replace(access.address, id=f"cart_{number}"))
        await one.create(cart, Lifetime(600.0), {"a": b"1"})
        copy = await one.copy_out(cart.address)
        assert copy is not None
        calls = [store.migrate(copy, SchemaVersion(2), {"a": name}, {}) for store, name in ((one, b"2"), (two, b"3"))]
        done = await asyncio.gather(*calls)
        assert sorted(done) == [False, True]
        assert await two.read(cart) == {"a": (b"2", b"3")[done.index(True)]}
    await asyncio.gather(one.aclose(), two.aclose())
