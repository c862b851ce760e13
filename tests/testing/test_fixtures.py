"""What the fixtures can do, on the fixtures themselves."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from examples.state.counter import CounterSession
from examples.state.notes import NotesSession

from mcp_sessions import (
    SessionEndedError,
    SessionExpiredError,
    SessionKeyError,
    SessionNotFoundError,
    SessionRequiredError,
    SessionSchema,
    SessionValueError,
    Store,
    StoreError,
    UntypedSession,
    open_store,
)
from mcp_sessions.stores import MemoryStore
from mcp_sessions.stores.transfer import export_sessions
from mcp_sessions.testing import FakeClock, MakeSession, RecordedSessions, SessionCall, StoreContract
from mcp_sessions.testing.contract import StoreContract as TheContract
from mcp_sessions.testing.places import opened

pytestmark = pytest.mark.anyio


class UserNotes(NotesSession):
    """Notes of a user, in any of their clients."""

    schema = SessionSchema(
        name="user_notes", state=NotesSession.schema.state, keys=NotesSession.schema.keys, scope="user"
    )


async def record(store: Store, path: Path) -> Path:
    path.write_text("\n".join([line async for line in export_sessions(store)]), encoding="utf-8")
    return path


# make_session


async def test_a_session_begins_with_values(make_session: MakeSession) -> None:
    counter = await make_session(CounterSession, counter=3)
    assert type(counter) is CounterSession
    assert await counter.get_counter() == 3
    assert await (await make_session(CounterSession)).keys() == []


async def test_an_untyped_session_begins_with_any_keys_also_such_as_have_other_meanings(
    make_session: MakeSession,
) -> None:
    session = await make_session(UntypedSession, {"two words": [1], "a": 1}, owner="x", idle=2, self=3, accessor=4, a=5)
    expected = {"a": 5, "accessor": 4, "idle": 2, "owner": "x", "self": 3, "two words": [1]}
    assert await session.snapshot() == expected


async def test_what_does_not_fit_is_refused(make_session: MakeSession) -> None:
    with pytest.raises(SessionValueError, match="counter: "):
        await make_session(CounterSession, counter="three")
    with pytest.raises(SessionKeyError, match="counter has no key 'count'"):
        await make_session(CounterSession, count=3)


async def test_a_session_has_the_owner_and_the_lifetime_that_it_is_made_with(
    make_session: MakeSession, session_store: Store, session_clock: FakeClock
) -> None:
    make = make_session.using(owner="ann").using(idle="5m")
    counter = await make(CounterSession, counter=1)
    with pytest.raises(SessionNotFoundError):
        await CounterSession.open(session_store, counter.id, owner="bob").get_counter()
    assert await CounterSession.open(session_store, counter.id, owner="ann").get_counter() == 1
    session_clock.advance("6m")
    with pytest.raises(SessionExpiredError):
        await counter.get_counter()
    assert await (await make_session(CounterSession, counter=2)).get_counter() == 2


def test_the_clock_takes_seconds_and_durations() -> None:
    clock = FakeClock(100.0)
    clock.advance(1.5)
    clock.advance("1h30m")
    clock.advance(timedelta(seconds=2))
    assert clock() == 100.0 + 1.5 + 5400 + 2
    with pytest.raises(ValueError, match="not a duration"):
        clock.advance("soon")


# session_call


async def tick() -> int:
    return await CounterSession.current().increment_counter()


async def test_a_legacy_client_has_one_session_in_all_its_calls(session_call: SessionCall) -> None:
    for _ in range(2):
        with session_call():
            await tick()
    with session_call(client="another"):
        assert await tick() == 1
    with session_call(owner="ann"):
        assert await tick() == 1
    with session_call():
        assert await tick() == 3


async def test_state_of_a_client_expires_and_begins_anew(session_call: SessionCall, session_clock: FakeClock) -> None:
    with session_call(idle="5m"):
        await tick()
    session_clock.advance("6m")
    with session_call(idle="5m"), pytest.raises(SessionExpiredError, match="begins anew"):
        await tick()
    with session_call(idle="5m"):
        assert await tick() == 1


async def test_a_modern_client_needs_a_handle(session_call: SessionCall, make_session: MakeSession) -> None:
    with session_call(era="modern"), pytest.raises(SessionRequiredError, match="2026-07-28"):
        await tick()
    counter = await make_session(CounterSession, counter=3)
    with session_call(counter, era="modern"):
        assert await tick() == 4
    assert await counter.get_counter() == 4


async def test_a_call_with_a_session_is_its_owners_unless_it_says_otherwise(
    session_call: SessionCall, make_session: MakeSession
) -> None:
    counter = await make_session.using(owner="ann")(CounterSession)
    with session_call(counter):
        assert await tick() == 1
    for owner in ("bob", None):
        with session_call(counter, owner=owner), pytest.raises(SessionNotFoundError, match="no such counter session"):
            await tick()


async def test_sessions_of_different_owners_are_nobodys_call(
    session_call: SessionCall, make_session: MakeSession
) -> None:
    theirs = [await make_session.using(owner=who)(CounterSession) for who in ("ann", "bob")]
    with session_call(*theirs), pytest.raises(SessionRequiredError, match="names 2 counter sessions"):
        await tick()


async def test_state_of_a_user_is_that_of_the_owner_in_each_client(session_call: SessionCall) -> None:
    with session_call(owner="ann"):
        await UserNotes.current().set_notes([])
    with session_call(owner="ann", client="phone", era="modern"):
        assert await UserNotes.current().has_notes()
    with session_call(owner="bob"):
        assert not await UserNotes.current().has_notes()
    with session_call(), pytest.raises(SessionRequiredError, match="belongs to a user"):
        await UserNotes.current().has_notes()


async def test_what_a_call_cannot_have_is_refused(session_call: SessionCall) -> None:
    with session_call():
        mine = CounterSession.current()
    with pytest.raises(ValueError, match="this counter session has no handle"), session_call(mine):
        pass
    wrong: Any = "2025-11-25"
    with pytest.raises(ValueError, match="era is 'legacy' or 'modern'; got '2025-11-25'"), session_call(era=wrong):
        pass


async def test_outside_of_the_block_there_is_no_call(session_call: SessionCall) -> None:
    with session_call():
        await asyncio.gather(tick(), tick())
        assert await CounterSession.current().get_counter() == 2
    with pytest.raises(SessionRequiredError, match="no MCP call"):
        await tick()


# recorded_sessions


async def test_recorded_sessions_are_there_as_they_were(
    recorded_sessions: RecordedSessions, session_clock: FakeClock, tmp_path: Path
) -> None:
    """Years ago, on another clock: what they had left to live they have still."""
    long_ago = FakeClock(1_000_000.0)
    store = open_store("memory://", clock=long_ago)
    old = await MakeSession(store, owner="ann")(CounterSession, counter=7)
    long_ago.advance("20m")
    await MakeSession(store)(CounterSession, counter=8)
    untyped = await MakeSession(store)(UntypedSession)
    await untyped.set("code", "1234", ttl="5m")
    path = await record(store, tmp_path / "recorded.jsonl")

    first, second = sorted(await recorded_sessions(path, CounterSession), key=lambda one: one.id != old.id)
    assert (first.id, await first.get_counter(), await second.get_counter()) == (old.id, 7, 8)
    again = UntypedSession.open(first.store, untyped.id)
    assert await again.get("code") == "1234"
    with pytest.raises(SessionNotFoundError):
        await CounterSession.open(first.store, first.id, owner="bob").get_counter()
    session_clock.advance("6m")
    assert await again.get("code") is None
    session_clock.advance("25m")
    with pytest.raises(SessionExpiredError):
        await second.get_counter()


async def test_a_session_that_was_not_used_expires_when_it_would_have(
    recorded_sessions: RecordedSessions, session_clock: FakeClock, tmp_path: Path
) -> None:
    long_ago = FakeClock(1_000_000.0)
    store = open_store("memory://", clock=long_ago)
    await MakeSession(store)(CounterSession, counter=7)
    long_ago.advance("20m")
    await MakeSession(store)(CounterSession, counter=8)
    path = await record(store, tmp_path / "recorded.jsonl")
    copies = await recorded_sessions(path)
    assert sorted(round((copy.expires - session_clock.now) / 60) for copy in copies) == [10, 30]


async def test_recorded_state_of_a_client_and_of_a_user_is_there_too(
    recorded_sessions: RecordedSessions, tmp_path: Path
) -> None:
    store = open_store("memory://")
    call = SessionCall(store)
    with call(owner="ann"):
        await tick()
        await UserNotes.current().set_notes([])
    path = await record(store, tmp_path / "recorded.jsonl")
    [counter] = await recorded_sessions(path, CounterSession)
    assert await counter.get_counter() == 1
    assert await counter.end()
    with pytest.raises(SessionEndedError):
        await counter.get_counter()


async def test_what_is_no_export_is_refused(recorded_sessions: RecordedSessions, tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text("{}\n")
    with pytest.raises(StoreError, match="no export of sessions"):
        await recorded_sessions(tmp_path / "x.jsonl")


async def test_an_export_without_sessions_has_none(recorded_sessions: RecordedSessions, tmp_path: Path) -> None:
    assert await recorded_sessions(await record(open_store("memory://"), tmp_path / "x.jsonl")) == []


# The store


async def test_a_store_that_cannot_be_closed_fails_its_test(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def fail(store: Store) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(MemoryStore, "aclose", fail)
    with pytest.raises(StoreError, match="the disk is full"), opened("memory://", FakeClock(), lambda: tmp_path):
        pass


# The module


def test_the_suite_for_stores_is_where_it_was() -> None:
    import mcp_sessions.testing

    assert StoreContract is TheContract
    with pytest.raises(AttributeError, match="no attribute 'Contract'"):
        _ = mcp_sessions.testing.Contract
