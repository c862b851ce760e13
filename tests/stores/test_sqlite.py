"""What is the SQLite store's own: its file, what an operation costs, and how it fails."""

import asyncio
import shutil
import sqlite3
import stat
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_sessions import SessionError, StoreError, StoreUrlError
from mcp_sessions.stores import (
    GRACE_SECONDS,
    TOMBSTONE_SECONDS,
    TRANSPORT_SCHEMA,
    Access,
    Address,
    Lifetime,
    NotLiveError,
    OtherVersionError,
    SchemaVersion,
    SQLiteStore,
)
from mcp_sessions.stores.records import Record, is_settled
from mcp_sessions.stores.sqlite import file
from mcp_sessions.stores.sqlite.file import APPLICATION_ID, FORMAT
from mcp_sessions.stores.sqlite.rows import SQLiteRows
from mcp_sessions.stores.sqlite.worker import SQLiteWorker

IDLE = Lifetime(600.0)

READ_BYTES = Path("/proc/self/io")


def bytes_read() -> int:
    """Return how many bytes this process has read so far, from memory or disk."""
    return int(READ_BYTES.read_text().split()[1])


def rows(path: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


async def test_two_stores_on_one_file_see_each_other(sqlite_path: Path, access: Access, clock: Any) -> None:
    first, second = SQLiteStore(sqlite_path, clock=clock), SQLiteStore(sqlite_path, clock=clock)
    await first.create(access, IDLE)
    await asyncio.gather(*(store.increment(access, "n", 1, b"0") for store in (first, second) for _ in range(100)))
    assert await first.read(access) == await second.read(access) == {"n": b"200"}
    await second.end(access)
    with pytest.raises(NotLiveError, match="ended"):
        await first.read(access)
    await first.aclose()
    await second.aclose()


async def test_what_was_written_is_there_when_opened_again(sqlite_path: Path, access: Access, clock: Any) -> None:
    store = SQLiteStore(sqlite_path, clock=clock)
    created = await store.create(access, IDLE, {"a": b"1"})
    await store.aclose()
    store = SQLiteStore(sqlite_path, clock=clock, synchronous="FULL")
    assert await store.read(access) == {"a": b"1"}
    assert await store.touch(access) == created
    await store.aclose()


async def test_the_files_are_readable_by_their_owner_alone(sqlite_store: SQLiteStore, sqlite_path: Path) -> None:
    await sqlite_store.purge_expired()
    names = {"sessions.db", "sessions.db-shm", "sessions.db-wal"}
    found = {path.name: stat.S_IMODE(path.stat().st_mode) for path in sqlite_path.parent.iterdir()}
    assert found == dict.fromkeys(names, 0o600)


async def test_closing_leaves_one_file(sqlite_store: SQLiteStore, sqlite_path: Path, access: Access) -> None:
    await sqlite_store.create(access, IDLE)
    await sqlite_store.aclose()
    assert [path.name for path in sqlite_path.parent.iterdir()] == ["sessions.db"]


async def test_closing_a_store_that_was_never_used(sqlite_path: Path) -> None:
    await SQLiteStore(sqlite_path).aclose()


def test_the_file_says_what_it_is(sqlite_path: Path) -> None:
    SQLiteStore(sqlite_path)
    assert rows(sqlite_path, "PRAGMA application_id") == [(APPLICATION_ID,)]
    assert rows(sqlite_path, "PRAGMA user_version") == [(FORMAT,)]
    assert rows(sqlite_path, "PRAGMA journal_mode") == [("wal",)]


async def test_expired_sessions_become_tombstones_and_then_nothing(
    sqlite_store: SQLiteStore, sqlite_path: Path, clock: Any
) -> None:
    for number in range(30):
        await sqlite_store.create(Access(Address("handle", str(number), "cart")), IDLE, {"a": b"1", "b": b"2"})
    await sqlite_store.end(Access(Address("handle", "0", "cart")))
    assert rows(sqlite_path, "SELECT count(*) FROM session_values") == [(58,)]
    clock.advance(IDLE.idle * 2)
    assert [len(await sqlite_store.purge_expired(20)) for _ in range(3)] == [20, 9, 0]
    assert rows(sqlite_path, "SELECT count(*) FROM session_values") == [(0,)]
    assert rows(sqlite_path, "SELECT count(*) FROM sessions") == [(30,)]
    clock.advance(TOMBSTONE_SECONDS)
    assert [gone.address for gone in await sqlite_store.purge_expired()] == []
    assert rows(sqlite_path, "SELECT count(*) FROM sessions") == [(0,)]


async def test_the_worker_sweeps_by_itself(
    sqlite_path: Path, clock: Any, access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mcp_sessions.stores.sqlite.worker._SWEEP_SECONDS", 0.01)
    store = SQLiteStore(sqlite_path, clock=clock)
    await store.create(access, IDLE, {"a": b"1"})
    clock.advance(IDLE.idle * 2)
    deadline = time.monotonic() + 10
    while rows(sqlite_path, "SELECT count(*) FROM session_values") != [(0,)]:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
    await store.aclose()


async def test_the_worker_leaves_what_has_just_expired_to_callers(
    sqlite_path: Path, clock: Any, access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mcp_sessions.stores.sqlite.worker._SWEEP_SECONDS", 0.01)
    store = SQLiteStore(sqlite_path, clock=clock)
    info = await store.create(access, IDLE)
    clock.now = info.expires + GRACE_SECONDS - 1
    await asyncio.sleep(0.2)
    assert [gone.address for gone in await store.purge_expired()] == [access.address]
    await store.aclose()


@pytest.mark.parametrize("left", ["sessions", "tombstones"])
async def test_the_worker_sweeps_on_while_there_is_more(
    sqlite_path: Path, clock: Any, monkeypatch: pytest.MonkeyPatch, left: str
) -> None:
    monkeypatch.setattr("mcp_sessions.stores.sqlite.worker._SWEEP_SECONDS", 0.5)
    monkeypatch.setattr("mcp_sessions.stores.sqlite.worker._SWEEP_LIMIT", 5)
    waits: list[float] = []
    sweep = SQLiteWorker._sweep

    def noted(worker: SQLiteWorker) -> float:
        waits.append(sweep(worker))
        return 0.01

    monkeypatch.setattr(SQLiteWorker, "_sweep", noted)
    store = SQLiteStore(sqlite_path, clock=clock)
    accesses = [Access(Address("handle", str(number), "cart")) for number in range(12)]
    await asyncio.gather(*(store.create(access, IDLE) for access in accesses))
    if left == "tombstones":
        await asyncio.gather(*(store.end(access) for access in accesses))
    clock.advance(TOMBSTONE_SECONDS * 2)
    deadline = time.monotonic() + 10
    while len(waits) < 3:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
    await store.aclose()
    assert waits[:3] == [0.1, 0.1, 0.5]
    assert rows(sqlite_path, "SELECT count(*) FROM sessions") == [(0,)]


# What an operation costs -----------------------------------------------------------------------------------------


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every statement that any connection runs; one that fires a trigger is reported by SQLite once more."""
    seen: list[str] = []
    connect = sqlite3.connect

    def see(text: str) -> None:
        if seen[-1:] != [text]:
            seen.append(text)

    def traced(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*arguments, **options)
        connection.set_trace_callback(see)
        return connection

    monkeypatch.setattr(sqlite3, "connect", traced)
    return seen


async def test_an_operation_is_a_handful_of_statements(
    statements: list[str], sqlite_path: Path, access: Access, clock: Any
) -> None:
    store = SQLiteStore(sqlite_path, clock=clock)
    costs: dict[str, Callable[[], Awaitable[object]]] = {
        "BEGIN IMMEDIATE, SELECT, DELETE, INSERT, INSERT, COMMIT": lambda: store.create(access, IDLE, {"a": b"1"}),
        "SELECT": lambda: store.read(access, ["a"]),
        "SELECT ": lambda: store.read(access, ["unset"]),
        "BEGIN, SELECT, SELECT, SELECT, COMMIT": lambda: store.read(access, ["a", "b"]),
        "BEGIN, SELECT, SELECT, COMMIT": lambda: store.read(access),
        "BEGIN, SELECT, COMMIT": lambda: store.touch(access),
        "BEGIN, SELECT , COMMIT": lambda: store.touch(access, IDLE),
        "BEGIN IMMEDIATE, SELECT, INSERT, COMMIT": lambda: store.write(access, {"a": b"2"}),
        "BEGIN IMMEDIATE, SELECT , INSERT, COMMIT": lambda: store.write(access, {"a": b"3"}, {"a": b"2"}),
        "BEGIN IMMEDIATE, SELECT, COMMIT": lambda: store.write(access, {"a": b"4"}, {"a": b"2"}),
        "BEGIN IMMEDIATE, SELECT, UPDATE, INSERT, COMMIT": lambda: store.write(access, {"a": b"11"}),
        "BEGIN IMMEDIATE , SELECT, INSERT, COMMIT": lambda: store.increment(access, "a", 1, b"0"),
        "BEGIN IMMEDIATE, SELECT , UPDATE, INSERT, COMMIT": lambda: store.append(access, "l", [b"1"], b"[]"),
        "BEGIN IMMEDIATE, SELECT, UPDATE, DELETE, COMMIT": lambda: store.remove(access, "a"),
        "BEGIN IMMEDIATE, SELECT, DELETE, INSERT, COMMIT": lambda: store.end(access),
    }
    await store.purge_expired()
    await check(costs, statements)
    await store.aclose()


async def test_a_child_costs_little_more_than_any_session(statements: list[str], sqlite_path: Path, clock: Any) -> None:
    store = SQLiteStore(sqlite_path, clock=clock)
    parent = Access(Address("transport", "1", TRANSPORT_SCHEMA), "me")
    child = Access(Address("transport", "1", "cart"), "me", IDLE)
    costs: dict[str, Callable[[], Awaitable[object]]] = {
        "BEGIN IMMEDIATE, SELECT, SELECT, DELETE, INSERT, COMMIT": lambda: store.create(parent, IDLE),
        "BEGIN, SELECT, COMMIT": lambda: store.read(child),
        "BEGIN IMMEDIATE, SELECT, DELETE, INSERT, INSERT, COMMIT": lambda: store.write(child, {"a": b"1"}),
        "SELECT": lambda: store.read(child, ["a"]),
        "BEGIN, SELECT , COMMIT": lambda: store.touch(child),
        "BEGIN IMMEDIATE, SELECT, INSERT, COMMIT": lambda: store.write(child, {"a": b"1"}),
        "BEGIN IMMEDIATE , SELECT, INSERT, COMMIT": lambda: store.increment(child, "a", 1, b"0"),
        "BEGIN IMMEDIATE, SELECT, DELETE, INSERT, COMMIT": lambda: store.end(child),
        "BEGIN IMMEDIATE, SELECT , DELETE, INSERT, INSERT, COMMIT": lambda: store.write(child, {"a": b"1"}),
    }
    await store.purge_expired()
    await check(costs, statements)
    clock.advance(IDLE.idle / 2)
    late = "BEGIN, SELECT, ROLLBACK, BEGIN IMMEDIATE, SELECT, INSERT, INSERT, SELECT, COMMIT"
    await check({late: lambda: store.read(child)}, statements)
    clock.advance(IDLE.idle / 2)
    late = "SELECT, SELECT, BEGIN IMMEDIATE, SELECT, SELECT, INSERT, INSERT, SELECT, COMMIT"
    await check({late: lambda: store.read(child, ["a"])}, statements)
    await store.aclose()


async def check(costs: dict[str, Callable[[], Awaitable[object]]], statements: list[str]) -> None:
    """Perform each operation and compare the statements that it ran, by their first words."""
    for expected, operation in costs.items():
        statements.clear()
        await operation()
        kinds = [text if text.startswith("BEGIN") else text.split()[0] for text in statements]
        assert kinds == expected.replace(" ,", ",").strip().split(", ")


async def test_what_was_looked_up_ahead_is_what_a_neighbour_has_left(
    statements: list[str], sqlite_path: Path, access: Access, clock: Any
) -> None:
    store = SQLiteStore(sqlite_path, clock=clock)
    await store.create(access, IDLE, {"a": b"1"})
    statements.clear()
    results = await asyncio.gather(
        store.read(access, ["a"]),
        store.write(access, {"a": b"22"}),
        store.increment(access, "a", 1, b"0"),
        store.read(access, ["a"]),
        store.write(access, {"a": b"4"}, {"a": b"23"}),
        store.write(access, {"a": b"5"}, {"b": None}),
        store.write(access, {"a": b"6", "b": b"1"}, {"a": b"5"}),
        store.remove(access, "b"),
        store.clear(access),
        store.read(access, ["a"]),
        store.append(access, "a", [b"1"], b"[]"),
        store.touch(access),
    )
    assert results[:-1] == [{"a": b"1"}, None, b"23", {"a": b"23"}, None, None, None, b"1", None, {}, None]
    assert results[-1].size == len("a[1]")
    assert statements.count("COMMIT") <= 2
    await store.aclose()


@pytest.mark.skipif(not READ_BYTES.exists(), reason="the system does not count what is read")
async def test_what_a_session_holds_besides_is_not_read(sqlite_path: Path, access: Access) -> None:
    store = SQLiteStore(sqlite_path)
    large = {f"large {n}": bytes(2_000_000) for n in range(2)}
    await store.create(access, IDLE, {"a": b"1", "z": b"1", **large})
    calls: list[Callable[[], Awaitable[object]]] = [
        lambda: store.read(access, ["a"]),
        lambda: store.read(access, ["a", "z", "unset"]),
        lambda: store.write(access, {"z": b"2"}),
        lambda: store.write(access, {"a": b"3", "new": b"4"}, {"a": b"1"}),
        lambda: store.increment(access, "z", 1, b"0"),
        lambda: store.remove(access, "a"),
        lambda: store.names(access),
        lambda: store.touch(access),
    ]
    for call in calls:
        reconnect(store)  # so that nothing is in SQLite's cache
        before = bytes_read()
        await call()
        assert bytes_read() - before < 200_000
    assert (await store.touch(access)).size == len("z3new4large 0large 1") + 4_000_000
    await store.aclose()


TIMES = st.sampled_from([90.0, 99.9, 100.0, 100.1, 110.0, 110.1, 120.0, 1000.0])
RECORDS = st.builds(
    Record,
    version=st.sampled_from([1, 2]),
    digest=st.just("d"),
    owner=st.sampled_from([None, "me", "you"]),
    created=st.just(50.0),
    expires=TIMES,
    idle=st.sampled_from([0.0, 10.0, 20.0, 0.1]),
    max_at=st.none() | TIMES,
    state=st.sampled_from(["live", "live", "live", "expired", "ended"]),
    size=st.just(2),
    since=st.just(0),
)


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    path = tmp_path_factory.mktemp("settled") / "sessions.db"
    with closing(file.SQLiteFile(path, "NORMAL", 1.0).connect()) as opened:
        yield opened


@given(
    record=RECORDS,
    parent=RECORDS | st.none(),
    address=st.sampled_from([Address("handle", "1", "cart"), Address("transport", "1", "cart")]),
    owner=st.sampled_from([None, "me"]),
)
@settings(max_examples=500, deadline=None)
def test_a_session_is_settled_in_sql_when_the_rules_say_so(
    connection: sqlite3.Connection, record: Record, parent: Record | None, address: Address, owner: str | None
) -> None:
    now = 100.0
    table = SQLiteRows(connection, True)
    connection.execute("BEGIN")
    table.keep(address, record)
    table.put(address, {"a": b"1"}, {"a": 105.0})
    if parent is not None:
        table.keep(Address("transport", "1", TRANSPORT_SCHEMA), parent)
    found = [table.settled(Access(address, owner), key, now) for key in ("a", "unset")]
    connection.execute("ROLLBACK")
    expected = record.version == 1 and is_settled(record, owner, now)
    if address.has_parent:
        expected = expected and parent is not None and is_settled(parent, owner, now)
    assert found == ([(b"1", 105.0), (None, None)] if expected else [None, None])


async def test_a_value_is_not_read_to_be_written_over(statements: list[str], sqlite_path: Path, access: Access) -> None:
    store = SQLiteStore(sqlite_path)
    await store.create(access, IDLE, {"a": b"1", "other": b"2"})
    statements.clear()
    await store.write(access, {"a": b"3"})
    (look,) = (text for text in statements if text.startswith("SELECT"))
    assert "length(v.value), v.until" in look
    assert "v.key = 'a'" in look
    await store.aclose()


async def test_answers_wake_an_event_loop_once(
    sqlite_path: Path, access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SQLiteStore(sqlite_path)
    await store.create(access, IDLE)
    loop = asyncio.get_running_loop()
    calls: list[object] = []
    wake = loop.call_soon_threadsafe
    monkeypatch.setattr(loop, "call_soon_threadsafe", lambda *call: (calls.append(call), wake(*call))[1])
    results = await asyncio.gather(*(store.increment(access, "n", 1, b"0") for _ in range(64)))
    assert sorted(map(int, results)) == list(range(1, 65))
    assert len(calls) <= 8
    await store.aclose()


async def test_64_writers_at_once_need_few_commits(statements: list[str], sqlite_path: Path) -> None:
    store = SQLiteStore(sqlite_path, synchronous="FULL")
    accesses = [Access(Address("handle", str(number), "cart")) for number in range(64)]
    await asyncio.gather(*(store.create(access, IDLE, {"n": b"0"}) for access in accesses))
    statements.clear()
    await asyncio.gather(*(store.write(access, {"n": b"1"}) for access in accesses))
    assert statements.count("COMMIT") <= 8
    assert sum(text.startswith("INSERT") for text in statements) == 64
    await store.aclose()


async def test_whoever_gives_up_gets_no_answer_and_harms_no_neighbour(sqlite_path: Path, access: Access) -> None:
    store = SQLiteStore(sqlite_path)
    await store.create(access, IDLE)
    given_up = [asyncio.ensure_future(store.increment(access, "n", 1, b"0")) for _ in range(8)]
    others = [asyncio.ensure_future(store.increment(access, "n", 1, b"0")) for _ in range(8)]
    await asyncio.sleep(0)
    for call in given_up:
        call.cancel()
    results = await asyncio.gather(*given_up, *others, return_exceptions=True)
    assert all(isinstance(result, asyncio.CancelledError) for result in results[:8])
    assert all(isinstance(result, bytes) for result in results[8:])
    assert 8 <= int((await store.read(access, ["n"]))["n"]) <= 16
    await store.aclose()


async def test_neighbours_share_a_commit(statements: list[str], sqlite_path: Path, access: Access) -> None:
    store = SQLiteStore(sqlite_path)
    await store.create(access, IDLE)
    statements.clear()
    await asyncio.gather(*(store.increment(access, "n", 1, b"0") for _ in range(200)))
    assert 2 <= statements.count("COMMIT") < 50
    await store.aclose()


async def test_so_do_those_of_somebody_who_is_refused(statements: list[str], sqlite_path: Path, access: Access) -> None:
    store = SQLiteStore(sqlite_path)
    await store.create(access, IDLE)
    statements.clear()
    others = (replace(access, owner="stranger"), replace(access, version=2, reads=2), access)
    calls = (store.increment(others[number % 3], "n", 1, b"0") for number in range(210))
    results = await asyncio.gather(*calls, return_exceptions=True)
    kinds = [NotLiveError, OtherVersionError, bytes]
    assert [type(result) for result in results] == kinds * 70
    assert 2 <= statements.count("COMMIT") < 50
    assert "ROLLBACK" not in statements
    await store.aclose()


async def test_a_read_writes_only_once_in_a_while(
    statements: list[str], sqlite_path: Path, access: Access, clock: Any
) -> None:
    store = SQLiteStore(sqlite_path, clock=clock)
    await store.create(access, IDLE)
    statements.clear()
    for _ in range(60):
        clock.advance(1.0)
        await store.read(access, ["a"])
    assert statements.count("BEGIN IMMEDIATE") == sum(text.startswith("INSERT") for text in statements) <= 6
    await store.aclose()


async def test_reading_goes_by_the_primary_key(statements: list[str], sqlite_path: Path, access: Access) -> None:
    store = SQLiteStore(sqlite_path)
    parent = Access(Address("transport", "1", TRANSPORT_SCHEMA))
    await store.create(access, IDLE, {str(n): bytes(10_000) for n in range(100)})
    await store.create(parent, IDLE)
    statements.clear()
    await store.read(access, ["7"])
    await store.names(access)
    await store.read(Access(Address("transport", "1", "cart"), begin=IDLE))
    await store.end(parent)
    selects = [text for text in statements if text.startswith("SELECT")]
    await store.aclose()
    plans = [rows(sqlite_path, f"EXPLAIN QUERY PLAN {text}") for text in selects]
    assert len(plans) == 6
    assert [len(plan) for plan in plans] == [2, 1, 1, 1, 1, 1]
    primary = ("USING PRIMARY KEY", "USING INDEX sqlite_autoindex_session_values_1")
    assert all(any(way in step[3] for way in primary) for plan in plans for step in plan)
    for which, narrowed in {0: "schema=?", 3: "schema=?", 5: "schema>?"}.items():
        assert narrowed in plans[which][0][3]
    assert "key=?" in plans[0][1][3]


async def test_sweeping_goes_by_the_index(statements: list[str], sqlite_path: Path) -> None:
    store = SQLiteStore(sqlite_path)
    await store.purge_expired()
    await store.aclose()
    (due,) = (text for text in statements if "UNION ALL" in text)
    plan = [row[3] for row in rows(sqlite_path, f"EXPLAIN QUERY PLAN {due}")]
    assert sum("USING INDEX sessions_due" in step for step in plan) == 2
    assert not any("SCAN" in step for step in plan)


# What can be wrong with a file -----------------------------------------------------------------------------------


def refused(path: Path) -> str:
    with pytest.raises(StoreUrlError) as raised:
        SQLiteStore(path)
    text = str(raised.value)
    assert str(path) in text
    assert "\n" not in text
    return text


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    assert "it is a folder" in refused(tmp_path)


def test_a_folder_that_is_missing_or_is_a_file(tmp_path: Path) -> None:
    assert "folder does not exist" in refused(tmp_path / "nowhere" / "s.db")
    (tmp_path / "file").touch()
    assert "folder does not exist" in refused(tmp_path / "file" / "s.db")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere" / "s.db")
    assert "cannot be opened" in refused(tmp_path / "dangling")


def test_a_name_that_is_too_long(tmp_path: Path) -> None:
    assert "name too long" in refused(tmp_path / ("x" * 300)).lower()


@pytest.mark.parametrize("content", [b"not a database\n" * 100, b"\0" * 4096, b"SQLite format 3\0" + b"\xff" * 4080])
def test_a_file_that_is_no_database(sqlite_path: Path, content: bytes) -> None:
    sqlite_path.write_bytes(content)
    refused(sqlite_path)
    assert sqlite_path.read_bytes() == content


def test_somebody_elses_database_is_left_alone(sqlite_path: Path) -> None:
    with closing(sqlite3.connect(sqlite_path)) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    before = sqlite_path.read_bytes()
    assert "something else" in refused(sqlite_path)
    assert sqlite_path.read_bytes() == before


def test_a_newer_format_is_left_alone(sqlite_path: Path) -> None:
    SQLiteStore(sqlite_path)
    with closing(sqlite3.connect(sqlite_path)) as connection:
        connection.execute(f"PRAGMA user_version = {FORMAT + 1}")
        connection.execute("PRAGMA wal_checkpoint")
    before = sqlite_path.read_bytes()
    assert f"has format {FORMAT + 1}" in refused(sqlite_path)
    assert sqlite_path.read_bytes() == before


async def test_a_file_of_the_first_format_is_brought_up_to_date(sqlite_path: Path, clock: Any) -> None:
    shutil.copy(Path(__file__).with_name("format1.sqlite"), sqlite_path)
    assert rows(sqlite_path, "PRAGMA user_version") == [(1,)]
    store, again = SQLiteStore(sqlite_path, clock=clock), SQLiteStore(sqlite_path, clock=clock)
    access = Access(Address("handle", "cart_1", "cart"), "me")
    info = await store.touch(access)
    assert (info.created, info.version, info.digest, info.size) == (clock.now, 3, "d1", 2 + 8)
    assert rows(sqlite_path, "SELECT live FROM session_count") == [(1,)]
    assert await again.read(access) == {"n": b"1", "items": b"[1]"}
    with pytest.raises(NotLiveError, match="ended"):
        await store.read(Access(Address("handle", "cart_2", "cart"), "you"))
    await store.write(access, {"n": b"2"}, ttls={"n": 30.0})
    clock.advance(30.0)
    assert await again.names(access) == ["items"]
    await store.aclose()
    await again.aclose()
    SQLiteStore(sqlite_path.with_name("new.db"))
    tables = "SELECT name, replace(sql, ' ', '') FROM sqlite_schema ORDER BY name"
    assert rows(sqlite_path, tables) == rows(sqlite_path.with_name("new.db"), tables)
    assert rows(sqlite_path, "PRAGMA user_version") == [(FORMAT,)]


async def test_a_file_that_knows_no_versions_that_get_along(
    sqlite_path: Path, clock: Any, access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as former:
        former.setattr(file, "_STEPS", file._STEPS[:3])
        former.setattr(file, "FORMAT", 3)
        SQLiteStore(sqlite_path)
    with closing(sqlite3.connect(sqlite_path)) as connection, connection:
        connection.execute(
            "INSERT INTO sessions VALUES ('handle', 'cart_1', 'cart', 3, 'd3', 'me', ?, ?, 600.0, NULL, 0, 2)",
            (clock.now, clock.now + 600.0),
        )
        connection.execute("INSERT INTO session_values VALUES ('handle', 'cart_1', 'cart', 'a', x'31', NULL)")
    assert rows(sqlite_path, "PRAGMA user_version") == [(3,)]
    store = SQLiteStore(sqlite_path, clock=clock)
    assert rows(sqlite_path, "PRAGMA user_version") == [(FORMAT,)]
    info = await store.touch(access)
    assert (info.version, info.digest, info.since, info.size) == (3, "d3", 0, 2)
    assert await store.read(access) == {"a": b"1"}
    with pytest.raises(OtherVersionError):
        await store.read(replace(access, version=4, reads=4))
    copy = await store.copy_out(access.address)
    assert copy is not None
    assert await store.migrate(copy, SchemaVersion(4, "d4", 4), {"a": b"2"}, {})
    assert await store.read(replace(access, version=4, reads=4)) == {"a": b"2"}
    await store.aclose()


async def test_a_file_in_which_values_had_no_row_ids(
    sqlite_path: Path, clock: Any, access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as former:
        former.setattr(file, "_STEPS", file._STEPS[:4])
        former.setattr(file, "FORMAT", 4)
        store = SQLiteStore(sqlite_path, clock=clock)
        held = {"a": b"1", "b": bytes(100_000), "quote": b"2"}
        info = await store.create(access, IDLE, held, {"quote": 30.0})
        await store.aclose()
    without = "SELECT count(*) FROM sqlite_schema WHERE sql LIKE '%session_values%WITHOUT ROWID'"
    assert rows(sqlite_path, without) == [(1,)]
    store = SQLiteStore(sqlite_path, clock=clock)
    assert rows(sqlite_path, without) == [(0,)]
    assert rows(sqlite_path, "PRAGMA user_version") == [(FORMAT,)]
    assert await store.read(access) == held
    assert await store.touch(access) == info
    clock.advance(30.0)
    assert await store.names(access) == ["a", "b"]
    assert rows(sqlite_path, "SELECT key FROM session_values WHERE until IS NOT NULL") == [("quote",)]
    await store.write(access, {"quote": b"3"})
    assert rows(sqlite_path, "SELECT key FROM session_values WHERE until IS NOT NULL") == []
    await store.aclose()


def test_opening_a_file_of_the_current_format_writes_nothing(sqlite_path: Path) -> None:
    SQLiteStore(sqlite_path)
    before = rows(sqlite_path, "PRAGMA data_version"), sqlite_path.read_bytes()
    SQLiteStore(sqlite_path)
    assert (rows(sqlite_path, "PRAGMA data_version"), sqlite_path.read_bytes()) == before


def test_an_empty_file_is_filled(sqlite_path: Path) -> None:
    sqlite_path.touch()
    SQLiteStore(sqlite_path)
    assert rows(sqlite_path, "SELECT count(*) FROM sessions") == [(0,)]


def test_wrong_options(sqlite_path: Path) -> None:
    with pytest.raises(StoreUrlError, match="NORMAL, FULL"):
        SQLiteStore(sqlite_path, synchronous=cast(Any, "OFF"))
    with pytest.raises(ValueError, match="not a duration"):
        SQLiteStore(sqlite_path, busy_timeout="5")


# What can go wrong later -----------------------------------------------------------------------------------------


async def failed(attempt: Awaitable[object]) -> str:
    with pytest.raises(StoreError) as raised:
        await attempt
    assert isinstance(raised.value, SessionError)
    assert isinstance(raised.value.__cause__, sqlite3.Error)
    return str(raised.value)


async def test_a_file_that_others_hold_is_waited_for(sqlite_path: Path, access: Access) -> None:
    store = SQLiteStore(sqlite_path)
    await store.create(access, IDLE, {"a": b"1"})
    with closing(sqlite3.connect(sqlite_path, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        writing = asyncio.ensure_future(store.write(access, {"a": b"2"}))
        await asyncio.sleep(0.1)
        assert not writing.done()
        holder.execute("ROLLBACK")
        await writing
    assert await store.read(access) == {"a": b"2"}
    await store.aclose()


async def test_a_file_that_others_hold_for_long_is_busy_for_writers_alone(sqlite_path: Path, access: Access) -> None:
    store = SQLiteStore(sqlite_path, busy_timeout="0.05s")
    await store.create(access, IDLE, {"a": b"1"})
    with closing(sqlite3.connect(sqlite_path, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        assert await store.read(access) == {"a": b"1"}
        assert "busy" in await failed(store.write(access, {"a": b"2"}))
        results = await asyncio.gather(*(store.write(access, {"a": b"2"}) for _ in range(50)), return_exceptions=True)
        assert all(isinstance(result, StoreError) for result in results)
        holder.execute("ROLLBACK")
    assert await store.read(access) == {"a": b"1"}
    await store.write(access, {"a": b"2"})
    await store.aclose()


async def test_a_file_that_is_removed_or_replaced_is_noticed(sqlite_path: Path, access: Access) -> None:
    store = SQLiteStore(sqlite_path)
    await store.create(access, IDLE)
    sqlite_path.rename(sqlite_path.with_suffix(".old"))
    with pytest.raises(StoreError, match="removed or replaced"):
        await store.write(access, {"a": b"1"})
    sqlite_path.write_bytes(sqlite_path.with_suffix(".old").read_bytes())
    with pytest.raises(StoreError, match="removed or replaced"):
        await store.read(access)
    sqlite_path.with_suffix(".old").replace(sqlite_path)
    await store.write(access, {"a": b"1"})
    await store.aclose()


@pytest.mark.parametrize(("trust", "expected"), [(3600.0, 0), (0.0, 10)])
async def test_every_write_looks_whether_the_file_is_in_place_and_a_read_unless_one_just_did(
    sqlite_path: Path, access: Access, monkeypatch: pytest.MonkeyPatch, trust: float, expected: int
) -> None:
    looks: list[file.SQLiteFile] = []
    look = file.SQLiteFile._look

    def counted(self: file.SQLiteFile) -> tuple[int, int]:
        looks.append(self)
        return look(self)

    monkeypatch.setattr("mcp_sessions.stores.sqlite.worker._TRUST_SECONDS", trust)
    store = SQLiteStore(sqlite_path)
    await store.create(access, IDLE, {"a": b"1"})
    monkeypatch.setattr(file.SQLiteFile, "_look", counted)
    for number in range(10):
        await store.write(access, {"a": str(number).encode()})
    assert len(looks) == 10
    for _ in range(10):
        await store.read(access, ["a"])
    assert len(looks) == 10 + expected
    reconnect(store)
    before = len(looks)
    await store.read(access, ["a"])
    assert len(looks) > before, "what is opened anew is looked at first"
    await store.aclose()


@pytest.fixture
async def limited_store(
    sqlite_path: Path, access: Access, limits: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[SQLiteStore]:
    """A store with a session, whose connections run each statement of ``limits`` when they are opened."""
    store = SQLiteStore(sqlite_path)
    connect = store._file.connect

    def limited() -> sqlite3.Connection:
        connection = connect()
        for statement in limits.values():
            connection.execute(statement)
        return connection

    monkeypatch.setattr(store._file, "connect", limited)
    await store.create(access, IDLE, {"a": b"1"})
    yield store
    await store.aclose()


@pytest.fixture
def limits() -> dict[str, str]:
    return {}


def reconnect(store: SQLiteStore) -> None:
    for worker in store._workers.values():
        worker.pause()
        worker.resume()


async def test_a_full_disk_changes_nothing_and_passes(
    limited_store: SQLiteStore, access: Access, limits: dict[str, str]
) -> None:
    limits["size"] = "PRAGMA max_page_count = 60"
    reconnect(limited_store)
    results = await asyncio.gather(
        *(limited_store.write(access, {"a": b"2", f"{n}": bytes(1_000_000 * (n % 2))}) for n in range(6)),
        return_exceptions=True,
    )
    assert [result is None for result in results] == [True, False] * 3
    assert "disk is full" in str(results[1])
    assert await limited_store.names(access) == ["0", "2", "4", "a"]
    limits.clear()
    reconnect(limited_store)
    await limited_store.write(access, {"big": bytes(1_000_000)})


async def test_a_file_that_became_read_only_is_still_read(
    limited_store: SQLiteStore, access: Access, limits: dict[str, str]
) -> None:
    limits["access"] = "PRAGMA query_only = ON"
    reconnect(limited_store)
    assert "read-only" in await failed(limited_store.write(access, {"a": b"2"}))
    assert await limited_store.read(access) == {"a": b"1"}


async def test_a_damaged_file_is_reported_as_such(sqlite_path: Path, access: Access) -> None:
    store = SQLiteStore(sqlite_path)
    await store.create(access, IDLE, {str(n): bytes(3000) for n in range(50)})
    await store.aclose()
    content = bytearray(sqlite_path.read_bytes())
    content[4096:] = b"\x5a" * (len(content) - 4096)
    sqlite_path.write_bytes(content)
    store = SQLiteStore(sqlite_path)
    text = await failed(store.read(access))
    assert "damaged" in text
    assert str(sqlite_path) not in text, "where the file is, is not the caller's business"
    await store.aclose()


async def test_a_value_beyond_the_limit_harms_no_neighbour(limited_store: SQLiteStore, access: Access) -> None:
    for worker in limited_store._workers.values():
        worker._connected().setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 100_000)
    too_large = limited_store.write(access, {"b": b"1", "c": bytes(200_000)})
    assert "too large" in await failed(too_large)
    await limited_store.write(access, {"b": b"1"})
    assert await limited_store.read(access) == {"a": b"1", "b": b"1"}


@pytest.mark.parametrize(("schema", "owner"), [(None, None), ("cart", None), (None, "me"), ("cart", "me")])
def test_a_page_of_a_listing_is_read_from_an_index_and_not_sorted(
    sqlite_path: Path, schema: str | None, owner: str | None
) -> None:
    """Otherwise each page would cost as much as all of them."""
    asked: list[str] = []
    opened = file.SQLiteFile(sqlite_path, "NORMAL", 1.0)
    with closing(opened.connect()) as connection:
        connection.set_trace_callback(asked.append)
        SQLiteRows(connection, writable=False).scan(schema, owner, 0.0, 10, ("handle", "a", "cart"))
        connection.set_trace_callback(None)
        [query] = [statement for statement in asked if statement.startswith("SELECT")]
        plan = " ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {query}"))
    assert "(space,id,schema)>(?,?,?)" in plan
    assert "TEMP B-TREE" not in plan
