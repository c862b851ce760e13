"""Several keys at once: drafts, what they write, and what happens when others come first."""

import asyncio
import math
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from inspect import isawaitable
from typing import Any

import pytest
from pydantic import BaseModel

from mcp_sessions import (
    Key,
    Session,
    SessionEndedError,
    SessionExpiredError,
    SessionSchema,
    SessionValueError,
    Store,
    UntypedSession,
)
from mcp_sessions.context import Call, serving
from mcp_sessions.stores import Access, Address, Lifetime

pytestmark = pytest.mark.anyio


@pytest.fixture
async def session(store: Store, kinds: Any) -> Any:
    return await kinds.KindsSession.create(store)


async def raw_of(session: Any) -> dict[str, bytes]:
    found: dict[str, bytes] = await session.store.read(session._access())
    return found


async def in_a_block(session: Any, change: Callable[[Any], object]) -> None:
    async with session.transaction() as draft:
        result = change(draft)
        if isawaitable(result):
            await result


# What is written


async def test_all_that_was_changed_is_written_at_the_end_of_the_block(session: Any, kinds: Any) -> None:
    await session.set_tags(["a"])
    async with session.transaction() as draft:
        assert isinstance(draft, kinds.KindsState)
        assert (draft.tags, draft.count, draft.title) == (["a"], 0, None)
        draft.count += 5
        draft.tags.append("b")
        draft.scores["ann"] = 3
        draft.item = kinds.Item(sku="A")
        draft.item.qty = 2
        assert await session.keys() == ["tags"]
    state = await session.snapshot()
    assert (state.count, state.tags, state.scores, state.item) == (
        5,
        ["a", "b"],
        {"ann": 3},
        kinds.Item(sku="A", qty=2),
    )
    assert state.model_fields_set == {"count", "tags", "scores", "item"}


async def test_a_transaction_is_two_operations_and_names_all_keys_as_they_were(
    session: Any, asked: list[tuple[Any, ...]], kinds: Any
) -> None:
    await session.set_title("atlas")
    asked.clear()
    async with session.transaction() as draft:
        draft.count = 7
    names = [key.name for key in kinds.KindsSession.schema.keys]
    expected = dict.fromkeys(names) | {"title": b'"atlas"'}
    assert asked == [("read",), ("write", {"count": b"7"}, expected, {})]
    asked.clear()
    assert await session.transact(lambda draft: draft.tags.append("a")) is None
    assert [name for name, *_ in asked] == ["read", "write"]


async def test_what_changes_nothing_writes_nothing(session: Any, asked: list[tuple[Any, ...]], kinds: Any) -> None:
    await session.set_title("atlas")
    await session.set_ratio(math.inf)
    await session.set_item(kinds.Item(sku="A"))
    asked.clear()
    async with session.transaction() as draft:
        draft.title = "atlas"
        draft.ratio = float("inf")
        draft.item = kinds.Item(sku="A")
        draft.tags.append("a")
        draft.tags.remove("a")
        draft.limit = None
        del draft.few
    assert await session.transact(lambda draft: draft.title) == "atlas"
    assert [name for name, *_ in asked] == ["read", "read"]


async def test_an_exception_in_the_block_writes_nothing_and_goes_on(session: Any) -> None:
    with pytest.raises(ZeroDivisionError):
        async with session.transaction() as draft:
            draft.count = 1 // 0
    with pytest.raises(KeyError):
        await session.transact(lambda draft: draft.scores.update(a=1) or draft.scores["b"])
    assert await session.keys() == []


async def test_a_cancelled_block_writes_nothing(session: Any) -> None:
    inside = asyncio.Event()

    async def wait_for_ever() -> None:
        async with session.transaction() as draft:
            draft.count = 1
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(wait_for_ever())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await session.keys() == []


async def test_a_block_may_be_left_by_return(session: Any) -> None:
    async def count_up() -> int:
        async with session.transaction() as draft:
            draft.count += 1
            counted: int = draft.count
            return counted

    assert await count_up() == 1
    assert await session.get_count() == 1


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("bounded", lambda draft: setattr(draft, "bounded", 4)),
        ("count", lambda draft: setattr(draft, "count", "SECRET")),
        ("count", lambda draft: setattr(draft, "count", True)),
        ("tags", lambda draft: draft.tags.append(5)),
        ("few", lambda draft: setattr(draft, "few", ["a", "b", "SECRET"])),
        ("item", lambda draft: setattr(draft.item, "qty", 0)),
        ("item", lambda draft: setattr(draft.item, "sku", None)),
        ("ratio", lambda draft: setattr(draft, "ratio", "SECRET")),
    ],
)
async def test_a_value_that_does_not_fit_is_named_and_nothing_is_written(
    session: Any, kinds: Any, key: str, change: Callable[[Any], None]
) -> None:
    await session.set_item(kinds.Item(sku="A"))
    before = await raw_of(session)

    def change_both(draft: Any) -> None:
        draft.title = "fine"
        change(draft)

    with pytest.raises(SessionValueError, match=rf"^{key}: .*nothing was written$") as refusal:
        await in_a_block(session, change_both)
    assert "SECRET" not in str(refusal.value)
    assert await raw_of(session) == before


async def test_a_draft_has_no_other_attributes_than_its_keys(session: Any) -> None:
    with pytest.raises(ValueError, match="colour"):
        async with session.transaction() as draft:
            draft.colour = "red"


async def test_what_a_draft_becomes_after_the_block_is_nobodys_business(session: Any) -> None:
    async with session.transaction() as draft:
        draft.tags = ["a"]
    draft.tags.append("b")
    assert await session.get_tags() == ["a"]


# Set and unset


async def test_a_key_is_unset_by_del_or_by_none_where_none_is_no_value(session: Any) -> None:
    async with session.transaction() as draft:
        draft.title, draft.count, draft.limit, draft.maybe = "atlas", 3, 4, "x"
    async with session.transaction() as draft:
        draft.title = None
        draft.count = None
        del draft.limit
        draft.maybe = None
    assert await raw_of(session) == {"maybe": b"null"}
    async with session.transaction() as draft:
        assert draft.maybe is None
        del draft.maybe
    assert await raw_of(session) == {}


async def test_an_unset_key_stays_so_until_it_is_assigned_or_changed(session: Any) -> None:
    async with session.transaction() as draft:
        draft.title = "atlas"
        assert draft.tags == []
    assert await session.keys() == ["title"]
    async with session.transaction() as draft:
        draft.count = 0  # its default, but now it is said
        draft.maybe = None
    assert await raw_of(session) == {"title": b'"atlas"', "count": b"0", "maybe": b"null"}


async def test_only_a_changed_key_begins_its_time_anew(store: Store, clock: Any) -> None:
    first, second = (Key[str, str | None](name, str, ttl=30.0) for name in ("first", "second"))

    class State(BaseModel):
        first: str | None = None
        second: str | None = None

    class Timed(Session[State, Any], schema=SessionSchema(name="timed", state=State, keys=(first, second))):
        pass

    session = await Timed.create(store)
    async with session.transaction() as draft:
        draft.first = draft.second = "x"
    clock.advance(20.0)
    async with session.transaction() as draft:
        draft.first, draft.second = "y", "x"
    clock.advance(10.0)
    assert await session.snapshot() == State(first="y")
    clock.advance(20.0)
    assert await session.keys() == []


# What may be passed to transact


class AsyncCallable:
    async def __call__(self, draft: object) -> None:
        raise AssertionError("never run")


async def async_step(draft: object, more: int = 0) -> None:
    raise AssertionError("never run")


@pytest.mark.parametrize("fn", [async_step, partial(async_step, more=1), AsyncCallable(), AsyncCallable().__call__])
async def test_an_async_function_is_refused_before_anything_is_read(
    session: Any, asked: list[tuple[Any, ...]], fn: Any
) -> None:
    with pytest.raises(TypeError, match="not async"):
        await session.transact(fn)
    assert asked == []


async def test_an_async_function_in_disguise_writes_nothing(session: Any) -> None:
    def step(draft: Any) -> Any:
        draft.count = 1
        return async_step(draft)

    future = asyncio.get_running_loop().create_future()
    for fn in (step, lambda draft: future):
        with pytest.raises(TypeError, match="awaitable"):
            await session.transact(fn)
    assert await session.keys() == []


# When it expires


async def test_expires_at_is_when_it_expires_unless_it_is_used(
    session: Any, clock: Any, asked: list[tuple[Any, ...]]
) -> None:
    expires = await session.expires_at()
    assert asked == [("touch",)]
    clock.advance(500)
    again = await session.expires_at()
    assert expires < again == await session.touch()
    clock.advance((again - datetime.fromtimestamp(clock.now, UTC)).total_seconds())
    with pytest.raises(SessionExpiredError):
        await session.expires_at()


async def test_a_session_that_is_over_has_neither_transactions_nor_an_expiry(session: Any) -> None:
    async def end(draft: Any) -> None:
        draft.count = 1
        await session.end()

    with pytest.raises(SessionEndedError):
        await in_a_block(session, end)
    for attempt in (session.transact(lambda draft: draft.count), session.expires_at()):
        with pytest.raises(SessionEndedError):
            await attempt


async def test_the_state_of_a_transport_session_begins_with_a_transaction_that_writes(store: Store, kinds: Any) -> None:
    await store.create(Access(Address("transport", "t1", "")), Lifetime(600))
    with serving(Call(store, transport="t1")):
        session = kinds.KindsSession.current()
    assert await session.transact(lambda draft: draft.count) == 0
    async with session.transaction() as draft:
        draft.count = 3
    assert await session.get_count() == 3


@pytest.mark.parametrize("base", [Session, UntypedSession])
def test_no_key_can_have_a_method_of_the_name_that_the_session_has(base: type[Any]) -> None:
    """A key's methods are called verb_key: what every session has must not begin so."""
    verbs = ("get_", "set_", "has_", "remove_", "take_", "update_", "increment_", "append_", "put_", "pop_")
    assert [name for name in dir(base) if name.startswith(verbs)] == []
