"""Several processes on one SQLite file; processes that die, fork, or forget to close."""

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from contextlib import closing
from pathlib import Path

import pytest

from mcp_sessions.stores import Access, Address, Lifetime, SQLiteStore

PRELUDE = """
import asyncio, os, sys, threading, time
from mcp_sessions.stores import Access, Address, Lifetime, SQLiteStore
access = Access(Address("handle", "1", "cart"), "me")
path = sys.argv[1]
"""

ACCESS = Access(Address("handle", "1", "cart"), "me")


def start(script: str, *arguments: object, measured: bool = True) -> subprocess.Popen[str]:
    """Run a script; ``measured`` is False for one that forks beside a busy thread, which may hold coverage's locks."""
    code = PRELUDE + textwrap.dedent(script)
    surroundings = {name: value for name, value in os.environ.items() if measured or not name.startswith("COVERAGE_")}
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=surroundings)


def finish(process: subprocess.Popen[str], timeout: float = 60.0) -> str:
    output, errors = process.communicate(timeout=timeout)
    assert (process.returncode, errors) == (0, "")
    return output


async def test_no_increment_is_lost_between_processes(sqlite_path: Path) -> None:
    store = SQLiteStore(sqlite_path)
    await store.create(ACCESS, Lifetime(600.0))
    script = """
        async def main():
            store = SQLiteStore(path)
            async def caller():
                for _ in range(25):
                    await store.increment(access, "n", 1, b"0")
                    await store.append(access, "l", [b"1"], b"[]")
            await asyncio.gather(*(caller() for _ in range(10)))
            await store.aclose()
        asyncio.run(main())
    """
    for process in [start(script, sqlite_path) for _ in range(4)]:
        finish(process)
    assert await store.read(ACCESS) == {"n": b"1000", "l": b"[" + b",".join([b"1"] * 1000) + b"]"}
    await store.aclose()


async def test_a_time_to_live_is_the_same_to_every_process(sqlite_path: Path) -> None:
    store = SQLiteStore(sqlite_path)
    await store.create(ACCESS, Lifetime(600.0))
    script = """
        async def main():
            store = SQLiteStore(path)
            await store.write(access, {"quote": b"1", "kept": b"1"}, ttls={"quote": 60.0})
            await store.increment(access, "n", 1, b"0", 60.0)
            await store.aclose()
        asyncio.run(main())
    """
    finish(start(script, sqlite_path))
    assert await store.names(ACCESS) == ["kept", "n", "quote"]
    later = SQLiteStore(sqlite_path, clock=lambda: time.time() + 61.0)
    assert await later.names(ACCESS) == ["kept"]
    assert await later.increment(ACCESS, "n", 1, b"10") == b"11"
    await later.aclose()
    await store.aclose()


def test_processes_that_create_one_file_at_once(sqlite_path: Path) -> None:
    script = """
        async def main():
            start = float(sys.stdin.readline())
            for number in range(40):  # many chances to meet in the middle of it
                while time.time() < start + 0.03 * number:
                    pass
                store = SQLiteStore(path + str(number))
                await store.increment(Access(access.address, begin=Lifetime(60.0)), "n", 1, b"0")
                await store.aclose()
        asyncio.run(main())
    """
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PRELUDE + textwrap.dedent(script), str(sqlite_path)],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    time.sleep(1.0)
    start = time.time() + 0.2
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(f"{start}\n")
        process.stdin.flush()
    for process in processes:
        _, errors = process.communicate(timeout=60)
        assert (process.returncode, errors) == (0, "")
    for number in range(40):
        with closing(sqlite3.connect(f"{sqlite_path}{number}")) as connection:
            assert connection.execute("SELECT value FROM session_values").fetchall() == [(b"4",)]


async def test_a_killed_process_leaves_every_acknowledged_write_and_no_half_one(sqlite_path: Path) -> None:
    store = SQLiteStore(sqlite_path)
    await store.create(ACCESS, Lifetime(600.0))
    script = """
        async def main():
            store = SQLiteStore(path)
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
    for _ in range(3):
        process = start(script, sqlite_path)
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(60)]
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read()  # which, unlike communicate, has what was read ahead with those lines
        process.communicate(timeout=60)
        acknowledged = {}
        for line in "".join([*lines, rest]).splitlines(keepends=True):
            if line.endswith("\n"):
                name, n = line.split()
                acknowledged[name] = int(n)
        values = await store.read(ACCESS)
        for name, count in acknowledged.items():
            assert values[f"{name} a"] == values[f"{name} b"]
            assert int(values[f"{name} a"]) >= count
        await store.clear(ACCESS)
    await store.aclose()
    with closing(sqlite3.connect(sqlite_path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.mark.parametrize("ending", ["", "sys.exit(0)", "os._exit(0)"])
async def test_a_process_that_forgets_to_close_exits_and_loses_nothing(sqlite_path: Path, ending: str) -> None:
    script = f"""
        async def main():
            await store.create(access, Lifetime(600.0))
            await asyncio.gather(*(store.increment(access, "n", 1, b"0") for _ in range(100)))
        store = SQLiteStore(path)
        asyncio.run(main())
        {ending}
    """
    finish(start(script, sqlite_path))
    store = SQLiteStore(sqlite_path)
    assert await store.read(ACCESS) == {"n": b"100"}
    await store.aclose()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
async def test_a_store_serves_the_children_of_a_fork_too(sqlite_path: Path) -> None:
    script = """
        import warnings
        warnings.simplefilter("ignore", DeprecationWarning)  # threads and fork: just what this is about

        async def work(n):
            await asyncio.gather(*(store.increment(access, "n", 1, b"0") for _ in range(n)))

        def keep_busy():
            asyncio.run(work(2000))

        store = SQLiteStore(path)
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
    finish(start(script, sqlite_path, measured=False))
    store = SQLiteStore(sqlite_path)
    assert await store.read(ACCESS) == {"n": b"2400"}
    await store.aclose()
    with closing(sqlite3.connect(sqlite_path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
async def test_a_parent_that_closes_takes_nothing_from_its_child(sqlite_path: Path) -> None:
    script = """
        import warnings
        warnings.simplefilter("ignore", DeprecationWarning)

        def add(n):
            asyncio.run(store.increment(access, "n", n, b"0"))

        store = SQLiteStore(path)
        asyncio.run(store.create(access, Lifetime(600.0)))
        closed, tell_closed = os.pipe()
        opened, tell_opened = os.pipe()
        child = os.fork()
        if child == 0:
            add(1)
            os.write(tell_opened, b"x")
            os.read(closed, 1)
            add(10)
            os._exit(0)
        os.read(opened, 1)
        add(100)
        asyncio.run(store.aclose())
        os.write(tell_closed, b"x")
        assert os.waitpid(child, 0)[1] == 0
    """
    finish(start(script, sqlite_path, measured=False))
    store = SQLiteStore(sqlite_path)
    assert await store.read(ACCESS) == {"n": b"111"}
    await store.aclose()


def test_the_stores_need_neither_the_sdk_nor_the_compiler() -> None:
    finish(
        start(
            """
            unwanted = {"mcp", "jinja2", "click", "starlette", "uvicorn"} & set(sys.modules)
            assert not unwanted, unwanted
            """,
            "unused",
        )
    )
