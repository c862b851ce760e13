"""How a session comes to another version: all at once, and only if nobody has changed it meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from mcp_sessions.errors import SessionTooLargeError, StoreError
from mcp_sessions.stores.base import (
    Access,
    Lifetime,
    Limits,
    OtherVersionError,
    Remains,
    SchemaVersion,
    SessionCopy,
    SessionInfo,
    Store,
)
from mcp_sessions.testing.clock import FakeClock
from mcp_sessions.testing.contract.base import ContractBase
from mcp_sessions.testing.contract.operations import IDLE, LATEST
from mcp_sessions.testing.contract.parents import CART, LONG, PARENT

SECOND = SchemaVersion(2, "sha256:two", 2)
HELD = {"a": b"1", "b": b"[2]", "c": b"3"}


async def copy_of(store: Store, access: Access) -> SessionCopy:
    """Return all that is kept of a session that is there."""
    copy = await store.copy_out(access.address)
    assert copy is not None
    return copy


async def info_of(store: Store, access: Access) -> SessionInfo:
    """Return what may be known of a session that is there, without using it."""
    found = await store.look_up(access.address)
    assert found is not None
    return found.info


class Migrating(ContractBase):
    """Sessions come to another version at once, or not at all."""

    @pytest.fixture
    async def cart(self, store: Store, access: Access) -> Access:
        """A session of the first version, with a value that has a time to live."""
        await store.create(access, Lifetime(IDLE, 5000.0), HELD, {"c": 100.0})
        return access

    async def test_a_session_gets_another_version_and_other_values(
        self, store: Store, cart: Access, clock: FakeClock
    ) -> None:
        clock.advance(IDLE / 8)
        copy, before, now = await copy_of(store, cart), await info_of(store, cart), clock.now
        changes = {"a": None, "moved": b"1", "b": b"[22]", "new": b"\xff\0", "never": None}
        assert await store.migrate(copy, SECOND, changes, {"moved": now + 10.25, "new": now + 50.5})
        values = {"b": b"[22]", "c": b"3", "moved": b"1", "new": b"\xff\0"}
        untils = {"c": copy.untils["c"], "moved": now + 10.25, "new": now + 50.5}
        about = {"version": 2, "digest": "sha256:two", "since": 2}
        assert await copy_of(store, cart) == replace(copy, values=values, untils=untils, **about)  # type: ignore[arg-type]
        after = await info_of(store, cart)
        assert after == replace(before, size=after.size, **about)  # type: ignore[arg-type]
        second = replace(cart, version=2, since=2)
        with pytest.raises(OtherVersionError) as raised:
            await store.read(cart)
        assert raised.value.version == 2
        assert await store.read(second) == values
        assert await store.names(second) == sorted(values)
        for seconds, left in ((10.25, {"b", "c", "new"}), (14.75, {"b", "new"}), (25.5, {"b"})):
            clock.advance(seconds)
            await store.purge_expired()
            assert set(await store.read(second)) == left

    async def test_a_migration_can_change_the_version_alone(self, store: Store, cart: Access) -> None:
        copy = await copy_of(store, cart)
        for number, since in ((3, 0), (2, 1), (2, 2), (0, 0)):
            now = await copy_of(store, cart)
            assert await store.migrate(now, SchemaVersion(number, f"d{number}", since), {}, {})
            assert await copy_of(store, cart) == replace(copy, version=number, digest=f"d{number}", since=since)

    async def test_a_value_that_is_written_anew_gets_the_time_that_is_said(
        self, store: Store, cart: Access, clock: FakeClock
    ) -> None:
        copy = await copy_of(store, cart)
        assert await store.migrate(copy, SECOND, {"a": b"1", "c": b"3"}, {"a": clock.now + 30.0})
        clock.advance(30.0)
        assert await store.names(replace(cart, version=2)) == ["b", "c"]
        clock.advance(70.0)
        assert await store.names(replace(cart, version=2)) == ["b", "c"]

    async def test_what_is_unset_leaves_no_time_behind(self, store: Store, cart: Access, clock: FakeClock) -> None:
        assert await store.migrate(await copy_of(store, cart), SECOND, {"c": None}, {})
        await store.write(replace(cart, version=2), {"c": b"4"})
        clock.advance(100.0)
        assert (await store.read(replace(cart, version=2)))["c"] == b"4"

    async def test_a_time_that_is_over_leaves_the_key_unset(self, store: Store, cart: Access, clock: FakeClock) -> None:
        assert await store.migrate(await copy_of(store, cart), SECOND, {"a": b"9"}, {"a": clock.now})
        assert await store.names(replace(cart, version=2)) == ["b", "c"]

    @pytest.mark.parametrize(
        "change",
        [
            lambda store, access: store.write(access, {"a": b"9"}),
            lambda store, access: store.write(access, {"d": b"4"}),
            lambda store, access: store.write(access, {"b": None}),
            lambda store, access: store.write(access, {"d": b"4", "a": None}),
            lambda store, access: store.clear(access),
            lambda store, access: store.increment(access, "a", 1, b"0"),
            lambda store, access: store.append(access, "b", [b"3"], b"[]"),
        ],
        ids=["changed", "added", "removed", "replaced", "cleared", "incremented", "appended"],
    )
    async def test_what_somebody_has_changed_meanwhile_is_not_migrated(
        self, store: Store, cart: Access, change: Callable[[Store, Access], Awaitable[object]]
    ) -> None:
        copy = await copy_of(store, cart)
        await change(store, cart)
        before = await copy_of(store, cart)
        assert not await store.migrate(copy, SECOND, {"a": b"5"}, {})
        assert await copy_of(store, cart) == before
        assert await store.migrate(before, SECOND, {"a": b"5"}, {})
        assert (await store.read(replace(cart, version=2)))["a"] == b"5"

    async def test_a_copy_of_somebody_or_something_else_is_not_migrated(self, store: Store, cart: Access) -> None:
        copy = await copy_of(store, cart)
        for other in (
            replace(copy, owner="stranger"),
            replace(copy, owner=None),
            replace(copy, owner=""),
            replace(copy, version=2),
            replace(copy, version=0),
            replace(copy, created=copy.created - 0.5),
            replace(copy, values={}),
            replace(copy, values={**HELD, "d": b"4"}),
            replace(copy, values={**HELD, "a": b"01"}),
            replace(copy, values={"a": HELD["a"], "b": HELD["b"]}),
            replace(copy, values={"a": HELD["a"], "b": HELD["b"], "d": HELD["c"]}),
            replace(copy, address=replace(copy.address, id="cart_2")),
            replace(copy, address=replace(copy.address, schema="notes")),
            replace(copy, address=replace(copy.address, id="\ud800")),
        ):
            assert not await store.migrate(other, SECOND, {"a": b"5"}, {})
        assert await copy_of(store, cart) == copy
        assert await store.count() == 1

    async def test_a_session_without_an_owner_and_without_values(self, store: Store, access: Access) -> None:
        await store.create(replace(access, owner=None), Lifetime(IDLE))
        copy = await copy_of(store, access)
        assert not await store.migrate(replace(copy, owner=""), SECOND, {"a": b"1"}, {})
        assert await store.migrate(copy, SECOND, {"a": b"1"}, {})
        assert await store.read(replace(access, owner=None, version=2)) == {"a": b"1"}

    async def test_a_session_that_was_used_meanwhile_is_migrated_as_it_lives_now(
        self, store: Store, cart: Access, clock: FakeClock
    ) -> None:
        copy = await copy_of(store, cart)
        clock.advance(50.0)
        await store.read(cart)
        await store.touch(cart, LONG)
        before = await info_of(store, cart)
        assert await store.migrate(copy, SECOND, {"a": b"5"}, {})
        after = await copy_of(store, cart)
        assert (after.expires, after.idle, after.max_at) == (before.expires, LONG.idle, None)

    async def test_a_value_that_was_written_as_it_was_is_the_same_value(self, store: Store, cart: Access) -> None:
        copy = await copy_of(store, cart)
        await store.write(cart, {"a": b"1"})
        assert await store.migrate(copy, SECOND, {}, {})

    async def test_a_value_whose_time_was_changed_is_another_one(
        self, store: Store, cart: Access, clock: FakeClock
    ) -> None:
        copy = await copy_of(store, cart)
        assert copy.taken == clock.now
        clock.advance(10.0)
        for ttls in ({"c": 100.0}, {}):
            await store.write(cart, {"c": HELD["c"]}, ttls=ttls)
            assert not await store.migrate(copy, SECOND, {}, {})
        copy = await copy_of(store, cart)
        assert (copy.untils, copy.taken) == ({}, clock.now)
        await store.write(cart, {"a": HELD["a"]}, ttls={"a": 10.0})
        assert not await store.migrate(copy, SECOND, {}, {})

    async def test_a_value_whose_time_is_over_is_none(self, store: Store, cart: Access, clock: FakeClock) -> None:
        early = await copy_of(store, cart)
        clock.advance(100.0)
        assert not await store.migrate(early, SECOND, {"d": b"4"}, {}), "it held one more"
        assert await store.migrate(await copy_of(store, cart), SECOND, {"c": b"33"}, {})
        assert await store.read(replace(cart, version=2)) == {"a": b"1", "b": b"[2]", "c": b"33"}

    @pytest.mark.parametrize("how", ["ended", "expired", "expired and swept", "expired and ended", "never there"])
    async def test_what_is_over_is_not_migrated(self, store: Store, cart: Access, clock: FakeClock, how: str) -> None:
        copy = await copy_of(store, cart)
        if how == "ended":
            await store.end(cart)
        elif how == "never there":
            copy = replace(copy, address=replace(copy.address, id="another"))
        else:
            clock.advance(LATEST)
        if how == "expired and swept":
            await store.purge_expired()
        elif how == "expired and ended":
            await store.end(cart, expired=True)
        assert not await store.migrate(copy, SECOND, {"a": b"5"}, {})
        assert await store.copy_out(copy.address) is None

    async def test_a_session_that_began_later_is_another_one(
        self, store: Store, beginner: Access, clock: FakeClock
    ) -> None:
        await store.write(beginner, {"a": b"1"})
        copy = await copy_of(store, beginner)
        await store.end(beginner)
        clock.advance(0.5)
        await store.write(beginner, {"a": b"1"})
        assert not await store.migrate(copy, SECOND, {"a": b"5"}, {})
        assert await store.read(beginner) == {"a": b"1"}

    async def test_a_migration_is_no_use_of_a_session_and_of_its_parent(self, store: Store, clock: FakeClock) -> None:
        parent = await store.create(PARENT, Lifetime(IDLE))
        await store.write(CART, {"a": b"1"})
        before = await info_of(store, CART)
        clock.advance(IDLE / 2)
        assert await store.migrate(await copy_of(store, CART), SECOND, {"a": b"5"}, {})
        assert (await info_of(store, CART)).expires == before.expires
        assert await info_of(store, PARENT) == parent
        assert await store.migrate(await copy_of(store, PARENT), SECOND, {"p": b"5"}, {})
        assert (await info_of(store, PARENT)).expires == parent.expires
        assert await store.read(replace(CART, version=2)) == {"a": b"5"}

    @pytest.mark.parametrize("how", ["ended", "expired", "begun anew"])
    async def test_a_child_is_not_migrated_without_its_parent(self, store: Store, clock: FakeClock, how: str) -> None:
        await store.create(PARENT, Lifetime(IDLE))
        await store.write(CART, {"a": b"1"})
        await store.touch(CART, LONG)
        copy = await copy_of(store, CART)
        if how == "ended":
            await store.end(PARENT)
        else:
            clock.advance(LATEST)
        if how == "begun anew":
            clock.advance(LONG.idle)
            await store.create(PARENT, LONG)
            await store.write(CART, {"a": b"1"})
        assert not await store.migrate(copy, SECOND, {"a": b"5"}, {})
        if how == "begun anew":
            assert await store.read(CART) == {"a": b"1"}

    async def test_what_remains_of_a_migrated_session_is_of_its_new_version(
        self, store: Store, cart: Access, clock: FakeClock
    ) -> None:
        assert await store.migrate(await copy_of(store, cart), SECOND, {"a": None, "c": None}, {})
        clock.advance(LATEST)
        assert await store.purge_expired(values=True) == [Remains(cart.address, "me", "expired", {"b": b"[2]"}, 2, 2)]

    async def test_no_text_is_no_key_in_a_migration(self, store: Store, cart: Access) -> None:
        copy = await copy_of(store, cart)
        with pytest.raises(StoreError, match="not Unicode text"):
            await store.migrate(copy, SECOND, {"a": b"5", "\ud800": b"1"}, {})
        assert await copy_of(store, cart) == copy
        assert not await store.migrate(replace(copy, values={**HELD, "\ud800": b"1"}), SECOND, {"a": b"5"}, {})

    async def test_thousands_of_values_are_migrated_at_once(self, store: Store, access: Access) -> None:
        values = {f"key {n}": str(n).encode() for n in range(5000)} | {"": b"", "\0": b"\xff\0", "x" * 5000: b"[]"}
        await store.create(access, Lifetime(IDLE), values)
        changes: dict[str, bytes | None] = {f"key {n}": None for n in range(0, 5000, 2)}
        changes |= {f"moved {n}": str(n).encode() for n in range(0, 5000, 2)} | {"": b"1", "y" * 5000: b"2"}
        copy = await copy_of(store, access)
        assert not await store.migrate(replace(copy, values={**values, "key 1": b"2"}), SECOND, changes, {})
        assert await store.migrate(copy, SECOND, changes, {})
        merged = {**values, **changes}
        wanted = {key: value for key, value in merged.items() if value is not None}
        assert await store.read(replace(access, version=2)) == wanted

    async def test_the_size_of_a_migrated_session_is_that_of_its_keys_and_values(
        self, store: Store, cart: Access, clock: FakeClock
    ) -> None:
        changes = {"a": None, "b": b"22", "é": b"12345", "y" * 5000: b"[]", "never": None}
        assert await store.migrate(await copy_of(store, cart), SECOND, changes, {})
        assert (await info_of(store, cart)).size == 3 + 2 + 7 + 5002
        clock.advance(100.0)
        assert await store.migrate(await copy_of(store, cart), SECOND, {"c": b"333"}, {})
        await store.purge_expired()
        assert (await info_of(store, cart)).size == 3 + 4 + 7 + 5002
        second = replace(cart, version=2, limits=Limits(session_bytes=20))
        await store.write(second, {"y" * 5000: None})
        assert await store.write(second, {"d": b"12345"}) is None
        with pytest.raises(SessionTooLargeError, match="21 bytes"):
            await store.write(second, {"d": b"123456"})

    async def test_of_many_migrations_at_once_one_is_done(self, store: Store, cart: Access) -> None:
        copy = await copy_of(store, cart)
        done = await asyncio.gather(
            *(store.migrate(copy, SECOND, {"a": str(n).encode(), f"d{n}": b"1"}, {}) for n in range(20))
        )
        assert sorted(done) == [False] * 19 + [True]
        winner = done.index(True)
        assert (await copy_of(store, cart)).values == {**HELD, "a": str(winner).encode(), f"d{winner}": b"1"}

    async def test_no_write_between_a_copy_and_its_migration_is_lost(self, store: Store, access: Access) -> None:
        await store.create(access, Lifetime(IDLE), {"n": b"0"})
        tries = 0

        async def migrate() -> None:
            nonlocal tries
            is_done = False
            while not is_done:
                copy = await copy_of(store, access)
                await asyncio.sleep(0)
                higher = str(int(copy.values["n"]) * 1000).encode()
                is_done = await store.migrate(copy, SchemaVersion(2), {"n": higher}, {})
                tries += 1

        async def count() -> None:
            for _ in range(10):
                await store.increment(access, "n", 1, b"0")
                await asyncio.sleep(0)

        await asyncio.gather(count(), migrate(), *(count() for _ in range(4)))
        higher, lower = divmod(int((await store.read(access))["n"]), 1000)
        assert higher + lower == 50
        assert tries >= 1
        assert (await info_of(store, access)).version == 2
