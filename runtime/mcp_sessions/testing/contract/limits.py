"""How much may be kept: bytes of a value and of a session, sessions of an owner and in all."""

from dataclasses import replace
from typing import Any

import pytest

from mcp_sessions.errors import SessionLimitError, SessionTooLargeError, TooManySessionsError
from mcp_sessions.stores.base import TRANSPORT_SCHEMA, Access, Address, Lifetime, Limits, SessionInfo, Store
from mcp_sessions.testing.clock import FakeClock
from mcp_sessions.testing.contract.base import ContractBase

LIVES = Lifetime(600.0)


def cart(number: int, owner: str | None = "me", **limits: int) -> Access:
    """Return a claim to a cart with limits."""
    return Access(Address("handle", f"cart_{number}", "cart"), owner, limits=Limits(**limits))


async def size(store: Store, access: Access) -> int:
    """Return how large the store takes a session to be."""
    return (await store.touch(access)).size


class SizeLimits(ContractBase):
    """How much may be kept."""

    async def test_the_size_of_a_session_is_that_of_its_keys_and_values(self, store: Store, access: Access) -> None:
        assert (await store.create(access, LIVES, {"é": b"12"})).size == 4
        await store.write(access, {"a": b"123", "é": b"1"})
        assert await size(store, access) == 3 + 4
        await store.increment(access, "a", 1000, b"0")
        assert await size(store, access) == 3 + 5
        await store.append(access, "l", [b"1", b"2"], b"[]")
        assert await size(store, access) == 3 + 5 + 6
        assert await store.remove(access, "a") == b"1123"
        assert await size(store, access) == 3 + 6
        await store.clear(access)
        assert await size(store, access) == 0
        await store.write(access, {"a": b"1"})
        assert await size(store, access) == 2

    async def test_a_value_whose_time_is_over_takes_no_room_once_it_is_purged_or_written_over(
        self, store: Store, access: Access, clock: FakeClock
    ) -> None:
        await store.create(access, LIVES, {"a": b"1111", "b": b"1111"}, {"a": 10.0, "b": 10.0})
        clock.advance(10.0)
        await store.write(access, {"a": b"2"})
        await store.purge_expired()
        assert await size(store, access) == 2

    async def test_a_session_that_begins_anew_has_nothing_of_the_size_of_the_old_one(
        self, store: Store, access: Access, clock: FakeClock
    ) -> None:
        beginner = replace(access, address=replace(access.address, space="user"), begin=LIVES)
        await store.write(beginner, {"a": b"1" * 100})
        await store.end(beginner)
        await store.write(beginner, {"a": b"1"})
        assert await size(store, beginner) == 2
        clock.advance(LIVES.idle * 2)
        await store.end(beginner, expired=True)
        await store.write(beginner, {"b": b"1"})
        assert await size(store, beginner) == 2

    @pytest.mark.parametrize(
        ("operation", "arguments"),
        [
            ("write", ({"a": b"1" * 11},)),
            ("write", ({"fine": b"1", "a": b"1" * 11},)),
            ("write", ({"a": b"1" * 11}, {"b": None})),
            ("increment", ("n", 10**10, b"9")),
            ("append", ("l", [b"1234"], b"[1234]")),
        ],
    )
    async def test_a_value_may_have_so_many_bytes(
        self, store: Store, operation: str, arguments: tuple[Any, ...]
    ) -> None:
        access = cart(1, value_bytes=10)
        await store.create(access, LIVES, {"a": b"1" * 10})
        with pytest.raises(SessionTooLargeError, match=r"the value of '[anl]' would have 11 bytes, and 10 are allowed"):
            await getattr(store, operation)(access, *arguments)
        assert await store.read(access) == {"a": b"1" * 10}
        assert await size(store, access) == 11

    async def test_a_session_may_have_so_many_bytes_and_can_always_be_made_smaller(self, store: Store) -> None:
        access = cart(1, session_bytes=20)
        await store.create(cart(1), LIVES, {"a": b"1" * 30, "b": b"1"})
        for changes in ({"c": b"1"}, {"b": b"11"}, {"a": b"1" * 31}):
            with pytest.raises(
                SessionTooLargeError, match=r"the session as a whole would have 3[0-9] bytes, and 20 are"
            ):
                await store.write(access, changes)
        await store.write(access, {"a": b"1" * 29})
        await store.write(access, {"a": b"1" * 28, "c": None})
        with pytest.raises(SessionTooLargeError):
            await store.append(access, "l", [b"1"], b"[]")
        await store.write(access, {"a": None})
        await store.write(access, {"a": b"1" * 17})
        assert await size(store, access) == 20

    async def test_a_session_does_not_begin_too_large(self, store: Store) -> None:
        with pytest.raises(SessionTooLargeError):
            await store.create(cart(1, session_bytes=5), LIVES, {"a": b"12345"})
        beginner = replace(cart(2, value_bytes=3), begin=LIVES)
        with pytest.raises(SessionTooLargeError):
            await store.write(beginner, {"a": b"1234"})
        await store.create(cart(1), LIVES)
        assert await store.read(beginner) == {}

    async def test_an_owner_may_have_so_many_sessions(self, store: Store, clock: FakeClock) -> None:
        await store.create(cart(1, owner_sessions=2), LIVES)
        await store.create(cart(2, owner_sessions=2), Lifetime(10.0))
        with pytest.raises(TooManySessionsError, match="this user has 2 sessions"):
            await store.create(cart(3, owner_sessions=2), LIVES)
        with pytest.raises(TooManySessionsError):
            await store.write(replace(cart(3, owner_sessions=2), begin=LIVES), {"a": b"1"})
        await store.create(cart(4, "you", owner_sessions=2), LIVES)
        await store.end(cart(1))
        await store.create(cart(5, owner_sessions=2), LIVES)
        clock.advance(20.0)
        await store.purge_expired()
        await store.create(cart(6, owner_sessions=2), LIVES)
        with pytest.raises(TooManySessionsError):
            await store.create(cart(7, owner_sessions=2), LIVES)

    async def test_who_has_no_owner_shares_only_the_limit_of_all(self, store: Store) -> None:
        for number in range(3):
            await store.create(cart(number, None, owner_sessions=1), LIVES)
        with pytest.raises(TooManySessionsError, match="this server has as many sessions as it may have"):
            await store.create(cart(4, None, all_sessions=3), LIVES)
        await store.end(cart(0, None))
        await store.create(cart(4, None, all_sessions=3), LIVES)

    async def test_children_count_as_little_as_tombstones(self, store: Store, clock: FakeClock) -> None:
        parent = Access(
            Address("transport", "t", TRANSPORT_SCHEMA), "me", limits=Limits(owner_sessions=1, all_sessions=1)
        )
        await store.create(parent, LIVES)
        for schema in ("cart", "notes"):
            child = replace(parent, address=Address("transport", "t", schema), begin=LIVES)
            await store.write(child, {"a": b"1"})
            await store.end(child)
            await store.write(child, {"a": b"1"})
        with pytest.raises(SessionLimitError):
            await store.create(cart(1, "me", owner_sessions=1), LIVES)
        await store.end(parent)
        await store.create(cart(1, "me", owner_sessions=1, all_sessions=1), LIVES)
        clock.advance(10_000.0)
        await store.purge_expired()
        await store.create(cart(2, "me", owner_sessions=1, all_sessions=1), LIVES)

    async def test_using_and_prolonging_sessions_leaves_their_number_alone(
        self, store: Store, clock: FakeClock
    ) -> None:
        await store.create(cart(1), LIVES)
        for _ in range(3):
            await store.touch(cart(1), Lifetime(1000.0))
            clock.advance(500.0)
            await store.write(cart(1), {"a": b"1"})
        await store.create(cart(2, all_sessions=2, owner_sessions=2), LIVES)
        with pytest.raises(TooManySessionsError):
            await store.create(cart(3, all_sessions=2), LIVES)

    async def test_whoever_begins_a_session_is_told_so_once(self, store: Store, clock: FakeClock) -> None:
        told: list[SessionInfo] = []
        beginner = replace(cart(1), begin=LIVES, began=told.append)
        await store.read(beginner)
        await store.names(beginner)
        assert told == []
        await store.append(beginner, "l", [b"1"], b"[]")
        assert [info.created for info in told] == [clock.now]
        await store.increment(beginner, "n", 1, b"0")
        await store.write(beginner, {"a": b"1"})
        await store.touch(beginner)
        assert len(told) == 1
        for operation, arguments in (("increment", ("n", 1, b"0")), ("write", ({"a": b"1"},)), ("touch", ())):
            await store.end(beginner)
            await getattr(store, operation)(beginner, *arguments)
        assert len(told) == 4
        await store.end(beginner)
        assert await store.write(beginner, {"a": b"2"}, {"a": b"1"}) == {"a": None}
        assert len(told) == 4
