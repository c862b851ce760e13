"""What the calls of an accessor cost on the way to Valkey: round trips and bytes, whatever else a session holds."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from examples.state.counter import CounterSession
from tests.stores.relay import Relay
from tests.stores.valkey_server import ValkeyServer

from mcp_sessions import UntypedSession
from mcp_sessions.stores.redis import RedisStore
from mcp_sessions.testing import FakeClock

CALLS: list[tuple[Callable[[CounterSession], Awaitable[Any]], int]] = [
    (lambda session: session.get_counter(), 1),
    (lambda session: session.set_counter(5), 1),
    (lambda session: session.increment_counter(), 1),
    (lambda session: session.has_counter(), 1),
    (lambda session: session.remove_counter(), 1),
    (lambda session: session.touch(), 1),
    (lambda session: session.snapshot(), 1),
    (lambda session: session.clear(), 1),
    (lambda session: session.set_counter(7), 1),
    (lambda session: session.update_counter(lambda number: number + 1), 2),
    (lambda session: session.take_counter(), 2),
]
"""What an accessor does, and in how many round trips: those that compare and set read first."""

ONES: list[Callable[[UntypedSession], Awaitable[Any]]] = [
    lambda session: session.get("n"),
    lambda session: session.set("n", 5),
    lambda session: session.has("n"),
    lambda session: session.update("n", lambda number: number + 1),
    lambda session: session.touch(),
]
"""What speaks of one key, or of none."""


@pytest.fixture
def relay(valkey: ValkeyServer) -> Iterator[Relay]:
    made = Relay(lambda: socket.create_connection(("127.0.0.1", valkey.port)))
    yield made
    made.close()


@asynccontextmanager
async def opened(relay: Relay, prefix: object, **options: Any) -> AsyncIterator[RedisStore]:
    store = RedisStore(f"redis://127.0.0.1:{relay.port}", prefix=str(prefix), **options)
    try:
        yield store
    finally:
        await store.aclose()


async def test_a_call_of_an_accessor_is_one_round_trip_the_slide_included(
    relay: Relay, redis_options: dict[str, object], clock: FakeClock
) -> None:
    async with opened(relay, redis_options["prefix"], clock=clock) as store:
        session = await CounterSession.create(store, owner="me", idle="1h", values={"counter": 1})
        for call, trips in CALLS:
            clock.advance(1000.0)
            relay.reset()
            await call(session)
            assert relay.turns == trips
            found = await store.look_up(session._access().address)
            assert found is not None
            assert found.info.expires == clock() + 3660.0, "it slid"


async def test_no_call_moves_bytes_of_other_keys(relay: Relay, redis_options: dict[str, object]) -> None:
    async with opened(relay, redis_options["prefix"]) as store:
        moved = []
        for size in (1 << 10, 1 << 20):
            session = await UntypedSession.create(store)
            await session.set("n", 1)
            await session.set("other", "x" * size)
            for call in ONES:
                await call(session)
                relay.reset()
                await call(session)
                moved.append((relay.there, relay.back))
        half = len(moved) // 2
        for small, large in zip(moved[:half], moved[half:], strict=True):
            assert sum(small) < 2000
            assert all(abs(one - other) <= 12 for one, other in zip(small, large, strict=True))  # digits of times


async def test_callers_at_once_share_round_trips(relay: Relay, redis_options: dict[str, object]) -> None:
    async with opened(relay, redis_options["prefix"]) as store:
        sessions = [await CounterSession.create(store, values={"counter": 1}) for _ in range(64)]
        relay.reset()
        assert await asyncio.gather(*(session.get_counter() for session in sessions)) == [1] * 64
        assert relay.turns <= 8


async def test_many_who_change_one_key_share_round_trips(relay: Relay, redis_options: dict[str, object]) -> None:
    async with opened(relay, redis_options["prefix"]) as store:
        session = await CounterSession.create(store, values={"counter": 0})
        await session.get_counter()
        relay.reset()
        found = await asyncio.gather(*(session.update_counter(lambda number: number + 1) for _ in range(64)))
        assert found == list(range(1, 65))
        assert relay.turns <= 6
