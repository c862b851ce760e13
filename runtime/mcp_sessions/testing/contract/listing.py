"""What those who run a server can ask: which sessions are there, and what remains of one that is over."""

import base64
from dataclasses import replace

import pytest

from mcp_sessions.errors import StoreError
from mcp_sessions.stores.base import TRANSPORT_SCHEMA, Access, Address, Lifetime, Listed, Remains, SessionInfo, Store
from mcp_sessions.testing.clock import FakeClock
from mcp_sessions.testing.contract.base import ContractBase

LIVES = Lifetime(600.0)
PARENT = Access(Address("transport", "t", TRANSPORT_SCHEMA), "me")


HALF = base64.urlsafe_b64encode(b'["handle","\\ud800","cart"]').decode()
DEEP = base64.urlsafe_b64encode(b"[" * 100_000).decode()


def cart(number: int, owner: str | None = "me", schema: str = "cart") -> Access:
    """Return a claim to one of many."""
    return Access(Address("handle", f"{schema}_{number}", schema), owner)


async def listed(store: Store, schema: str | None = None, owner: str | None = None, limit: int = 2) -> list[Listed]:
    """Return what is on all pages."""
    page = await store.scan(schema=schema, owner=owner, limit=limit)
    found = list(page.sessions)
    while page.cursor:
        page = await store.scan(schema=schema, owner=owner, limit=limit, cursor=page.cursor)
        assert page.sessions
        found += page.sessions
        assert len(page.sessions) <= limit
    return found


class Listing(ContractBase):
    """What those who run a server can ask."""

    async def test_sessions_are_listed_by_schema_and_owner(self, store: Store) -> None:
        for number in range(5):
            await store.create(cart(number), LIVES)
        await store.create(cart(9, "you"), LIVES)
        await store.create(cart(1, "me", "notes"), LIVES)
        carts = [f"cart_{number}" for number in range(5)]
        for wanted, schema, owner in (
            (carts, "cart", "me"),
            ([*carts, "cart_9"], "cart", None),
            ([*carts, "notes_1"], None, "me"),
        ):
            assert sorted(one.address.id for one in await listed(store, schema, owner)) == wanted
        assert len(await listed(store)) == len(await listed(store, limit=1)) == len(await listed(store, limit=100)) == 7
        assert await listed(store, "nothing") == await listed(store, owner="nobody") == []

    async def test_a_listing_says_whose_a_session_is_and_how_large(self, store: Store) -> None:
        info = await store.create(cart(1), LIVES, {"a": b"1"})
        assert await listed(store) == [Listed(cart(1).address, "me", info)]
        assert info.size == 2

    async def test_a_page_has_no_more_sessions_than_were_asked_for(self, store: Store) -> None:
        for number in range(5):
            await store.create(cart(number), LIVES)
        assert [len((await store.scan(limit=limit)).sessions) for limit in (1, 2, 5, 9)] == [1, 2, 5, 5]
        for limit in (0, -1):
            with pytest.raises(StoreError, match="limit of a listing is a whole number from 1"):
                await store.scan(limit=limit)

    async def test_what_is_over_is_not_listed(self, store: Store, clock: FakeClock) -> None:
        await store.create(cart(1), LIVES)
        await store.create(cart(2), LIVES)
        await store.create(cart(3), Lifetime(6000.0))
        await store.end(cart(1))
        clock.advance(1000.0)
        assert [one.address.id for one in await listed(store)] == ["cart_3"]

    async def test_listing_is_no_use_of_a_session(self, store: Store, clock: FakeClock) -> None:
        info = await store.create(cart(1), LIVES)
        clock.advance(500.0)
        assert (await listed(store))[0].info == info
        for _ in range(2):
            assert await store.look_up(cart(1).address) == Listed(cart(1).address, "me", info)

    async def test_what_is_told_of_a_session_has_its_lifetime(self, store: Store, clock: FakeClock) -> None:
        for number, lifetime in ((1, Lifetime(600.0)), (2, Lifetime(90.5, 5000.25))):
            info = await store.create(cart(number), lifetime, {"a": b"1"})
            assert (info.idle, info.max_at) == (lifetime.idle, lifetime.max and clock.now + lifetime.max)
            assert await store.touch(cart(number)) == info
            assert await store.look_up(cart(number).address) == Listed(cart(number).address, "me", info)
            assert info in [one.info for one in await listed(store)]
        clock.advance(60.0)
        longer = await store.touch(cart(1), Lifetime(700.0, 9000.0))
        assert (longer.idle, longer.max_at) == (700.0, clock.now - 60.0 + 9000.0)

    async def test_a_session_that_begins_with_a_write_has_its_lifetime(self, store: Store, clock: FakeClock) -> None:
        began: list[SessionInfo] = []
        await store.write(replace(cart(1), begin=Lifetime(600.0, 700.0), began=began.append), {"a": b"1"})
        assert [(info.idle, info.max_at) for info in began] == [(600.0, clock.now + 700.0)]

    async def test_a_session_can_be_looked_up_whoever_owns_it(self, store: Store, clock: FakeClock) -> None:
        await store.create(PARENT, LIVES)
        child = replace(PARENT, address=replace(PARENT.address, schema="cart"), begin=Lifetime(6000.0))
        assert await store.look_up(child.address) is None
        await store.write(child, {"a": b"1"})
        found = await store.look_up(child.address)
        assert found is not None
        assert (found.owner, found.info.size) == ("me", 2)
        assert await store.look_up(Address("handle", "\ud800", "cart")) is None
        clock.advance(1000.0)
        assert await store.look_up(PARENT.address) is None
        assert await store.look_up(child.address) is None, "its parent has expired"

    @pytest.mark.parametrize("cursor", ["x", "é", "e30=", "WzEsMiwzXQ==", "W10=", "bm90IGpzb24=", HALF, DEEP])
    async def test_a_cursor_that_is_none_is_refused(self, store: Store, cursor: str) -> None:
        with pytest.raises(StoreError, match="no cursor of a listing"):
            await store.scan(cursor=cursor)

    async def test_what_remains_of_a_session_has_its_last_values_if_they_are_asked_for(
        self, store: Store, clock: FakeClock
    ) -> None:
        await store.create(cart(1), LIVES, {"a": b"1", "b": b"2"}, {"b": 5.0})
        await store.create(cart(2), LIVES, {"a": b"1"})
        clock.advance(5.0)
        assert await store.end(cart(1), values=True) == [Remains(cart(1).address, "me", "ended", {"a": b"1"})]
        assert await store.end(cart(2)) == [Remains(cart(2).address, "me", "ended")]

    async def test_what_remains_of_an_expired_session_has_what_it_held_when_it_expired(
        self, store: Store, clock: FakeClock
    ) -> None:
        await store.create(cart(1), Lifetime(10.0), {"a": b"1"})
        clock.advance(20.0)
        assert await store.purge_expired(values=True) == [Remains(cart(1).address, "me", "expired", {"a": b"1"})]

    async def test_a_parent_that_ends_tells_of_its_children_and_which_of_them_had_expired(
        self, store: Store, clock: FakeClock
    ) -> None:
        await store.create(PARENT, Lifetime(6000.0))
        for schema, idle in (("cart", 6000.0), ("notes", 10.0), ("over", 6000.0)):
            child = replace(PARENT, address=replace(PARENT.address, schema=schema), begin=Lifetime(idle))
            await store.write(child, {"a": b"1"})
        await store.end(child)
        clock.advance(20.0)
        told = {gone.address.schema: gone for gone in await store.end(PARENT, values=True)}
        assert {schema: gone.reason for schema, gone in told.items()} == {
            "": "ended",
            "cart": "ended",
            "notes": "expired",
        }
        assert told["cart"].values == {"a": b"1"}
