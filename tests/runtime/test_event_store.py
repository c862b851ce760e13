"""``SessionEvents``: bounded, in order, one round trip an event, and never another session's."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from mcp.server.streamable_http import EventMessage
from mcp_types import JSONRPCNotification, JSONRPCResponse

from mcp_sessions import StoreError, event_store
from mcp_sessions.event_store import EventLog, SessionEvents
from mcp_sessions.events import EVENT_SECONDS, EVENTS_SCHEMA
from mcp_sessions.stores import Access
from mcp_sessions.stores.base import TRANSPORT_SCHEMA, Address, Lifetime

pytestmark = pytest.mark.anyio

ONE = Access(Address("transport", "one", TRANSPORT_SCHEMA), "ann")
TWO = Access(Address("transport", "two", TRANSPORT_SCHEMA), "ann")


def note(number: int, text: str = "") -> JSONRPCNotification:
    return JSONRPCNotification(jsonrpc="2.0", method="notifications/n", params={"number": number, "text": text})


@pytest.fixture
async def events(store: Any) -> SessionEvents:
    events = SessionEvents(store)
    for session in (ONE, TWO):
        await store.create(session, Lifetime(EVENT_SECONDS * 2))
    return events


async def begun(events: SessionEvents, session: Access) -> EventLog:
    with events.opening() as log:
        await events.open(log, session)
    return log


async def replayed(events: SessionEvents, session: Access, last: str) -> tuple[str | None, list[Any]]:
    got: list[EventMessage] = []

    async def take(event: EventMessage) -> None:
        got.append(event)

    with events.within(session.address.id):
        stream = await events.replay_events_after(last, take)
    return stream, [event.message for event in got]


async def test_outside_of_a_session_nothing_is_stored_and_nothing_replayed(
    events: SessionEvents, asked: list[Any]
) -> None:
    log = await begun(events, ONE)
    with events.within("one"):
        first = await events.store_event("s", None)
        await events.store_event("s", note(1))
    asked.clear()
    got: list[Any] = []
    assert await events.store_event("s", note(2)) == ""
    assert await events.replay_events_after(first, got.append) is None  # type: ignore[arg-type]  # is never called
    with events.within("one"), events.within(None):
        assert await events.store_event("s", note(2)) == ""
        assert await events.replay_events_after(first, got.append) is None  # type: ignore[arg-type]  # nor here
    other = SessionEvents(events.store)
    with events.within("one"):
        assert await other.store_event("s", note(2)) == ""
        assert await other.replay_events_after(first, got.append) is None  # type: ignore[arg-type]  # nor here
    with other.within("one"):
        assert await other.store_event("s", note(2)) == ""
    assert (got, asked) == ([], [])
    assert log.access is not None


async def test_a_session_gets_the_events_after_one_of_the_same_stream_in_their_order(events: SessionEvents) -> None:
    log = await begun(events, ONE)
    with events.within("one"):
        first = await events.store_event("a", None)
        other = await events.store_event("b", note(100))
        second = await events.store_event("a", note(1))
        await events.store_event("b", note(101))
        await events.store_event("a", None)
        await events.store_event("a", note(2))
    assert await replayed(events, ONE, first) == ("a", [note(1), note(2)])
    assert await replayed(events, ONE, second) == ("a", [note(2)])
    assert await replayed(events, ONE, other) == ("b", [note(101)])
    with events.within("one"):
        await events.store_event("a", JSONRPCResponse(jsonrpc="2.0", id=1, result={"x": [1.5, "ü", None]}))
    stream, messages = await replayed(events, ONE, second)
    assert stream is None  # it is over: the SDK need not keep it open
    assert messages == [note(2), JSONRPCResponse(jsonrpc="2.0", id=1, result={"x": [1.5, "ü", None]})]
    del log


async def test_no_session_replays_the_events_of_another(events: SessionEvents) -> None:
    one, two = await begun(events, ONE), await begun(events, TWO)
    with events.within("one"):
        first = await events.store_event("s", None)
        await events.store_event("s", note(1))
    with events.within("two"):
        mine = await events.store_event("s", None)
        await events.store_event("s", note(2))
    assert await replayed(events, TWO, first) == (None, [])
    assert await replayed(events, TWO, mine) == ("s", [note(2)])
    assert await events.missed(replace(ONE, owner="bob"), first) is None
    assert await events.missed(replace(ONE, owner=None), first) is None
    assert first.partition("-")[2] != mine.partition("-")[2]
    del one, two


async def test_events_are_in_order_whoever_is_faster(events: SessionEvents) -> None:
    log = await begun(events, ONE)
    with events.within("one"):
        first = await events.store_event("s", None)
        ids = await asyncio.gather(*(events.store_event("s", note(number)) for number in range(50)))
    assert ids == sorted(ids)
    assert await replayed(events, ONE, first) == ("s", [note(number) for number in range(50)])
    del log


async def test_an_event_costs_one_round_trip_and_a_replay_two(events: SessionEvents, asked: list[Any]) -> None:
    log = await begun(events, ONE)
    with events.within("one"):
        first = await events.store_event("s", None)
        for number in range(30):
            asked.clear()
            await events.store_event("s", note(number))
            assert [operation for operation, *_ in asked] == ["write"]
    asked.clear()
    await replayed(events, ONE, first)
    assert [operation for operation, *_ in asked] == ["names", "read", "write"]
    del log


async def test_what_comes_during_a_replay_is_replayed_as_well(events: SessionEvents) -> None:
    log = await begun(events, ONE)
    got: list[Any] = []

    async def take(event: EventMessage) -> None:
        got.append(event.message)
        if len(got) < 4:
            await log.add("s", note(len(got)))

    with events.within("one"):
        first = await events.store_event("s", None)
        await events.store_event("s", note(0))
        assert await events.replay_events_after(first, take) == "s"
    assert got == [note(number) for number in range(4)]


async def test_the_place_to_resume_from_is_behind_what_was_replayed_and_before_all_else(events: SessionEvents) -> None:
    log = await begun(events, ONE)
    got: list[Any] = []

    async def take(event: EventMessage) -> None:
        got.append(event.message)

    with events.within("one"):
        first = await events.store_event("s", None)
        await events.store_event("s", note(0))
        await events.replay_events_after(first, take)
        await log.add("s", note(1))  # after the replay, and before the SDK has gone on live
        place = await events.store_event("s", None)
        assert await events.store_event("s", None) != place
    assert got == [note(0)]
    assert await replayed(events, ONE, place) == ("s", [note(1)])


async def test_no_event_is_lost_between_a_replay_and_the_place_that_it_gives(
    events: SessionEvents, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = await begun(events, ONE)
    monkeypatch.setattr(event_store, "_ROUNDS", 1)
    with events.within("one"):
        first = await events.store_event("s", None)
        real = events.missed

        async def missed(*args: Any) -> Any:
            found = await real(*args)
            await log.add("s", note(1))
            await log.add("other", note(2))
            return found

        monkeypatch.setattr(events, "missed", missed)
        got: list[Any] = []
        assert await events.replay_events_after(first, got.append) == "s"  # type: ignore[arg-type]  # is never called
        place = await events.store_event("s", None)
        monkeypatch.setattr(events, "missed", real)
    assert got == []
    assert place > first
    assert await replayed(events, ONE, place) == ("s", [note(1)])


async def test_the_oldest_events_go_first_when_there_are_too_many(
    events: SessionEvents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_store, "EVENTS_COUNT", 5)
    log = await begun(events, ONE)
    with events.within("one"):
        ids = [await events.store_event("s", note(number)) for number in range(8)]
    access = replace(ONE, address=Address("transport", "one", EVENTS_SCHEMA))
    assert await events.store.names(access) == ids[3:]
    assert await replayed(events, ONE, ids[2]) == (None, [])
    assert await replayed(events, ONE, ids[3]) == ("s", [note(number) for number in range(4, 8)])
    del log


async def test_the_oldest_events_go_first_when_they_are_too_large(
    events: SessionEvents, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(event_store, "EVENTS_BYTES", 1000)
    log = await begun(events, ONE)
    with events.within("one"):
        ids = [await events.store_event("s", note(number, "x" * 300)) for number in range(5)]
        assert await events.store_event("s", note(5, "x" * 1000)) == ""
    access = replace(ONE, address=Address("transport", "one", EVENTS_SCHEMA))
    assert await events.store.names(access) == ids[3:]
    assert "too large to be replayed" in caplog.text
    assert "xxx" not in caplog.text
    del log


async def test_an_event_can_be_replayed_for_its_time_only(events: SessionEvents, clock: Any) -> None:
    log = await begun(events, ONE)
    with events.within("one"):
        first = await events.store_event("s", None)
        clock.advance(EVENT_SECONDS / 2)
        second = await events.store_event("s", note(1))
        await events.store_event("s", note(2))
    clock.advance(EVENT_SECONDS / 2 + 1)
    assert await replayed(events, ONE, first) == (None, [])
    assert await replayed(events, ONE, second) == ("s", [note(2)])
    del log


async def test_a_session_that_was_quiet_for_longer_than_events_are_kept_has_its_next_ones_replayed(
    events: SessionEvents, clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    log = await begun(events, ONE)
    with events.within("one"):
        await events.store_event("s", note(0))
        clock.advance(EVENT_SECONDS * 1.5)
        first = await events.store_event("s", None)
        await events.store_event("s", note(1))
    assert await replayed(events, ONE, first) == ("s", [note(1)])
    assert caplog.text == ""
    del log


async def test_what_a_failure_left_is_dropped_with_the_next_event(
    events: SessionEvents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_store, "EVENTS_COUNT", 2)
    real = events.store.write

    async def write(*args: Any, **kwargs: Any) -> Any:
        raise StoreError("down")

    log = await begun(events, ONE)
    with events.within("one"):
        for number in range(2):
            await events.store_event("s", note(number))
        monkeypatch.setattr(events.store, "write", write)
        assert await events.store_event("s", note(2)) == ""
        monkeypatch.setattr(events.store, "write", real)
        last = await events.store_event("s", note(3))
    access = replace(ONE, address=Address("transport", "one", EVENTS_SCHEMA))
    assert await events.store.names(access) == [last]
    del log


async def test_events_that_come_before_the_id_is_known_wait_for_it(events: SessionEvents, asked: list[Any]) -> None:
    with events.opening() as log:
        asked.clear()
        first = await events.store_event("s", None)
        await events.store_event("s", note(1))
        assert await events.replay_events_after(first, print) is None  # type: ignore[arg-type]  # is never called
        assert asked == []
        await events.open(log, ONE)
        assert len(asked) == 1
        await events.store_event("s", note(2))
    assert await replayed(events, ONE, first) == ("s", [note(1), note(2)])


async def test_events_end_with_their_session(events: SessionEvents) -> None:
    log = await begun(events, ONE)
    with events.within("one"):
        first = await events.store_event("s", None)
        await events.store_event("s", note(1))
        await events.store.end(ONE)
        assert await events.store_event("s", note(2)) == ""
        assert await replayed(events, ONE, first) == (None, [])
    events.close("one")
    assert await log.add("s", note(3)) == ""


async def test_a_store_that_is_down_replays_nothing_for_now(
    events: SessionEvents, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = await begun(events, ONE)
    with events.within("one"):
        first = await events.store_event("s", None)
        await events.store_event("s", note(1))

    async def names(*args: Any, **kwargs: Any) -> Any:
        raise StoreError("down")

    with monkeypatch.context() as patched:
        patched.setattr(events.store, "names", names)
        assert await replayed(events, ONE, first) == (None, [])
        with pytest.raises(StoreError):
            await events.missed(ONE, first)
    assert await replayed(events, ONE, first) == ("s", [note(1)])
    del log
