"""Notices where something goes wrong: nobody who listens misses anything without a word."""

import asyncio
import os
import random
import sqlite3
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from pathlib import Path

import pytest
from redis.asyncio import Redis
from tests.stores.postgres_server import PostgresServer, postgres_server
from tests.stores.valkey_server import running

from mcp_sessions import UntypedSession
from mcp_sessions.errors import StoreError
from mcp_sessions.stores import Address, SQLiteStore, Store
from mcp_sessions.stores.noticed import NoticedStore
from mcp_sessions.stores.notices import LocalNotices, Notices, notices_of
from mcp_sessions.stores.notices import board as board_module
from mcp_sessions.stores.notices.board import Board, Kind, topic, topic_of
from mcp_sessions.stores.postgres import PostgresStore
from mcp_sessions.stores.redis import RedisStore
from mcp_sessions.stores.sqlite.notices import SQLiteNotices

pytestmark = pytest.mark.anyio

A = topic("a")


class Told(asyncio.Queue[Kind]):
    """What a watcher was told."""

    def __call__(self, kind: Kind) -> None:
        self.put_nowait(kind)

    async def next(self) -> Kind:
        async with asyncio.timeout(30):
            return await self.get()


async def heard_next(heard: AsyncGenerator[bytes | None, None]) -> bytes | None:
    async with asyncio.timeout(30):
        return await anext(heard)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board_module, "_RETRY_SECONDS", (0.01, 0.1))


async def watching(notices: Notices) -> tuple[Board, Told]:
    board, told = Board(notices, pause=0.001), Told()
    assert await board.ready()
    board.watch(A, told)
    return board, told


async def tell(board: Board, told: Told) -> None:
    """Post until it is heard: what was posted while the receiver was away it has been told of in another way."""
    while True:
        board.post(Kind.OVER, A)
        with suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                if await told.get() is Kind.OVER:
                    return


async def test_a_valkey_server_that_was_restarted_is_listened_to_again(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        stores = [RedisStore(server.url) for _ in range(2)]
        receiver, told = await watching(stores[0].notices())
        sender = Board(stores[1].notices(), pause=0.001)
        sender.post(Kind.CHANGED, A)
        assert await told.next() is Kind.CHANGED
        server.kill()
        server.start()
        assert await told.next() is Kind.UNSURE
        await tell(sender, told)
        for board, store in zip((sender, receiver), stores, strict=True):
            await board.aclose()
            await store.aclose()


async def test_a_client_that_connects_again_by_itself_has_missed_something(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        client = Redis(port=server.port)
        store = RedisStore(client=client)
        async with aclosing(store.notices().listen()) as heard:
            assert await heard_next(heard) is None
            with server.client() as operator:
                operator.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
            with suppress(StoreError):  # which is a word, too
                assert await heard_next(heard) is None
        await store.aclose()
        await client.aclose()


async def test_a_postgresql_connection_that_was_ended_is_made_anew(postgres: PostgresServer) -> None:
    stores = [PostgresStore(postgres.url) for _ in range(2)]
    receiver, told = await watching(stores[0].notices())
    sender = Board(stores[1].notices(), pause=0.001)
    sender.post(Kind.CHANGED, A)
    assert await told.next() is Kind.CHANGED
    who_listens = "query ILIKE '%LISTEN%' AND pid <> pg_backend_pid()"
    postgres.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {who_listens}")
    assert await told.next() is Kind.UNSURE
    await tell(sender, told)
    for board, store in zip((sender, receiver), stores, strict=True):
        await board.aclose()
        await store.aclose()


async def test_a_postgresql_server_that_was_restarted_is_listened_to_again() -> None:
    with postgres_server() as server:
        stores = [PostgresStore(server.url) for _ in range(2)]
        receiver, told = await watching(stores[0].notices())
        sender = Board(stores[1].notices(), pause=0.001)
        sender.post(Kind.CHANGED, A)
        assert await told.next() is Kind.CHANGED
        server.kill()
        server.start()
        assert await told.next() is Kind.UNSURE
        await tell(sender, told)
        for board, store in zip((sender, receiver), stores, strict=True):
            await board.aclose()
            await store.aclose()


async def test_what_others_send_on_the_channel_of_a_database_keeps_nobody_from_hearing(
    postgres: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    store = PostgresStore(postgres.url)
    receiver, told = await watching(store.notices())
    for payload in ("no base64!", "AAAA=AAA", "ä", "", "?"):
        postgres.run("SELECT pg_notify(%s, %s)", store._database.channel, payload)
    sender = Board(store.notices(), pause=0.001)
    sender.post(Kind.CHANGED, A)
    assert await told.next() is Kind.CHANGED
    assert caplog.text == ""
    for board in (sender, receiver):
        await board.aclose()
    await store.aclose()


async def test_connections_for_notices_are_closed(postgres: PostgresServer) -> None:
    store = PostgresStore(postgres.url)
    board, _ = await watching(store.notices())
    board.post(Kind.CHANGED, A)
    await board.aclose()
    await store.aclose()
    ours = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'mcp_sessions'"
    async with asyncio.timeout(30):
        while postgres.run(ours) != [(0,)]:
            await asyncio.sleep(0.01)


async def test_a_file_of_notices_that_was_removed_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    sender, receiver = (SQLiteNotices(path, every=0.001) for _ in range(2))
    async with aclosing(receiver.listen()) as heard:
        assert await heard_next(heard) is None
        await sender.publish(b"1")
        assert await heard_next(heard) == b"1"
        path.with_name("sessions.db-notices").unlink()
        assert await heard_next(heard) is None
        await sender.publish(b"2")
        assert await heard_next(heard) in (b"2", None)
    await sender.aclose()
    await receiver.aclose()


async def test_who_looks_too_seldom_learns_that_it_missed_something(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    sender, receiver = (SQLiteNotices(path, every=0.001) for _ in range(2))
    async with aclosing(receiver.listen()) as heard:
        assert await heard_next(heard) is None
        for number in range(502):
            await sender.publish(b"%d" % number)
        assert await heard_next(heard) is None
        assert await heard_next(heard) == b"2"
    with sqlite3.connect(path.with_name("sessions.db-notices")) as connection:
        assert connection.execute("SELECT count(*) FROM notices").fetchone() == (500,)
    connection.close()
    await sender.aclose()
    await receiver.aclose()


async def test_the_file_of_notices_is_for_its_owner_alone(tmp_path: Path) -> None:
    notices = SQLiteNotices(tmp_path / "sessions.db")
    await notices.publish(b"1")
    assert (tmp_path / "sessions.db-notices").stat().st_mode & 0o777 == 0o600
    await notices.aclose()


async def test_a_folder_that_cannot_be_written_is_said_to_be_the_reason(tmp_path: Path) -> None:
    notices = SQLiteNotices(tmp_path / "missing" / "sessions.db")
    with pytest.raises(StoreError, match=r"^sessions\.db-notices, by which processes tell of changes, failed: No such"):
        await notices.publish(b"1")


async def test_a_slow_listener_in_the_same_process_learns_that_it_missed_something() -> None:
    notices = LocalNotices()
    async with aclosing(notices.listen()) as heard:
        assert await heard_next(heard) is None
        for number in range(1000):
            await notices.publish(b"%d" % number)
        got = [await heard_next(heard)]
        assert got == [None]
        last = None
        while last != b"999":
            last = await heard_next(heard)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
async def test_a_process_that_forks_leaves_the_file_alone_in_the_child(tmp_path: Path) -> None:
    script = """
        import asyncio, os, sys
        from pathlib import Path
        from mcp_sessions.stores.sqlite.notices import SQLiteNotices
        notices = SQLiteNotices(Path(sys.argv[1]))
        asyncio.run(notices.publish(b"parent"))
        child = os.fork()
        asyncio.run(notices.publish(b"child" if child == 0 else b"parent"))
        if child:
            sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """
    code = "\n".join(line.removeprefix("        ") for line in script.splitlines())
    path = tmp_path / "sessions.db"
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    done = subprocess.run(
        [sys.executable, "-c", code, path], env=surroundings, timeout=60, check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    with sqlite3.connect(path.with_name("sessions.db-notices")) as connection:
        assert connection.execute("SELECT count(*) FROM notices").fetchone() == (3,)
    connection.close()


async def test_two_processes_tell_each_other_by_a_file(tmp_path: Path) -> None:
    script = """
        import asyncio, sys
        from mcp_sessions import UntypedSession
        from mcp_sessions.stores import SQLiteStore
        from mcp_sessions.stores.noticed import NoticedStore
        async def main():
            store = NoticedStore(SQLiteStore(sys.argv[1]))
            await UntypedSession.open(store, sys.argv[2]).set("a", 1)
            await store.aclose()
        asyncio.run(main())
    """
    path = tmp_path / "sessions.db"
    store = SQLiteStore(path)
    session = await UntypedSession.create(store)
    board, told = Board(notices_of(store), pause=0.001), Told()
    assert await board.ready()
    board.watch(topic_of(Address("handle", session.id, "session")), told)
    code = "\n".join(line.removeprefix("        ") for line in script.splitlines())
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", code, path, session.id], timeout=60, check=False, capture_output=True
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert await told.next() is Kind.CHANGED
    await board.aclose()
    await store.aclose()


@pytest.mark.parametrize("kind", ["memory", "sqlite", "redis", "redis cluster", "postgres", "encrypted sqlite"])
async def test_who_reads_whenever_it_is_told_ends_up_with_what_was_written_last(
    kind: str, make_store: Callable[..., Store]
) -> None:
    stores = [make_store(kind)]
    stores.append(stores[0] if kind == "memory" else make_store(kind))
    writer = NoticedStore(stores[0])
    session = await UntypedSession.create(writer)
    reader = UntypedSession.open(stores[1], session.id)
    board, told = Board(notices_of(stores[1])), asyncio.Event()
    assert await board.ready()
    board.watch(topic_of(Address("handle", session.id, "session")), lambda _: told.set())

    async def write() -> None:
        for number in range(200):
            await session.set("n", number)
            await asyncio.sleep(random.choice([0.0, 0.0, 0.001, 0.01]))

    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        tasks.create_task(write())
        seen = None
        while seen != 199:
            await told.wait()
            told.clear()
            seen = await reader.get("n")
    await board.aclose()
    await writer.aclose()
    await stores[1].aclose()
