"""What calls cost in PostgreSQL: statements, round trips, bytes and rows; and what those share that travel together."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from examples.state.counter import CounterSession
from tests.stores.postgres_server import PostgresServer
from tests.stores.relay import Relay

from mcp_sessions import SessionDataError, SessionTooLargeError, StoreError
from mcp_sessions.stores import TRANSPORT_SCHEMA, Access, Address, Lifetime, Limits, NotLiveError, OtherVersionError
from mcp_sessions.stores.postgres import PostgresStore

LIVES = Lifetime(600.0)
ACCESSES = [Access(Address("handle", f"{number:02}", "counter"), "me") for number in range(64)]

CALLS: list[tuple[Callable[[CounterSession], Awaitable[Any]], int]] = [
    (lambda session: session.get_counter(), 1),
    (lambda session: session.set_counter(5), 1),
    (lambda session: session.increment_counter(), 1),
    (lambda session: session.has_counter(), 1),
    (lambda session: session.remove_counter(), 1),
    (lambda session: session.touch(), 1),
    (lambda session: session.clear(), 1),
    (lambda session: session.set_counter(7), 1),
    (lambda session: session.update_counter(lambda number: number + 1), 2),
    (lambda session: session.take_counter(), 2),
]
"""What an accessor does, and in how many statements: those that compare and set read first."""


@asynccontextmanager
async def opened(url: str, **options: Any) -> AsyncIterator[PostgresStore]:
    store = PostgresStore(url, **options)
    try:
        yield store
    finally:
        await store.aclose()


def logging(server: PostgresServer) -> str:
    """Return a URL whose connections have their statements logged."""
    return f"{server.url}&options={quote('-c log_statement=all')}"


class PostgresRelay(Relay):
    """A way to PostgreSQL that counts what passes."""

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres?sslmode=disable"


@pytest.fixture
def relay(postgres: PostgresServer) -> Iterator[PostgresRelay]:
    def connect() -> socket.socket:
        server = socket.socket(socket.AF_UNIX)
        server.connect(str(postgres.socket))
        return server

    made = PostgresRelay(connect)
    yield made
    made.close()


# What a call costs ------------------------------------------------------------------------------------------------


async def test_a_call_of_an_accessor_is_one_statement_and_one_round_trip_the_slide_included(
    postgres: PostgresServer, relay: PostgresRelay
) -> None:
    now = [1000.0]
    options = quote("-c log_statement=all")
    async with opened(f"{relay.url}&options={options}", connections=1, clock=lambda: now[0]) as store:
        session = await CounterSession.create(store, owner="me", idle="1h", values={"counter": 1})
        for call, _ in CALLS:
            await call(session)  # which prepares the statements
        for call, statements in CALLS:
            now[0] += 1000.0
            before = postgres.logged_statements()
            relay.reset()
            await call(session)
            assert len(postgres.logged_statements()) - len(before) == statements
            assert relay.turns == statements
            ((expires,),) = postgres.run("SELECT expires FROM mcp_sessions.sessions")
            assert expires == now[0] + 3660.0, "it slid"


async def test_no_call_moves_bytes_of_other_keys(relay: PostgresRelay) -> None:
    moved = []
    async with opened(relay.url, connections=1) as store:
        for size in (0, 1024, 1024 * 1024):
            session = await CounterSession.create(store, owner="me", values={"counter": 1})
            access = Access(Address("handle", session.id, "counter"), "me", digest=CounterSession.schema.digest)
            await store.write(access, {f"other {number}": bytes(size // 8) for number in range(8)})
            for call, _ in CALLS[:4] * 2:
                relay.reset()
                await call(session)
                moved.append((relay.there, relay.back))
    of_none, of_some, of_many = moved[4:8], moved[12:16], moved[20:24]
    assert of_none == of_some == of_many
    assert all(there < 500 and back < 300 for there, back in of_none)


async def test_no_call_reads_rows_of_other_keys(postgres: PostgresServer) -> None:
    fetched = []
    for others in (0, 500):
        postgres.empty()
        async with opened(postgres.url, connections=1) as store:
            session = await CounterSession.create(store, owner="me", values={"counter": 1})
            access = Access(Address("handle", session.id, "counter"), "me", digest=CounterSession.schema.digest)
            await store.write(access, {f"other {number}": b"1" for number in range(others)} | {"one": b"1"})
        postgres.run("SELECT pg_stat_reset()")
        async with opened(postgres.url, connections=1) as store:
            session = CounterSession.open(store, session.id, owner="me")
            for call, _ in CALLS[:4]:
                await call(session)
        fetched.append(rows_read(postgres))
    assert fetched[0] == fetched[1]


def rows_read(server: PostgresServer) -> int:
    """Return how many values were looked at; servers' processes tell when they end."""
    until = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'mcp_sessions'"
    while server.run(until) != [(0,)]:
        pass
    ((read,),) = server.run(
        "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables "
        "WHERE schemaname = 'mcp_sessions' AND relname = 'session_values'"
    )
    return int(read)


# What calls share -------------------------------------------------------------------------------------------------


@pytest.fixture
async def store(postgres: PostgresServer) -> AsyncIterator[PostgresStore]:
    """A store of one connection, which is there, with 64 sessions."""
    async with opened(logging(postgres), connections=1) as made:
        for access in ACCESSES:
            await made.create(access, LIVES, {"counter": b"1"})
        yield made


async def test_calls_that_come_at_once_are_one_statement_of_each_kind(
    postgres: PostgresServer, store: PostgresStore
) -> None:
    before = postgres.logged_statements()
    sums = await asyncio.gather(*(store.increment(access, "counter", 1, b"0") for access in ACCESSES))
    assert sums == [b"2"] * 64
    assert len(postgres.logged_statements()) - len(before) == 1
    writes = [store.write(access, {"counter": access.address.id.encode()}) for access in ACCESSES[:32]]
    reads = [store.read(access, ["counter"]) for access in ACCESSES[32:]]
    answers = await asyncio.gather(*writes, *reads)
    assert answers == [None] * 32 + [{"counter": b"2"}] * 32
    assert len(postgres.logged_statements()) - len(before) == 3
    backwards = await asyncio.gather(*(store.read(access, ["counter"]) for access in reversed(ACCESSES[:32])))
    assert [found["counter"].decode() for found in backwards] == [one.address.id for one in reversed(ACCESSES[:32])]


async def test_large_values_travel_in_statements_of_their_own(postgres: PostgresServer, store: PostgresStore) -> None:
    before = postgres.logged_statements()
    large = [store.write(access, {"a": bytes(100_000)}) for access in ACCESSES[:2]]
    small = [store.write(access, {"a": bytes(100)}) for access in ACCESSES[2:9]]
    await asyncio.gather(*large, *small)
    assert len(postgres.logged_statements()) - len(before) == 3


async def test_each_of_those_that_travel_together_has_an_answer_of_its_own(store: PostgresStore) -> None:
    ok, foreign, older, large, text, beginner, held, other, absent, last = ACCESSES[:10]
    await store.write(text, {"counter": b'"a"'})
    beginner = replace(beginner, address=replace(beginner.address, id="new"), begin=LIVES)
    absent = replace(absent, address=replace(absent.address, id="absent"))
    results = await asyncio.gather(
        store.increment(ok, "counter", 1, b"0"),
        store.increment(replace(foreign, owner="you"), "counter", 1, b"0"),
        store.write(replace(older, version=3, reads=2), {"counter": b"5"}),
        store.write(replace(large, limits=Limits(value_bytes=3)), {"counter": b"5000"}),
        store.increment(text, "counter", 1, b"0"),
        store.increment(beginner, "counter", 1, b"7"),
        store.write(held, {"counter": b"5"}, {"counter": b"1"}),
        store.write(other, {"counter": b"5"}, {"counter": b"2"}),
        store.increment(absent, "counter", 1, b"0"),
        store.increment(last, "n", -3, b"0", 1000.0),
        return_exceptions=True,
    )
    kinds = [
        bytes, NotLiveError, OtherVersionError, SessionTooLargeError, SessionDataError, bytes, type(None), dict,
        NotLiveError, bytes,
    ]  # fmt: skip
    assert [isinstance(result, kind) for result, kind in zip(results, kinds, strict=True)] == [True] * 10
    assert [results[number] for number in (0, 5, 7, 9)] == [b"2", b"8", {"counter": b"1"}, b"-3"]
    found = await asyncio.gather(*(store.read(one) for one in (foreign, older, large, text, beginner, held, other)))
    assert [values["counter"] for values in found] == [b"1", b"1", b"1", b'"a"', b"8", b"5", b"1"]


async def test_reads_that_travel_together_are_refused_and_slide_one_by_one(postgres: PostgresServer) -> None:
    now = [1000.0]
    async with opened(postgres.url, connections=1, clock=lambda: now[0]) as store:
        short, long, third = ACCESSES[:3]
        await store.create(short, Lifetime(60.0), {"a": b"1"})
        await store.create(long, LIVES, {"a": b"1"}, {"a": 100.0})
        await store.create(third, LIVES, {"a": b"3"})
        beginner = replace(third, address=replace(third.address, space="connection"), begin=LIVES)
        now[0] += 200.0
        calls = [store.read(access, ["a"]) for access in (short, long, third, beginner)]
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert isinstance(results[0], NotLiveError)
        assert results[0].reason == "expired"
        assert results[1:] == [{}, {"a": b"3"}, {}]
        ((count,),) = postgres.run("SELECT count(*) FROM mcp_sessions.sessions WHERE expires = 1810")
        assert count == 2


async def test_calls_of_one_session_keep_their_order_whoever_they_travel_with(store: PostgresStore) -> None:
    one, two = ACCESSES[:2]
    results = await asyncio.gather(
        store.write(one, {"counter": b"10"}),
        store.increment(two, "counter", 1, b"0"),
        store.read(one, ["counter"]),
        store.increment(one, "counter", 1, b"0"),
        store.read(two, ["counter"]),
        store.write(one, {"counter": None}),
        store.read(one, ["counter"]),
        store.increment(one, "counter", 1, b"0"),
    )
    assert results == [None, b"2", {"counter": b"10"}, b"11", {"counter": b"2"}, None, {}, b"1"]
    sums = await asyncio.gather(*(store.increment(one, "counter", 1, b"0") for _ in range(100)))
    assert sums == [str(number).encode() for number in range(2, 102)]


async def test_children_travel_together_and_slide_their_parents(postgres: PostgresServer) -> None:
    now = [1000.0]
    async with opened(postgres.url, connections=1, clock=lambda: now[0]) as store:
        parents = [Access(Address("transport", str(number), TRANSPORT_SCHEMA), "me") for number in range(5)]
        for parent in parents:
            await store.create(parent, LIVES)
        children = [Access(Address("transport", str(number), "a"), "me", LIVES) for number in range(6)]
        for expected in (b"1", b"2"):
            now[0] += 100.0
            sums = await asyncio.gather(
                *(store.increment(child, "n", 1, b"0") for child in children), return_exceptions=True
            )
            assert sums[:5] == [expected] * 5
            assert isinstance(sums[5], NotLiveError)
            assert postgres.run("SELECT DISTINCT expires FROM mcp_sessions.sessions") == [(now[0] + 610.0,)]
        found = await asyncio.gather(*(store.read(child, ["n"]) for child in children[:5]))
        assert found == [{"n": b"2"}] * 5


async def test_one_that_the_database_refuses_does_not_harm_those_it_travels_with(
    postgres: PostgresServer, store: PostgresStore
) -> None:
    postgres.run(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF new.value = 'bad' THEN RAISE 'not that'; END IF; RETURN new; END $$;"
        "CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON mcp_sessions.session_values"
        " FOR EACH ROW EXECUTE FUNCTION refuse()"
    )
    try:
        values = [b"bad" if number == 7 else b"good" for number in range(20)]
        writes = [store.write(access, {"a": value}) for access, value in zip(ACCESSES, values, strict=False)]
        results = await asyncio.gather(*writes, return_exceptions=True)
    finally:
        postgres.run("DROP FUNCTION refuse CASCADE")
    assert [number for number, result in enumerate(results) if result is not None] == [7]
    assert str(results[7]) == "the session database failed: not that"
    assert await store.read(ACCESSES[6], ["a"]) == {"a": b"good"}
    assert await store.read(ACCESSES[7], ["a"]) == {}


async def test_one_that_somebody_holds_up_does_not_fail_those_it_travels_with(postgres: PostgresServer) -> None:
    async with opened(postgres.url, timeout="0.5s", connections=1) as store:
        for access in ACCESSES[:8]:
            await store.create(access, LIVES)
        with psycopg.connect(postgres.url) as blocker:
            blocker.execute("SELECT * FROM mcp_sessions.sessions WHERE id = '07' FOR UPDATE")
            calls = [store.increment(access, "n", 1, b"0") for access in ACCESSES[:8]]
            results = await asyncio.gather(*calls, return_exceptions=True)
        assert results[:7] == [b"1"] * 7
        assert isinstance(results[7], StoreError)
        assert await store.increment(ACCESSES[7], "n", 1, b"0") == b"1", "what was given up is not done later"


@pytest.fixture
def forgetful(postgres: PostgresServer) -> Iterator[None]:
    """The server forgets what was prepared at each write: as behind a pooler, where it may be another connection's."""
    postgres.run(
        "CREATE FUNCTION forget() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DEALLOCATE ALL; RETURN new; END $$;"
        "CREATE TRIGGER forget BEFORE INSERT OR UPDATE ON mcp_sessions.session_values"
        " FOR EACH ROW EXECUTE FUNCTION forget()"
    )
    yield
    postgres.run("DROP FUNCTION forget CASCADE")


@pytest.mark.parametrize("together", [1, 20])
async def test_a_server_that_forgets_what_was_prepared_is_no_longer_asked_to_keep_it(
    postgres: PostgresServer, store: PostgresStore, forgetful: None, together: int
) -> None:
    for expected in (b"2", b"3", b"4", b"5"):
        sums = await asyncio.gather(*(store.increment(access, "counter", 1, b"0") for access in ACCESSES[:together]))
        assert sums == [expected] * together
    assert "execute <unnamed>: SELECT" in postgres.logged_statements()[-1]


async def test_a_look_at_many_sessions_notices_that_too(store: PostgresStore, forgetful: None) -> None:
    for _ in range(2):
        assert len((await store.scan()).sessions) == 64
        await store.increment(ACCESSES[0], "counter", 1, b"0")


async def test_a_write_that_may_begin_a_session_is_not_overtaken_by_one_after_it(postgres: PostgresServer) -> None:
    async with opened(postgres.url, connections=1) as store:
        user = Access(Address("user", "u", "cart"), "me")
        begins = replace(user, begin=LIVES)
        found = await asyncio.gather(store.write(begins, {"a": b"1"}), store.write(user, {"a": b"2"}))
        assert found == [None, None]
        assert await store.read(user, ["a"]) == {"a": b"2"}
        newer = replace(begins, version=2)
        await asyncio.gather(store.write(newer, {"a": b"3"}), store.write(begins, {"a": b"4"}))
        assert await store.read(user, ["a"]) == {"a": b"4"}
