"""Several processes on one PostgreSQL schema; processes that die, fork or forget to close; a server that dies."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest
from tests.stores.postgres_server import PostgresServer, postgres_server

from mcp_sessions import StoreError
from mcp_sessions.stores import Access, Address, Lifetime
from mcp_sessions.stores.postgres import PostgresStore

PRELUDE = """
import asyncio, os, sys, threading, time
from mcp_sessions.stores import Access, Address, Lifetime
from mcp_sessions.stores.postgres import PostgresStore
access = Access(Address("handle", "1", "cart"), "me")
url = sys.argv[1]
"""

ACCESS = Access(Address("handle", "1", "cart"), "me")


def start(server: PostgresServer, script: str, *, measured: bool = True) -> subprocess.Popen[str]:
    """Run a script; ``measured`` is False for one that forks beside a busy thread, which may hold coverage's locks."""
    code = PRELUDE + textwrap.dedent(script)
    surroundings = {name: value for name, value in os.environ.items() if measured or not name.startswith("COVERAGE_")}
    command = [sys.executable, "-c", code, server.url]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=surroundings)


def finish(process: subprocess.Popen[str], timeout: float = 60.0) -> str:
    output, errors = process.communicate(timeout=timeout)
    assert (process.returncode, errors) == (0, "")
    return output


async def test_no_increment_is_lost_between_processes(postgres: PostgresServer) -> None:
    store = PostgresStore(postgres.url)
    await store.create(ACCESS, Lifetime(600.0))
    script = """
        async def main():
            store = PostgresStore(url)
            async def caller():
                for n in range(25):
                    await store.increment(access, "n", 1, b"0")
                    if n % 5 == 0:
                        await store.increment(access, "x", 0.5, b"0")
                    await store.append(access, "l", [b"1"], b"[]")
            await asyncio.gather(*(caller() for _ in range(10)))
            await store.aclose()
        asyncio.run(main())
    """
    for process in [start(postgres, script) for _ in range(3)]:
        finish(process)
    assert await store.read(ACCESS) == {"n": b"750", "x": b"75.0", "l": b"[" + b",".join([b"1"] * 750) + b"]"}
    await store.aclose()


async def test_a_killed_process_leaves_every_acknowledged_write_and_no_half_one(postgres: PostgresServer) -> None:
    store = PostgresStore(postgres.url)
    await store.create(ACCESS, Lifetime(600.0))
    script = """
        async def main():
            store = PostgresStore(url)
            async def caller(name):
                n = 0
                while True:
                    n += 1
                    pair = str(n).encode()
                    await store.write(access, {f"{name} a": pair, f"{name} b": pair, f"{name} c": bytes(50_000)})
                    print(name, n, flush=True)
            await asyncio.gather(*(caller(name) for name in range(5)))
        asyncio.run(main())
    """
    process = start(postgres, script)
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(60)]
    process.send_signal(signal.SIGKILL)
    rest, _ = process.communicate(timeout=60)
    acknowledged = {}
    for line in "".join([*lines, rest]).splitlines(keepends=True):
        if line.endswith("\n"):
            name, n = line.split()
            acknowledged[name] = int(n)
    values = await store.read(ACCESS)
    for name, count in acknowledged.items():
        assert values[f"{name} a"] == values[f"{name} b"]
        assert int(values[f"{name} a"]) >= count
    await asyncio.wait_for(store.clear(ACCESS), 5.0)
    await store.aclose()


@pytest.mark.parametrize("ending", ["", "sys.exit(0)", "os._exit(0)"])
async def test_a_process_that_forgets_to_close_exits_and_loses_nothing(postgres: PostgresServer, ending: str) -> None:
    script = f"""
        async def main():
            await store.create(access, Lifetime(600.0))
            await asyncio.gather(*(store.increment(access, "n", 1, b"0") for _ in range(100)))
        store = PostgresStore(url)
        asyncio.run(main())
        {ending}
    """
    finish(start(postgres, script))
    store = PostgresStore(postgres.url)
    assert await store.read(ACCESS) == {"n": b"100"}
    await store.aclose()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
async def test_a_store_serves_the_children_of_a_fork_too(postgres: PostgresServer) -> None:
    script = """
        import warnings
        warnings.simplefilter("ignore", DeprecationWarning)  # threads and fork: just what this is about

        async def work(n):
            await asyncio.gather(*(store.increment(access, "n", 1, b"0") for _ in range(n)))

        def keep_busy():
            asyncio.run(work(1000))

        store = PostgresStore(url)
        asyncio.run(store.create(access, Lifetime(600.0)))
        thread = threading.Thread(target=keep_busy)
        thread.start()
        children = []
        for _ in range(4):
            child = os.fork()
            if child == 0:
                asyncio.run(work(50))
                asyncio.run(store.aclose())
                os._exit(0)
            children.append(child)
            asyncio.run(work(50))
        thread.join()
        assert all(os.waitpid(child, 0)[1] == 0 for child in children)
        asyncio.run(store.aclose())
    """
    finish(start(postgres, script, measured=False))
    store = PostgresStore(postgres.url)
    assert await store.read(ACCESS) == {"n": b"1400"}
    await store.aclose()


async def test_a_server_that_is_killed_and_comes_back_under_load(postgres: PostgresServer) -> None:
    """Errors are clean and end by themselves, and what was acknowledged is there."""
    store = PostgresStore(postgres.url, timeout="5s")
    accesses = [Access(Address("handle", str(number), "cart"), "me", Lifetime(600.0)) for number in range(8)]
    acknowledged = [0] * len(accesses)
    failures: list[str] = []
    until = time.monotonic() + 60.0
    is_back = asyncio.Event()

    async def work(number: int) -> None:
        after = 0
        while after < 20 and time.monotonic() < until:
            try:
                await store.increment(accesses[number], "n", 1, b"0")
                acknowledged[number] += 1
                after += is_back.is_set()
            except StoreError as error:
                failures.append(str(error))
                await asyncio.sleep(0.01)

    workers = [asyncio.ensure_future(work(number)) for number in range(len(accesses))]
    await asyncio.sleep(0.3)
    await asyncio.to_thread(postgres.kill)
    await asyncio.sleep(0.2)
    await asyncio.to_thread(postgres.start)
    is_back.set()
    await asyncio.gather(*workers)
    assert time.monotonic() < until, "the errors have ended"
    assert failures
    for text in failures:
        assert text.startswith(("cannot connect to the session database: ", "the session database went away before"))
        assert "\n" not in text
    for access, count in zip(accesses, acknowledged, strict=True):
        held = int((await store.read(access))["n"])
        assert count <= held <= count + len(failures)
    await store.aclose()


async def test_a_full_disk_changes_nothing_and_passes() -> None:
    """No file can grow beyond a limit: to the server that is as if the disk were full."""
    with postgres_server() as server:
        server.stop()
        server.start(largest_file=24 * 2**20)
        store = PostgresStore(server.url)
        await store.create(ACCESS, Lifetime(600.0), {"a": b"1"})
        results: list[StoreError | None] = []
        while None in results[-1:] or not results:
            try:
                await store.write(ACCESS, {"a": b"2", str(len(results)): os.urandom(1_000_000)})
                results.append(None)
            except StoreError as error:
                results.append(error)
        written, refusal = len(results) - 1, str(results[-1])
        assert 5 < written < 40
        assert "could not extend file" in refusal
        assert "\n" not in refusal
        assert await store.names(ACCESS) == sorted([*map(str, range(written)), "a"])
        server.stop()
        server.start()
        await store.write(ACCESS, dict.fromkeys("0123456789", os.urandom(1_000_000)))
        assert await store.increment(ACCESS, "n", 1, b"0") == b"1"
        await store.aclose()


async def test_an_idle_store_does_not_notice_that_the_server_was_restarted(postgres: PostgresServer) -> None:
    store = PostgresStore(postgres.url)
    await store.create(ACCESS, Lifetime(600.0), {"a": b"1"})
    await asyncio.to_thread(postgres.kill)
    await asyncio.to_thread(postgres.start)
    assert await store.read(ACCESS) == {"a": b"1"}
    await store.aclose()


def test_the_store_needs_neither_the_sdk_nor_the_compiler(postgres: PostgresServer) -> None:
    script = """
        unwanted = {"mcp", "jinja2", "click", "starlette", "uvicorn"} & set(sys.modules)
        assert not unwanted, unwanted
    """
    finish(start(postgres, script))
