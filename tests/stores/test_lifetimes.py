"""When a session lives, whose it is, and that nothing brings it back."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Protocol

import pytest

from mcp_sessions import TooManySessionsError
from mcp_sessions.stores import (
    GRACE_SECONDS,
    SLIDE_STEP,
    TOMBSTONE_SECONDS,
    TRANSPORT_SCHEMA,
    Access,
    Address,
    Lifetime,
    Limits,
    NotLiveError,
    Remains,
    SessionExistsError,
    SessionInfo,
    Space,
    Store,
)

IDLE = 600.0
LATEST = IDLE * (1 + SLIDE_STEP)


class FakeClock(Protocol):
    now: float

    def advance(self, seconds: float) -> None: ...


OPERATIONS: dict[str, Callable[[Store, Access], Awaitable[object]]] = {
    "touch": lambda store, access: store.touch(access),
    "touch with a lifetime": lambda store, access: store.touch(access, Lifetime(9999.0)),
    "read": lambda store, access: store.read(access),
    "read keys": lambda store, access: store.read(access, ["a"]),
    "names": lambda store, access: store.names(access),
    "write": lambda store, access: store.write(access, {"a": b"9"}),
    "compare-and-set": lambda store, access: store.write(access, {"a": b"9"}, {"a": b"1"}),
    "failing compare-and-set": lambda store, access: store.write(access, {"a": b"9"}, {"a": b"8"}),
    "remove": lambda store, access: store.remove(access, "a"),
    "clear": lambda store, access: store.clear(access),
    "increment": lambda store, access: store.increment(access, "a", 1, b"0"),
    "append": lambda store, access: store.append(access, "l", [b"9"], b"[]"),
}
each_operation = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
begins = pytest.mark.parametrize("name", ["touch", "touch with a lifetime", "write", "increment", "append"])
begins_not = pytest.mark.parametrize(
    "name", ["read", "read keys", "names", "remove", "clear", "compare-and-set", "failing compare-and-set"]
)

Operation = Callable[[Store, Access], Awaitable[object]]


async def reason_of(attempt: Awaitable[object]) -> str:
    with pytest.raises(NotLiveError) as raised:
        await attempt
    return raised.value.reason


@pytest.fixture
async def session(store: Store, access: Access) -> Access:
    await store.create(access, Lifetime(IDLE), {"a": b"1"})
    return access


def strangers(access: Access) -> list[Access]:
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


@each_operation
async def test_a_stranger_finds_nothing_and_changes_nothing(
    store: Store, session: Access, clock: FakeClock, operation: Operation
) -> None:
    clock.advance(IDLE / 2)
    for stranger in strangers(session):
        assert await reason_of(operation(store, stranger)) == "unknown"
        assert not await store.end(stranger)
    clock.advance(IDLE * (SLIDE_STEP + 0.5))
    assert await reason_of(store.read(session)) == "expired", "a stranger's call must not keep a session alive"


@each_operation
async def test_a_stranger_who_may_begin_gets_nothing_of_a_session_that_is_there(
    store: Store, session: Access, operation: Operation
) -> None:
    assert await reason_of(operation(store, replace(session, owner="stranger", begin=Lifetime(5.0)))) == "unknown"
    assert await store.read(session) == {"a": b"1"}


@each_operation
async def test_an_ended_session_stays_ended(
    store: Store, session: Access, clock: FakeClock, operation: Operation
) -> None:
    assert await store.end(session)
    assert await reason_of(operation(store, session)) == "ended"
    clock.advance(TOMBSTONE_SECONDS - 1)
    assert await reason_of(operation(store, session)) == "ended"
    for stranger in strangers(session):
        assert await reason_of(operation(store, stranger)) == "unknown"
    clock.advance(1)
    assert await reason_of(operation(store, session)) == "unknown"
    assert not await store.end(session)


@pytest.mark.parametrize("swept", [False, True])
@each_operation
async def test_an_expired_session_stays_expired(
    store: Store, session: Access, clock: FakeClock, operation: Operation, swept: bool
) -> None:
    clock.advance(LATEST)
    if swept:
        await store.purge_expired()
    assert await reason_of(operation(store, session)) == "expired"
    assert not await store.end(session)
    for stranger in strangers(session):
        assert await reason_of(operation(store, stranger)) == "unknown"
    clock.advance(TOMBSTONE_SECONDS)
    assert await reason_of(operation(store, session)) == "unknown"


@each_operation
async def test_every_use_keeps_a_session_alive(
    store: Store, session: Access, clock: FakeClock, operation: Operation
) -> None:
    await store.write(session, {"l": b"[]"})
    for _ in range(5):
        clock.advance(IDLE * 0.99)
        await store.write(session, {"a": b"1"})
        clock.advance(IDLE * 0.99)
        await operation(store, session)
    clock.advance(IDLE - 1)
    await store.names(session)


async def test_a_use_moves_the_expiry_by_the_idle_lifetime_and_little_more(
    store: Store, access: Access, clock: FakeClock
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


async def test_use_does_not_stretch_the_greatest_lifetime(store: Store, access: Access, clock: FakeClock) -> None:
    start = clock.now
    info = await store.create(access, Lifetime(IDLE, 1500.0), {"a": b"1"})
    for _ in range(2):
        clock.advance(500.0)
        info = await store.touch(access)
    assert info == SessionInfo(start, start + 1500.0, 1, "", size=2)
    clock.advance(499.0)
    await store.write(access, {"a": b"2"})
    clock.advance(1.0)
    assert await reason_of(store.read(access)) == "expired"


async def test_a_greatest_lifetime_below_the_idle_one_wins(store: Store, access: Access, clock: FakeClock) -> None:
    info = await store.create(access, Lifetime(IDLE, 10.0))
    assert info.expires == clock.now + 10.0


async def test_touch_can_change_the_lifetime(store: Store, session: Access, clock: FakeClock) -> None:
    start = clock.now
    info = await store.touch(session, Lifetime(60.0, 1000.0))
    assert clock.now + 60.0 <= info.expires <= clock.now + 61.0
    clock.advance(59.0)
    await store.read(session)
    info = await store.touch(session, Lifetime(5000.0, 1000.0))
    assert info.expires == start + 1000.0
    info = await store.touch(session, Lifetime(5000.0))
    assert info.expires >= clock.now + 5000.0
    await store.touch(session, Lifetime(60.0))
    clock.advance(61.0)
    assert await reason_of(store.touch(session)) == "expired"


async def test_an_id_is_free_again_only_when_its_tombstone_is_gone(
    store: Store, session: Access, clock: FakeClock
) -> None:
    await store.end(session)
    clock.advance(TOMBSTONE_SECONDS - 1)
    with pytest.raises(SessionExistsError):
        await store.create(session, Lifetime(IDLE))
    clock.advance(1)
    await store.create(session, Lifetime(IDLE))
    assert await store.read(session) == {}


async def test_a_session_that_nobody_swept_leaves_nothing_to_its_successor(
    store: Store, session: Access, clock: FakeClock
) -> None:
    clock.advance(LATEST + TOMBSTONE_SECONDS)
    await store.create(replace(session, owner="somebody else"), Lifetime(IDLE))
    assert await store.read(replace(session, owner="somebody else")) == {}


async def test_ending_deletes_and_tells_whether_there_was_anything(store: Store, session: Access) -> None:
    assert await store.end(session)
    assert not await store.end(session)
    assert not await store.end(replace(session, begin=Lifetime(IDLE)))


@pytest.fixture
def beginner(access: Access) -> Access:
    return replace(access, begin=Lifetime(IDLE, 5000.0))


@begins
async def test_a_session_that_may_begin_begins_at_the_first_write(
    store: Store, beginner: Access, clock: FakeClock, name: str
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
async def test_what_changes_nothing_begins_nothing(store: Store, beginner: Access, name: str) -> None:
    await OPERATIONS[name](store, beginner)
    assert await reason_of(store.read(replace(beginner, begin=None))) == "unknown"
    assert not await store.end(beginner)


async def test_compare_and_set_can_begin_a_session(store: Store, beginner: Access) -> None:
    assert await store.write(beginner, {"a": b"1"}, {"a": b"0", "b": None}) == {"a": None, "b": None}
    assert await store.write(beginner, {"a": b"1"}, {"a": None}) is None
    assert await store.write(beginner, {"a": b"2"}, {"a": None}) == {"a": b"1"}
    assert await store.read(replace(beginner, begin=None)) == {"a": b"1"}


@pytest.mark.parametrize("how", ["ended", "expired", "expired and swept"])
async def test_what_is_over_begins_anew_and_empty(store: Store, beginner: Access, clock: FakeClock, how: str) -> None:
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


async def test_only_its_own_owner_can_begin_anew_what_is_over(store: Store, beginner: Access) -> None:
    await store.write(beginner, {"a": b"1"})
    await store.end(beginner)
    assert await reason_of(store.write(replace(beginner, owner="stranger"), {"a": b"2"})) == "unknown"


@pytest.mark.parametrize("schemas", [("cart", "notes"), ("", "cart")])
@pytest.mark.parametrize("space", ["connection", "user"])
async def test_schemas_of_one_id_without_a_parent_begin_and_end_each_by_itself(
    store: Store, space: Space, schemas: tuple[str, str], clock: FakeClock
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


async def test_purging_tells_of_each_session_once_and_keeps_the_living(store: Store, clock: FakeClock) -> None:
    accesses = [Access(Address("handle", str(number), "cart")) for number in range(20)]
    for number, access in enumerate(accesses):
        await store.create(access, Lifetime(IDLE if number % 2 else IDLE * 3), {"a": b"1"})
    await store.end(accesses[0])
    assert [gone.address for gone in await store.purge_expired()] == []
    clock.advance(LATEST)
    told: list[Address] = []
    while some := await store.purge_expired(3):
        assert len(some) <= 3
        told += [gone.address for gone in some]
        await store.names(accesses[2])
    assert sorted(map(str, told)) == sorted(str(access.address) for access in accesses[1::2])
    assert await reason_of(store.read(accesses[0])) == "ended"
    for number, access in enumerate(accesses[1:], 1):
        if number % 2:
            assert await reason_of(store.read(access)) == "expired"
        else:
            assert await store.read(access) == {"a": b"1"}
    clock.advance(TOMBSTONE_SECONDS)
    assert sorted(str(gone.address) for gone in await store.purge_expired()) == sorted(
        str(access.address) for access in accesses[2::2]
    )
    assert await reason_of(store.read(accesses[1])) == "unknown"


async def test_purging_tells_of_a_session_that_was_left_until_it_is_forgotten(
    store: Store, session: Access, clock: FakeClock
) -> None:
    clock.advance(LATEST + TOMBSTONE_SECONDS)
    assert [gone.address for gone in await store.purge_expired()] == [session.address]
    assert [gone.address for gone in await store.purge_expired()] == []


@pytest.mark.parametrize("first", ["end", "purge"])
async def test_one_caller_gets_what_expired_by_ending_it_or_by_purging(
    store: Store, beginner: Access, clock: FakeClock, first: str
) -> None:
    await store.write(beginner, {"a": b"1"})
    clock.advance(LATEST)
    asked = {
        "end": lambda: store.end(beginner, values=True, expired=True),
        "purge": lambda: store.purge_expired(values=True),
    }
    told = {first: await asked.pop(first)()}
    for name, ask in asked.items():
        told[name] = await ask()
    remains = Remains(beginner.address, beginner.owner, "expired", {"a": b"1"})
    assert told == {name: [remains] if name == first else [] for name in ("end", "purge")}
    await store.end(beginner, expired=True)
    await store.write(beginner, {"a": b"2"})
    assert await store.purge_expired() == []
    assert await store.read(beginner) == {"a": b"2"}


async def test_what_has_not_expired_is_not_ended_as_if_it_had(store: Store, beginner: Access, clock: FakeClock) -> None:
    async def ends(access: Access) -> list[Remains]:
        return await store.end(access, expired=True)

    assert await ends(beginner) == []
    await store.write(beginner, {"a": b"1"})
    assert await ends(beginner) == []
    assert await store.read(beginner) == {"a": b"1"}, "it is live"
    clock.advance(LATEST)
    assert await ends(replace(beginner, owner="stranger")) == []
    assert await reason_of(store.read(beginner)) == "expired", "it is nobody else's"
    assert len(await ends(beginner)) == 1
    assert await ends(beginner) == [], "it has ended"
    clock.advance(TOMBSTONE_SECONDS)
    assert await ends(beginner) == [], "it is forgotten"
    assert await reason_of(store.read(replace(beginner, begin=None))) == "unknown"


async def test_a_handle_that_expired_can_be_ended_so_too(store: Store, session: Access, clock: FakeClock) -> None:
    clock.advance(LATEST)
    assert [gone.reason for gone in await store.end(session, expired=True)] == ["expired"]
    assert await reason_of(store.read(session)) == "ended"
    assert await store.end(session, expired=True) == []


async def test_what_expired_and_was_ended_counts_no_more(store: Store, session: Access, clock: FakeClock) -> None:
    one = Limits(all_sessions=1)
    clock.advance(LATEST)
    await store.end(session, expired=True)
    await store.end(session, expired=True)
    for number, refused in ((1, False), (2, True)):
        access = Access(Address("handle", f"other{number}", "cart"), limits=one)
        if refused:
            with pytest.raises(TooManySessionsError):
                await store.create(access, Lifetime(IDLE))
        else:
            await store.create(access, Lifetime(IDLE))


async def test_of_many_callers_who_purge_one_is_told(store: Store, clock: FakeClock) -> None:
    accesses = [Access(Address("handle", str(number), "cart")) for number in range(30)]
    for access in accesses:
        await store.create(access, Lifetime(IDLE))
    clock.advance(LATEST)
    answers = await asyncio.gather(*(store.purge_expired(7) for _ in range(10)))
    told = [str(gone.address) for answer in answers for gone in answer]
    assert sorted(told) == sorted(str(access.address) for access in accesses)


async def test_stores_leave_what_has_expired_to_callers_for_a_while(
    store: Store, session: Access, clock: FakeClock
) -> None:
    other = replace(session, address=replace(session.address, id="other"))
    await store.create(other, Lifetime(IDLE * 10))
    expires = (await store.touch(session)).expires
    clock.now = expires + GRACE_SECONDS - 1
    for _ in range(3):
        await store.write(other, {"a": b"1"})
    assert [gone.address for gone in await store.purge_expired()] == [session.address]
