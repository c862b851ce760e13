"""The connections of the store in PostgreSQL: how many, until when, and what is said when one fails."""

import asyncio
import os
import signal
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from tests.stores.postgres_server import PostgresServer

from mcp_sessions import StoreError
from mcp_sessions.stores import (
    Access,
    Address,
    Lifetime,
)
from mcp_sessions.stores.postgres import PostgresStore

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


# Connections ------------------------------------------------------------------------------------------------------


def connections(server: PostgresServer) -> int:
    """Return how many connections stores have, after those that were closed had time to go."""
    count = 0
    for _ in range(50):
        ((count,),) = server.run("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'mcp_sessions'")
        if not count:
            break
        time.sleep(0.02)
    return int(count)


async def test_there_are_no_more_connections_than_may_be(postgres: PostgresServer) -> None:
    async with opened(postgres.url, connections=3) as store:
        accesses = [Access(Address("handle", str(number), "cart"), begin=LIVES) for number in range(50)]
        await asyncio.gather(*(store.increment(access, "n", 1, b"0") for access in accesses))
        ((count,),) = postgres.run("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'mcp_sessions'")
        assert 1 <= count <= 3
    assert connections(postgres) == 0


async def test_idle_connections_are_closed(postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mcp_sessions.stores.postgres.line._IDLE_SECONDS", 0.05)
    async with opened(postgres.url) as store:
        await store.create(ACCESS, LIVES)
        await asyncio.sleep(0.2)
        assert connections(postgres) == 0
        await store.touch(ACCESS)


def test_event_loops_that_end_leave_no_connection_behind(postgres: PostgresServer) -> None:
    store = PostgresStore(postgres.url)
    asyncio.run(store.create(ACCESS, LIVES))
    for _ in range(3):
        asyncio.run(store.increment(ACCESS, "n", 1, b"0"))
    assert connections(postgres) == 0
    assert asyncio.run(store.read(ACCESS)) == {"n": b"3"}
    asyncio.run(store.aclose())


def test_threads_with_event_loops_of_their_own_share_a_store(postgres: PostgresServer) -> None:
    store = PostgresStore(postgres.url)
    asyncio.run(store.create(ACCESS, LIVES))

    async def work() -> None:
        await asyncio.gather(*(store.increment(ACCESS, "n", 1, b"0") for _ in range(50)))

    threads = [threading.Thread(target=lambda: asyncio.run(work())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert asyncio.run(store.read(ACCESS)) == {"n": b"200"}
    asyncio.run(store.aclose())


async def test_closing_closes_the_connections_of_other_loops_too(postgres: PostgresServer) -> None:
    store = PostgresStore(postgres.url)
    await store.create(ACCESS, LIVES)
    stop = asyncio.Event()
    started = threading.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def elsewhere() -> None:
        loops.append(asyncio.get_running_loop())
        await store.increment(ACCESS, "n", 1, b"0")
        started.set()
        await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(elsewhere()))
    thread.start()
    await asyncio.to_thread(started.wait)
    await store.aclose()
    assert connections(postgres) == 0
    loops[0].call_soon_threadsafe(stop.set)
    thread.join()


# Failures ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda url: url.replace("postgres@", "guarded:hunter2@"), 'password authentication failed for user "guarded"'),
        (lambda url: url.replace("/postgres?", "/nothing?"), 'database "nothing" does not exist'),
        (lambda url: "postgresql://me:hunter2@127.0.0.1:1/db", "port 1 failed: Connection refused"),
        (lambda url: "postgresql://me:hunter2@no-such-host.invalid/db", "no-such-host.invalid"),
        (lambda url: url.replace("postgres@", "stranger:hunter2@"), 'role "stranger" does not exist'),
    ],
)
async def test_what_cannot_be_connected_to_is_said_in_a_line(
    postgres: PostgresServer, change: Callable[[str], str], words: str
) -> None:
    postgres.guard("guarded", "the right one")
    async with opened(change(postgres.url)) as store:
        with pytest.raises(StoreError, match=r"^cannot connect to the session database: ") as raised:
            await store.create(ACCESS, LIVES)
    text = str(raised.value)
    assert words in text
    assert "\n" not in text
    assert "hunter2" not in text


async def test_a_password_that_is_right_opens(postgres: PostgresServer) -> None:
    postgres.guard("guarded", "t@e right/one?")
    url = postgres.url.replace("postgres@", f"guarded:{quote('t@e right/one?', safe='')}@")
    async with opened(url, create=False) as store:
        with pytest.raises(StoreError, match=r"permission denied|has no schema"):
            await store.create(ACCESS, LIVES)


async def test_connections_that_the_server_closed_are_replaced_without_a_word(postgres: PostgresServer) -> None:
    async with opened(postgres.url) as store:
        await store.create(ACCESS, LIVES)
        for _ in range(3):
            postgres.run(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'mcp_sessions'"
            )
            await store.increment(ACCESS, "n", 1, b"0")
        assert await store.read(ACCESS) == {"n": b"3"}


async def test_the_end_of_an_idle_connection_is_noticed_once_and_harms_nobody(postgres: PostgresServer) -> None:
    loop = asyncio.get_running_loop()
    async with opened(postgres.url) as store:
        await store.create(ACCESS, LIVES)
        postgres.run(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'mcp_sessions'"
        )
        calls = 0
        with pytest.MonkeyPatch.context() as patch:
            handle = asyncio.events.Handle._run

            def count(self: asyncio.Handle) -> None:
                nonlocal calls
                calls += "_on_readable" in repr(self)
                handle(self)

            patch.setattr(asyncio.events.Handle, "_run", count)
            until = loop.time() + 0.2
            while loop.time() < until:
                await asyncio.sleep(0.01)
        assert 1 <= calls <= 3
        assert await store.increment(ACCESS, "n", 1, b"0") == b"1"


async def test_a_server_that_does_not_answer_in_time_is_not_waited_for(postgres: PostgresServer) -> None:
    other = replace(ACCESS, address=replace(ACCESS.address, id="other"))
    async with opened(postgres.url, timeout="0.3s") as store:
        await store.create(ACCESS, LIVES)
        await store.create(other, LIVES)
        with psycopg.connect(postgres.url) as blocker:
            blocker.execute("SELECT * FROM mcp_sessions.sessions WHERE id = '1' FOR UPDATE")
            slow = [asyncio.ensure_future(store.increment(ACCESS, "n", 1, b"0")) for _ in range(3)]
            assert await store.increment(other, "n", 1, b"0") == b"1"
            started = time.monotonic()
            for error in await asyncio.gather(*slow, return_exceptions=True):
                assert "the session database" in str(error)
                assert isinstance(error, StoreError)
            assert time.monotonic() - started < 5.0
        assert await store.increment(ACCESS, "n", 1, b"0") == b"1", "what was given up is not done later"


async def test_a_caller_that_gives_up_leaves_the_connection_whole(postgres: PostgresServer) -> None:
    async with opened(postgres.url, connections=1) as store:
        await store.create(ACCESS, LIVES)
        for _ in range(5):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(store.write(ACCESS, {"a": bytes(3_000_000)}), 0.001)
            await store.write(ACCESS, {"b": b"1"})
        assert (await store.read(ACCESS, ["b"])) == {"b": b"1"}
        ((count,),) = postgres.run("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'mcp_sessions'")
        assert count == 1


async def test_a_call_that_the_database_refuses_does_not_harm_its_neighbours(postgres: PostgresServer) -> None:
    async with opened(postgres.url, connections=1) as store:
        accesses = [Access(Address("handle", str(number), "cart"), begin=LIVES) for number in range(20)]
        accesses[7] = replace(accesses[7], begin=Lifetime(1.79e308))
        results = await asyncio.gather(
            *(store.increment(access, "n", 1, b"0") for access in accesses), return_exceptions=True
        )
        assert [number for number, result in enumerate(results) if result != b"1"] == [7]
        assert str(results[7]) == "the session database failed: value out of range: overflow"


async def test_a_server_that_hangs_is_cut_off(postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mcp_sessions.stores.postgres.line._CANCEL_SECONDS", 0.2)
    async with opened(postgres.url, timeout="0.2s", connections=1) as store:
        await store.create(ACCESS, LIVES, {"n": b"0"})
        ((pid,),) = postgres.run("SELECT pid FROM pg_stat_activity WHERE application_name = 'mcp_sessions'")
        os.kill(pid, signal.SIGSTOP)
        try:
            started = time.monotonic()
            with pytest.raises(StoreError, match=r"did not answer within 0\.2 seconds; whether this was") as raised:
                await store.read(ACCESS)
            assert raised.value.in_doubt
            assert time.monotonic() - started < 5.0
            assert await store.read(ACCESS) == {"n": b"0"}, "by a new connection"
        finally:
            os.kill(pid, signal.SIGCONT)


async def test_calls_that_have_waited_for_too_long_are_not_begun(postgres: PostgresServer) -> None:
    async with opened(postgres.url, timeout="0.3s", connections=1) as store:
        await store.create(ACCESS, LIVES)
        with psycopg.connect(postgres.url) as blocker:
            blocker.execute("SELECT * FROM mcp_sessions.sessions WHERE id = '1' FOR UPDATE")
            first = asyncio.ensure_future(store.increment(ACCESS, "n", 1, b"0"))
            await asyncio.sleep(0.1)
            others = [asyncio.ensure_future(store.increment(ACCESS, "n", 1, b"0")) for _ in range(100)]
            errors = await asyncio.gather(first, *others, return_exceptions=True)
        assert all(isinstance(error, StoreError) for error in errors)
        assert "this was not begun" in str(errors[-1]) or "did not answer" in str(errors[-1])
        assert await store.increment(ACCESS, "n", 1, b"0") == b"1"


class Cutter:
    """A way to the server that is cut when it has brought back ``left`` bytes."""

    def __init__(self, server: PostgresServer) -> None:
        self.left = 10**9
        self._server = server
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"postgresql://postgres@127.0.0.1:{self._listener.getsockname()[1]}/postgres"
        self._threads = [threading.Thread(target=self._listen)]
        self._threads[0].start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                thread = threading.Thread(target=self._serve, args=(client,))
                self._threads.append(thread)
                thread.start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as server:
            server.connect(str(self._server.socket))
            back = threading.Thread(target=self._forward, args=(server, client, True))
            back.start()
            self._forward(client, server, False)
            back.join()

    def _forward(self, source: socket.socket, target: socket.socket, counts: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                left = self.left
                if counts:
                    self.left -= len(data)  # before the client can set it anew
                target.sendall(data[: max(left, 0)] if counts else data)
                if counts and self.left < 0:
                    break
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def cutter(postgres: PostgresServer) -> Iterator[Cutter]:
    made = Cutter(postgres)
    yield made
    made.close()


@pytest.mark.parametrize("prepare", [False, True])
@pytest.mark.parametrize("bytes_left", [0, 1, 50, 150_000])
async def test_a_connection_that_is_cut_in_the_middle_of_an_answer(
    cutter: Cutter, bytes_left: int, prepare: bool
) -> None:
    async with opened(cutter.url, connections=1, prepare=prepare) as store:
        await store.create(ACCESS, LIVES, {"long": bytes(1_000_000), "n": b"0"})
        cutter.left = bytes_left
        calls = [store.read(ACCESS), store.increment(ACCESS, "n", 1, b"0"), store.read(ACCESS)]
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert all("went away before it answered; whether this was done is not known" in str(one) for one in results)
        assert all(isinstance(one, StoreError) and one.in_doubt for one in results)
        cutter.left = 10**9
        assert (await store.read(ACCESS, ["n"]))["n"] in (b"0", b"1")
        assert (await store.read(ACCESS))["long"] == bytes(1_000_000)


async def test_statements_that_are_kept_prepared_survive_a_change_of_the_schema(postgres: PostgresServer) -> None:
    async with opened(postgres.url, prepare=True, connections=1) as store:
        await store.create(ACCESS, LIVES)
        await asyncio.gather(*(store.increment(ACCESS, "n", 1, b"0") for _ in range(10)))
        ((count,),) = postgres.run("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'mcp_sessions'")
        assert count == 1
        postgres.run("DROP SCHEMA mcp_sessions CASCADE")
        postgres.run(PostgresStore.sql())
        beginner = replace(ACCESS, begin=LIVES)
        for attempt in range(2):  # the first may still believe in what there was
            with suppress(StoreError):
                assert await store.increment(beginner, "n", 1, b"0") == b"1"
                break
            assert attempt == 0
