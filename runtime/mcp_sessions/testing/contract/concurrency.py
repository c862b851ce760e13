"""Many callers at once in one process, and callers that give up."""

import asyncio
import json
from dataclasses import replace

from mcp_sessions.stores.base import (
    Access,
    Lifetime,
    NotLiveError,
    SessionExistsError,
    Store,
)
from mcp_sessions.testing.contract.base import ContractBase


class Concurrency(ContractBase):
    """Many callers at once."""

    async def test_no_increment_is_lost(self, store: Store, session: Access) -> None:
        sums = await asyncio.gather(*(store.increment(session, "n", 1, b"0") for _ in range(200)))
        assert sorted(map(int, sums)) == list(range(1, 201))
        assert await store.read(session) == {"n": b"200"}

    async def test_a_value_is_taken_by_one_of_many(self, store: Store, session: Access) -> None:
        await store.write(session, {"a": b"1"})
        taken = await asyncio.gather(*(store.remove(session, "a") for _ in range(50)))
        assert taken.count(b"1") == 1
        assert taken.count(None) == 49

    async def test_a_session_is_created_by_one_of_many(self, store: Store, access: Access, lifetime: Lifetime) -> None:
        made = await asyncio.gather(*(store.create(access, lifetime) for _ in range(20)), return_exceptions=True)
        assert sum(isinstance(result, SessionExistsError) for result in made) == 19

    async def test_a_session_is_ended_by_one_of_many(self, store: Store, session: Access) -> None:
        ends = await asyncio.gather(*(store.end(session) for _ in range(20)))
        assert [gone.address for end in ends for gone in end] == [session.address]

    async def test_compare_and_set_has_one_winner(self, store: Store, session: Access) -> None:
        results = await asyncio.gather(*(store.write(session, {"a": str(n).encode()}, {"a": None}) for n in range(20)))
        winner = (await store.read(session))["a"]
        assert [result for result in results if result is not None] == [{"a": winner}] * 19
        assert results[int(winner)] is None

    async def test_what_each_caller_appends_stays_in_its_order(self, store: Store, session: Access) -> None:
        async def caller(name: int) -> None:
            for n in range(20):
                await store.append(session, "l", [json.dumps([name, n]).encode()], b"[]")

        await asyncio.gather(*(caller(name) for name in range(10)))
        items = json.loads((await store.read(session))["l"])
        assert len(items) == 200
        for name in range(10):
            assert [n for who, n in items if who == name] == list(range(20))

    async def test_operations_are_performed_in_the_order_of_their_calls(self, store: Store, session: Access) -> None:
        await asyncio.gather(
            store.write(session, {"a": b"1"}),
            store.increment(session, "a", 1, b"0"),
            store.remove(session, "a"),
            store.increment(session, "a", 5, b"0"),
        )
        assert await store.read(session) == {"a": b"5"}

    async def test_a_refused_call_does_not_harm_its_neighbours(self, store: Store, session: Access) -> None:
        stranger = replace(session, owner="stranger")
        results = await asyncio.gather(
            *(store.increment(session if n % 2 else stranger, "n", 1, b"0" if n % 10 else b"x") for n in range(100)),
            return_exceptions=True,
        )
        assert sum(isinstance(result, NotLiveError) for result in results) == 50
        assert await store.read(session) == {"n": b"50"}

    async def test_a_caller_that_gives_up_harms_nobody(self, store: Store, session: Access) -> None:
        calls = [asyncio.ensure_future(store.increment(session, "n", 1, b"0")) for _ in range(100)]
        await asyncio.sleep(0)
        for call in calls[::2]:
            call.cancel()
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert not any(isinstance(result, Exception) for result in results)
        answered = [int(result) for result in results if isinstance(result, bytes)]
        assert len(answered) >= 50
        assert len(set(answered)) == len(answered)
        total = int(await store.increment(session, "n", 0, b"0"))
        assert 50 <= max(answered) <= total <= 100

    async def test_closing_finishes_what_was_accepted(self, store: Store, session: Access) -> None:
        calls = [asyncio.ensure_future(store.increment(session, "n", 1, b"0")) for _ in range(300)]
        await asyncio.sleep(0)
        await store.aclose()
        assert sorted(map(int, await asyncio.gather(*calls))) == list(range(1, 301))
