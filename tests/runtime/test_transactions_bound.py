"""Transactions on sessions that are a model of the user's own: its validators speak of the whole."""

import asyncio
from itertools import count
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, model_validator

from mcp_sessions import (
    Key,
    Session,
    SessionConflictError,
    SessionDataError,
    SessionKeyError,
    SessionSchema,
    SessionValueError,
    Store,
)
from mcp_sessions.stores import Access

pytestmark = pytest.mark.anyio

SERIALS = count(1)


class Range(BaseModel):
    low: int = 0
    high: int = 10
    names: list[str] = []
    serial: int = Field(default_factory=lambda: next(SERIALS))
    sum: int = 0

    @model_validator(mode="after")
    def in_order(self) -> "Range":
        if self.low > self.high:
            raise ValueError(f"{self.low} is above {self.high}")
        object.__setattr__(self, "sum", self.low + self.high)
        self.model_fields_set.add("sum")  # as an assignment does
        return self


class FrozenRange(Range):
    model_config = ConfigDict(frozen=True, extra="allow")


class StrictRange(Range):
    model_config = ConfigDict(validate_assignment=True)


RangeKey = Literal["low", "high", "names", "serial", "sum"]


async def raw_of(session: Any) -> dict[str, bytes]:
    found: dict[str, bytes] = await session.store.read(session._access())
    return found


def session_class(model: type[Range]) -> type[Session[Range, RangeKey]]:
    keys = tuple(Key[Any](name, model=model) for name in ("low", "high", "names", "serial", "sum"))

    class RangeSession(Session[Range, RangeKey], schema=SessionSchema(name="range", state=model, keys=keys)):
        pass

    return RangeSession


@pytest.fixture(params=[Range, FrozenRange, StrictRange])
async def ranged(request: pytest.FixtureRequest, store: Store) -> Session[Range, RangeKey]:
    return await session_class(request.param).create(store, values={"serial": 5})


async def test_keys_that_must_fit_together_are_changed_together(ranged: Session[Range, RangeKey]) -> None:
    async with ranged.transaction() as draft:
        assert isinstance(draft, Range)
        draft.low = 20
        draft.high = 30
        draft.names.append("x")
    assert await raw_of(ranged) == {"low": b"20", "high": b"30", "names": b'["x"]', "serial": b"5"}
    state = await ranged.snapshot()
    assert (state.low, state.high, state.sum) == (20, 30, 50)
    assert type(state) is ranged.schema.state


async def test_what_does_not_fit_together_is_refused_without_values(ranged: Session[Range, RangeKey]) -> None:
    with pytest.raises(SessionValueError, match=r"^range: refused by a validator.*nothing was written$") as refusal:
        async with ranged.transaction() as draft:
            draft.low = 771
    assert "771" not in str(refusal.value)
    with pytest.raises(SessionValueError, match=r"^low: "):
        async with ranged.transaction() as draft:
            draft.low = "771"  # type: ignore[assignment]  # that is the point
    assert await raw_of(ranged) == {"serial": b"5"}


async def test_what_validators_change_is_no_change_of_the_users(
    ranged: Session[Range, RangeKey], asked: list[tuple[Any, ...]]
) -> None:
    async with ranged.transaction() as draft:
        assert draft.sum == 10
        assert draft.model_fields_set == {"serial"}
    assert [name for name, *_ in asked] == ["read"]


async def test_a_key_of_the_users_model_is_unset_too(ranged: Session[Range, RangeKey]) -> None:
    async with ranged.transaction() as draft:
        draft.low, draft.high = 1, 2
    async with ranged.transaction() as draft:
        del draft.low
        draft.high = None  # type: ignore[assignment]  # unset, whatever a checker thinks of it
    assert await raw_of(ranged) == {"serial": b"5"}


async def test_what_is_no_key_cannot_be_assigned_to(ranged: Session[Range, RangeKey]) -> None:
    with pytest.raises((ValueError, SessionKeyError), match="colour"):
        await ranged.transact(lambda draft: setattr(draft, "colour", "red"))
    assert await raw_of(ranged) == {"serial": b"5"}


async def test_what_is_stored_and_does_not_fit_together_has_no_draft(ranged: Session[Range, RangeKey]) -> None:
    await ranged._set(ranged._named("low"), 771)
    with pytest.raises(SessionDataError, match="refused by a validator"):
        await ranged.transact(lambda draft: draft.names.append("x"))


async def test_a_default_that_a_factory_makes_stays(store: Store, asked: list[tuple[Any, ...]]) -> None:
    session = await session_class(Range).create(store)
    await session.clear()
    asked.clear()
    async with session.transaction() as draft:
        serial = draft.serial
    assert (await session.snapshot()).serial == serial
    assert await session.transact(lambda draft: draft.serial) == serial


async def test_a_transaction_and_a_reader_agree_on_what_a_factory_makes(store: Store) -> None:
    """Both store it first, one of them inside of the lock of the other kind: they must not wait for each other."""
    kind = session_class(Range)
    session = await kind.create(store)
    await session.clear()
    serial = kind._named("serial")
    made = await asyncio.gather(
        *(session.transact(lambda draft: draft.serial) for _ in range(10)), *(session._get(serial) for _ in range(10))
    )
    assert len(set(made)) == 1


async def test_a_conflict_tells_no_default_that_would_not_stay(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mcp_sessions.attempts.ATTEMPTS", 1)
    session = await session_class(Range).create(store)
    real = store.write

    async def beaten(access: Access, changes: Any, expected: Any = None, ttls: Any = None) -> Any:
        await store.remove(access, "serial")
        return await real(access, changes, expected, ttls)

    monkeypatch.setattr(store, "write", beaten)
    with pytest.raises(SessionConflictError) as conflict:
        await session._update(session._named("serial"), lambda serial: serial + 1)
    assert conflict.value.current is None
