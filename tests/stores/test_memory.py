"""What is the memory store's own: that what has expired leaves no memory behind."""

import gc
import tracemalloc
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from mcp_sessions import SessionDataError, SessionTooLargeError, StoreError
from mcp_sessions.stores import (
    GRACE_SECONDS,
    TOMBSTONE_SECONDS,
    TRANSPORT_SCHEMA,
    Access,
    Address,
    Lifetime,
    Limits,
    MemoryStore,
    NotLiveError,
    OtherVersionError,
)
from mcp_sessions.testing import FakeClock

IDLE = Lifetime(600.0)


class CountingStore(MemoryStore):
    """Counts the operations that are left to the general rules."""

    general = 0

    async def _perform(self, *arguments: Any, **options: Any) -> Any:
        self.general += 1
        return await super()._perform(*arguments, **options)


@pytest.fixture
def counting(clock: FakeClock) -> CountingStore:
    return CountingStore(clock=clock)


async def is_general(store: CountingStore, call: Callable[[], Awaitable[object]]) -> bool:
    """Perform a call and tell whether it was left to the general rules."""
    before = store.general
    await call()
    return store.general > before


def calls(store: MemoryStore, access: Access) -> list[Callable[[], Awaitable[object]]]:
    """Return what tools do all the time."""
    return [
        lambda: store.read(access, ["n", "unset"]),
        lambda: store.write(access, {"n": b"2"}),
        lambda: store.write(access, {"n": b"31"}, {"n": b"2"}),
        lambda: store.increment(access, "n", 1, b"0"),
    ]


async def test_the_ordinary_case_needs_no_general_rules(counting: CountingStore, access: Access) -> None:
    parent = Access(Address("transport", "1", TRANSPORT_SCHEMA), "me")
    child = Access(Address("transport", "1", "cart"), "me", IDLE)
    await counting.create(access, IDLE, {"n": b"1"})
    await counting.create(parent, IDLE)
    await counting.write(child, {"n": b"1"})
    for claim in (access, child):
        assert [await is_general(counting, call) for call in calls(counting, claim)] == [False] * 4
        assert await counting.read(claim) == {"n": b"32"}
        assert (await counting.touch(claim)).size == 3


async def test_what_has_to_be_slid_or_purged_is_left_to_the_rules(
    counting: CountingStore, access: Access, clock: FakeClock
) -> None:
    other = replace(access, address=replace(access.address, id="cart_2"))
    await counting.create(access, Lifetime(600.0, 1200.0), {"n": b"1"})
    await counting.create(other, Lifetime(100.0), {"n": b"1"})
    read = calls(counting, access)[0]
    assert [await is_general(counting, read) for _ in range(2)] == [False, False]
    clock.advance(100.0)
    assert [await is_general(counting, read) for _ in range(2)] == [True, False], "slid once, then late enough"
    clock.advance(GRACE_SECONDS + 5.0)
    assert [await is_general(counting, read) for _ in range(2)] == [True, False], "slid and purged"
    assert await counting.purge_expired() == []
    clock.advance(550.0)
    assert [await is_general(counting, read) for _ in range(2)] == [True, False], "can slide no further"


async def test_what_is_refused_is_refused_by_the_rules(counting: CountingStore, access: Access) -> None:
    limits = Limits(value_bytes=10, session_bytes=15)
    await counting.create(access, IDLE, {"n": b"1", "text": b'"a"'})
    before = await counting.touch(access)
    refused: dict[type[Exception], list[Access]] = {
        NotLiveError: [replace(access, owner="you"), replace(access, address=replace(access.address, id="2"))],
        OtherVersionError: [replace(access, version=2, reads=2)],
    }
    for error, claims in refused.items():
        for claim in claims:
            for call in calls(counting, claim):
                with pytest.raises(error):
                    await call()
    with pytest.raises(SessionTooLargeError, match="value"):
        await counting.write(replace(access, limits=limits), {"n": b"1" * 11})
    with pytest.raises(SessionTooLargeError, match="whole"):
        await counting.write(replace(access, limits=limits), {"n": b"1" * 9})
    with pytest.raises(SessionDataError):
        await counting.increment(access, "text", 1, b"0")
    with pytest.raises(StoreError):
        await counting.read(access, ["n", "\ud800"])
    assert await counting.write(access, {"n": b"5"}, {"n": b"4"}) == {"n": b"1"}
    assert await counting.read(access) == {"n": b"1", "text": b'"a"'}
    assert await counting.touch(access) == before


async def test_values_with_a_time_to_live_are_left_to_the_rules(
    counting: CountingStore, access: Access, clock: FakeClock
) -> None:
    await counting.create(access, IDLE, {"n": b"1"}, {"n": 5.0})
    assert [await is_general(counting, call) for call in calls(counting, access)] == [False, True, False, False]
    await counting.write(access, {"n": b"1"}, ttls={"n": 5.0})
    assert await counting.read(access, ["n"]) == {"n": b"1"}
    clock.advance(5.0)
    assert await counting.read(access, ["n"]) == {}
    assert await counting.increment(access, "n", 1, b"10") == b"11"


async def test_whoever_wants_to_know_is_told_that_the_session_was_found(
    counting: CountingStore, access: Access
) -> None:
    await counting.create(access, IDLE, {"n": b"1"})
    told: list[str] = []
    for call in calls(counting, replace(access, begin=IDLE, found=lambda: told.append("found"))):
        assert not await is_general(counting, call)
    assert told == ["found"] * 4


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
