"""The lives of a parent and of its children, and how they end together."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from mcp_sessions.stores.base import (
    GRACE_SECONDS,
    SLIDE_STEP,
    TOMBSTONE_SECONDS,
    TRANSPORT_SCHEMA,
    Access,
    Address,
    Lifetime,
    NotLiveError,
    Remains,
    SessionExistsError,
    Store,
)
from mcp_sessions.testing.clock import FakeClock
from mcp_sessions.testing.contract.base import ContractBase, reason_of
from mcp_sessions.testing.contract.operations import IDLE, LATEST
from mcp_sessions.testing.contract.parents import CART, LONG, NOTES, PARENT, without_begin


class Families(ContractBase):
    """A parent and its children live and end together."""

    async def test_children_have_idle_and_greatest_lifetimes_of_their_own(self, store: Store, clock: FakeClock) -> None:
        start = clock.now
        await store.create(PARENT, LONG)
        cart = replace(CART, begin=Lifetime(IDLE, IDLE * 2))
        cart_info, notes_info = await store.touch(cart), await store.touch(NOTES)
        assert start + IDLE <= cart_info.expires <= start + LATEST
        assert start + IDLE * 2 <= notes_info.expires <= start + LATEST * 2
        for _ in range(3):
            clock.advance(IDLE / 2)
            await store.touch(without_begin(cart))
        assert (await store.touch(cart)).expires == start + IDLE * 2
        clock.advance(IDLE / 2)
        assert await reason_of(store.touch(without_begin(cart))) == "expired"
        assert (await store.touch(without_begin(NOTES))).created == start
        assert (await store.touch(PARENT)).created == start

    @pytest.mark.parametrize("how", ["missing", "expired", "expired and swept", "ended", "forgotten"])
    async def test_a_child_that_is_not_live_reads_as_empty_and_begins_anew_at_the_first_write(
        self, store: Store, clock: FakeClock, how: str
    ) -> None:
        await store.create(PARENT, LONG)
        await store.write(NOTES, {"a": b"2"})
        await store.touch(NOTES, LONG)
        reason = "unknown"
        if how != "missing":
            await store.write(CART, {"a": b"1"})
        if how.startswith("expired"):
            reason = "expired"
            clock.advance(LATEST)
        if how in ("ended", "forgotten"):
            reason = "ended"
            assert await store.end(CART)
        if how == "forgotten":
            reason = "unknown"
            clock.advance(TOMBSTONE_SECONDS)
        if how.endswith("swept"):
            assert [gone.address for gone in await store.purge_expired()] == [CART.address]

        assert await reason_of(store.read(without_begin(CART))) == reason
        if reason == "expired":
            assert await reason_of(store.read(CART)) == "expired", "that is not passed over"
            remains = [] if how.endswith("swept") else [Remains(CART.address, "me", "expired", {"a": b"1"})]
            assert await store.end(CART, values=True, expired=True) == remains
            reason = "ended"
        assert await store.read(CART) == {}
        assert await store.names(CART) == []
        assert await store.remove(CART, "a") is None
        assert await store.write(CART, {"a": b"1"}, {"a": b"1"}) == {"a": None}
        assert not await store.end(CART)
        assert await reason_of(store.write(without_begin(CART), {"b": b"1"})) == reason, "reading begins nothing"
        clock.advance(1.0)
        await store.write(CART, {"b": b"3"})
        assert await store.read(without_begin(CART)) == {"b": b"3"}
        assert (await store.touch(CART)).created == clock.now
        assert await store.read(NOTES) == {"a": b"2"}

    async def test_creating_a_child_needs_a_free_address(self, store: Store, clock: FakeClock) -> None:
        await store.create(PARENT, LONG)
        await store.create(without_begin(CART), Lifetime(IDLE), {"a": b"1"})
        with pytest.raises(SessionExistsError):
            await store.create(CART, LONG)
        assert await store.read(without_begin(CART)) == {"a": b"1"}
        await store.end(CART)
        with pytest.raises(SessionExistsError):
            await store.create(CART, LONG)
        clock.advance(TOMBSTONE_SECONDS)
        await store.create(CART, LONG)
        assert await store.read(without_begin(CART)) == {}

    async def test_ending_a_child_ends_nothing_else(self, store: Store) -> None:
        await store.create(PARENT, LONG, {"p": b"0"})
        await store.write(CART, {"a": b"1"})
        await store.write(NOTES, {"a": b"2"})
        assert await store.end(CART)
        assert not await store.end(CART)
        assert await reason_of(store.read(without_begin(CART))) == "ended"
        assert await store.read(CART) == {}
        assert await store.read(NOTES) == {"a": b"2"}
        assert await store.read(PARENT) == {"p": b"0"}

    async def test_a_parent_takes_its_own_children_with_it_and_no_others(self, store: Store, clock: FakeClock) -> None:
        held: list[Access] = []
        for id in ("t", "u"):
            parent = replace(PARENT, address=Address("transport", id, TRANSPORT_SCHEMA))
            await store.create(parent, LONG)
            held += (replace(CART, address=Address("transport", id, name)) for name in ("cart", "notes"))
        held.append(Access(Address("connection", "t", "cart"), "me", LONG))
        for access in held:
            await store.write(access, {"a": access.address.id.encode()})
        assert await store.end(PARENT)
        assert [await reason_of(store.read(access)) for access in held[:2]] == ["ended"] * 2
        assert [await store.read(without_begin(access)) for access in held[2:]] == [{"a": b"u"}] * 2 + [{"a": b"t"}]
        clock.advance(IDLE * 2)
        assert {gone.address for gone in await store.purge_expired()} == {access.address for access in held[2:4]}, (
            "those of t are gone already"
        )

    async def test_a_parent_that_nobody_swept_leaves_no_children_to_its_successor(
        self, store: Store, clock: FakeClock
    ) -> None:
        await store.create(PARENT, Lifetime(IDLE))
        await store.write(CART, {"a": b"1"})
        await store.touch(CART, LONG)
        clock.advance(LATEST + TOMBSTONE_SECONDS)
        successor = replace(PARENT, owner="you")
        await store.create(successor, LONG)
        yours = replace(CART, owner="you")
        assert await store.read(yours) == {}
        await store.write(yours, {"b": b"2"})
        assert await store.read(yours) == {"b": b"2"}

    @pytest.mark.parametrize("limit", [1, 2, 1000])
    async def test_purging_a_parent_tells_of_its_children_and_leaves_none(
        self, store: Store, clock: FakeClock, limit: int
    ) -> None:
        await store.create(PARENT, Lifetime(IDLE))
        lasting = replace(CART, address=replace(CART.address, schema="lasting"))
        ended = replace(CART, address=replace(CART.address, schema="ended"))
        for child in (CART, NOTES, lasting, ended):
            await store.write(child, {"a": b"1"})
        await store.touch(lasting, LONG)
        await store.end(ended)
        clock.advance(LATEST)
        told: list[Address] = []
        while some := await store.purge_expired(limit):
            told += [gone.address for gone in some]
        assert sorted(map(str, told)) == sorted(str(access.address) for access in (PARENT, CART, NOTES, lasting))
        assert await reason_of(store.read(CART)) == "expired", "the parent is what has expired"
        clock.advance(TOMBSTONE_SECONDS - LATEST)
        assert [gone.address for gone in await store.purge_expired()] == []
        clock.advance(LATEST)
        await store.create(PARENT, LONG)
        for child in (CART, NOTES, lasting, ended):
            assert await reason_of(store.read(without_begin(child))) == "unknown"

    async def test_of_a_parent_that_expired_the_children_do_not_seem_to_have_expired(
        self, store: Store, clock: FakeClock
    ) -> None:
        await store.create(PARENT, Lifetime(IDLE))
        await store.write(CART, {"a": b"1"})
        await store.touch(CART, LONG)
        clock.advance(LATEST)
        assert await store.end(CART, expired=True) == []
        told = await store.end(PARENT, values=True, expired=True)
        assert sorted(told, key=str) == [
            Remains(PARENT.address, "me", "expired"),
            Remains(CART.address, "me", "expired", {"a": b"1"}),
        ]
        assert await reason_of(store.read(CART)) == "ended", "the parent is what has ended"
        assert await store.purge_expired() == []

    async def test_a_child_that_expired_before_its_parent_is_told_of_once(self, store: Store, clock: FakeClock) -> None:
        await store.create(PARENT, Lifetime(IDLE * 2))
        await store.write(CART, {"a": b"1"})
        clock.advance(LATEST)
        assert [gone.address for gone in await store.purge_expired()] == [CART.address]
        assert await reason_of(store.read(without_begin(CART))) == "expired"
        clock.advance(LATEST)
        assert [gone.address for gone in await store.purge_expired()] == [PARENT.address]
        assert [gone.address for gone in await store.purge_expired()] == []

    async def test_a_child_that_is_due_long_after_its_parent_is_gone_is_no_more(
        self, store: Store, clock: FakeClock
    ) -> None:
        await store.create(PARENT, Lifetime(IDLE))
        await store.write(CART, {"a": b"1"})
        await store.touch(CART, LONG)
        await store.end(PARENT)
        clock.advance(TOMBSTONE_SECONDS)
        await store.create(PARENT, Lifetime(LONG.idle * 2))
        await store.write(CART, {"a": b"2"})
        await store.touch(CART, Lifetime(LONG.idle * 2))
        clock.advance(LONG.idle * (1 + SLIDE_STEP))
        assert [gone.address for gone in await store.purge_expired()] == []
        assert await store.read(without_begin(CART)) == {"a": b"2"}

    async def test_of_many_callers_at_once_one_ends_a_parent_and_no_child_survives(self, store: Store) -> None:
        await store.create(PARENT, LONG)
        ends = [store.end(PARENT) for _ in range(5)]
        writes = [store.increment(CART, "n", 1, b"0") for _ in range(20)]
        results: list[Any] = await asyncio.gather(*writes[:10], *ends, *writes[10:], return_exceptions=True)
        assert results[:10] == [str(n).encode() for n in range(1, 11)]
        assert [gone.address for gone in results[10]] == [PARENT.address, CART.address]
        assert results[11:15] == [[], [], [], []]
        assert all(isinstance(result, NotLiveError) and result.reason == "ended" for result in results[15:])

    async def test_stores_sweep_parents_and_children_by_themselves_only_after_a_while(
        self, store: Store, clock: FakeClock
    ) -> None:
        await store.create(PARENT, Lifetime(IDLE))
        await store.write(CART, {"a": b"1"})
        other = replace(PARENT, address=replace(PARENT.address, id="other"))
        await store.create(other, LONG)
        clock.advance(LATEST + GRACE_SECONDS / 2)
        await store.touch(other)
        assert {gone.address for gone in await store.purge_expired()} == {PARENT.address, CART.address}
