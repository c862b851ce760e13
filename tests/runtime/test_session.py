"""What a generated accessor does, on every store."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from mcp_sessions import (
    Session,
    SessionDataError,
    SessionEndedError,
    SessionExpiredError,
    SessionKeyError,
    SessionNotFoundError,
    SessionRequiredError,
    SessionValueError,
    Store,
    UntypedSession,
)
from mcp_sessions.context import Call, serving
from mcp_sessions.errors import SessionConflictError
from mcp_sessions.ids import is_handle, masked
from mcp_sessions.stores import Access, Address, Lifetime

pytestmark = pytest.mark.anyio


@pytest.fixture
async def session(store: Store, kinds: Any) -> Any:
    return await kinds.KindsSession.create(store)


async def test_a_key_can_be_set_read_and_unset(session: Any) -> None:
    assert await session.get_title() is None
    assert not await session.has_title()
    await session.set_title("atlas")
    assert await session.get_title() == "atlas"
    assert await session.has_title()
    assert await session.remove_title()
    assert not await session.remove_title()
    assert await session.get_title() is None


async def test_a_default_is_read_but_not_stored(session: Any) -> None:
    assert await session.get_count() == 0
    assert not await session.has_count()
    assert await session.keys() == []


async def test_null_and_unset_are_different(session: Any) -> None:
    assert not await session.has_maybe()
    await session.set_maybe(None)
    assert await session.has_maybe()
    assert await session.get_maybe() is None


async def test_take_reads_and_unsets_at_once_with_one_winner(session: Any) -> None:
    await session.set_title("prize")
    won = await asyncio.gather(*(session.take_title() for _ in range(20)))
    assert sorted(won, key=str) == [None] * 19 + ["prize"]


async def test_take_leaves_what_it_cannot_read(session: Any, store: Store) -> None:
    await store.write(Access(Address("handle", session.id, "kinds")), {"count": b'"many"'})
    with pytest.raises(SessionDataError):
        await session.take_count()
    assert await session.has_count()


async def test_a_value_that_does_not_fit_is_refused_and_nothing_is_written(session: Any) -> None:
    await session.set_bounded(3)
    for attempt in (
        session.set_bounded(4),
        session.set_bounded("3"),
        session.increment_bounded(),
        session.update_bounded(lambda value: value + 1),
        session.set_title("longer than ten"),
        session.increment_count(1.5),
        session.increment_count(True),
    ):
        with pytest.raises(SessionValueError):
            await attempt
    assert await session.get_bounded() == 3
    assert await session.keys() == ["bounded"]


async def test_numbers_are_incremented(session: Any) -> None:
    assert await session.increment_count() == 1
    assert await session.increment_count(-5) == -4
    assert await session.increment_limit(7) == 7
    assert await session.increment_ratio(0.25) == 1.75
    assert await session.increment_money(Decimal("0.10")) == Decimal("0.10")
    assert await session.increment_money(1) == Decimal("1.10")
    assert await session.increment_bounded(3) == 3
    assert await session.increment_count(2**70) == 2**70 - 4


async def test_lists_are_appended_to(session: Any) -> None:
    await session.append_tags("a", "b")
    await session.append_tags()
    await session.append_tags("c")
    assert await session.get_tags() == ["a", "b", "c"]
    await session.append_few("x")
    with pytest.raises(SessionValueError, match="at most 2"):
        await session.append_few("y", "z")
    assert await session.get_few() == ["x"]
    with pytest.raises(SessionValueError):
        await session.append_tags(1)


async def test_dicts_are_changed_entry_by_entry(session: Any) -> None:
    await session.put_scores("ann", 3)
    await session.put_scores("bob", 4)
    assert await session.pop_scores("ann") == 3
    assert await session.pop_scores("ann") is None
    assert await session.get_scores() == {"bob": 4}
    with pytest.raises(SessionValueError):
        await session.put_scores("bob", "many")


async def test_concurrent_changes_are_all_there(session: Any) -> None:
    await asyncio.gather(
        *(session.increment_count() for _ in range(50)),
        *(session.update_limit(lambda value: (value or 0) + 1) for _ in range(50)),
        *(session.append_tags(str(number)) for number in range(50)),
        *(session.put_scores(str(number), number) for number in range(50)),
    )
    assert await session.get_count() == 50
    assert await session.get_limit() == 50
    assert sorted(await session.get_tags(), key=int) == [str(number) for number in range(50)]
    assert await session.get_scores() == {str(number): number for number in range(50)}


async def test_an_update_whose_function_fails_changes_nothing(session: Any) -> None:
    await session.set_count(3)
    with pytest.raises(ZeroDivisionError):
        await session.update_count(lambda value: value // 0)
    assert await session.get_count() == 3


async def test_an_update_that_loses_each_time_says_so(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mcp_sessions.attempts.ATTEMPTS", 3)
    real = session.store.write

    async def beaten(access: Access, changes: Any, expected: Any = None, ttls: Any = None) -> Any:
        if expected is not None:
            await real(access, {"count": str(int(expected["count"] or 0) + 1).encode()})
        return await real(access, changes, expected, ttls)

    monkeypatch.setattr(session.store, "write", beaten)
    with pytest.raises(SessionConflictError, match=r"kinds\.count: other writers changed it 3 times") as conflict:
        await session.update_count(lambda value: value + 100)
    assert conflict.value.current == 3
    assert await session.get_count() == 3


async def test_keys_by_name_have_their_own_types_and_unknown_ones_are_refused(session: Any, kinds: Any) -> None:
    await session.set("title", "atlas")
    await session.set("item", kinds.Item(sku="A"))
    assert await session.get("title") == "atlas"
    assert await session.get("item") == kinds.Item(sku="A", qty=1)
    assert await session.has("title")
    assert await session.keys() == ["title", "item"]
    assert await session.remove("title")
    for attempt in (session.get("colour"), session.set("colour", 1), session.has("colour"), session.remove("colour")):
        with pytest.raises(SessionKeyError, match="kinds has no key 'colour'; its keys are: count, limit"):
            await attempt
    with pytest.raises(SessionValueError):
        await session.set("title", 5)


async def test_a_snapshot_has_everything_at_one_moment(session: Any, kinds: Any) -> None:
    await session.set_title("atlas")
    await session.append_tags("a")
    state = await session.snapshot()
    assert isinstance(state, kinds.KindsState)
    assert (state.title, state.tags, state.count, state.limit) == ("atlas", ["a"], 0, None)
    assert state.model_fields_set == {"title", "tags"}


async def test_clear_unsets_everything_and_the_session_stays(session: Any) -> None:
    await session.set_title("atlas")
    await session.clear()
    assert await session.keys() == []
    await session.set_title("again")


async def test_an_ended_session_is_never_brought_back(session: Any, kinds: Any) -> None:
    await session.set_title("atlas")
    again = kinds.KindsSession.open(session.store, session.id)
    assert await session.end()
    assert not await session.end()
    for attempt in (
        again.get_title(),
        again.set_title("x"),
        again.increment_count(),
        again.append_tags("x"),
        again.put_scores("x", 1),
        again.update_limit(lambda value: 1),
        again.clear(),
        again.keys(),
        again.snapshot(),
        again.touch(),
    ):
        with pytest.raises(
            SessionEndedError, match=r"has been ended.*\. Begin a new one, and use its handle instead\.$"
        ):
            await attempt


async def test_the_idle_lifetime_slides_and_the_maximum_does_not(session: Any, clock: Any) -> None:
    for _ in range(6):
        clock.advance(590)
        await session.get_title()
    expires = await session.touch()
    assert expires == datetime.fromtimestamp(1_800_000_000 + 3600, UTC)
    clock.advance(61)
    with pytest.raises(SessionExpiredError, match=r"has expired.*\. Begin a new one, and use its handle instead\.$"):
        await session.set_title("too late")


async def test_an_idle_session_expires(session: Any, clock: Any) -> None:
    clock.advance(11 * 60)
    with pytest.raises(SessionExpiredError):
        await session.get_title()


async def test_a_schema_without_a_lifetime_takes_the_given_one(store: Store, clock: Any) -> None:
    session = await UntypedSession.create(store, idle="2m")
    clock.advance(60)
    await session.set("a", 1)
    clock.advance(150)
    with pytest.raises(SessionExpiredError):
        await session.get("a")


async def test_a_session_is_its_owners_alone(store: Store, kinds: Any) -> None:
    mine = await kinds.KindsSession.create(store, owner="me")
    await mine.set_title("secret")
    for owner in (None, "you"):
        stranger = kinds.KindsSession.open(store, mine.id, owner=owner)
        with pytest.raises(SessionNotFoundError, match="there is no such kinds session") as caught:
            await stranger.get_title()
        assert type(caught.value).__name__ == "SessionNotFoundError"
        assert not await stranger.end()
    await mine.end()
    with pytest.raises(SessionNotFoundError, match="there is no such kinds session"):
        await kinds.KindsSession.open(store, mine.id, owner="you").get_title()
    assert mine.store is store


@pytest.mark.parametrize(
    "handle", ["", "kinds", "kinds_", "kinds_short", "cart_" + "a" * 32, "kinds_" + "A" * 32, "kinds_" + "a" * 33, "é"]
)
async def test_an_id_that_was_never_minted_is_refused_without_asking_the_store(kinds: Any, handle: str) -> None:
    with pytest.raises(SessionNotFoundError, match=r"Begin a new one, and use its handle instead\.$"):
        kinds.KindsSession.open(None, handle)


async def test_a_handle_of_one_schema_is_none_of_another(store: Store, kinds: Any) -> None:
    untyped = await UntypedSession.create(store)
    with pytest.raises(SessionNotFoundError):
        kinds.KindsSession.open(store, untyped.id)


async def test_corrupt_data_is_an_error_that_names_key_and_session(session: Any, store: Store) -> None:
    await store.write(Access(Address("handle", session.id, "kinds")), {"count": b'"many"', "tags": b"{}"})
    for attempt in (
        session.get_count(),
        session.snapshot(),
        session.update_count(lambda value: 1),
        session.take_count(),
        session.increment_count(),
    ):
        with pytest.raises(SessionDataError) as caught:
            await attempt
        assert "kinds.count of" in str(caught.value)
        assert session.id not in str(caught.value)
        assert masked(session.id) in str(caught.value)
    with pytest.raises(SessionDataError, match=r"kinds\.tags of"):
        await session.append_tags("x")
    assert await session.has_count()


async def test_a_transport_session_holds_the_state_of_several_schemas(store: Store, kinds: Any) -> None:
    await store.create(Access(Address("transport", "t1", "")), Lifetime(600))
    with serving(Call(store, transport="t1")):
        typed, untyped = kinds.KindsSession.current(), UntypedSession.current()
    await typed.set_title("atlas")
    await untyped.set("title", "other")
    assert await typed.get_title() == "atlas"
    assert await untyped.snapshot() == {"title": "other"}
    assert await typed.end()
    assert await typed.get_title() is None
    assert await untyped.get("title") == "other"


async def test_outside_of_a_call_an_accessor_says_what_is_missing(kinds: Any) -> None:
    session = kinds.KindsSession.current()
    assert repr(session) == "<KindsSession of no session>"
    with pytest.raises(SessionRequiredError, match="no MCP call here"):
        await session.get_title()
    with pytest.raises(SessionRequiredError):
        _ = session.store


def test_a_class_that_is_called_says_how_its_sessions_are_made(kinds: Any) -> None:
    ways = r"session: KindsSession; .*KindsSession\.current\(\); .*KindsSession\.create\(store\), or KindsSession\.open"
    for given in ((), (None,), ("kinds_abc",)):
        with pytest.raises(TypeError, match=rf"KindsSession\(\.\.\.\) makes no session: .*{ways}"):
            kinds.KindsSession(*given)


async def test_ids_are_random_and_hidden_in_a_repr(store: Store, kinds: Any) -> None:
    made = [await kinds.KindsSession.create(store) for _ in range(20)]
    assert len({session.id for session in made}) == 20
    assert all(is_handle(session.id, "kinds") for session in made)
    assert made[0].id not in repr(made[0])


async def test_a_class_derived_from_a_generated_one_keeps_its_schema(store: Store, kinds: Any) -> None:
    class Mine(kinds.KindsSession):  # type: ignore[misc]  # compiled at run time
        async def shout(self) -> str:
            return (await self.get_title() or "").upper()

    session = await Mine.create(store)
    await session.set_title("atlas")
    assert await session.shout() == "ATLAS"
    assert issubclass(Mine, Session)


async def test_an_untyped_session_takes_any_key_and_json_value(store: Store) -> None:
    session = await UntypedSession.create(store)
    for key in ("a", "", "with space", "\N{SNOWMAN}", "x" * 1000, "a/b:c"):
        await session.set(key, {"k": [1, None, key]})
        assert await session.get(key) == {"k": [1, None, key]}
    assert await session.keys() == sorted(["a", "", "with space", "\N{SNOWMAN}", "x" * 1000, "a/b:c"])
    assert await session.update("n", lambda value: (value if isinstance(value, int) else 0) + 1) == 1
    assert await session.take("n") == 1
    assert await session.take("n") is None
    assert not await session.has("n")
    assert await session.remove("a")
    await session.clear()
    assert await session.snapshot() == {}
    assert await session.end()


async def test_an_untyped_session_can_have_a_name_of_its_own(store: Store) -> None:
    class Scratchpad(UntypedSession, name="scratchpad"):
        """Scratch."""

    session = await Scratchpad.create(store)
    assert session.id.startswith("scratchpad_")
    assert UntypedSession.schema.name == "session"


async def test_a_key_cannot_be_written_like_an_attribute(session: Any) -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'title' that could be set: .* await session.set_title\("):
        session.title = "x"
    assert await session.get_title() is None


async def test_a_function_that_updates_must_not_be_async(session: Any) -> None:
    async def later(count: int) -> int:
        return count + 1

    with pytest.raises(TypeError, match=r"^update\(\) takes a function that does not return an awaitable; nothing was"):
        await session.update_count(later)
    assert await session.get_count() == 0
