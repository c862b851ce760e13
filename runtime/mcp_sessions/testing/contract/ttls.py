"""What every store promises about values with a time to live of their own."""

from dataclasses import replace

import pytest

from mcp_sessions.errors import SessionDataError
from mcp_sessions.stores.base import Access, Lifetime, Store
from mcp_sessions.testing.clock import FakeClock
from mcp_sessions.testing.contract.base import ContractBase


class TimesToLive(ContractBase):
    """Values with a time to live of their own."""

    async def test_a_value_is_there_until_its_time_is_over(
        self, store: Store, session: Access, clock: FakeClock
    ) -> None:
        await store.write(session, {"quote": b"1", "other": b"2"}, ttls={"quote": 30.0})
        clock.advance(29.9)
        assert await store.read(session) == {"quote": b"1", "other": b"2"}
        clock.advance(0.1)
        assert await store.read(session) == {"other": b"2"}
        assert await store.read(session, ["quote", "other"]) == {"other": b"2"}
        assert await store.names(session) == ["other"]

    async def test_every_operation_takes_an_expired_value_for_unset(
        self, store: Store, session: Access, clock: FakeClock
    ) -> None:
        names = ["removed", "number", "list", "compared", "left"]
        await store.write(session, dict.fromkeys(names, b"[7]") | {"number": b"7"}, ttls=dict.fromkeys(names, 30.0))
        clock.advance(30.0)
        assert await store.remove(session, "removed") is None
        assert await store.increment(session, "number", 1, b"100") == b"101"
        await store.append(session, "list", [b"1"], b"[0]")
        assert await store.write(session, {"compared": b"x"}, {"compared": b"[7]"}) == {"compared": None}
        assert await store.write(session, {"compared": b"2"}, {"compared": None}) is None
        clock.advance(100.0)
        assert await store.read(session) == {"number": b"101", "list": b"[0,1]", "compared": b"2"}

    async def test_each_write_begins_the_time_anew(self, store: Store, session: Access, clock: FakeClock) -> None:
        ttls = {"set": 30.0, "compared": 30.0}
        await store.write(session, {"set": b"1", "compared": b"1"}, ttls=ttls)
        await store.increment(session, "number", 1, b"0", 30.0)
        await store.append(session, "list", [b"1"], b"[]", 30.0)
        for _ in range(3):
            clock.advance(20.0)
            await store.write(session, {"set": b"1"}, ttls=ttls)
            assert await store.write(session, {"compared": b"1"}, {"compared": b"1"}, ttls) is None
            await store.increment(session, "number", 1, b"0", 30.0)
            await store.append(session, "list", [b"1"], b"[]", 30.0)
        assert await store.read(session) == {"set": b"1", "compared": b"1", "number": b"4", "list": b"[1,1,1,1]"}
        clock.advance(30.0)
        assert await store.names(session) == []

    async def test_what_writes_nothing_leaves_the_time_alone(
        self, store: Store, session: Access, clock: FakeClock
    ) -> None:
        await store.write(session, {"a": b"[]", "b": b"1"}, ttls={"a": 30.0, "b": 30.0})
        clock.advance(20.0)
        await store.read(session)
        await store.names(session)
        await store.touch(session)
        await store.append(session, "a", [], b"[]", 30.0)
        assert await store.write(session, {"b": b"2"}, {"b": b"other"}, {"b": 30.0}) == {"b": b"1"}
        await store.write(session, {"c": b"1"}, ttls={"a": 90.0, "c": 90.0})
        with pytest.raises(SessionDataError):
            await store.increment(session, "a", 1, b"0", 30.0)
        clock.advance(10.0)
        assert await store.names(session) == ["c"]

    async def test_a_write_without_a_time_to_live_keeps_the_value(
        self, store: Store, session: Access, clock: FakeClock
    ) -> None:
        await store.write(session, {"a": b"1", "b": b"1"}, ttls={"a": 30.0, "b": 90.0})
        await store.write(session, {"a": b"2"})
        await store.write(session, {"b": b"2"}, ttls={"b": 30.0})
        clock.advance(60.0)
        assert await store.read(session) == {"a": b"2"}

    async def test_values_that_a_session_is_created_with_have_times_too(
        self, store: Store, access: Access, clock: FakeClock
    ) -> None:
        await store.create(access, Lifetime(600.0), {"a": b"1", "b": b"1"}, {"a": 30.0})
        clock.advance(30.0)
        assert await store.names(access) == ["b"]

    async def test_no_value_outlives_its_session(self, store: Store, access: Access, clock: FakeClock) -> None:
        await store.create(access, Lifetime(600.0))
        await store.write(access, {"a": b"1"}, ttls={"a": 9e9})
        await store.end(access)
        anew = replace(access, begin=Lifetime(600.0))
        assert await store.read(anew) == {}
        await store.write(anew, {"b": b"1"})
        assert await store.names(anew) == ["b"]
        clock.advance(9e9)
        await store.purge_expired()
        assert await store.read(anew) == {}

    async def test_time_to_live_of_one_session_is_not_that_of_another(
        self, store: Store, session: Access, clock: FakeClock
    ) -> None:
        other = replace(session, address=replace(session.address, id="cart_2"))
        await store.create(other, Lifetime(600.0))
        await store.write(session, {"a": b"1"}, ttls={"a": 30.0})
        await store.write(other, {"a": b"2"})
        clock.advance(30.0)
        await store.purge_expired()
        assert (await store.read(session), await store.read(other)) == ({}, {"a": b"2"})

    async def test_a_purge_counts_values_and_leaves_those_that_live(
        self, store: Store, session: Access, clock: FakeClock
    ) -> None:
        await store.write(session, dict.fromkeys("abc", b"1"), ttls=dict.fromkeys("abc", 30.0))
        clock.advance(20.0)
        await store.write(session, {"a": b"2"}, ttls={"a": 30.0})
        clock.advance(10.0)
        assert [gone.address for gone in await store.purge_expired(1)] == []
        assert [gone.address for gone in await store.purge_expired()] == []
        assert await store.read(session) == {"a": b"2"}
        clock.advance(20.0)
        assert [gone.address for gone in await store.purge_expired()] == []
        assert await store.read(session) == {}
