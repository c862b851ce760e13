"""How many sessions there are, and how they go from one store to another."""

from dataclasses import replace

import pytest

from mcp_sessions.errors import StoreError
from mcp_sessions.stores.base import (
    SLIDE_STEP,
    TOMBSTONE_SECONDS,
    Access,
    Address,
    Lifetime,
    SessionCopy,
    SessionExistsError,
    Store,
)
from mcp_sessions.testing.clock import FakeClock
from mcp_sessions.testing.contract.base import ContractBase, reason_of
from mcp_sessions.testing.contract.operations import IDLE, LATEST
from mcp_sessions.testing.contract.parents import CART, LONG, PARENT, without_begin

VALUES = {"a": b"1", "\0": b"\xff\0", "x" * 5000: b"[]"}


def copy_of(access: Access, now: float, **about: object) -> SessionCopy:
    """Return a copy of a session that began some time ago."""
    copy = SessionCopy(
        address=access.address,
        owner=access.owner,
        version=3,
        digest="sha256:abc",
        created=now - 1000.125,
        expires=now + 300.0625,
        idle=IDLE,
        max_at=now + 5000.5,
        values=VALUES,
        untils={"a": now + 60.25},
    )
    return replace(copy, **about)  # type: ignore[arg-type]


class Copies(ContractBase):
    """Counting sessions, and copying them out and in."""

    async def test_sessions_are_counted_but_no_children(self, store: Store, access: Access, clock: FakeClock) -> None:
        assert await store.count() == 0
        await store.create(access, Lifetime(IDLE))
        await store.create(PARENT, LONG)
        await store.write(CART, {"a": b"1"})
        assert await store.count() == 2
        clock.advance(LATEST)
        await store.purge_expired()
        assert await store.count() == 1
        await store.end(PARENT)
        assert await store.count() == 0

    @pytest.mark.parametrize("owner", [None, "", "me"])
    async def test_what_was_put_in_comes_out_as_it_was(
        self, store: Store, access: Access, clock: FakeClock, owner: str | None
    ) -> None:
        for max_at in (clock.now + 5000.5, None):
            one = replace(access, owner=owner, address=replace(access.address, id=f"cart_{max_at}"))
            copy = copy_of(one, clock.now, max_at=max_at)
            await store.copy_in(copy)
            assert await store.copy_out(one.address) == copy
            found = await store.look_up(one.address)
            assert found is not None
            assert (found.owner, found.info.created, found.info.expires) == (owner, copy.created, copy.expires)
            assert (found.info.version, found.info.digest) == (3, "sha256:abc")
        assert await store.count() == 2

    async def test_a_copy_goes_on_as_the_session_would_have(
        self, store: Store, access: Access, clock: FakeClock
    ) -> None:
        start = clock.now
        await store.copy_in(copy_of(access, start))
        clock.advance(60.25)
        assert "a" not in await store.read(access)
        clock.advance(240.0)
        assert start + 300.25 + IDLE <= (await store.touch(access)).expires <= start + 300.25 + LATEST
        for _ in range(20):
            clock.advance(IDLE / 2)
            if clock.now >= start + 5000.5:
                break
            assert (await store.touch(access)).expires <= start + 5000.5
        assert await reason_of(store.touch(access)) == "expired"

    async def test_copying_out_is_no_use(self, store: Store, access: Access, clock: FakeClock) -> None:
        await store.create(access, Lifetime(IDLE, 5000.0), {"a": b"1"}, {"a": 30.0})
        clock.advance(29.0)
        first = await store.copy_out(access.address)
        assert first is not None
        assert first.untils == {"a": clock.now + 1.0}
        assert (first.idle, first.max_at) == (IDLE, clock.now - 29.0 + 5000.0)
        clock.advance(IDLE / 2)
        assert await store.copy_out(access.address) == replace(first, values={}, untils={})
        clock.advance(IDLE * (0.5 + SLIDE_STEP))
        assert await store.copy_out(access.address) is None

    async def test_what_is_not_there_has_no_copy(self, store: Store, access: Access) -> None:
        for address in (access.address, CART.address, replace(access.address, id="\ud800")):
            assert await store.copy_out(address) is None
        await store.create(access, Lifetime(IDLE))
        await store.end(access)
        assert await store.copy_out(access.address) is None

    async def test_a_copy_takes_nobodys_place(self, store: Store, access: Access, clock: FakeClock) -> None:
        await store.create(access, Lifetime(IDLE), {"a": b"0"})
        copy = copy_of(replace(access, owner="stranger"), clock.now)
        with pytest.raises(SessionExistsError):
            await store.copy_in(copy)
        assert await store.read(access) == {"a": b"0"}
        await store.end(access)
        with pytest.raises(SessionExistsError):
            await store.copy_in(copy)
        clock.advance(TOMBSTONE_SECONDS)
        await store.copy_in(copy_of(access, clock.now))
        assert await store.read(access) == VALUES
        assert await store.count() == 1

    async def test_a_copy_leaves_nothing_of_what_nobody_swept(
        self, store: Store, access: Access, clock: FakeClock
    ) -> None:
        await store.create(access, Lifetime(IDLE), {"old": b"0"})
        clock.advance(LATEST + TOMBSTONE_SECONDS)
        await store.copy_in(copy_of(access, clock.now))
        assert await store.read(access) == VALUES
        assert await store.count() == 1
        assert await store.purge_expired() == []

    @pytest.mark.parametrize(("seconds", "reason"), [(0.0, "expired"), (TOMBSTONE_SECONDS, "unknown")])
    async def test_a_copy_that_has_expired_meanwhile_is_not_put_in(
        self, store: Store, access: Access, clock: FakeClock, seconds: float, reason: str
    ) -> None:
        copy = copy_of(access, clock.now, expires=clock.now - seconds)
        assert await reason_of(store.copy_in(copy)) == reason
        assert await store.look_up(access.address) is None
        assert await store.count() == 0

    async def test_a_child_is_put_into_its_parent(self, store: Store, clock: FakeClock) -> None:
        copy = copy_of(CART, clock.now)
        assert await reason_of(store.copy_in(copy)) == "unknown"
        await store.copy_in(copy_of(PARENT, clock.now))
        assert await reason_of(store.copy_in(replace(copy, owner="stranger"))) == "unknown"
        await store.copy_in(copy)
        assert await store.copy_out(CART.address) == copy
        assert await store.read(without_begin(CART)) == VALUES
        assert {gone.address for gone in await store.end(PARENT)} == {PARENT.address, CART.address}
        assert await reason_of(store.copy_in(copy)) == "ended"

    async def test_values_whose_time_is_over_are_not_there(
        self, store: Store, access: Access, clock: FakeClock
    ) -> None:
        await store.copy_in(copy_of(access, clock.now, untils={"a": clock.now}))
        assert "a" not in await store.read(access)
        await store.purge_expired()
        assert set(await store.names(access)) == set(VALUES) - {"a"}

    async def test_the_size_of_a_copy_is_that_of_its_keys_and_values(
        self, store: Store, access: Access, clock: FakeClock
    ) -> None:
        await store.copy_in(copy_of(access, clock.now, untils={"a": clock.now}))
        sizes = {key: len(key.encode()) + len(value) for key, value in VALUES.items()}
        assert (await store.touch(access)).size == sum(sizes.values())
        await store.purge_expired()
        assert (await store.touch(access)).size == sum(sizes.values()) - sizes["a"]

    async def test_a_copy_without_values(self, store: Store, access: Access, clock: FakeClock) -> None:
        copy = copy_of(access, clock.now, values={}, untils={})
        await store.copy_in(copy)
        assert await store.copy_out(access.address) == copy

    async def test_what_no_store_can_keep_is_not_put_in(self, store: Store, access: Access, clock: FakeClock) -> None:
        with pytest.raises(StoreError):
            await store.copy_in(copy_of(access, clock.now, values={"\ud800": b"1"}, untils={}))
        odd = Access(Address("handle", "\ud800", "cart"))
        with pytest.raises(StoreError):
            await store.copy_in(copy_of(odd, clock.now))
        assert await store.count() == 0
