"""Transactions on sessions without a schema: drafts that are dicts."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from mcp_sessions import SessionConflictError, SessionValueError, Store, UntypedSession

pytestmark = pytest.mark.anyio


async def test_an_untyped_draft_is_a_dict(store: Store) -> None:
    session = await UntypedSession.create(store, values={"a": 1, "b": [1], "c": None})
    async with session.transaction() as draft:
        assert draft == {"a": 1, "b": [1], "c": None}
        assert isinstance(draft, dict)
        items = draft["b"]
        assert isinstance(items, list)
        items.append(2)
        del draft["a"]
        draft["d"] = None
    assert await session.snapshot() == {"b": [1, 2], "c": None, "d": None}

    def step(draft: dict[str, Any]) -> object:
        return draft.pop("missing", 0) + draft.setdefault("e", 5)

    assert await session.transact(step) == 5
    assert await session.get("e") == 5


async def test_an_untyped_transaction_is_two_operations_and_writes_what_changed(
    store: Store, asked: list[tuple[Any, ...]]
) -> None:
    session = await UntypedSession.create(store, values={"a": 1, "b": 1})
    asked.clear()
    async with session.transaction() as draft:
        draft["a"] = True
        draft["b"] = 1
    assert asked == [("read",), ("write", {"a": b"true"}, {"a": b"1", "b": b"1"}, {})]


async def test_an_untyped_value_that_is_no_json_is_named(store: Store) -> None:
    session = await UntypedSession.create(store, values={"a": 1})
    wrong: Any = {"when": datetime.now(UTC)}
    with pytest.raises(SessionValueError, match=r"^when: datetime is not a JSON value"):
        await session.transact(lambda draft: draft.update({"a": 2, **wrong}))
    assert await session.snapshot() == {"a": 1}


@pytest.mark.parametrize(
    "ask",
    [
        lambda draft: "b" in draft,
        lambda draft: draft.get("b"),
        lambda draft: draft.pop("b", None),
        lambda draft: draft.setdefault("b", 0),
    ],
)
async def test_a_key_that_a_decision_missed_must_still_be_missing(store: Store, ask: Callable[[Any], object]) -> None:
    session = await UntypedSession.create(store)

    async def decide() -> None:
        async with session.transaction() as draft:
            ask(draft)
            draft["a"] = 1
            await session.set("b", 1)

    with pytest.raises(SessionConflictError) as conflict:
        await decide()
    assert conflict.value.current == {"b": 1}
    assert await session.keys() == ["b"]


async def test_a_key_that_is_asked_for_and_missing_is_a_key_error(store: Store) -> None:
    session = await UntypedSession.create(store)
    async with session.transaction() as draft:
        with pytest.raises(KeyError):
            draft["b"]
        with pytest.raises(KeyError):
            draft.pop("b")
        assert draft.get("b", 5) == 5
        assert 5 not in draft  # type: ignore[comparison-overlap]  # no key at all


async def test_untyped_transactions_lose_nothing(store: Store) -> None:
    session = await UntypedSession.create(store)

    def move(draft: dict[str, Any]) -> None:
        draft["a"] = draft.get("a", 0) + 1
        draft["b"] = draft.get("b", 0) - 1

    await asyncio.gather(*(session.transact(move) for _ in range(30)))
    assert await session.snapshot() == {"a": 30, "b": -30}
