"""Sessions and callers of several versions of a schema: which of them get along, and what is told of a version."""

from dataclasses import replace
from typing import Final, TypeAlias

import pytest

from mcp_sessions.stores.base import Access, Lifetime, OtherVersionError, Remains, Store
from mcp_sessions.testing.clock import FakeClock
from mcp_sessions.testing.contract.base import ContractBase, reason_of
from mcp_sessions.testing.contract.operations import IDLE, LATEST, OPERATIONS, Operation
from mcp_sessions.testing.contract.parents import CART, LONG, PARENT, without_begin

Version: TypeAlias = tuple[int, int]
"""A version, and the oldest one that can use its sessions, or whose sessions it can use."""

USES: Final = {name: operation for name, operation in OPERATIONS.items() if not name.startswith("touch")}
"""The operations that read or change values."""

each_use = pytest.mark.parametrize("operation", USES.values(), ids=USES)
apart = pytest.mark.parametrize(
    ("kept", "asks"),
    [
        ((1, 0), (2, 2)),
        ((1, 0), (9, 2)),
        ((2, 1), (4, 3)),
        ((2, 2), (1, 0)),
        ((9, 2), (1, 1)),
        ((4, 3), (2, 0)),
        ((0, 0), (1, 1)),
    ],
)
along = pytest.mark.parametrize(
    ("kept", "asks"),
    [
        ((1, 0), (1, 0)),
        ((3, 3), (3, 3)),
        ((1, 0), (2, 0)),
        ((1, 1), (2, 1)),
        ((2, 2), (4, 1)),
        ((2, 0), (1, 0)),
        ((2, 1), (1, 1)),
        ((4, 1), (2, 2)),
        ((4, 3), (3, 0)),
    ],
)


def of_version(access: Access, version: Version) -> Access:
    """Return the same claim by a caller whose sessions are of a version, for callers since another."""
    return replace(access, version=version[0], since=version[1])


def who_asks(access: Access, version: Version) -> Access:
    """Return the same claim by a caller who has a version, and reads sessions from another on."""
    return replace(access, version=version[0], reads=version[1])


class Versions(ContractBase):
    """Sessions are refused whose version does not get along with the caller's."""

    @each_use
    @apart
    async def test_a_session_of_a_version_that_does_not_get_along_is_refused_and_left_alone(
        self, store: Store, access: Access, clock: FakeClock, kept: Version, asks: Version, operation: Operation
    ) -> None:
        await store.create(of_version(access, kept), Lifetime(IDLE), {"a": b"1"}, {"a": IDLE})
        clock.advance(IDLE / 2)
        before = await store.copy_out(access.address), await store.look_up(access.address)
        for begin in (None, Lifetime(IDLE)):
            with pytest.raises(OtherVersionError) as raised:
                await operation(store, replace(who_asks(access, asks), begin=begin))
            assert raised.value.version == kept[0]
        assert (await store.copy_out(access.address), await store.look_up(access.address)) == before
        assert await store.read(of_version(access, kept)) == {"a": b"1"}

    @each_use
    @along
    async def test_versions_that_get_along_use_each_others_sessions(
        self, store: Store, access: Access, clock: FakeClock, kept: Version, asks: Version, operation: Operation
    ) -> None:
        created = await store.create(of_version(access, kept), Lifetime(IDLE), {"a": b"1"})
        clock.advance(IDLE / 2)
        await operation(store, who_asks(access, asks))
        found = await store.look_up(access.address)
        assert found is not None
        assert (found.info.version, found.info.since) == kept
        assert found.info.expires > created.expires

    @apart
    async def test_what_looks_at_no_values_looks_at_no_version(
        self, store: Store, access: Access, clock: FakeClock, kept: Version, asks: Version
    ) -> None:
        asking = who_asks(access, asks)
        for name in ("touch", "touch with a lifetime"):
            created = await store.create(of_version(access, kept), Lifetime(IDLE))
            clock.advance(IDLE / 2)
            await OPERATIONS[name](store, asking)
            info = await store.touch(asking)
            assert (info.version, info.since, info.created) == (*kept, created.created)
            assert info.expires > created.expires
            assert [gone.address for gone in await store.end(asking)] == [access.address]
            access = replace(access, address=replace(access.address, id="cart_2"))
            asking = who_asks(access, asks)

    @each_use
    async def test_a_version_is_told_to_the_owner_of_a_live_session_alone(
        self, store: Store, access: Access, clock: FakeClock, operation: Operation
    ) -> None:
        asking = replace(access, version=3, reads=3)
        await store.create(access, Lifetime(IDLE))
        assert await reason_of(operation(store, replace(asking, owner="stranger"))) == "unknown"
        await store.end(access)
        assert await reason_of(operation(store, asking)) == "ended"
        other = replace(access, address=replace(access.address, id="cart_2"))
        await store.create(other, Lifetime(IDLE))
        clock.advance(LATEST)
        assert await reason_of(operation(store, replace(asking, address=other.address))) == "expired"

    async def test_what_is_over_begins_anew_with_the_version_of_who_begins_it(
        self, store: Store, beginner: Access
    ) -> None:
        await store.write(of_version(beginner, (2, 2)), {"a": b"1"})
        anew = of_version(beginner, (1, 1))
        with pytest.raises(OtherVersionError):
            await store.write(anew, {"b": b"2"})
        await store.end(anew)
        assert await store.read(anew) == {}
        await store.write(anew, {"b": b"2"})
        info = await store.touch(of_version(beginner, (2, 2)))
        assert (info.version, info.since) == (1, 1)
        with pytest.raises(OtherVersionError) as raised:
            await store.read(who_asks(beginner, (2, 2)))
        assert raised.value.version == 1

    async def test_a_session_keeps_since_which_version_it_gets_along(self, store: Store, beginner: Access) -> None:
        created = await store.create(of_version(beginner, (5, 3)), Lifetime(IDLE))
        assert (created.version, created.since) == (5, 3)
        begun = replace(of_version(beginner, (6, 4)), address=replace(beginner.address, space="user"))
        for operation in (store.touch, lambda access: store.write(access, {"a": b"1"})):
            await operation(begun)
            assert (await store.touch(replace(begun, since=1))).since == 4
            await store.end(begun)
        await store.touch(begun)
        listed = (await store.scan()).sessions
        assert {(one.info.version, one.info.since) for one in listed} == {(5, 3), (6, 4)}
        for access, version in ((beginner, (5, 3)), (begun, (6, 4))):
            found, copy = await store.look_up(access.address), await store.copy_out(access.address)
            assert found is not None
            assert copy is not None
            assert (found.info.version, found.info.since) == (copy.version, copy.since) == version

    async def test_a_copy_keeps_since_which_version_it_gets_along(self, store: Store, access: Access) -> None:
        await store.create(of_version(access, (5, 3)), Lifetime(IDLE), {"a": b"1"})
        copy = await store.copy_out(access.address)
        assert copy is not None
        other = replace(access, address=replace(access.address, id="cart_2"))
        await store.copy_in(replace(copy, address=other.address))
        assert await store.copy_out(other.address) == replace(copy, address=other.address)
        assert await store.read(of_version(other, (3, 0))) == {"a": b"1"}
        with pytest.raises(OtherVersionError):
            await store.read(of_version(other, (2, 0)))

    @each_use
    async def test_of_a_child_its_own_version_counts_and_a_refusal_does_not_slide_its_parent(
        self, store: Store, clock: FakeClock, operation: Operation
    ) -> None:
        parent = await store.create(of_version(PARENT, (9, 9)), Lifetime(IDLE))
        cart = of_version(CART, (2, 2))
        await store.write(cart, {"a": b"1"})
        clock.advance(IDLE / 2)
        before = await store.copy_out(CART.address)
        for asking in (who_asks(CART, (1, 1)), who_asks(CART, (9, 9)), who_asks(without_begin(CART), (9, 3))):
            with pytest.raises(OtherVersionError) as raised:
                await operation(store, asking)
            assert raised.value.version == 2
        found = await store.look_up(PARENT.address)
        assert found is not None
        assert found.info == parent
        assert await store.copy_out(CART.address) == before
        await operation(store, cart)
        assert (await store.touch(PARENT)).expires > parent.expires

    async def test_a_parent_has_a_version_too(self, store: Store) -> None:
        await store.create(of_version(PARENT, (2, 2)), LONG, {"a": b"1"})
        with pytest.raises(OtherVersionError):
            await store.read(PARENT)
        await store.create(CART, Lifetime(IDLE), {"a": b"2"})
        assert await store.read(CART) == {"a": b"2"}

    async def test_what_remains_says_of_which_version_the_values_are(
        self, store: Store, access: Access, clock: FakeClock
    ) -> None:
        carts = [replace(access, address=replace(access.address, id=f"cart_{n}"), version=n) for n in range(1, 4)]
        for cart in carts:
            await store.create(cart, Lifetime(IDLE), {"a": b"1"})
        await store.create(of_version(PARENT, (4, 0)), Lifetime(IDLE))
        await store.write(of_version(CART, (5, 0)), {"a": b"1"})
        told = await store.end(carts[0], values=True)
        assert told == [Remains(carts[0].address, "me", "ended", {"a": b"1"}, 1)]
        lately = of_version(replace(access, address=replace(access.address, id="cart_9")), (3, 2))
        await store.create(lately, Lifetime(IDLE))
        (told_last,) = await store.end(lately)
        assert (told_last.version, told_last.since) == (3, 2)
        clock.advance(LATEST)
        told = await store.end(carts[1], values=True, expired=True)
        assert told == [Remains(carts[1].address, "me", "expired", {"a": b"1"}, 2)]
        versions = {gone.address: gone.version for gone in await store.purge_expired()}
        assert versions == {carts[2].address: 3, PARENT.address: 4, CART.address: 5}
