"""Keys with a time to live of their own: what an accessor makes of it."""

from typing import Annotated, Any, Literal

import pytest
from annotated_types import Len
from pydantic import BaseModel

from mcp_sessions import DictKey, Key, ListKey, NumberKey, Session, SessionSchema, Store, UntypedSession

pytestmark = pytest.mark.anyio

TITLE = Key[str, str | None]("title", str, ttl=30)
COUNT = NumberKey[int]("count", int, default=5, ttl=30)
ITEMS = ListKey[int]("items", list[int], default=[0], ttl=30.0)
FEW = ListKey[int]("few", Annotated[list[int], Len(0, 9)], default=[], ttl=30.0)
PRICES = DictKey[str, int]("prices", dict[str, int], default={}, ttl=30)
KEPT = Key[str, str | None]("kept", str)


class State(BaseModel):
    title: str | None = None
    count: int = 5
    items: list[int] = [0]
    few: list[int] = []
    prices: dict[str, int] = {}
    kept: str | None = None


class TimedSession(
    Session[State, Literal["title", "count", "items", "few", "prices", "kept"]],
    schema=SessionSchema(name="timed", state=State, keys=(TITLE, COUNT, ITEMS, FEW, PRICES, KEPT), idle=600.0),
):
    """Keys of every kind, all but one of them timed."""


async def write_all(session: TimedSession) -> None:
    await session._set(TITLE, "x")
    await session._increment(COUNT, 1)
    await session._append(ITEMS, (1,))
    await session._append(FEW, (1,))
    await session._put(PRICES, "a", 1)


async def test_each_kind_of_write_begins_the_time_anew(store: Store, clock: Any) -> None:
    session = await TimedSession.create(store)
    for _ in range(3):
        await write_all(session)
        clock.advance(20.0)
    assert await session._get(COUNT) == 8
    assert await session._get(ITEMS) == [0, 1, 1, 1]
    assert await session._get(FEW) == [1, 1, 1]
    clock.advance(9.0)
    assert await session.keys() == ["title", "count", "items", "few", "prices"]
    clock.advance(1.0)
    assert await session.keys() == []


async def test_a_key_whose_time_is_over_is_unset_to_every_method(store: Store, clock: Any) -> None:
    session = await TimedSession.create(store)
    await session._set(KEPT, "kept")
    await write_all(session)
    clock.advance(30.0)
    assert await session._get(TITLE) is None
    assert not await session.has("title")
    assert not await session.remove("count")
    assert await session._take(TITLE) is None
    assert await session._pop(PRICES, "a") is None
    assert await session._increment(COUNT, 1) == 6
    assert await session._update(ITEMS, lambda items: [*items, 2]) == [0, 2]
    snapshot = await session.snapshot()
    assert snapshot == State(count=6, items=[0, 2], kept="kept")
    assert snapshot.model_fields_set == {"count", "items", "kept"}


async def test_an_update_to_the_same_value_begins_the_time_anew(store: Store, clock: Any) -> None:
    session = await TimedSession.create(store)
    await session._set(TITLE, "x")
    clock.advance(20.0)
    assert await session._update(TITLE, lambda title: title or "") == "x"
    clock.advance(20.0)
    assert await session._get(TITLE) == "x"


async def test_what_changes_nothing_leaves_the_time_alone(store: Store, clock: Any) -> None:
    session = await TimedSession.create(store)
    await write_all(session)
    clock.advance(20.0)
    await session._append(ITEMS, ())
    await session._append(FEW, ())
    assert await session._pop(PRICES, "other") is None
    clock.advance(10.0)
    assert await session.keys() == []


async def test_untyped_values_may_have_a_time_too(store: Store, clock: Any) -> None:
    session = await UntypedSession.create(store)
    await session.set("a", 1, ttl="30s")
    await session.update("b", lambda value: value or 7, ttl="30s")
    await session.set("c", 1)
    clock.advance(30.0)
    assert await session.keys() == ["c"]
    with pytest.raises(ValueError, match="not a duration"):
        await session.set("a", 1, ttl="30")
