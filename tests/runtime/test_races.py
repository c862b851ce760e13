"""Four processes with sixteen tasks each on one session: nothing is lost, and nothing is there twice."""

import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from mcp_sessions import UntypedSession
from mcp_sessions.stores import SQLiteStore

pytestmark = pytest.mark.anyio

PROCESSES, TASKS, ROUNDS = 4, 16, 50

PRELUDE = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from kinds_state.kinds import KindsSession
from mcp_sessions import UntypedSession
from mcp_sessions.stores import SQLiteStore

async def main():
    store = SQLiteStore(sys.argv[2], busy_timeout="60s")
    me = int(sys.argv[4])
    kinds = KindsSession.open(store, sys.argv[3]) if sys.argv[3].startswith("kinds") else None
    untyped = None if kinds else UntypedSession.open(store, sys.argv[3])
    print("ready", flush=True)
    sys.stdin.readline()
    await asyncio.gather(*(work(kinds or untyped, me, task) for task in range({tasks})))
    await store.aclose()

asyncio.run(main())
"""


def race(kinds: Any, path: Path, session_id: str, work: str) -> list[str]:
    """Run ``work(session, process, task)`` in all tasks of all processes at once; return what each process printed."""
    prelude = PRELUDE.replace("{tasks}", str(TASKS))
    head, _, tail = prelude.partition("async def main")
    code = head + textwrap.dedent(work) + "\nasync def main" + tail
    folder = str(Path(kinds.__file__).parent.parent)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, folder, str(path), session_id, str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(PROCESSES)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    printed = []
    for process in processes:
        output, errors = process.communicate(timeout=300)
        assert (process.returncode, errors) == (0, "")
        printed.append(output)
    return printed


@pytest.fixture
async def shop(tmp_path: Path, anyio_backend: str) -> Any:
    store = SQLiteStore(tmp_path / "s.db", busy_timeout="60s")
    yield store, tmp_path / "s.db"
    await store.aclose()


async def test_every_increment_counts(kinds: Any, shop: Any) -> None:
    store, path = shop
    session = await kinds.KindsSession.create(store)
    work = f"""
    async def work(kinds, me, task):
        for _ in range({ROUNDS}):
            await kinds.increment_count()
    """
    race(kinds, path, session.id, work)
    assert await session.get_count() == PROCESSES * TASKS * ROUNDS == 3200


async def test_every_append_is_there_once_and_in_its_order(kinds: Any, shop: Any) -> None:
    store, path = shop
    session = await kinds.KindsSession.create(store)
    work = """
    async def work(kinds, me, task):
        for number in range(10):
            await kinds.append_tags(f"{me}.{task}.{number}")
    """
    race(kinds, path, session.id, work)
    tags = await session.get_tags()
    assert len(tags) == PROCESSES * TASKS * 10
    for writer in {tag.rpartition(".")[0] for tag in tags}:
        assert [tag for tag in tags if tag.rpartition(".")[0] == writer] == [f"{writer}.{n}" for n in range(10)]


async def test_writers_of_different_keys_do_not_disturb_each_other(kinds: Any, shop: Any) -> None:
    store, path = shop
    session = await UntypedSession.create(store)
    work = """
    async def work(session, me, task):
        for number in range(10):
            await session.set(f"{me}.{task}", number)
    """
    race(kinds, path, session.id, work)
    expected = {f"{me}.{task}": 9 for me in range(PROCESSES) for task in range(TASKS)}
    assert await session.snapshot() == expected


async def test_updates_that_depend_on_what_is_there_are_not_lost(kinds: Any, shop: Any) -> None:
    store, path = shop
    session = await kinds.KindsSession.create(store)
    work = """
    async def work(kinds, me, task):
        for number in range(3):
            await kinds.put_scores(f"{me}.{task}.{number}", number)
    """
    race(kinds, path, session.id, work)
    assert len(await session.get_scores()) == PROCESSES * TASKS * 3


async def test_what_is_taken_is_taken_by_one(kinds: Any, shop: Any) -> None:
    store, path = shop
    session = await kinds.KindsSession.create(store)
    await session.set_title("only one")
    work = """
    async def work(kinds, me, task):
        title = await kinds.take_title()
        if title is not None:
            print(title, flush=True)
    """
    assert sorted(race(kinds, path, session.id, work)) == ["", "", "", "only one\n"]
    assert not await session.has_title()
