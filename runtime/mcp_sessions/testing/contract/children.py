"""Sessions inside a transport session: they need it, keep it alive, and are its owner's."""

from dataclasses import replace

import pytest

from mcp_sessions.errors import SessionDataError
from mcp_sessions.stores.base import (
    TOMBSTONE_SECONDS,
    TRANSPORT_SCHEMA,
    Access,
    Address,
    Lifetime,
    SessionExistsError,
    Store,
)
from mcp_sessions.testing.clock import FakeClock
from mcp_sessions.testing.contract.base import ContractBase, reason_of
from mcp_sessions.testing.contract.operations import IDLE, LATEST, OPERATIONS, Operation, each_operation
from mcp_sessions.testing.contract.parents import CART, LONG, NOTES, PARENT, without_begin


async def create(store: Store, access: Access) -> object:
    """Create a session, as an operation like the others."""
    return await store.create(access, Lifetime(IDLE))


each_operation_or_create = pytest.mark.parametrize(
    "operation", [*OPERATIONS.values(), create], ids=[*OPERATIONS, "create"]
)


class Children(ContractBase):
    """Sessions inside a transport session need it, and keep it alive."""

    @each_operation_or_create
    async def test_without_a_parent_there_are_no_children(self, store: Store, operation: Operation) -> None:
        await store.create(Access(Address("handle", "t", TRANSPORT_SCHEMA), "me"), LONG)
        await store.create(Access(Address("transport", "T", TRANSPORT_SCHEMA), "me"), LONG)
        assert await reason_of(operation(store, CART)) == "unknown"
        assert not await store.end(CART)
        await store.create(PARENT, LONG)
        assert await reason_of(store.read(without_begin(CART))) == "unknown"

    @pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
    @pytest.mark.parametrize("before", ["nothing", "an ended one", "an expired one"])
    async def test_a_parent_begins_by_create_alone(
        self, store: Store, clock: FakeClock, before: str, operation: Operation
    ) -> None:
        reason = "unknown"
        if before != "nothing":
            await store.create(PARENT, Lifetime(IDLE))
            reason = "ended" if before == "an ended one" else "expired"
            if reason == "ended":
                await store.end(PARENT)
            else:
                clock.advance(LATEST)
        assert await reason_of(operation(store, replace(PARENT, begin=LONG))) == reason
        assert not await store.end(replace(PARENT, begin=LONG))
        assert await reason_of(store.read(PARENT)) == reason

    async def test_begin_does_no_harm_to_a_parent_that_is_there(self, store: Store) -> None:
        info = await store.create(PARENT, LONG)
        assert await store.touch(replace(PARENT, begin=Lifetime(1.0))) == info

    @each_operation_or_create
    @pytest.mark.parametrize("begun", [False, True])
    async def test_a_stranger_finds_no_children_and_changes_none(
        self, store: Store, clock: FakeClock, begun: bool, operation: Operation
    ) -> None:
        await store.create(PARENT, Lifetime(IDLE))
        if begun:
            await store.write(CART, {"a": b"1"})
        clock.advance(IDLE / 2)
        for owner in ("stranger", None, ""):
            for stranger in (replace(CART, owner=owner), replace(CART, owner=owner, begin=None)):
                assert await reason_of(operation(store, stranger)) == "unknown"
                assert not await store.end(stranger)
        clock.advance(IDLE / 2 - 1)
        assert await store.read(CART) == ({"a": b"1"} if begun else {})
        clock.advance(LATEST)
        for owner in ("stranger", None, ""):
            assert await reason_of(operation(store, replace(CART, owner=owner))) == "unknown"

    @each_operation
    async def test_a_strangers_calls_do_not_keep_the_parent_alive(
        self, store: Store, clock: FakeClock, operation: Operation
    ) -> None:
        await store.create(PARENT, Lifetime(IDLE))
        clock.advance(IDLE / 2)
        await reason_of(operation(store, replace(CART, owner="stranger")))
        clock.advance(LATEST - IDLE / 2)
        assert await reason_of(store.touch(PARENT)) == "expired"

    @each_operation_or_create
    @pytest.mark.parametrize("swept", [False, True])
    @pytest.mark.parametrize("how", ["expired", "ended"])
    async def test_a_child_does_not_outlive_its_parent(
        self, store: Store, clock: FakeClock, how: str, swept: bool, operation: Operation
    ) -> None:
        await store.create(PARENT, Lifetime(IDLE))
        await store.write(CART, {"a": b"1"})
        await store.touch(CART, LONG)
        if how == "ended":
            assert await store.end(PARENT)
        else:
            clock.advance(LATEST)
        if swept:
            await store.purge_expired()
        for access in (CART, without_begin(CART), NOTES):
            assert await reason_of(operation(store, access)) == how
            assert not await store.end(access)
        clock.advance(TOMBSTONE_SECONDS)
        assert await reason_of(operation(store, CART)) == "unknown"
        await store.create(PARENT, LONG)
        assert await reason_of(store.read(without_begin(CART))) == "unknown"
        assert await store.read(CART) == {}

    @each_operation
    @pytest.mark.parametrize("begun", [False, True])
    async def test_every_use_of_a_child_keeps_its_parent_alive(
        self, store: Store, clock: FakeClock, begun: bool, operation: Operation
    ) -> None:
        await store.create(PARENT, Lifetime(IDLE))
        if begun:
            await store.write(CART, {"a": b"1"})
            await store.touch(CART, LONG)
        for _ in range(3):
            clock.advance(IDLE - 1)
            await store.write(CART, {"a": None}) if begun else None
            await store.end(NOTES)
            await operation(store, CART)
        info = await store.touch(PARENT)
        assert clock.now + IDLE <= info.expires <= clock.now + LATEST

    async def test_ending_and_creating_a_child_keep_its_parent_alive(self, store: Store, clock: FakeClock) -> None:
        await store.create(PARENT, Lifetime(IDLE))
        clock.advance(IDLE - 1)
        await store.create(CART, LONG)
        clock.advance(IDLE - 1)
        assert await store.end(CART)
        clock.advance(IDLE - 1)
        await store.touch(PARENT)

    async def test_what_is_refused_does_not_keep_the_parent_alive(self, store: Store, clock: FakeClock) -> None:
        await store.create(PARENT, Lifetime(IDLE))
        await store.write(CART, {"a": b'"text"'})
        expires = (await store.touch(PARENT)).expires
        clock.advance(IDLE / 2)
        with pytest.raises(SessionDataError):
            await store.increment(CART, "a", 1, b"0")
        with pytest.raises(SessionExistsError):
            await store.create(CART, LONG)
        assert await reason_of(store.read(without_begin(NOTES))) == "unknown"
        assert not await store.end(NOTES)
        clock.now = expires
        assert await reason_of(store.touch(PARENT)) == "expired"

    async def test_using_the_parent_does_not_keep_a_child_alive(self, store: Store, clock: FakeClock) -> None:
        await store.create(PARENT, LONG)
        await store.write(CART, {"a": b"1"})
        await store.write(NOTES, {"a": b"2"})
        clock.advance(LATEST)
        await store.touch(PARENT)
        assert await store.read(NOTES) == {"a": b"2"}
        assert await reason_of(store.read(without_begin(CART))) == "expired"
