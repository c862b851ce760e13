"""When a session lives, whose it is, and that nothing brings it back."""

from dataclasses import replace

import pytest

from mcp_sessions.stores.base import (
    SLIDE_STEP,
    TOMBSTONE_SECONDS,
    TRANSPORT_SCHEMA,
    Access,
    Lifetime,
    SessionExistsError,
    SessionInfo,
    Store,
)
from mcp_sessions.testing.clock import FakeClock
from mcp_sessions.testing.contract.base import ContractBase, reason_of
from mcp_sessions.testing.contract.operations import IDLE, LATEST, OPERATIONS, Operation, each_operation


def strangers(access: Access) -> list[Access]:
    """Return claims that are almost those to a session."""
    return [
        replace(access, owner="stranger"),
        replace(access, owner=None),
        replace(access, owner=""),
        replace(access, address=replace(access.address, schema="other")),
        replace(access, address=replace(access.address, schema=TRANSPORT_SCHEMA)),
        replace(access, address=replace(access.address, space="transport")),
        replace(access, address=replace(access.address, id=access.address.id.upper())),
        replace(access, address=replace(access.address, id=access.address.id + "\0")),
        replace(access, address=replace(access.address, id="\ud800")),
    ]


class Lifetimes(ContractBase):
    """When a session lives, and whose it is."""

    @each_operation
    async def test_a_stranger_finds_nothing_and_changes_nothing(
        self, store: Store, kept: Access, clock: FakeClock, operation: Operation
    ) -> None:
        clock.advance(IDLE / 2)
        for stranger in strangers(kept):
            assert await reason_of(operation(store, stranger)) == "unknown"
            assert not await store.end(stranger)
        clock.advance(IDLE * (SLIDE_STEP + 0.5))
        assert await reason_of(store.read(kept)) == "expired", "a stranger's call must not keep a session alive"

    @each_operation
    async def test_a_stranger_who_may_begin_gets_nothing_of_a_session_that_is_there(
        self, store: Store, kept: Access, operation: Operation
    ) -> None:
        assert await reason_of(operation(store, replace(kept, owner="stranger", begin=Lifetime(5.0)))) == "unknown"
        assert await store.read(kept) == {"a": b"1"}

    @each_operation
    async def test_an_ended_session_stays_ended(
        self, store: Store, kept: Access, clock: FakeClock, operation: Operation
    ) -> None:
        assert await store.end(kept)
        assert await reason_of(operation(store, kept)) == "ended"
        clock.advance(TOMBSTONE_SECONDS - 1)
        assert await reason_of(operation(store, kept)) == "ended"
        for stranger in strangers(kept):
            assert await reason_of(operation(store, stranger)) == "unknown"
        clock.advance(1)
        assert await reason_of(operation(store, kept)) == "unknown"
        assert not await store.end(kept)

    @pytest.mark.parametrize("swept", [False, True])
    @each_operation
    async def test_an_expired_session_stays_expired(
        self, store: Store, kept: Access, clock: FakeClock, operation: Operation, swept: bool
    ) -> None:
        clock.advance(LATEST)
        if swept:
            await store.purge_expired()
        assert await reason_of(operation(store, kept)) == "expired"
        assert not await store.end(kept)
        for stranger in strangers(kept):
            assert await reason_of(operation(store, stranger)) == "unknown"
        clock.advance(TOMBSTONE_SECONDS)
        assert await reason_of(operation(store, kept)) == "unknown"

    @each_operation
    async def test_every_use_keeps_a_session_alive(
        self, store: Store, kept: Access, clock: FakeClock, operation: Operation
    ) -> None:
        await store.write(kept, {"l": b"[]"})
        for _ in range(5):
            clock.advance(IDLE * 0.99)
            await store.write(kept, {"a": b"1"})
            clock.advance(IDLE * 0.99)
            await operation(store, kept)
        clock.advance(IDLE - 1)
        await store.names(kept)

    async def test_a_use_moves_the_expiry_by_the_idle_lifetime_and_little_more(
        self, store: Store, access: Access, clock: FakeClock
    ) -> None:
        info = await store.create(access, Lifetime(IDLE))
        start = clock.now
        assert info.created == start
        assert start + IDLE <= info.expires <= start + LATEST
        for step in (0.0, 1.0, 9.0, 11.0, IDLE - 1, 3.0):
            clock.advance(step)
            info = await store.touch(access)
            assert info.created == start
            assert clock.now + IDLE <= info.expires <= clock.now + LATEST

    async def test_use_does_not_stretch_the_greatest_lifetime(
        self, store: Store, access: Access, clock: FakeClock
    ) -> None:
        start = clock.now
        info = await store.create(access, Lifetime(IDLE, 1500.0), {"a": b"1"})
        for _ in range(2):
            clock.advance(500.0)
            info = await store.touch(access)
        assert info == SessionInfo(start, start + 1500.0, 1, "", size=2, idle=IDLE, max_at=start + 1500.0)
        clock.advance(499.0)
        await store.write(access, {"a": b"2"})
        clock.advance(1.0)
        assert await reason_of(store.read(access)) == "expired"

    async def test_a_greatest_lifetime_below_the_idle_one_wins(
        self, store: Store, access: Access, clock: FakeClock
    ) -> None:
        info = await store.create(access, Lifetime(IDLE, 10.0))
        assert info.expires == clock.now + 10.0

    async def test_touch_can_change_the_lifetime(self, store: Store, kept: Access, clock: FakeClock) -> None:
        start = clock.now
        info = await store.touch(kept, Lifetime(60.0, 1000.0))
        assert clock.now + 60.0 <= info.expires <= clock.now + 61.0
        clock.advance(59.0)
        await store.read(kept)
        info = await store.touch(kept, Lifetime(5000.0, 1000.0))
        assert info.expires == start + 1000.0
        info = await store.touch(kept, Lifetime(5000.0))
        assert info.expires >= clock.now + 5000.0
        await store.touch(kept, Lifetime(60.0))
        clock.advance(61.0)
        assert await reason_of(store.touch(kept)) == "expired"

    @pytest.mark.parametrize("name", [name for name in OPERATIONS if name != "touch with a lifetime"])
    async def test_a_clock_that_is_put_back_harms_nobody(
        self, store: Store, kept: Access, clock: FakeClock, name: str
    ) -> None:
        info = await store.touch(kept)
        clock.advance(-24 * 3600.0)
        await OPERATIONS[name](store, kept)
        assert await store.purge_expired() == []
        found = await store.look_up(kept.address)
        assert found is not None
        assert found.info.created == info.created
        await store.write(kept, {"late": b"1"}, ttls={"late": 30.0})
        clock.advance(24 * 3600.0)
        assert "late" not in await store.names(kept)
        assert await store.increment(kept, "fresh", 1, b"0") == b"1"

    async def test_an_id_is_free_again_only_when_its_tombstone_is_gone(
        self, store: Store, kept: Access, clock: FakeClock
    ) -> None:
        await store.end(kept)
        clock.advance(TOMBSTONE_SECONDS - 1)
        with pytest.raises(SessionExistsError):
            await store.create(kept, Lifetime(IDLE))
        clock.advance(1)
        await store.create(kept, Lifetime(IDLE))
        assert await store.read(kept) == {}

    async def test_a_session_that_nobody_swept_leaves_nothing_to_its_successor(
        self, store: Store, kept: Access, clock: FakeClock
    ) -> None:
        clock.advance(LATEST + TOMBSTONE_SECONDS)
        await store.create(replace(kept, owner="somebody else"), Lifetime(IDLE))
        assert await store.read(replace(kept, owner="somebody else")) == {}

    async def test_ending_deletes_and_tells_whether_there_was_anything(self, store: Store, kept: Access) -> None:
        assert await store.end(kept)
        assert not await store.end(kept)
        assert not await store.end(replace(kept, begin=Lifetime(IDLE)))
