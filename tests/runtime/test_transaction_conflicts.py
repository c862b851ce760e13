"""What a transaction does when others come first, tasks of this process and other processes."""

import asyncio
import pickle
import subprocess
import sys
import textwrap
from collections.abc import Callable
from inspect import isawaitable
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from mcp_sessions import (
    Key,
    NumberKey,
    Session,
    SessionConflictError,
    SessionSchema,
    Store,
)
from mcp_sessions.stores import Access, SQLiteStore

pytestmark = pytest.mark.anyio


@pytest.fixture
async def session(store: Store, kinds: Any) -> Any:
    return await kinds.KindsSession.create(store)


async def in_a_block(session: Any, change: Callable[[Any], object]) -> None:
    async with session.transaction() as draft:
        result = change(draft)
        if isawaitable(result):
            await result


async def test_a_change_to_any_key_meanwhile_is_a_conflict_that_tells_how_it_is_now(session: Any, kinds: Any) -> None:
    await session.set_title("atlas")

    async def decide(draft: Any) -> None:
        assert draft.limit is None  # the decision rests on a key that is unset
        draft.count = 1
        await session.set_limit(771)

    with pytest.raises(SessionConflictError, match=r"^kinds: others changed the session meanwhile") as conflict:
        await in_a_block(session, decide)
    assert isinstance(conflict.value.current, kinds.KindsState)
    assert (conflict.value.current.limit, conflict.value.current.title, conflict.value.current.count) == (
        771,
        "atlas",
        0,
    )
    assert "771" not in str(conflict.value)
    assert await session.keys() == ["limit", "title"]


async def test_of_two_that_each_look_at_both_keys_one_is_beaten(session: Any) -> None:
    """No write skew: each writes another key than the other, on the strength of what the other one changes."""
    await session.set_count(1)
    await session.set_limit(1)

    async def take_from(key: str) -> None:
        async with session.transaction() as draft:
            if draft.count + draft.limit >= 2:
                await asyncio.sleep(0)
                setattr(draft, key, getattr(draft, key) - 2)

    outcomes = await asyncio.gather(take_from("count"), take_from("limit"), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoneType", "SessionConflictError"]
    state = await session.snapshot()
    assert state.count + state.limit == 0


async def test_a_draft_that_changed_nothing_is_never_beaten(session: Any) -> None:
    async with session.transaction() as draft:
        await session.set_count(1)
        assert draft.count == 0
    assert await session.get_count() == 1


async def test_transact_tries_again_with_a_fresh_draft(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    real = session.store.write
    seen: list[tuple[int, list[str]]] = []

    async def beaten(access: Access, changes: Any, expected: Any = None, ttls: Any = None) -> Any:
        if len(seen) < 3:
            await real(access, {"count": str(len(seen)).encode()})
        return await real(access, changes, expected, ttls)

    monkeypatch.setattr(session.store, "write", beaten)

    def step(draft: Any) -> str:
        seen.append((draft.count, list(draft.tags)))
        draft.tags.append("a")
        return f"seen {draft.count}"

    assert await session.transact(step) == "seen 2"
    assert seen == [(0, []), (1, []), (2, [])]
    assert await session.get_tags() == ["a"]


async def test_a_transact_that_loses_each_time_says_so(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mcp_sessions.attempts.ATTEMPTS", 3)
    real = session.store.write

    async def beaten(access: Access, changes: Any, expected: Any = None, ttls: Any = None) -> Any:
        await real(access, {"count": str(int(expected["count"] or 0) + 1).encode()})
        return await real(access, changes, expected, ttls)

    monkeypatch.setattr(session.store, "write", beaten)
    with pytest.raises(SessionConflictError, match=r"^kinds: others changed the session 3 times in a row") as conflict:
        await session.transact(lambda draft: draft.tags.append("a"))
    assert isinstance(conflict.value.current, BaseModel)
    assert conflict.value.current.count == 3  # type: ignore[attr-defined]  # compiled at run time
    assert await session.keys() == ["count"]


async def test_a_conflict_tells_nothing_of_what_cannot_be_read(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def spoil(draft: Any) -> None:
        draft.count = 1
        await session.store.write(session._access(), {"count": b'"many"'})

    with pytest.raises(SessionConflictError) as conflict:
        await in_a_block(session, spoil)
    assert conflict.value.current is None
    await session.clear()
    monkeypatch.setattr("mcp_sessions.attempts.ATTEMPTS", 1)
    real = session.store.write

    async def beaten(access: Access, changes: Any, expected: Any = None, ttls: Any = None) -> Any:
        await real(access, {"count": b'"many"'})
        return await real(access, changes, expected, ttls)

    monkeypatch.setattr(session.store, "write", beaten)
    with pytest.raises(SessionConflictError) as conflict:
        await session.update_count(lambda value: value + 1)
    assert conflict.value.current is None


def test_a_conflict_can_be_pickled_without_what_it_tells() -> None:
    error = SessionConflictError("others came first", current={"token": "SECRET"})
    again = pickle.loads(pickle.dumps(error))
    assert isinstance(again, SessionConflictError)
    assert (str(again), again.current) == ("others came first", None)
    assert "SECRET" not in f"{error} {error!r} {pickle.dumps(error)!r}"


async def test_tasks_of_one_process_queue_up(session: Any, asked: list[tuple[Any, ...]]) -> None:
    def move(draft: Any) -> None:
        draft.count += 1
        draft.limit = (draft.limit or 0) - 1

    await asyncio.gather(*(session.transact(move) for _ in range(50)))
    state = await session.snapshot()
    assert (state.count, state.limit) == (50, -50)
    assert [name for name, *_ in asked] == ["read", "write"] * 50 + ["read"]


async def test_transactions_and_methods_of_single_keys_lose_nothing_of_each_other(session: Any) -> None:
    def move(draft: Any) -> None:
        draft.count += 1
        draft.limit = (draft.limit or 0) - 1

    await asyncio.gather(
        *(session.transact(move) for _ in range(20)),
        *(session.update_limit(lambda value: (value or 0) - 1) for _ in range(20)),
        *(session.increment_count() for _ in range(20)),
    )
    state = await session.snapshot()
    assert (state.count, state.limit) == (40, -40)


async def test_a_value_whose_time_is_over_at_the_end_of_the_block_is_a_conflict(store: Store, clock: Any) -> None:
    quote = Key[int, int | None]("quote", int, ttl=30.0)
    total = NumberKey[int]("total", int, default=0)

    class State(BaseModel):
        quote: int | None = None
        total: int = 0

    class Timed(Session[State, Any], schema=SessionSchema(name="timed", state=State, keys=(quote, total))):
        pass

    session = await Timed.create(store, values={"quote": 5})

    def think_too_long(draft: State) -> None:
        clock.advance(31.0)
        draft.total = draft.quote or 0

    with pytest.raises(SessionConflictError):
        await in_a_block(session, think_too_long)
    assert await session.keys() == []


# Other processes

PRELUDE = """
import asyncio, sys
from typing import Any
from pydantic import BaseModel
from mcp_sessions import NumberKey, Session, SessionConflictError, SessionSchema
from mcp_sessions.stores import SQLiteStore

KEYS = tuple(NumberKey[int](name, int, default=0) for name in ("left", "right", "moved"))

class State(BaseModel):
    left: int = 0
    right: int = 0
    moved: int = 0

class AccountSession(Session[State, Any], schema=SessionSchema(name="account", state=State, keys=KEYS)):
    pass
"""


def start(script: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PRELUDE + textwrap.dedent(script), *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run_at_once(script: str, *calls: tuple[object, ...]) -> list[str]:
    """Start a process for each call, let them go when all are ready, and return what they print."""
    processes = [start(script, *arguments) for arguments in calls]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    outputs = []
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        output, errors = process.communicate(timeout=120)
        assert (process.returncode, errors) == (0, "")
        outputs.append(output.strip())
    return outputs


class Account(BaseModel):
    left: int = 0
    right: int = 0
    moved: int = 0


KEYS = tuple(NumberKey[int](name, int, default=0) for name in ("left", "right", "moved"))


class AccountSession(Session[Account, Any], schema=SessionSchema(name="account", state=Account, keys=KEYS)):
    """The same as in the processes."""


async def test_money_that_processes_move_is_neither_lost_nor_made(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "s.db")
    session = await AccountSession.create(store, values={"left": 1000, "right": 1000})
    script = """
        async def main():
            session = AccountSession.open(SQLiteStore(sys.argv[1]), sys.argv[2])

            async def task(number):
                def move(draft):
                    by = number + 1 if number % 2 else -number
                    draft.left -= by
                    draft.right += by
                    draft.moved += 1
                    return by
                return sum([await session.transact(move) for _ in range(5)])

            print("ready", flush=True)
            sys.stdin.readline()
            print(sum(await asyncio.gather(*(task(number) for number in range(8)))))
            await session.store.aclose()

        asyncio.run(main())
    """
    moved = sum(map(int, run_at_once(script, *[(tmp_path / "s.db", session.id)] * 4)))
    state = await session.snapshot()
    assert (state.left, state.right, state.moved) == (1000 - moved, 1000 + moved, 4 * 8 * 5)
    await store.aclose()


async def test_processes_that_each_write_another_key_never_break_what_holds_for_both(tmp_path: Path) -> None:
    """Each takes from its own key only while the sum allows it; two at once on old news would take too much."""
    store = SQLiteStore(tmp_path / "s.db")
    session = await AccountSession.create(store, values={"left": 30, "right": 30})
    script = """
        async def main():
            session = AccountSession.open(SQLiteStore(sys.argv[1]), sys.argv[2])
            key, taken = sys.argv[3], 0
            print("ready", flush=True)
            sys.stdin.readline()
            while True:
                try:
                    async with session.transaction() as draft:
                        enough = draft.left + draft.right >= 2
                        if enough:
                            setattr(draft, key, getattr(draft, key) - 2)
                except SessionConflictError as conflict:
                    assert isinstance(conflict.current, State)
                    continue
                if not enough:
                    break
                taken += 2
            print(taken)
            await session.store.aclose()

        asyncio.run(main())
    """
    taken = run_at_once(script, *[(tmp_path / "s.db", session.id, key) for key in ("left", "right") * 2])
    state = await session.snapshot()
    assert state.left + state.right == 0
    assert sum(map(int, taken)) == 60
    await store.aclose()
