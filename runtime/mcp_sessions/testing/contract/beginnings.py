"""Sessions that begin with their first write, and begin anew when they are over."""

from dataclasses import replace

import pytest

from mcp_sessions.stores.base import Access, Address, Lifetime, NotLiveError, SessionExistsError, Space, Store
from mcp_sessions.testing.clock import FakeClock
from mcp_sessions.testing.contract.base import ContractBase, reason_of
from mcp_sessions.testing.contract.operations import IDLE, LATEST, OPERATIONS, Operation, each_operation

begins = pytest.mark.parametrize("name", ["touch", "touch with a lifetime", "write", "increment", "append"])
begins_not = pytest.mark.parametrize(
    "name", ["read", "read keys", "names", "remove", "clear", "compare-and-set", "failing compare-and-set"]
)


class Beginnings(ContractBase):
    """Sessions that begin with their first write."""

    @begins
    async def test_a_session_that_may_begin_begins_at_the_first_write(
        self, store: Store, beginner: Access, clock: FakeClock, name: str
    ) -> None:
        assert await store.read(beginner) == {}
        assert await store.names(beginner) == []
        assert await reason_of(store.read(replace(beginner, begin=None))) == "unknown"
        await OPERATIONS[name](store, beginner)
        info = await store.touch(replace(beginner, begin=None))
        assert info.created == clock.now
        assert info.expires >= clock.now + IDLE
        with pytest.raises(SessionExistsError):
            await store.create(beginner, Lifetime(IDLE))

    @begins_not
    async def test_what_changes_nothing_begins_nothing(self, store: Store, beginner: Access, name: str) -> None:
        await OPERATIONS[name](store, beginner)
        assert await reason_of(store.read(replace(beginner, begin=None))) == "unknown"
        assert not await store.end(beginner)

    async def test_compare_and_set_can_begin_a_session(self, store: Store, beginner: Access) -> None:
        assert await store.write(beginner, {"a": b"1"}, {"a": b"0", "b": None}) == {"a": None, "b": None}
        assert await store.write(beginner, {"a": b"1"}, {"a": None}) is None
        assert await store.write(beginner, {"a": b"2"}, {"a": None}) == {"a": b"1"}
        assert await store.read(replace(beginner, begin=None)) == {"a": b"1"}

    @pytest.mark.parametrize("how", ["ended", "expired", "expired and swept"])
    async def test_what_is_over_begins_anew_and_empty(
        self, store: Store, beginner: Access, clock: FakeClock, how: str
    ) -> None:
        await store.write(beginner, {"a": b"1"})
        clock.advance(5.0)
        if how == "ended":
            await store.end(beginner)
        else:
            clock.advance(LATEST)
            if how == "expired and swept":
                await store.purge_expired()
            for operation in OPERATIONS.values():
                assert await reason_of(operation(store, beginner)) == "expired", "that is not passed over"
            await store.end(beginner, expired=True)
        assert await store.read(beginner) == {}
        await store.write(beginner, {"b": b"2"})
        assert await store.read(replace(beginner, begin=None)) == {"b": b"2"}
        assert (await store.touch(beginner)).created == clock.now

    @each_operation
    async def test_who_may_begin_a_session_is_told_whether_it_began_or_was_there(
        self, store: Store, beginner: Access, operation: Operation
    ) -> None:
        told: list[str] = []
        asking = replace(beginner, began=lambda info: told.append("began"), found=lambda: told.append("found"))
        await operation(store, asking)
        is_there = await store.look_up(beginner.address) is not None
        assert told == (["began"] if is_there else [])
        await store.write(beginner, {"other": b"1"})
        for expected in ("found", "found"):
            told.clear()
            await operation(store, asking)
            assert told[-1:] == [expected]
            assert set(told) == {expected}
        await store.end(asking)
        told.clear()
        await operation(store, asking)
        assert told == (["began"] if is_there else [])
        told.clear()
        with pytest.raises(NotLiveError):
            await operation(store, replace(asking, owner="stranger"))
        assert told == []

    async def test_only_its_own_owner_can_begin_anew_what_is_over(self, store: Store, beginner: Access) -> None:
        await store.write(beginner, {"a": b"1"})
        await store.end(beginner)
        assert await reason_of(store.write(replace(beginner, owner="stranger"), {"a": b"2"})) == "unknown"

    @pytest.mark.parametrize("schemas", [("cart", "notes"), ("", "cart")])
    @pytest.mark.parametrize("space", ["connection", "user"])
    async def test_schemas_of_one_id_without_a_parent_begin_and_end_each_by_itself(
        self, store: Store, space: Space, schemas: tuple[str, str], clock: FakeClock
    ) -> None:
        one, two = (Access(Address(space, "1", schema), "me", Lifetime(IDLE)) for schema in schemas)
        await store.write(one, {"a": b"1"})
        assert await reason_of(store.read(replace(two, begin=None))) == "unknown"
        clock.advance(IDLE / 2)
        await store.write(two, {"a": b"2"})
        clock.advance(LATEST - IDLE / 2)
        assert await reason_of(store.read(replace(one, begin=None))) == "expired"
        assert await store.read(two) == {"a": b"2"}
        await store.end(one, expired=True)
        await store.write(one, {"a": b"3"})
        assert await store.end(one)
        assert await store.read(one) == {}
        assert await store.read(two) == {"a": b"2"}
