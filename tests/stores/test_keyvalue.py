"""What is the key-value store's own: its documents, backends that fail, processes that die, and what it warns of."""

import asyncio
import json
import logging
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from math import ceil
from typing import Any

import pytest
from key_value.aio.protocols import AsyncKeyValue
from key_value.aio.stores.memory import MemoryStore
from mcp.server.mcpserver import MCPServer
from tests.stores.conftest import FakeClock

from mcp_sessions import SessionError, StoreError, TooManySessionsError, UntypedSession
from mcp_sessions import stores as all_stores
from mcp_sessions.server import Sessions
from mcp_sessions.stores import (
    GRACE_SECONDS,
    TOMBSTONE_SECONDS,
    TRANSPORT_SCHEMA,
    Access,
    Address,
    ConditionalStore,
    Lifetime,
    Limits,
    NotLiveError,
    Store,
)
from mcp_sessions.stores.encrypted import EncryptedStore
from mcp_sessions.stores.keyvalue import KeyValueStore
from mcp_sessions.stores.keyvalue.family import name_of
from mcp_sessions.stores.observed import ObservedStore

LIVES = Lifetime(600.0)
PARENT = Access(Address("transport", "t", TRANSPORT_SCHEMA), "me")
CHILD = replace(PARENT, address=Address("transport", "t", "cart"), begin=LIVES)


class Backend(MemoryStore):
    """A store in memory that notes what it is asked, lets others come between, and fails when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, list[str]]] = []
        self.ttls: dict[str, float | None] = {}
        self.writes_left: int | None = None
        self.failure: Exception = ConnectionError("redis://me:hunter2@host\nis gone")
        self.failing = False

    async def get_many(self, keys: Sequence[str], *, collection: str | None = None) -> list[dict[str, Any] | None]:
        await self._called("get", keys)
        return await super().get_many(keys, collection=collection)

    async def put_many(
        self,
        keys: Sequence[str],
        values: Sequence[Mapping[str, Any]],
        *,
        collection: str | None = None,
        ttl: Any = None,
    ) -> None:
        await self._called("put", keys)
        for key, value in zip(keys, values, strict=True):  # one by one, as most backends do
            self._write()
            self.ttls[key] = ttl
            await self.put(key, value, collection=collection, ttl=ttl)

    async def delete_many(self, keys: Sequence[str], *, collection: str | None = None) -> int:
        await self._called("delete", keys)
        for key in keys:
            self._write()
            await self.delete(key, collection=collection)
        return len(keys)

    async def documents(self) -> dict[str, dict[str, Any]]:
        keys = await self.keys("mcp-sessions")
        found = await super().get_many(keys, collection="mcp-sessions")
        return {key: document for key, document in zip(keys, found, strict=True) if document is not None}

    async def entries(self) -> dict[str, Any]:
        """What the index has, after making sure that its count is right."""
        documents = await self.documents()
        shards = [json.loads(document["content"]) for name, document in documents.items() if name[:6] == "index-"]
        counts = json.loads(documents["index"]["content"]) if "index" in documents else []
        assert sum(counts) == sum(live for shard in shards for _, _, live in shard.values())
        return {name: entry for shard in shards for name, entry in shard.items()}

    async def _called(self, what: str, keys: Sequence[str]) -> None:
        self.calls.append((what, list(keys)))
        if self.failing:
            raise self.failure
        await asyncio.sleep(0)

    def _write(self) -> None:
        if self.writes_left is not None:
            if not self.writes_left:
                raise self.failure
            self.writes_left -= 1


@pytest.fixture
def backend() -> Backend:
    return Backend()


@pytest.fixture
def store(backend: Backend, clock: FakeClock) -> KeyValueStore:
    return KeyValueStore(backend, clock=clock)


def trips(backend: Backend) -> list[str]:
    """What the backend was asked since the last time."""
    made = [what for what, _ in backend.calls]
    backend.calls.clear()
    return made


async def test_what_is_taken_for_a_backend(backend: Backend) -> None:
    assert isinstance(backend, AsyncKeyValue)
    for wrong in ("redis://", MemoryStore, None, all_stores.MemoryStore()):
        with pytest.raises(TypeError, match="key_value is an AsyncKeyValue of py-key-value; got "):
            KeyValueStore(wrong)  # type: ignore[arg-type]


async def test_how_many_round_trips_an_operation_is(store: KeyValueStore, backend: Backend, access: Access) -> None:
    """Two and more, as the store's description says; those that begin a session are four, limits included."""
    await store.read(replace(access, begin=LIVES))
    trips(backend)
    limited = replace(access, limits=Limits(owner_sessions=9, all_sessions=9))
    await store.create(limited, LIVES)
    assert trips(backend) == ["get", "get", "put", "put"]
    await store.create(replace(limited, address=replace(access.address, id="2"), owner=None), LIVES)
    assert trips(backend) == ["get", "get", "put", "put"]
    await store.read(access)
    assert trips(backend) == ["get"]
    await store.increment(access, "n", 1, b"0")
    assert trips(backend) == ["get", "put"]
    await store.scan(owner="me")
    assert trips(backend) == ["get", "get"]
    await store.end(access)
    assert trips(backend) == ["get", "get", "put", "put"]
    await store.create(replace(access, address=replace(access.address, id="3")), Lifetime(1e6))
    trips(backend)
    await store.end(replace(access, address=replace(access.address, id="3")))
    assert trips(backend) == ["get", "get", "put", "put"]


async def test_a_session_and_its_children_are_one_document(store: KeyValueStore, backend: Backend) -> None:
    await store.create(PARENT, LIVES)
    await store.write(CHILD, {"a": b"1"})
    names = [name for name in await backend.documents() if name.startswith("session-")]
    assert len(names) == 1
    trips(backend)
    await store.write(CHILD, {"a": b"2"})
    assert trips(backend) == ["get", "put"]


async def test_names_of_documents_suit_any_backend(store: KeyValueStore, backend: Backend) -> None:
    odd = ["/../é\0 %*?\"'$.", "x" * 5000, "", "A", "a"]
    for id in odd:
        access = Access(Address("handle", id, id), id)
        await store.create(access, LIVES, {id: b"1", "bytes": b"\xff\0"})
        assert await store.read(access) == {id: b"1", "bytes": b"\xff\0"}
    assert {one.address.id for one in (await store.scan()).sessions} == set(odd)
    documents = await backend.documents()
    assert all(len(name) <= 48 and name.isascii() and name == name.lower() for name in documents)
    assert all(document.keys() == {"format", "content"} for document in documents.values())


async def test_the_backend_may_remove_what_nobody_purged(
    store: KeyValueStore, backend: Backend, clock: FakeClock
) -> None:
    """Its own expiry comes after all that is to be told of the session, by the store's clock."""
    clock.advance(0.25)
    expires = (await store.create(PARENT, LIVES)).expires
    [name] = [name for name in backend.ttls if name.startswith("session-")]
    assert backend.ttls[name] == ceil(expires + TOMBSTONE_SECONDS + GRACE_SECONDS - clock.now)
    clock.advance(100.0)
    expires = (await store.touch(CHILD, Lifetime(5000.0))).expires
    assert backend.ttls[name] == ceil(expires + TOMBSTONE_SECONDS + GRACE_SECONDS - clock.now)
    await store.end(CHILD)
    await store.end(PARENT)
    assert backend.ttls[name] == TOMBSTONE_SECONDS + GRACE_SECONDS
    assert all(ttl is None for name, ttl in backend.ttls.items() if name.startswith("index"))


async def test_what_lives_for_ages_has_no_expiry_in_the_backend(
    store: KeyValueStore, backend: Backend, access: Access
) -> None:
    await store.create(access, Lifetime(1e13))
    assert set(backend.ttls.values()) == {None}


async def test_a_session_that_the_backend_removed_is_unknown(
    store: KeyValueStore, backend: Backend, access: Access, clock: FakeClock
) -> None:
    await store.create(access, LIVES)
    [name] = [name for name in await backend.documents() if name.startswith("session-")]
    await backend.delete(name, collection="mcp-sessions")
    with pytest.raises(NotLiveError, match="unknown"):
        await store.read(access)
    assert (await store.scan()).sessions == ()
    clock.advance(700.0)
    assert await store.purge_expired() == []
    assert await backend.entries() == {}


async def test_what_is_due_earlier_than_before_is_purged_in_time(
    store: KeyValueStore, backend: Backend, access: Access, clock: FakeClock
) -> None:
    """A lifetime that was shortened, a child's that is short, and a value's own time."""
    await store.create(access, Lifetime(1e6), {"a": b"1"})
    await store.touch(access, Lifetime(50.0))
    await store.create(PARENT, Lifetime(1e6))
    await store.write(CHILD, {"a": b"1"})
    await store.touch(CHILD, Lifetime(50.0))
    other = Access(Address("handle", "2", "cart"))
    await store.create(other, Lifetime(1e6))
    await store.write(other, {"secret": b"1"}, ttls={"secret": 50.0})
    clock.advance(55.0)
    gone = await store.purge_expired()
    assert {one.address for one in gone} == {access.address, CHILD.address}
    assert not any("secret" in document["content"] for document in (await backend.documents()).values())
    assert (await store.touch(other)).size == 0


async def test_a_session_that_begins_anew_is_listed_and_counts_again(
    store: KeyValueStore, backend: Backend, access: Access
) -> None:
    """Also if it is due later than the tombstone in whose place it began."""
    beginner = replace(access, begin=Lifetime(1e6))
    await store.touch(beginner)
    await store.end(access)
    assert [live for _, _, live in (await backend.entries()).values()] == [False]
    await store.touch(beginner)
    assert [one.address for one in (await store.scan()).sessions] == [access.address]
    assert [live for _, _, live in (await backend.entries()).values()] == [True]


# Several who share a backend


async def test_two_stores_on_one_backend_lose_nothing(backend: Backend, clock: FakeClock, access: Access) -> None:
    one, two = KeyValueStore(backend, clock=clock), KeyValueStore(backend, clock=clock)
    await one.create(access, LIVES)
    await asyncio.gather(*((one, two)[n % 2].increment(access, "n", 1, b"0") for n in range(50)))
    assert await two.read(access) == {"n": b"50"}
    limited = [Access(Address("handle", str(n), "cart"), "me", limits=Limits(owner_sessions=5)) for n in range(10)]
    made = await asyncio.gather(
        *((one, two)[n % 2].create(limited[n], LIVES) for n in range(10)), return_exceptions=True
    )
    assert sum(isinstance(answer, TooManySessionsError) for answer in made) == 6


async def test_stores_in_two_collections_share_nothing(backend: Backend, clock: FakeClock, access: Access) -> None:
    one, two = (KeyValueStore(backend, collection=name, clock=clock) for name in ("one", "two"))
    await one.create(access, LIVES)
    await two.create(access, LIVES)
    await one.end(access)
    assert await two.read(access) == {}


async def test_between_two_backend_objects_updates_are_lost_as_it_warns(
    backend: Backend, clock: FakeClock, access: Access
) -> None:
    """So it is between processes: nothing that a backend offers could keep one from coming between."""

    class Other(Backend):
        def __init__(self) -> None:
            super().__init__()
            self._cache = backend._cache

    stores = KeyValueStore(backend, clock=clock), KeyValueStore(Other(), clock=clock)
    await stores[0].create(access, LIVES)
    await asyncio.gather(*(store.increment(access, "n", 1, b"0") for store in stores))
    assert await stores[0].read(access) == {"n": b"1"}
    assert "atomic within one event loop of one process only" in stores[0].condition


async def test_sessions_do_not_wait_for_each_other(store: KeyValueStore, backend: Backend, access: Access) -> None:
    """Of twenty sessions, all are asked for before the first is written."""
    accesses = [replace(access, address=replace(access.address, id=str(n))) for n in range(20)]
    for each in accesses:
        await store.create(each, LIVES)
    trips(backend)
    await asyncio.gather(*(store.increment(each, "n", 1, b"0") for each in accesses))
    assert trips(backend) == ["get"] * 20 + ["put"] * 20


async def test_purging_amid_everything_else_neither_hangs_nor_loses(
    store: KeyValueStore, backend: Backend, clock: FakeClock
) -> None:
    limits = Limits(owner_sessions=30, all_sessions=60)

    async def live(number: int) -> int:
        told = 0
        for turn in range(10):
            access = Access(Address("handle", f"{number}/{turn % 3}", "cart"), f"owner{number % 3}", limits=limits)
            with suppress(all_stores.SessionExistsError, NotLiveError, SessionError):
                await store.create(access, Lifetime(5.0), {"a": b"1"})
            with suppress(NotLiveError):
                await store.increment(access, "n", 1, b"0")
            clock.advance(1.0)
            told += len(await store.purge_expired(7))
        return told

    async with asyncio.timeout(30):
        told = sum(await asyncio.gather(*(live(number) for number in range(12))))
    clock.advance(10.0)
    told += len(await store.purge_expired())
    assert 0 < told <= 36
    clock.advance(TOMBSTONE_SECONDS)
    await store.purge_expired()
    assert await backend.entries() == {}
    assert [name for name in await backend.documents() if name.startswith("session-")] == []


# A process that dies


async def nothing(store: Store) -> None: ...


async def begun(store: Store) -> None:
    await store.create(PARENT, LIVES, {"a": b"1"})
    await store.write(CHILD, {"a": b"1"}, ttls={"a": 300.0})


async def begun_for_long(store: Store) -> None:
    await store.create(PARENT, Lifetime(1e6))


async def over(store: Store) -> None:
    await begun(store)
    await store.end(PARENT)


DEATHS: list[tuple[Callable[[Store], Awaitable[None]], Callable[[Store], Awaitable[Any]]]] = [
    (nothing, lambda store: store.create(PARENT, LIVES, {"a": b"1"})),
    (begun, lambda store: store.write(PARENT, {"a": b"2", "b": b"2"}, ttls={"b": 5.0})),
    (begun, lambda store: store.write(CHILD, {"a": None, "b": b"2"})),
    (begun, lambda store: store.touch(PARENT, Lifetime(60.0))),
    (begun, lambda store: store.end(CHILD)),
    (begun, lambda store: store.end(PARENT)),
    (begun_for_long, lambda store: store.end(PARENT)),
    (over, lambda store: store.look_up(PARENT.address)),
]


@pytest.mark.parametrize("writes", range(4))
@pytest.mark.parametrize("case", range(len(DEATHS)))
async def test_a_process_that_dies_between_two_writes_leaves_no_half_session(
    backend: Backend, clock: FakeClock, case: int, writes: int
) -> None:
    """Whatever it leaves is as before or as after; what lives is listed; and purging leaves nothing behind."""
    prepare, operation = DEATHS[case]
    await prepare(KeyValueStore(backend, clock=clock))
    before = await state_of(backend, clock)
    untouched = Backend()
    await prepare(KeyValueStore(untouched, clock=clock))
    await operation(KeyValueStore(untouched, clock=clock))
    after = await state_of(untouched, clock)

    backend.writes_left = writes
    with suppress(StoreError):
        await operation(KeyValueStore(backend, clock=clock))
    backend.writes_left = None

    store = KeyValueStore(backend, clock=clock)
    assert await state_of(backend, clock) in (before, after)
    listed = {one.address for one in (await store.scan()).sessions}
    for access in (PARENT, CHILD):
        assert (access.address in listed) == (await store.look_up(access.address) is not None)
    for _ in range(2):
        clock.advance(2e6)
        await store.purge_expired()
    assert await backend.entries() == {}
    assert [name for name in await backend.documents() if name.startswith("session-")] == []
    await store.create(replace(PARENT, limits=Limits(owner_sessions=1, all_sessions=1)), LIVES)


@pytest.mark.parametrize("writes", range(6))
async def test_a_process_that_dies_while_it_purges_lets_another_finish(
    backend: Backend, clock: FakeClock, writes: int
) -> None:
    await begun(KeyValueStore(backend, clock=clock))
    await KeyValueStore(backend, clock=clock).create(Access(Address("handle", "1", "cart")), LIVES)
    clock.advance(700.0)
    backend.writes_left = writes
    with suppress(StoreError):
        await KeyValueStore(backend, clock=clock).purge_expired()
    backend.writes_left = None
    store = KeyValueStore(backend, clock=clock)
    assert (await store.scan()).sessions == ()
    await store.purge_expired()
    await store.create(Access(Address("handle", "2", "cart"), limits=Limits(all_sessions=1)), LIVES)
    clock.advance(TOMBSTONE_SECONDS + 700.0)
    await store.purge_expired()
    clock.advance(TOMBSTONE_SECONDS + 700.0)
    await store.purge_expired()
    assert await backend.entries() == {}


@pytest.mark.parametrize("writes", range(7))
async def test_a_process_that_dies_while_a_session_changes_hands_lists_it_once(
    backend: Backend, clock: FakeClock, writes: int
) -> None:
    """Two owners' sessions are in two parts of the index; one of which a dead process may have left as it was."""
    await KeyValueStore(backend, clock=clock).create(PARENT, LIVES)
    clock.advance(700.0 + TOMBSTONE_SECONDS)
    backend.writes_left = writes
    with suppress(StoreError):
        await KeyValueStore(backend, clock=clock).create(replace(PARENT, owner="you"), LIVES)
    backend.writes_left = None
    store = KeyValueStore(backend, clock=clock)
    store._sweep_at = clock.now + 1.0  # what it finds is to be found before it is put right
    listed = [one.owner for one in (await store.scan()).sessions]
    assert listed == (["you"] if await store.look_up(PARENT.address) else [])
    assert (await store.scan(owner="me")).sessions == ()
    assert [one.owner for one in (await store.scan(owner="you")).sessions] == listed
    for _ in range(2):
        clock.advance(700.0 + TOMBSTONE_SECONDS)
        await store.purge_expired()
    assert await backend.entries() == {}


async def state_of(backend: Backend, clock: FakeClock) -> list[Any]:
    """What a new process finds, without leaving a trace."""
    copy = Backend()
    documents = await backend.documents()
    for name, document in documents.items():
        await copy.put(name, document, collection="mcp-sessions")
    store = KeyValueStore(copy, clock=clock)
    found: list[Any] = []
    for access in (PARENT, replace(CHILD, begin=None)):
        try:
            found.append((await store.read(access), (await store.touch(access)).expires))
        except NotLiveError as error:
            found.append(error.reason)
    return found


async def test_an_index_that_was_lost_takes_no_session_along(
    store: KeyValueStore, backend: Backend, access: Access, clock: FakeClock
) -> None:
    await store.create(access, LIVES, {"a": b"1"})
    for name in await backend.documents():
        if name.startswith("index"):
            await backend.delete(name, collection="mcp-sessions")
    assert await store.read(access) == {"a": b"1"}
    assert (await store.scan()).sessions == ()
    await store.create(replace(access, address=replace(access.address, id="2")), LIVES)
    assert await store.purge_expired() == []
    await store.end(access)
    assert len((await store.scan()).sessions) == 1
    assert len([live for _, _, live in (await backend.entries()).values() if live]) == 1


async def test_a_count_that_is_wrong_is_put_right_by_purging(
    store: KeyValueStore, backend: Backend, access: Access
) -> None:
    await store.create(access, LIVES)
    wrong = {"format": 1, "content": json.dumps([9] * 32)}
    await backend.put("index", wrong, collection="mcp-sessions")
    limited = replace(access, address=replace(access.address, id="2"), limits=Limits(all_sessions=2))
    with pytest.raises(TooManySessionsError):
        await store.create(limited, LIVES)
    await store.purge_expired()
    await store.create(limited, LIVES)


# What fails


@pytest.mark.parametrize("operation", ["read", "touch", "end", "names", "clear"])
async def test_a_backend_that_fails_is_said_in_a_line_without_what_it_says(
    store: KeyValueStore, backend: Backend, access: Access, operation: str
) -> None:
    await store.create(access, LIVES, {"a": b"1"})
    backend.failing = True
    with pytest.raises(StoreError) as raised:
        await getattr(store, operation)(access)
    assert str(raised.value) == "the key-value store failed with ConnectionError"
    assert not raised.value.in_doubt
    assert raised.value.__cause__ is backend.failure
    with pytest.raises(StoreError):
        await store.purge_expired()
    backend.failing = False
    assert await store.read(access) == {"a": b"1"}


async def test_of_a_write_that_failed_it_says_that_nobody_knows(
    store: KeyValueStore, backend: Backend, access: Access
) -> None:
    await store.create(access, LIVES)
    backend.writes_left = 0
    with pytest.raises(
        StoreError, match=r"failed with ConnectionError; it is not known whether it was done$"
    ) as raised:
        await store.write(access, {"a": b"1"})
    assert raised.value.in_doubt


async def test_sweeping_that_fails_is_logged_and_fails_nobody(
    backend: Backend, clock: FakeClock, access: Access, caplog: pytest.LogCaptureFixture
) -> None:
    await KeyValueStore(backend, clock=clock).create(access, LIVES)
    await backend.put("index-03", {"format": 1, "content": "[]"}, collection="mcp-sessions")
    assert await KeyValueStore(backend, clock=clock).read(access) == {}
    assert "sweeping expired sessions failed: index-03 in the key-value store is not a document" in caplog.text


LIMITED = Access(Address("handle", "2", "cart"), "me", limits=Limits(owner_sessions=9, all_sessions=9))


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"format": 1},
        {"format": 1, "content": 5},
        {"format": 1, "content": "{"},
        {"format": 1, "content": "null"},
        {"format": 1, "content": "[" * 100_000},
        {"format": 1, "content": "[1]"},
        {"format": 1, "content": '{"a":1}'},
        {"format": 1, "content": '{"a":[1,2,3]}'},
        {"format": "1", "content": "{}"},
        {"name": "somebody else's"},
    ],
)
@pytest.mark.parametrize("which", ["session-", "index-", "index"])
async def test_a_document_that_is_not_ours_is_an_error_and_nothing_is_written(
    store: KeyValueStore, backend: Backend, access: Access, which: str, document: dict[str, Any]
) -> None:
    await store.create(access, LIVES, {"a": b"1"})
    name = next(name for name in sorted(await backend.documents()) if name.startswith(which))
    await backend.put(name, document, collection="mcp-sessions")
    before = await backend.documents()
    calls = {
        "session-": [store.read(access), store.create(access, LIVES)],
        "index-": [store.end(access), store.scan(), store.create(LIMITED, LIVES), store.purge_expired()],
        "index": [store.end(access), store.create(LIMITED, LIVES), store.purge_expired()],
    }
    for call in calls.pop(which):
        with pytest.raises(StoreError, match=f"{name} in the key-value store is not a document of mcp_sessions"):
            await call
    for others in calls.values():
        for other in others:
            other.close()
    assert await backend.documents() == before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"expires":1', '"expires":"1'),
        ('"state":"live"', '"state":"dead"'),
        ('"owner":"me"', '"owner":5'),
        ('"size":2', '"size":true'),
        ('"size":2', '"length":2'),
        ('"since":0', '"since":null'),
        ('"since":0', '"since":0.5'),
        ('["1",null]', "[1,null]"),
        ('["1",null]', '[["%"],null]'),
        ('["1",null]', '["1","x"]'),
        ('"cart_1"', '"cart_2"'),
        ('"values":{"cart"', '"values":{"chart"'),
    ],
)
async def test_a_session_that_was_damaged_is_an_error_and_never_unset(
    store: KeyValueStore, backend: Backend, access: Access, old: str, new: str
) -> None:
    await store.create(access, LIVES, {"a": b"1"})
    [(name, document)] = [item for item in (await backend.documents()).items() if item[0].startswith("session-")]
    assert old in document["content"]
    damaged = {**document, "content": document["content"].replace(old, new)}
    await backend.put(name, damaged, collection="mcp-sessions")
    with pytest.raises(StoreError, match="is not a document of mcp_sessions, or is damaged"):
        await store.read(replace(access, begin=LIVES))


async def test_a_document_that_does_not_say_since_when_its_version_is(
    store: KeyValueStore, backend: Backend, access: Access
) -> None:
    await store.create(replace(access, version=3), LIVES, {"a": b"1"})
    [(name, document)] = [item for item in (await backend.documents()).items() if item[0].startswith("session-")]
    former = {**document, "content": document["content"].replace(',"since":0', "")}
    assert former != document
    await backend.put(name, former, collection="mcp-sessions")
    found = await store.look_up(access.address)
    assert found is not None
    assert (found.info.version, found.info.since) == (3, 0)
    assert await store.read(access) == {"a": b"1"}
    await store.write(access, {"a": b"1"})
    assert (await backend.documents())[name] == document


async def test_a_document_of_a_later_version_is_left_alone(
    store: KeyValueStore, backend: Backend, access: Access
) -> None:
    await store.create(access, LIVES)
    [name] = [name for name in await backend.documents() if name.startswith("session-")]
    await backend.put(name, {"format": 2, "content": "?"}, collection="mcp-sessions")
    with pytest.raises(StoreError, match="has format 2; this version knows 1"):
        await store.end(access)


async def test_a_damaged_session_does_not_keep_others_from_being_purged(
    store: KeyValueStore, backend: Backend, access: Access, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    await store.create(access, LIVES)
    [name] = [name for name in await backend.documents() if name.startswith("session-")]
    await backend.put(name, {"format": 1, "content": "{}"}, collection="mcp-sessions")
    other = replace(access, address=replace(access.address, id="2"))
    await store.create(other, LIVES)
    clock.advance(700.0)
    assert [gone.address for gone in await store.purge_expired()] == [other.address]
    assert await store.purge_expired() == []
    assert caplog.text.count("a session that expired cannot be purged") == 1
    assert name in await backend.documents()


async def test_a_backend_that_forgets_what_was_written_keeps_nobody_purging_for_ever(
    store: KeyValueStore, backend: Backend, access: Access, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.create(access, LIVES)
    clock.advance(700.0)

    async def forget(*_: object, **__: object) -> None: ...

    monkeypatch.setattr(backend, "put", forget)
    async with asyncio.timeout(10):
        assert len(await store.purge_expired()) == 1


async def test_a_closed_store_refuses_and_leaves_the_backend_open(
    store: KeyValueStore, backend: Backend, access: Access
) -> None:
    await store.create(access, LIVES, {"a": b"1"})
    await store.aclose()
    await store.aclose()
    for call in (store.read(access), store.purge_expired()):
        with pytest.raises(StoreError, match="the session store is closed"):
            await call
    assert await KeyValueStore(backend).read(replace(access, begin=LIVES)) is not None


async def test_a_caller_that_gives_up_leaves_its_call_to_be_finished(
    store: KeyValueStore, backend: Backend, access: Access
) -> None:
    await store.create(access, LIVES)
    trips(backend)
    call = asyncio.ensure_future(store.increment(access, "n", 1, b"0"))
    while not trips(backend):
        await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert await store.read(access) == {"n": b"1"}


async def test_a_backend_that_never_answers_is_not_waited_for_and_stops_nobody(clock: FakeClock) -> None:
    class Stuck(Backend):
        stuck = False

        async def _called(self, what: str, keys: Sequence[str]) -> None:
            await super()._called(what, keys)
            if self.stuck and what == "put":
                await asyncio.sleep(3600.0)

    backend = Stuck()
    store = KeyValueStore(backend, clock=clock, timeout="0.05s")
    access = Access(Address("handle", "1", "cart"), "me")
    await store.create(access, LIVES)
    backend.stuck = True
    with pytest.raises(StoreError, match=r"^the key-value store did not answer within 0.05 seconds; it is not known"):
        await store.write(access, {"n": b"1"})
    backend.stuck = False
    await store.write(access, {"n": b"2"})
    assert await store.read(access) == {"n": b"2"}
    await asyncio.wait_for(store.aclose(), 5.0)


@pytest.mark.parametrize("after", range(1, 16))
async def test_whatever_fails_while_it_is_purged_each_end_is_told(
    store: KeyValueStore, backend: Backend, clock: FakeClock, after: int
) -> None:
    wanted = {f"cart_{number}" for number in range(250)}
    for id in wanted:
        await store.create(Access(Address("handle", id, "cart"), "me"), LIVES)
    clock.advance(LIVES.idle * 2)
    called, left = backend._called, after

    async def fail_once(what: str, keys: Sequence[str]) -> None:
        nonlocal left
        left -= 1
        if not left:
            raise backend.failure
        await called(what, keys)

    backend._called = fail_once  # type: ignore[method-assign]  # for a moment
    told: list[str] = []
    for _ in range(4):
        with suppress(StoreError):
            told += [gone.address.id for gone in await store.purge_expired()]
    assert len(told) == len(set(told))
    lost = wanted - set(told)
    assert len(lost) <= 1, "at most the one whose document was being written when that failed"


async def test_a_damaged_session_does_not_keep_the_others_from_being_listed(
    store: KeyValueStore, backend: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(3):
        await store.create(Access(Address("handle", str(number), "cart")), LIVES)
    name = name_of(Address("handle", "1", "cart"))
    await backend.put(name, {"content": "damaged"}, collection="mcp-sessions")
    assert sorted(one.address.id for one in (await store.scan()).sessions) == ["0", "2"]
    assert "a session cannot be listed" in caplog.text


# What it says of itself


async def warned(store: Store, caplog: pytest.LogCaptureFixture) -> list[str]:
    """Serve with a store, in two applications at once, and return what was logged."""
    caplog.clear()
    sessions = Sessions(store, schemas=[UntypedSession])
    mcp = MCPServer("demo", extensions=[sessions])
    apps = [sessions.http_app(mcp), sessions.http_app(MCPServer("other", extensions=[sessions]), path="/other")]
    assert [record for record in caplog.records if record.name == "mcp_sessions"] == []
    async with sessions.lifespan(*apps):
        pass
    return [record.getMessage() for record in caplog.records if record.name == "mcp_sessions"]


async def test_a_server_warns_at_its_start_of_what_the_store_does_not_keep(
    store: KeyValueStore, caplog: pytest.LogCaptureFixture
) -> None:
    assert isinstance(store, ConditionalStore)
    with caplog.at_level(logging.WARNING, "mcp_sessions"):
        [warning] = await warned(store, caplog)
        assert warning == f"sessions are kept in KeyValueStore: {store.condition}"
        for wrapped in (EncryptedStore(store, [bytes(32)]), ObservedStore(EncryptedStore(store, [bytes(32)]))):
            [warning] = await warned(wrapped, caplog)
            assert warning == f"sessions are kept in {type(wrapped).__name__}: {store.condition}"
        assert await warned(all_stores.MemoryStore(), caplog) == []


def test_a_server_on_stdio_warns_too(tmp_path: Any) -> None:
    code = (
        "from key_value.aio.stores.memory import MemoryStore\n"
        "from mcp.server import MCPServer\n"
        "from mcp_sessions import UntypedSession\n"
        "from mcp_sessions.server import Sessions\n"
        "from mcp_sessions.stores.keyvalue import KeyValueStore\n"
        "sessions = Sessions(KeyValueStore(MemoryStore()), schemas=[UntypedSession])\n"
        "sessions.run(MCPServer('demo', extensions=[sessions]), 'stdio')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        input="",
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={**os.environ, "COLUMNS": "1000"},  # where rich is installed, the SDK has it break lines
    )
    assert done.stderr.count("sessions are kept in KeyValueStore: its operations are atomic within one event loop") == 1
    assert "Traceback" not in done.stderr


def test_nothing_of_the_library_is_imported_unless_the_store_is() -> None:
    code = "import sys, mcp_sessions.stores; print('key_value' in sys.modules or 'beartype' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "False\n"
