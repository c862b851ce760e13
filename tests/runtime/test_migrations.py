"""Sessions outlive releases: older ones are migrated when they are used, and newer ones are not lost."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest
from tests.runtime.migration_schemas import compiled

from mcp_sessions import SessionMigrationError, SessionVersionError, Store
from mcp_sessions.base_session import BaseSession
from mcp_sessions.bulk import MigrationReport, migrate_sessions
from mcp_sessions.migrations import Migration, require_migrations
from mcp_sessions.stores import MemoryStore
from mcp_sessions.stores.base import Address, SessionCopy
from mcp_sessions.testing import FakeClock, migrated

pytestmark = pytest.mark.anyio

SECRET = "zzqy-secret"


@pytest.fixture(scope="session")
def trips(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Any]:
    """The generated modules of all versions."""
    return compiled(tmp_path_factory.mktemp("releases"))


@pytest.fixture
def broken(trips: dict[int, Any], monkeypatch: pytest.MonkeyPatch) -> Callable[..., type[Any]]:
    """Makes an accessor of version 4 whose migration does something else."""

    def make(function: Callable[[Any], Any]) -> type[Any]:
        accessor = trips[4].TripSession
        declared = accessor.schema.migrations
        steps = tuple(replace(step, load=lambda: function) if step.to == 4 else step for step in declared)
        monkeypatch.setattr(accessor, "schema", replace(accessor.schema, migrations=steps))
        found: type[Any] = accessor
        return found

    return make


async def begun(trips: dict[int, Any], store: Store, version: int = 1) -> Any:
    """Begin a session of a version, with a value in each key that it has."""
    session = await trips[version].TripSession.create(store)
    await session.set("language" if version == 1 else "locale", "de")
    await session.set("seats" if version < 5 else "people", 3)
    await session.set_price(12)
    tags = {name: trips[version].Tag(name=name) for name in ("sea", "sun")} if version > 3 else {"sea": "", "sun": ""}
    await session.set_tags(tags if version > 4 else list(tags.values()) if version == 4 else list(tags))
    if version == 1:
        await session.set_old_note(SECRET)
    return session


def opened(trips: dict[int, Any], session: BaseSession, version: int) -> Any:
    return trips[version].TripSession.open(session.store, session.id)


async def kept(session: BaseSession) -> SessionCopy:
    copy = await session.store.copy_out(Address("handle", session.id, "trip"))
    assert copy is not None
    return copy


async def test_values_are_moved_dropped_and_read_by_wider_types_without_a_function(
    trips: dict[int, Any], store: Store
) -> None:
    old = await begun(trips, store)
    new = opened(trips, old, 2)
    assert await new.get_locale() == "de"
    state = await new.snapshot()
    assert (state.locale, state.seats, state.price, state.tags) == ("de", 3, 12.0, ["sea", "sun"])
    copy = await kept(new)
    assert set(copy.values) == {"locale", "seats", "price", "tags"}
    assert (copy.version, copy.digest, copy.since) == (2, trips[2].TripSession.schema.digest, 2)


async def test_functions_and_moves_are_done_one_after_the_other(trips: dict[int, Any], store: Store) -> None:
    new = opened(trips, await begun(trips, store), 5)
    state = await new.snapshot()
    tag = trips[5].Tag
    assert state.tags == {"sea": tag(name="sea"), "sun": tag(name="sun")}
    assert (state.locale, state.people, state.price, state.hotel) == ("de", 3, 12.0, None)
    assert set((await kept(new)).values) == {"locale", "people", "price", "tags"}


OPERATIONS: dict[str, Callable[[Any], Awaitable[Any]]] = {
    "get": lambda session: session.get_locale(),
    "set": lambda session: session.set_hotel("Ritz"),
    "has": lambda session: session.has_locale(),
    "remove": lambda session: session.remove_seats(),
    "take": lambda session: session.take_seats(),
    "update": lambda session: session.update_seats(lambda seats: seats + 1),
    "increment": lambda session: session.increment_seats(),
    "append": lambda session: session.append_tags(),
    "keys": lambda session: session.keys(),
    "snapshot": lambda session: session.snapshot(),
    "transact": lambda session: session.transact(lambda draft: draft.locale),
    "clear": lambda session: session.clear(),
}


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
async def test_whatever_a_session_is_used_for_first_it_is_migrated_before(
    trips: dict[int, Any], store: Store, operation: Callable[[Any], Awaitable[Any]]
) -> None:
    one, other = await begun(trips, store), await begun(trips, store, 4)
    new = opened(trips, one, 4)
    assert await operation(new) == await operation(opened(trips, other, 4))
    assert (await kept(new)).version == 4


async def test_touching_or_ending_a_session_needs_no_migration(trips: dict[int, Any], store: Store) -> None:
    session = await begun(trips, store)
    new = opened(trips, session, 5)
    await new.touch()
    assert (await kept(new)).version == 1
    assert await new.end()


async def test_a_key_of_the_same_name_that_was_unset_stays_so(trips: dict[int, Any], store: Store) -> None:
    session = await trips[1].TripSession.create(store)
    await session.set_language("de")
    new = opened(trips, session, 5)
    assert await new.keys() == ["locale", "people"]  # of people the function says what they are
    assert (await new.get_people(), await new.get_price(), await new.get_tags()) == (1, None, {})


async def test_values_keep_their_time_to_live(trips: dict[int, Any], store: Store, clock: FakeClock) -> None:
    session = await begun(trips, store)
    before = (await kept(session)).untils
    clock.advance(200)
    new = opened(trips, session, 5)
    assert await new.get_price() == 12.0
    assert (await kept(new)).untils == before
    clock.advance(101)
    assert await new.get_price() is None


async def test_a_migration_does_not_prolong_the_life_of_a_session(
    trips: dict[int, Any], store: Store, clock: FakeClock
) -> None:
    session = await begun(trips, store)
    before = (await kept(session)).expires
    clock.advance(100)
    await migrate_sessions(store, [trips[5].TripSession])
    assert ((await kept(session)).version, (await kept(session)).expires) == (5, before)


async def test_versions_that_get_along_use_the_same_session_in_turn(trips: dict[int, Any], store: Store) -> None:
    two = await begun(trips, store, 2)
    three = opened(trips, two, 3)
    await three.set_hotel("Ritz")
    await two.increment_seats()
    assert (await three.get_seats(), await three.get_hotel(), await two.get_locale()) == (4, "Ritz", "de")
    assert (await kept(two)).version == 2  # nothing had to be moved
    other = await begun(trips, store, 3)
    assert await opened(trips, other, 2).increment_seats() == 4


@pytest.mark.parametrize("older", [1, 2, 3])
async def test_a_session_of_a_newer_version_is_refused_and_not_lost(
    trips: dict[int, Any], store: Store, older: int
) -> None:
    session = await begun(trips, store, 4)
    before = await kept(session)
    old = opened(trips, session, older)
    for operation in (old.get_seats, old.snapshot, old.clear, old.increment_seats):
        with pytest.raises(SessionVersionError, match=f"version 4, and this server has version {older}"):
            await operation()
    assert await kept(session) == before
    assert await session.get_seats() == 3


async def test_a_failing_function_leaves_the_session_as_it_was_and_tells_no_secret(
    trips: dict[int, Any], store: Store, broken: Callable[..., type[Any]]
) -> None:
    def fail(old: Any) -> Any:
        raise ValueError(f"cannot do {old.locale} {SECRET}")

    session = await begun(trips, store)
    before = await kept(session)
    new = broken(fail).open(store, session.id)
    says = r"the migration to version 4 .*trip_v4\) failed with ValueError"
    with pytest.raises(SessionMigrationError, match=says) as caught:
        await new.get_locale()
    assert SECRET not in str(caught.value)
    assert session.id not in str(caught.value)
    assert isinstance(caught.value.__cause__, ValueError)
    assert await kept(session) == before
    assert await session.get_old_note() == SECRET


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (lambda old: None, "returned NoneType instead of TripState"),
        (lambda old: old, "returned TripV3State instead of TripState"),
        (lambda old: asyncio.sleep(0), "is async"),
    ],
)
async def test_a_function_that_returns_something_else_is_refused(
    trips: dict[int, Any], store: Store, broken: Callable[..., type[Any]], function: Callable[[Any], Any], says: str
) -> None:
    session = await begun(trips, store)
    with pytest.raises(SessionMigrationError, match=says):
        await broken(function).open(store, session.id).get_seats()
    assert (await kept(session)).version == 1


async def test_a_function_that_makes_what_does_not_fit_is_told_where(
    trips: dict[int, Any], store: Store, broken: Callable[..., type[Any]]
) -> None:
    session = await begun(trips, store)
    new = broken(lambda old: trips[4].TripState(locale="german")).open(store, session.id)
    with pytest.raises(
        SessionMigrationError,
        match=r"version 4 .* failed with ValidationError \(locale of TripState: string_pattern_mismatch\)",
    ):
        await new.get_seats()
    assert (await kept(session)).version == 1


async def test_what_a_function_returns_has_to_fit(
    trips: dict[int, Any], store: Store, broken: Callable[..., type[Any]]
) -> None:
    session = await begun(trips, store)
    made = trips[4].TripState.model_construct(locale="german", _fields_set={"locale"})
    with pytest.raises(SessionMigrationError, match=r"what the migration to version 4 .* does not fit: locale"):
        await broken(lambda old: made).open(store, session.id).get_seats()
    assert (await kept(session)).version == 1


async def test_a_value_that_does_not_fit_and_that_nothing_changes_stops_the_migration(
    trips: dict[int, Any], store: Store
) -> None:
    session = await begun(trips, store)
    await store.write(session._access(), {"seats": b'"many"'})
    before = await kept(session)
    with pytest.raises(SessionMigrationError, match="seats of version 1 does not fit version 2") as caught:
        await opened(trips, session, 2).get_locale()
    assert session.id not in str(caught.value)
    with pytest.raises(SessionMigrationError, match=r"cannot begin: seats of version 3: .*does not fit"):
        await opened(trips, session, 5).get_locale()
    assert await kept(session) == before


async def test_a_function_that_is_not_there_shows_at_the_start(trips: dict[int, Any]) -> None:
    def load() -> Any:
        raise ModuleNotFoundError("No module named 'app'")

    schema = replace(trips[4].TripSession.schema, migrations=(Migration(to=4, load=load, name="app:trip_v4"),))
    with pytest.raises(SessionMigrationError, match=r"\(app:trip_v4\) cannot be imported: ModuleNotFoundError"):
        require_migrations(schema)


async def test_of_many_at_once_one_migrates_and_all_are_served(trips: dict[int, Any], store: Store) -> None:
    session = await begun(trips, store)
    done = await asyncio.gather(*(opened(trips, session, 5).increment_people() for _ in range(50)))
    assert sorted(done) == list(range(4, 54))


async def test_what_an_old_server_writes_during_the_migration_is_not_lost(
    trips: dict[int, Any], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An old server writes between the reading and the writing of a migration: then it is done again."""
    session = await begun(trips, store)
    copy_out, writes = store.copy_out, ["fr", "it"]

    async def copy_and_write(address: Address) -> SessionCopy | None:
        copy = await copy_out(address)
        if writes:
            await session.set_language(writes.pop(0))
        return copy

    monkeypatch.setattr(store, "copy_out", copy_and_write)
    assert await opened(trips, session, 5).get_locale() == "it"
    assert writes == []


async def test_an_end_hook_gets_the_state_in_the_present_version(trips: dict[int, Any]) -> None:
    from mcp_sessions.server import Sessions

    clock = FakeClock()
    store = MemoryStore(clock=clock)
    sessions = Sessions(store, schemas=[trips[5].TripSession])
    told: list[Any] = []

    async def tell(session: Any, reason: str) -> None:
        told.append((reason, await session.get_people(), await session.get_locale()))

    sessions.on_end(trips[5].TripSession)(tell)
    await begun(trips, store)
    clock.advance(2000)
    await sessions.purge()
    assert told == [("expired", 3, "de")]


# All sessions of a store


async def test_all_sessions_of_a_store_are_migrated_and_what_fails_is_told(trips: dict[int, Any], store: Store) -> None:
    sessions = [await begun(trips, store, version) for version in (1, 1, 2, 3, 4, 5) for _ in range(5)]
    await store.write(sessions[0]._access(), {"seats": b'"many"'})
    looked_at: list[int] = []
    tried = await migrate_sessions(store, [trips[4].TripSession], dry_run=True, batch=7, progress=looked_at.append)
    assert [(await kept(session)).version for session in sessions] == [1] * 10 + [2] * 5 + [3] * 5 + [4] * 5 + [5] * 5
    report = await migrate_sessions(store, [trips[4].TripSession], batch=7)
    assert report == tried
    assert sum(looked_at) == 30
    assert (report.migrated, report.current, report.newer, report.gone) == (19, 5, 5, 0)
    (failure,) = report.failures
    assert (failure.schema, failure.version) == ("trip", 1)
    assert "seats of version 3" in failure.why
    assert sessions[0].id not in repr(failure)
    assert [(await kept(session)).version for session in sessions] == [1] + [4] * 24 + [5] * 5
    again = await migrate_sessions(store, [trips[4].TripSession])
    assert (again.migrated, again.current) == (0, 24)


async def test_an_interrupted_migration_tells_what_was_done_and_goes_on_later(
    trips: dict[int, Any], store: Store
) -> None:
    for _ in range(20):
        await begun(trips, store)
    report = MigrationReport()

    def stop(number: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await migrate_sessions(store, [trips[5].TripSession], batch=8, progress=stop, report=report)
    assert report.migrated == 8
    rest = await migrate_sessions(store, [trips[5].TripSession], batch=8)
    assert (rest.migrated, rest.current) == (12, 8)


# For tests of migrations


def test_a_test_can_ask_what_becomes_of_values(trips: dict[int, Any]) -> None:
    after = migrated(trips[5].TripSession, {"language": "de", "tags": ["sea"], "old_note": "x"}, version=1)
    assert after == trips[5].TripState(locale="de", tags={"sea": trips[5].Tag(name="sea")})
    assert after.model_fields_set == {"locale", "people", "tags"}


async def test_a_test_can_ask_what_becomes_of_recorded_sessions(
    trips: dict[int, Any], store: Store, tmp_path: Any
) -> None:
    from mcp_sessions.stores.transfer import export_sessions
    from mcp_sessions.testing import recorded

    await begun(trips, store)
    file = tmp_path / "recorded.jsonl"
    file.write_text("\n".join([line async for line in export_sessions(store)]))
    (copy,) = recorded(file, trips[5].TripSession)
    assert migrated(trips[5].TripSession, copy).people == 3
    assert isinstance(trips[5], ModuleType)
