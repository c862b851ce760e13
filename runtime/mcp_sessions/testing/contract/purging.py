"""Who is told of what expired, and when stores remove it."""

import asyncio
from dataclasses import replace

import pytest

from mcp_sessions.errors import (
    TooManySessionsError,
)
from mcp_sessions.stores.base import (
    GRACE_SECONDS,
    TOMBSTONE_SECONDS,
    Access,
    Address,
    Lifetime,
    Limits,
    Remains,
    Store,
)
from mcp_sessions.testing.clock import FakeClock
from mcp_sessions.testing.contract.base import ContractBase, reason_of
from mcp_sessions.testing.contract.operations import IDLE, LATEST


class Purging(ContractBase):
    """Who is told of what expired."""

    async def test_purging_tells_of_each_session_once_and_keeps_the_living(
        self, store: Store, clock: FakeClock
    ) -> None:
        accesses = [Access(Address("handle", str(number), "cart")) for number in range(20)]
        for number, access in enumerate(accesses):
            await store.create(access, Lifetime(IDLE if number % 2 else IDLE * 3), {"a": b"1"})
        await store.end(accesses[0])
        assert [gone.address for gone in await store.purge_expired()] == []
        clock.advance(LATEST)
        told: list[Address] = []
        while some := await store.purge_expired(3):
            assert len(some) <= 3
            told += [gone.address for gone in some]
            await store.names(accesses[2])
        assert sorted(map(str, told)) == sorted(str(access.address) for access in accesses[1::2])
        assert await reason_of(store.read(accesses[0])) == "ended"
        for number, access in enumerate(accesses[1:], 1):
            if number % 2:
                assert await reason_of(store.read(access)) == "expired"
            else:
                assert await store.read(access) == {"a": b"1"}
        clock.advance(TOMBSTONE_SECONDS)
        assert sorted(str(gone.address) for gone in await store.purge_expired()) == sorted(
            str(access.address) for access in accesses[2::2]
        )
        assert await reason_of(store.read(accesses[1])) == "unknown"

    @pytest.mark.parametrize("limit", [0, -1])
    async def test_purging_none_removes_none(self, store: Store, kept: Access, clock: FakeClock, limit: int) -> None:
        clock.advance(LATEST)
        assert await store.purge_expired(limit) == []
        assert [gone.address for gone in await store.purge_expired()] == [kept.address]

    async def test_values_remain_for_those_who_ask_for_them(self, store: Store, kept: Access, clock: FakeClock) -> None:
        other = replace(kept, address=replace(kept.address, id="cart_2"))
        await store.create(other, Lifetime(IDLE), {"a": b"1"})
        clock.advance(LATEST)
        assert [gone.values for gone in await store.purge_expired(1)] == [{}]
        assert [gone.values for gone in await store.purge_expired(1, values=True)] == [{"a": b"1"}]

    async def test_purging_tells_of_a_session_that_was_left_until_it_is_forgotten(
        self, store: Store, kept: Access, clock: FakeClock
    ) -> None:
        clock.advance(LATEST + TOMBSTONE_SECONDS)
        assert [gone.address for gone in await store.purge_expired()] == [kept.address]
        assert [gone.address for gone in await store.purge_expired()] == []

    @pytest.mark.parametrize("first", ["end", "purge"])
    async def test_one_caller_gets_what_expired_by_ending_it_or_by_purging(
        self, store: Store, beginner: Access, clock: FakeClock, first: str
    ) -> None:
        await store.write(beginner, {"a": b"1"})
        clock.advance(LATEST)
        told: list[list[Remains]] = []
        for what in ("end", "purge", "end") if first == "end" else ("purge", "end", "purge"):
            if what == "end":
                told.append(await store.end(beginner, values=True, expired=True))
            else:
                told.append(await store.purge_expired(values=True))
        assert told == [[Remains(beginner.address, beginner.owner, "expired", {"a": b"1"})], [], []]
        await store.end(beginner, expired=True)
        await store.write(beginner, {"a": b"2"})
        assert await store.purge_expired() == []
        assert await store.read(beginner) == {"a": b"2"}

    async def test_what_has_not_expired_is_not_ended_as_if_it_had(
        self, store: Store, beginner: Access, clock: FakeClock
    ) -> None:
        async def ends(access: Access) -> list[Remains]:
            return await store.end(access, expired=True)

        assert await ends(beginner) == []
        await store.write(beginner, {"a": b"1"})
        assert await ends(beginner) == []
        assert await store.read(beginner) == {"a": b"1"}, "it is live"
        clock.advance(LATEST)
        assert await ends(replace(beginner, owner="stranger")) == []
        assert await reason_of(store.read(beginner)) == "expired", "it is nobody else's"
        assert len(await ends(beginner)) == 1
        assert await ends(beginner) == [], "it has ended"
        clock.advance(TOMBSTONE_SECONDS)
        assert await ends(beginner) == [], "it is forgotten"
        assert await reason_of(store.read(replace(beginner, begin=None))) == "unknown"

    async def test_a_handle_that_expired_can_be_ended_so_too(
        self, store: Store, kept: Access, clock: FakeClock
    ) -> None:
        clock.advance(LATEST)
        assert [gone.reason for gone in await store.end(kept, expired=True)] == ["expired"]
        assert await reason_of(store.read(kept)) == "ended"
        assert await store.end(kept, expired=True) == []

    async def test_what_expired_and_was_ended_counts_no_more(
        self, store: Store, kept: Access, clock: FakeClock
    ) -> None:
        one = Limits(all_sessions=1)
        clock.advance(LATEST)
        await store.end(kept, expired=True)
        await store.end(kept, expired=True)
        for number, refused in ((1, False), (2, True)):
            access = Access(Address("handle", f"other{number}", "cart"), limits=one)
            if refused:
                with pytest.raises(TooManySessionsError):
                    await store.create(access, Lifetime(IDLE))
            else:
                await store.create(access, Lifetime(IDLE))

    async def test_of_many_callers_who_purge_one_is_told(self, store: Store, clock: FakeClock) -> None:
        accesses = [Access(Address("handle", str(number), "cart")) for number in range(30)]
        for access in accesses:
            await store.create(access, Lifetime(IDLE))
        clock.advance(LATEST)
        answers = await asyncio.gather(*(store.purge_expired(7) for _ in range(10)))
        told = [str(gone.address) for answer in answers for gone in answer]
        assert sorted(told) == sorted(str(access.address) for access in accesses)

    async def test_stores_leave_what_has_expired_to_callers_for_a_while(
        self, store: Store, kept: Access, clock: FakeClock
    ) -> None:
        other = replace(kept, address=replace(kept.address, id="other"))
        await store.create(other, Lifetime(IDLE * 10))
        expires = (await store.touch(kept)).expires
        clock.now = expires + GRACE_SECONDS - 1
        for _ in range(3):
            await store.write(other, {"a": b"1"})
        assert [gone.address for gone in await store.purge_expired()] == [kept.address]
