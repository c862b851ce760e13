"""What is particular to the store in PostgreSQL: round trips, its schema, many workers, any text."""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest
from tests.stores.postgres_server import PostgresServer

from mcp_sessions import StoreError, StoreUrlError, TooManySessionsError
from mcp_sessions.stores import (
    TRANSPORT_SCHEMA,
    Access,
    Address,
    Lifetime,
    Limits,
    NotLiveError,
    SchemaVersion,
    SessionExistsError,
)
from mcp_sessions.stores.jsontext import added
from mcp_sessions.stores.postgres import PostgresStore
from mcp_sessions.stores.postgres import store as module

LIVES = Lifetime(600.0)
ACCESS = Access(Address("handle", "1", "cart"), "me")


@asynccontextmanager
async def opened(url: str, **options: Any) -> AsyncIterator[PostgresStore]:
    store = PostgresStore(url, **options)
    try:
        yield store
    finally:
        await store.aclose()


def with_options(server: PostgresServer, **settings: str) -> str:
    """Return a URL whose connections have settings of their own."""
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    return f"{server.url}&options={quote(options)}"


# Round trips ------------------------------------------------------------------------------------------------------


async def test_each_operation_is_one_statement(postgres: PostgresServer) -> None:
    parent = Access(Address("transport", "t", TRANSPORT_SCHEMA), "me")
    child = Access(Address("transport", "t", "cart"), "me", LIVES, limits=Limits(value_bytes=100, owner_sessions=5))
    other = replace(ACCESS, address=Address("handle", "2", "cart"))
    now = [1000.0]
    async with opened(with_options(postgres, log_statement="all"), clock=lambda: now[0], connections=1) as store:
        await store.create(parent, LIVES)
        third = replace(ACCESS, address=Address("handle", "3", "cart"))
        await store.create(third, Lifetime(1e6), {"a": b"1"})
        copies = [copy for copy in [await store.copy_out(third.address)] if copy is not None]
        steps: list[Callable[[], Any]] = [
            lambda: store.create(replace(ACCESS, limits=child.limits), LIVES, {"a": b"1"}, {"a": 5.0}),
            lambda: store.write(child, {"a": b"1", "b": None}, {"a": None}, {"a": 5.0}),
            lambda: store.read(child),
            lambda: store.read(child, ["a"]),
            lambda: store.names(child),
            lambda: store.touch(child, Lifetime(700.0)),
            lambda: store.increment(child, "n", 1, b"0"),
            lambda: store.append(child, "l", [b"1"], b"[]"),
            lambda: store.remove(child, "a"),
            lambda: store.clear(child),
            lambda: store.look_up(child.address),
            lambda: store.migrate(copies[0], SchemaVersion(2), {"a": b"1", "b": None}, {"a": 5.0}),
            lambda: store.scan(owner="me"),
            lambda: store.end(parent, values=True),
            lambda: store.purge_expired(),
        ]
        for step in steps:
            now[0] += 100.0  # so that expiries have to be moved
            before = postgres.logged_statements()
            await step()
            assert len(postgres.logged_statements()) - len(before) == 1
        await store.create(other, LIVES)
        before = postgres.logged_statements()
        await store.increment(other, "x", 0.5, b"1")
        assert len(postgres.logged_statements()) - len(before) == 2, "fractions are added here, and compared and set"


async def test_reading_changes_nothing_while_the_expiry_is_late_enough(postgres: PostgresServer) -> None:
    async with opened(postgres.url) as store:
        await store.create(ACCESS, LIVES, {"a": b"1"})
        before = postgres.run("SELECT ctid, xmin, xmax FROM mcp_sessions.sessions")
        for _ in range(5):
            await store.read(ACCESS)
            await store.names(ACCESS)
        assert postgres.run("SELECT ctid, xmin, xmax FROM mcp_sessions.sessions") == before


async def test_time_is_the_servers(postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    really = time.time()
    monkeypatch.setattr(time, "time", lambda: 5.0)
    async with opened(postgres.url) as store:
        info = await store.create(ACCESS, LIVES)
        assert abs(info.created - really) < 60.0
        assert info.expires == info.created + 610.0


# The schema -------------------------------------------------------------------------------------------------------


@pytest.fixture
def nothing(postgres: PostgresServer) -> PostgresServer:
    """The server without the schema that the tests here make."""
    postgres.run('DROP SCHEMA IF EXISTS "a ""new"" one" CASCADE')
    return postgres


NEW = 'a "new" one'


async def test_many_workers_create_the_schema_at_once(nothing: PostgresServer) -> None:
    stores = [PostgresStore(nothing.url, schema=NEW, connections=2) for _ in range(12)]
    beginner = replace(ACCESS, begin=LIVES)
    sums = await asyncio.gather(*(store.increment(beginner, "n", 1, b"0") for store in stores))
    assert sorted(map(int, sums)) == list(range(1, 13))
    for store in stores:
        await store.aclose()


async def test_two_schemas_of_one_database_are_two_stores(nothing: PostgresServer) -> None:
    async with opened(nothing.url, schema=NEW) as one, opened(nothing.url) as other:
        await one.create(ACCESS, LIVES, {"a": b"1"})
        await other.create(ACCESS, LIVES, {"a": b"2"})
        assert await one.read(ACCESS) == {"a": b"1"}


async def test_whoever_may_not_create_the_schema_is_told_what_to_do(nothing: PostgresServer) -> None:
    nothing.run("DROP ROLE IF EXISTS worker")
    nothing.run("CREATE ROLE worker LOGIN")
    worker = nothing.url.replace("postgres@", "worker@")
    for create, words in ((False, "has no schema"), (True, "may not create the schema")):
        async with opened(worker, schema=NEW, create=create) as store:
            with pytest.raises(StoreUrlError, match=rf"{words} .*PostgresStore.sql\(\)"):
                await store.create(ACCESS, LIVES)
    nothing.run(PostgresStore.sql(NEW))
    nothing.run('GRANT USAGE ON SCHEMA "a ""new"" one" TO worker')
    nothing.run('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "a ""new"" one" TO worker')
    async with opened(worker, schema=NEW, create=False) as store:
        await store.create(replace(ACCESS, limits=Limits(owner_sessions=1, all_sessions=1)), LIVES, {"a": b"1"})
        assert await store.end(ACCESS)
        assert await store.purge_expired() == []
    nothing.run('DROP SCHEMA "a ""new"" one" CASCADE')
    nothing.run("DROP ROLE worker")


SINCE_FORMAT_2 = (
    ("held bytea[], idle double precision, max_at double precision\n", "held bytea[]\n"),
    ("since bigint, idle double precision, max_at double precision\n", "since bigint\n"),
    ("s.since, s.idle, s.max_at\n", "s.since\n"),
    ("        o.idle := v_session.idle;\n        o.max_at := v_session.max_at;\n", ""),
    ("format VALUES (2)", "format VALUES (1)"),
)


@pytest.mark.parametrize("by_hand", [False, True])
async def test_a_schema_of_the_first_format_is_upgraded_with_what_is_in_it(
    nothing: PostgresServer, by_hand: bool
) -> None:
    former = PostgresStore.sql(NEW)
    for now, before in SINCE_FORMAT_2:
        assert now in former
        former = former.replace(now, before)
    nothing.run(former)
    nothing.run(
        """INSERT INTO "a ""new"" one".sessions
            (space, id, schema, owner, version, digest, since, created, expires, idle, max_at, due)
            VALUES ('handle', 'cart_1', 'cart', 'me', 1, '', 0, 1.0, 4e9, 600.0, 5e9, 4e9)"""
    )
    async with opened(nothing.url, schema=NEW, create=False) as store:
        with pytest.raises(StoreUrlError, match=r"no schema .* of this version's format, 2: .*sql\(after=1\)"):
            await store.count()
    if by_hand:
        nothing.run(PostgresStore.sql(NEW, after=1))
    async with opened(nothing.url, schema=NEW, create=not by_hand) as store:
        found = await store.look_up(Address("handle", "cart_1", "cart"))
        assert found is not None
        assert (found.info.idle, found.info.max_at) == (600.0, 5e9)
        await store.create(ACCESS, LIVES, {"a": b"1"})
        assert (await store.touch(ACCESS)).idle == LIVES.idle
        assert await store.read(ACCESS) == {"a": b"1"}


async def test_a_schema_of_a_later_version_is_left_alone(nothing: PostgresServer) -> None:
    nothing.run(PostgresStore.sql(NEW))
    nothing.run('UPDATE "a ""new"" one".format SET version = 99')
    async with opened(nothing.url, schema=NEW) as store:
        with pytest.raises(
            StoreUrlError, match="has format 99, and this version of mcp-sessiongen knows formats up to"
        ):
            await store.create(ACCESS, LIVES)


async def test_a_schema_that_vanishes_is_made_anew(nothing: PostgresServer) -> None:
    async with opened(nothing.url, schema=NEW, connections=1) as store:
        await store.create(ACCESS, LIVES)
        nothing.run('DROP SCHEMA "a ""new"" one" CASCADE')
        with pytest.raises(StoreError, match="does not exist"):
            await store.read(ACCESS)
        await store.create(ACCESS, LIVES)


async def test_a_database_with_another_isolation_level_is_refused(postgres: PostgresServer) -> None:
    url = with_options(postgres, default_transaction_isolation="serializable")
    async with opened(url) as store:
        with pytest.raises(StoreUrlError, match="sessions need read committed"):
            await store.create(ACCESS, LIVES)


# Many at once -----------------------------------------------------------------------------------------------------


async def test_sweepers_at_once_tell_of_each_session_once(postgres: PostgresServer) -> None:
    now = [1000.0]
    stores = [PostgresStore(postgres.url, clock=lambda: now[0]) for _ in range(3)]
    accesses = [Access(Address("handle", str(number), "cart")) for number in range(300)]
    for number in range(20):
        parent = Access(Address("transport", str(number), TRANSPORT_SCHEMA))
        accesses += [parent, *(replace(parent, address=Address("transport", str(number), name)) for name in "ab")]
    for access in accesses:
        await stores[0].create(access, LIVES, {"a": b"1"})
    now[0] += 700.0
    told: list[Address] = []

    async def sweep(store: PostgresStore) -> None:
        while some := await store.purge_expired(11, values=True):
            assert all(gone.values == {"a": b"1"} for gone in some)
            told.extend(gone.address for gone in some)

    await asyncio.gather(*(sweep(store) for store in stores * 2))
    await sweep(stores[0])  # what was locked just then
    assert sorted(map(str, told)) == sorted(str(access.address) for access in accesses)
    assert postgres.run("SELECT sum(live) FROM mcp_sessions.live_counts") == [(0,)]
    for store in stores:
        await store.aclose()


@pytest.mark.parametrize("limits", [Limits(owner_sessions=10), Limits(all_sessions=10), Limits(all_sessions=210)])
async def test_limits_hold_however_many_begin_at_once(postgres: PostgresServer, limits: Limits) -> None:
    most = limits.owner_sessions or limits.all_sessions or 0
    before = most - 10
    postgres.run("UPDATE mcp_sessions.live_counts SET live = $1 WHERE shard = 0".replace("$1", str(before)))
    stores = [PostgresStore(postgres.url, connections=5) for _ in range(4)]
    accesses = [Access(Address("handle", str(number), "cart"), "me", limits=limits) for number in range(60)]
    results = await asyncio.gather(
        *(stores[number % 4].create(access, LIVES) for number, access in enumerate(accesses)), return_exceptions=True
    )
    assert sum(isinstance(result, TooManySessionsError) for result in results) == 50
    assert postgres.run("SELECT count(*) FROM mcp_sessions.sessions") == [(10,)]
    for store in stores:
        await store.aclose()


ANYTHING: list[Callable[[PostgresStore, Access], Awaitable[object]]] = [
    lambda store, access: store.create(access, Lifetime(80.0), {"a": b"1"}),
    lambda store, access: store.write(access, {"a": b"12", "b": b"3"}, ttls={"b": 5.0}),
    lambda store, access: store.write(access, {"a": None}, {"b": None}),
    lambda store, access: store.increment(access, "n", 1, b"0", 5.0),
    lambda store, access: store.increment(access, "x", 0.5, b"0"),
    lambda store, access: store.append(access, "l", [b"1"], b"[]"),
    lambda store, access: store.write(access, {"a": b"7"}),
    lambda store, access: store.write(access, {"a": b"8"}, {"a": b"7"}, {"a": 5.0}),
    lambda store, access: store.read(access),
    lambda store, access: store.read(access, ["a"]),
    lambda store, access: store.names(access),
    lambda store, access: store.clear(access),
    lambda store, access: store.end(access),
    lambda store, access: store.purge_expired(3),
    lambda store, access: store.touch(access),
]


async def test_whatever_is_done_at_once_nothing_blocks_and_all_fits_together(postgres: PostgresServer) -> None:
    """Random operations of several workers on few sessions, parents and children, with sessions that expire."""
    chance = random.Random(5)
    now = [1000.0]
    stores = [PostgresStore(postgres.url, clock=lambda: now[0], connections=3) for _ in range(4)]

    async def work(store: PostgresStore) -> None:
        for _ in range(150):
            address = Address(
                chance.choice(["transport", "connection"]),
                chance.choice("12"),
                chance.choice([TRANSPORT_SCHEMA, "a", "b", "c"]),
            )
            access = Access(address, "me", Lifetime(50.0))
            if address.space == "connection" or chance.random() < 0.2:
                access = replace(access, limits=Limits(owner_sessions=6, all_sessions=6))
            now[0] += 0.2
            with suppress(NotLiveError, SessionExistsError, TooManySessionsError):
                await chance.choice(ANYTHING)(store, access)

    await asyncio.gather(*(work(store) for store in stores * 4))
    for store in stores:
        await store.aclose()
    counted = "state = 0 AND (space <> 'transport' OR schema = '')"
    assert postgres.run(f"SELECT count(*) FROM mcp_sessions.sessions WHERE {counted}") == postgres.run(
        "SELECT sum(live)::bigint FROM mcp_sessions.live_counts"
    )
    assert (
        postgres.run(
            """SELECT no, size, held FROM mcp_sessions.sessions AS s, LATERAL (
                SELECT coalesce(sum(octet_length(name) + octet_length(value)), 0) AS held
                FROM mcp_sessions.session_values WHERE session = s.no) AS v WHERE size <> held"""
        )
        == []
    )
    for orphans in (
        "session_values WHERE session NOT IN (SELECT no FROM mcp_sessions.sessions WHERE state = 0)",
        """sessions AS child WHERE space = 'transport' AND schema <> '' AND id NOT IN (
            SELECT id FROM mcp_sessions.sessions WHERE space = 'transport' AND schema = '' AND state = 0)""",
    ):
        assert postgres.run(f"SELECT * FROM mcp_sessions.{orphans}") == []


async def test_what_has_expired_is_swept_in_passing(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_SWEEP_SECONDS", 0.0)
    now = [1000.0]
    async with opened(postgres.url, clock=lambda: now[0]) as store:
        await store.create(ACCESS, Lifetime(10.0), {"a": b"1"})
        other = replace(ACCESS, address=replace(ACCESS.address, id="other"))
        await store.create(other, LIVES)
        now[0] += 200.0
        for _ in range(200):
            await store.read(other)
            if postgres.run("SELECT state FROM mcp_sessions.sessions ORDER BY id") == [(1,), (0,)]:
                break
            await asyncio.sleep(0.01)
        else:
            pytest.fail("nobody has swept")
        assert await store.purge_expired() == []
    assert caplog.records == []


async def test_a_failing_sweep_is_logged(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_SWEEP_SECONDS", 0.0)
    monkeypatch.setattr(module, "_SWEEP_LIMIT", 10**30)
    async with opened(postgres.url) as store:
        with caplog.at_level(logging.WARNING, "mcp_sessions"):
            await store.create(ACCESS, LIVES)
            await store.read(ACCESS)
    assert "sweeping expired sessions failed: the session database cannot take that" in caplog.text


# Texts ------------------------------------------------------------------------------------------------------------

LONG = "".join(random.Random(1).choices("éßñ🛒0123456789", k=6000))


@pytest.mark.parametrize("text", ["", "\0", "a\0b", "'; DROP TABLE x; --", "\\x00", "🛒", "e\u0301", LONG], ids=ascii)
async def test_any_text_is_an_id_an_owner_a_schema_and_a_key(postgres: PostgresServer, text: str) -> None:
    access = Access(Address("handle", text, text), text, digest=text)
    others = [replace(access, address=replace(access.address, id=text + "!")), replace(access, owner=text + "!")]
    async with opened(postgres.url) as store:
        info = await store.create(access, LIVES, {text: b"1", text + "!": b"2"})
        assert info.digest == text
        assert info.size == 2 * len(text.encode()) + 3
        assert await store.read(access) == {text: b"1", text + "!": b"2"}
        assert await store.read(access, [text]) == {text: b"1"}
        assert await store.names(access) == sorted([text, text + "!"])
        assert await store.increment(access, text, 1, b"0") == b"2"
        for other in others:
            with pytest.raises(NotLiveError):
                await store.read(other)
        for page in (await store.scan(), await store.scan(schema=text, owner=text)):
            assert [(one.address, one.owner, one.info.digest) for one in page.sessions] == [
                (access.address, text, text)
            ]
        assert await store.look_up(access.address) == page.sessions[0]
        (gone,) = await store.end(access, values=True)
        assert (gone.address, gone.owner, gone.values) == (access.address, text, {text: b"2", text + "!": b"2"})


async def test_names_that_differ_only_far_behind_are_different(postgres: PostgresServer) -> None:
    async with opened(postgres.url) as store:
        await store.create(ACCESS, LIVES, {LONG + "a": b"1", LONG + "b": b"2"})
        await store.write(ACCESS, {LONG + "a": None, LONG + "c": b"3"}, {LONG + "b": b"2", LONG: None})
        assert await store.read(ACCESS) == {LONG + "b": b"2", LONG + "c": b"3"}


@pytest.mark.parametrize(
    ("held", "by"),
    [
        (b"0", 10**50), (b"-0", 0), (b"-5", 3), (b"9" * 3999, 1), (b"9" * 4000, 1), (b"9" * 4200, 1), (b" 7\n", 1),
        (b"1", 10**4100), (b"1.0", 1), (b"1e3", 1), (b"0.1", 0.2), (b"1", 1e300), (b"7", True), (b"1e400", 1),
    ],
)  # fmt: skip
async def test_numbers_add_as_everywhere(postgres: PostgresServer, held: bytes, by: float) -> None:
    async with opened(postgres.url) as store:
        await store.create(ACCESS, LIVES, {"n": held})
        assert await store.increment(ACCESS, "n", by, b"0") == added(held, by)
        assert await store.read(ACCESS) == {"n": added(held, by)}
