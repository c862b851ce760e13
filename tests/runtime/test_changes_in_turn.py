"""Many tasks that change one key at once: one after the other, stored together, each with its own result or error."""

import asyncio
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mcp_sessions import SessionLimitError, SessionNotFoundError, SessionValueError, StoreError, UntypedSession
from mcp_sessions.context import Call, Caller, serving
from mcp_sessions.stores import Limits, SQLiteStore

pytestmark = pytest.mark.anyio

who: ContextVar[int] = ContextVar("who")


class CountingStore(SQLiteStore):
    """A store that counts reads and writes, and can fail at a write."""

    reads = writes = 0
    failure: Exception | None = None

    async def read(self, *args: Any, **kwargs: Any) -> Any:
        self.reads += 1
        return await super().read(*args, **kwargs)

    async def write(self, *args: Any, **kwargs: Any) -> Any:
        self.writes += 1
        if self.failure is not None:
            raise self.failure
        return await super().write(*args, **kwargs)


@pytest.fixture
async def counting(tmp_path: Path, anyio_backend: str) -> Any:
    made = CountingStore(tmp_path / "s.db")
    yield made
    await made.aclose()


async def accessors(store: CountingStore, number: int, owner: str | None = None) -> list[UntypedSession]:
    """Return so many accessors of one session, each of which has found it."""
    session = await UntypedSession.create(store, owner=owner)
    await session.set("n", 0)
    opened = [UntypedSession.open(store, session.id, owner=owner) for _ in range(number)]
    for one in opened:
        await one.get("n")
    store.reads = store.writes = 0
    return opened


async def test_64_updates_are_made_in_their_order_by_few_round_trips(counting: CountingStore) -> None:
    opened = await accessors(counting, 64)
    found = await asyncio.gather(*(one.update("n", lambda n: n + 1) for one in opened))
    assert found == list(range(1, 65))
    assert await opened[0].get("n") == 64
    assert counting.writes <= 3
    assert counting.reads <= 4


async def test_a_step_that_fails_changes_nothing_and_fails_nobody_else(counting: CountingStore) -> None:
    opened = await accessors(counting, 10)

    def refuse(n: Any) -> Any:
        raise ZeroDivisionError(f"at {n}")

    steps = [refuse if number % 3 == 1 else (lambda n: n + 1) for number in range(10)]
    steps[5] = lambda n: object()
    found = await asyncio.gather(
        *(one.update("n", step) for one, step in zip(opened, steps, strict=True)), return_exceptions=True
    )
    assert isinstance(found[5], SessionValueError)
    assert [found[number] for number in (0, 2, 3, 6, 8, 9)] == [1, 2, 3, 4, 5, 6]
    assert [str(found[number]) for number in (1, 4, 7)] == ["at 1", "at 3", "at 4"]
    assert await opened[0].get("n") == 6


async def test_a_stranger_does_not_slip_in_with_the_owner(counting: CountingStore) -> None:
    opened = await accessors(counting, 8, owner="me")
    stranger = UntypedSession.open(counting, opened[0].id, owner="you")
    nobody = UntypedSession.open(counting, opened[0].id)
    calls = [one.update("n", lambda n: n + 1) for one in opened]
    calls[4:4] = [stranger.update("n", lambda n: 1000), nobody.update("n", lambda n: 1000)]
    found = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(result, SessionNotFoundError) for result in found[4:6])
    assert await opened[0].get("n") == 8


async def test_whoever_gives_up_leaves_the_others_to_go_on(counting: CountingStore) -> None:
    opened = await accessors(counting, 20)
    tasks = [asyncio.ensure_future(one.update("n", lambda n: n + 1)) for one in opened]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(result, int) for result in found[1::2])
    assert len({result for result in found if isinstance(result, int)}) == 10
    assert 10 <= await opened[0].get("n") <= 20


async def test_a_step_sees_the_context_of_who_wanted_it(counting: CountingStore) -> None:
    opened = await accessors(counting, 12)

    async def ask(number: int) -> None:
        who.set(number)
        await opened[number].update("n", lambda n: [*n, number == who.get()] if isinstance(n, list) else [])

    await asyncio.gather(*(ask(number) for number in range(12)))
    assert await opened[0].get("n") == [True] * 11


async def test_what_is_too_much_is_refused_by_itself(counting: CountingStore) -> None:
    opened = await accessors(counting, 8)
    for one in opened:
        call = Call(counting, limits=Limits(value_bytes=10))
        one._call, one._found, one._seen = call, replace(one._access(), limits=call.limits), None
        await one.get("n")
    steps = [(lambda n: "x" * 20) if number == 4 else (lambda n: n + 1) for number in range(8)]
    found = await asyncio.gather(
        *(one.update("n", step) for one, step in zip(opened, steps, strict=True)), return_exceptions=True
    )
    assert isinstance(found[4], SessionLimitError)
    assert found[:4] + found[5:] == list(range(1, 8))
    assert await opened[0].get("n") == 7


async def test_a_store_that_fails_fails_all_who_were_to_be_written(counting: CountingStore) -> None:
    opened = await accessors(counting, 8)
    counting.failure = StoreError("the disk is full")
    found = await asyncio.gather(*(one.update("n", lambda n: n + 1) for one in opened), return_exceptions=True)
    assert [str(error) for error in found if isinstance(error, StoreError)] == ["the disk is full"] * 8
    counting.failure = None
    assert await opened[0].update("n", lambda n: n + 1) == 1


class OddError(Exception):
    """One that cannot be copied."""

    def __init__(self, text: str, *, why: str) -> None:
        super().__init__(text)
        self.why = why


def stop(n: Any) -> Any:
    return next(iter([]))


def give_up(n: Any) -> Any:
    raise asyncio.CancelledError


@pytest.mark.parametrize(("step", "error"), [(stop, RuntimeError), (give_up, asyncio.CancelledError)])
async def test_a_step_that_raises_what_no_future_takes_fails_its_caller_alone(
    counting: CountingStore, step: Any, error: type[BaseException]
) -> None:
    opened = await accessors(counting, 70)
    calls = [one.update("n", step if number == 5 else (lambda n: n + 1)) for number, one in enumerate(opened)]
    async with asyncio.timeout(20.0):
        found = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(found[5], error)
    assert found[:5] + found[6:] == list(range(1, 70))
    assert await opened[0].get("n") == 69


async def test_an_error_of_the_store_that_cannot_be_copied_is_told_to_all(counting: CountingStore) -> None:
    opened = await accessors(counting, 6)
    counting.failure = OddError("odd", why="so")
    async with asyncio.timeout(20.0):
        found = await asyncio.gather(*(one.update("n", lambda n: n + 1) for one in opened), return_exceptions=True)
    assert all(isinstance(error, OddError) for error in found)


async def test_a_function_that_fails_tells_its_caller_so_even_if_the_store_fails_too(counting: CountingStore) -> None:
    opened = await accessors(counting, 4)
    counting.failure = StoreError("down")
    steps = [(lambda n: {}["mine"]) if number == 2 else (lambda n: n + 1) for number in range(4)]
    found = await asyncio.gather(
        *(one.update("n", step) for one, step in zip(opened, steps, strict=True)), return_exceptions=True
    )
    assert [isinstance(error, KeyError) for error in found] == [False, False, True, False]
    assert sum(isinstance(error, StoreError) for error in found) == 3


@pytest.mark.parametrize(("ttls", "stays"), [((None, "1s", None), True), ((None, None, "1s"), False)])
async def test_each_change_has_the_time_to_live_that_its_caller_wants(
    counting: CountingStore, ttls: tuple[str | None, ...], stays: bool
) -> None:
    opened = await accessors(counting, 3)
    await asyncio.gather(*(one.update("n", lambda n: n + 1, ttl=ttl) for one, ttl in zip(opened, ttls, strict=True)))
    copy = await counting.copy_out(opened[0]._access().address)
    assert copy is not None
    assert ("n" not in copy.untils) == stays


async def test_the_function_of_who_gave_up_before_its_turn_is_not_called(counting: CountingStore) -> None:
    opened = await accessors(counting, 3)
    called: list[int] = []
    first = asyncio.ensure_future(opened[0].update("n", lambda n: n + 1))
    late = asyncio.ensure_future(opened[1].update("n", lambda n: called.append(1) or n + 1))
    other = asyncio.ensure_future(opened[2].update("n", lambda n: n + 1))
    while not late.done():
        await asyncio.sleep(0)
        late.cancel()
    await asyncio.gather(first, other)
    assert await opened[0].get("n") == 2
    assert called == []


async def test_a_call_that_saw_state_end_does_not_use_it_by_a_look_of_before(counting: CountingStore) -> None:
    def opened() -> tuple[UntypedSession, Call]:
        call = Call(counting, Caller("me"), transport="t1", kind="connection")
        with serving(call):
            return UntypedSession.current(), call

    (one, call), (other, _) = opened(), opened()
    with serving(call):
        same = UntypedSession.current()
    await other.set("n", 1)
    for session in (one, one, same):
        await session.get("n")
    await same.end()
    await opened()[0].set("n", 2)  # another call begins it anew
    assert await one.get("n") == 2
    assert call.used, "it is kept alive while the call lasts"
    await other.end()
    with pytest.raises(SessionNotFoundError):
        await one.set("n", 3)
