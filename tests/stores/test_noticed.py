"""``NoticedStore``: what is told of, and what is not; a script tells a server of what it changes."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import pytest

from mcp_sessions import UntypedSession
from mcp_sessions.errors import StoreError
from mcp_sessions.stores import Access, Address, Lifetime, MemoryStore, NotLiveError
from mcp_sessions.stores.base import SchemaVersion, Store
from mcp_sessions.stores.noticed import NoticedStore, owner_topic
from mcp_sessions.stores.notices import LocalNotices, notices_of
from mcp_sessions.stores.notices.board import Board, Kind, topic_of
from mcp_sessions.testing import FakeClock

pytestmark = pytest.mark.anyio

IDLE = Lifetime(600.0)
OURS = Access(Address("handle", "cart_1", "cart"), "me")


class Noting(Board):
    """A board on which one can see what was posted."""

    def __init__(self) -> None:
        super().__init__(LocalNotices())
        self.posted: list[tuple[Kind, bytes]] = []

    def post(self, kind: Kind, *topics: bytes) -> None:
        self.posted += [(kind, found) for found in topics]

    def told_by(self) -> list[str]:
        """Return what was posted since the last call, in words."""
        names = {topic_of(OURS.address): "session", owner_topic("me"): "owner"}
        told = [f"{names.get(found, 'other')} {kind.name.lower()}" for kind, found in self.posted]
        self.posted.clear()
        return told


@pytest.fixture
def board() -> Noting:
    return Noting()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def noticed(board: Noting, clock: FakeClock) -> AsyncIterator[NoticedStore]:
    store = NoticedStore(MemoryStore(clock=clock), board)
    await store.create(OURS, IDLE, {"n": b"1", "l": b"[]"})
    assert board.told_by() == ["owner changed"]
    yield store
    await store.aclose()


CHANGES: dict[str, Callable[[Store], Awaitable[object]]] = {
    "write": lambda store: store.write(OURS, {"a": b"1"}),
    "write if it is as expected": lambda store: store.write(OURS, {"n": b"2"}, {"n": b"1"}),
    "unset": lambda store: store.write(OURS, {"n": None}),
    "remove": lambda store: store.remove(OURS, "n"),
    "clear": lambda store: store.clear(OURS),
    "increment": lambda store: store.increment(OURS, "n", 1, b"0"),
    "append": lambda store: store.append(OURS, "l", [b"1"], b"[]"),
}

NO_CHANGES: dict[str, Callable[[Store], Awaitable[object]]] = {
    "touch": lambda store: store.touch(OURS),
    "read": lambda store: store.read(OURS),
    "names": lambda store: store.names(OURS),
    "write nothing": lambda store: store.write(OURS, {}),
    "write though it is not as expected": lambda store: store.write(OURS, {"n": b"2"}, {"n": b"7"}),
    "remove what is not there": lambda store: store.remove(OURS, "x"),
    "append nothing": lambda store: store.append(OURS, "l", [], b"[]"),
    "look_up": lambda store: store.look_up(OURS.address),
    "scan": lambda store: store.scan(),
    "count": lambda store: store.count(),
    "end what is not there": lambda store: store.end(replace(OURS, owner="other")),
    "purge nothing": lambda store: store.purge_expired(),
}


@pytest.mark.parametrize("name", CHANGES)
async def test_each_change_is_told(noticed: NoticedStore, board: Noting, name: str) -> None:
    await CHANGES[name](noticed)
    assert board.told_by() == ["session changed"]


@pytest.mark.parametrize("name", NO_CHANGES)
async def test_what_changes_nothing_is_not_told(noticed: NoticedStore, board: Noting, name: str) -> None:
    await NO_CHANGES[name](noticed)
    assert board.told_by() == []


@pytest.mark.parametrize("name", CHANGES)
async def test_what_is_refused_is_not_told(noticed: NoticedStore, board: Noting, name: str) -> None:
    await noticed.store.end(OURS)
    with pytest.raises(NotLiveError):
        await CHANGES[name](noticed)
    assert board.told_by() == []


async def test_a_migration_is_not_told(noticed: NoticedStore, board: Noting) -> None:
    copy = await noticed.copy_out(OURS.address)
    assert copy is not None
    assert await noticed.migrate(copy, SchemaVersion(2), {"n": b"2"}, {})
    assert board.told_by() == []


async def test_an_end_is_told_and_one_that_was_found_later_too(
    noticed: NoticedStore, board: Noting, clock: FakeClock
) -> None:
    await noticed.end(OURS)
    assert board.told_by() == ["session over", "owner changed"]
    other = replace(OURS, address=Address("handle", "cart_2", "cart"))
    await noticed.create(other, IDLE)
    board.told_by()
    clock.advance(6000.0)
    await noticed.purge_expired()
    assert board.told_by() == ["other over", "owner changed"]


async def test_the_end_of_a_transport_session_is_that_of_all_it_held(noticed: NoticedStore, board: Noting) -> None:
    parent = Access(Address("transport", "mcps-1", ""), "me")
    child = Access(Address("transport", "mcps-1", "cart"), "me", IDLE)
    await noticed.create(parent, IDLE)
    await noticed.write(child, {"a": b"1"})
    board.told_by()
    await noticed.end(parent)
    assert (Kind.OVER, topic_of(child.address)) in board.posted


async def test_what_may_have_been_done_is_told(noticed: NoticedStore, board: Noting) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise StoreError("no answer; whether this was done is not known")

    noticed.store.clear = fail  # type: ignore[method-assign,assignment]  # a failure that memory does not have
    with pytest.raises(StoreError):
        await noticed.clear(OURS)
    assert board.told_by() == ["session changed"]


async def test_of_other_schemas_nothing_is_told(board: Noting) -> None:
    store = NoticedStore(MemoryStore(), board, schemas={"wizard"})
    await store.create(OURS, IDLE)
    await store.write(OURS, {"a": b"1"})
    await store.end(OURS)
    assert board.told_by() == []
    await store.aclose()


async def test_a_script_tells_others_before_it_ends() -> None:
    """``aclose`` waits for what is still to be told."""
    shared = MemoryStore()
    server = Board(notices_of(shared))
    assert await server.ready()
    heard = asyncio.Event()
    store = NoticedStore(shared)
    session = await UntypedSession.create(store)
    server.watch(topic_of(Address("handle", session.id, "session")), lambda _: heard.set())
    await session.set("a", 1)
    await store.aclose()
    async with asyncio.timeout(20):
        await heard.wait()
    await server.aclose()


def test_a_script_needs_neither_the_sdk_nor_the_packages_of_other_stores() -> None:
    code = "import sys, mcp_sessions.stores.noticed; print(*{'mcp', 'redis', 'psycopg', 'pytest'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == ""
