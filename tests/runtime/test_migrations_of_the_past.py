"""What older versions have left in sessions harms nobody: names that come back, values that are renewed."""

import itertools
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from tests.runtime.migration_schemas import compiled

from mcp_sessions import SessionMigrationError, SessionVersionError, Store
from mcp_sessions.bulk import migrate_sessions
from mcp_sessions.lifecycle import Lifecycle
from mcp_sessions.stores import Address, MemoryStore
from mcp_sessions.stores.base import Remains
from mcp_sessions.testing import FakeClock

pytestmark = pytest.mark.anyio

Releases: TypeAlias = Callable[..., dict[int, Any]]

NAMES = itertools.count()
SECRET = "zzqy-secret"
STATE = """
import PACKAGE.NAME as made


def state(version):
    return next(value for key, value in vars(made).items() if key.endswith(f"V{version}State"))
"""


@pytest.fixture
def releases(tmp_path: Path) -> Releases:
    """Compiles versions of a session, given as its keys and what else is said of it."""

    def make(*versions: str, functions: str = "") -> dict[int, Any]:
        name = f"past{chr(97 + next(NAMES))}"
        texts = {
            number: f"sessiongen: 1\nsessions: {{{name}: {{version: {number}, {said}}}}}\n"
            for number, said in enumerate(versions, start=1)
        }
        made = compiled(tmp_path, texts, (STATE + functions).replace("NAME", name), name)
        return {number: getattr(module, f"{name.title()}Session") for number, module in made.items()}

    return make


async def kept(session: Any) -> Any:
    return await session.store.copy_out(Address("handle", session.id, session.schema.name))


async def test_a_key_gets_no_value_of_one_that_had_its_name_long_ago(releases: Releases, store: Store) -> None:
    made = releases("keys: {a: int, b: int}", "keys: {b: int}", "keys: {b: int, a: 'str = \"none\"'}")
    old = await made[1].create(store, values={"a": 7, "b": 1})
    between = made[2].open(store, old.id)
    assert await between.get_b() == 1
    assert b"7" in (await kept(between)).values.values()  # it stays: a rollback would find it
    new = made[3].open(store, old.id)
    assert (await new.get_a(), await new.has_a(), await new.get_b()) == ("none", False, 1)


async def test_a_name_that_was_reserved_and_comes_back_is_another_key(releases: Releases, store: Store) -> None:
    gone = "keys: {b: int}, reserved: [a]"
    made = releases('keys: {a: {type: int, deprecated: "No."}, b: int}', gone, "keys: {b: int, a: 'str = \"none\"'}")
    assert (made[2].schema.since, made[3].schema.since, made[3].schema.reads) == (1, None, None)
    session = await made[2].create(store, values={"b": 1})
    await made[1].open(store, session.id).set("a", 7)
    assert await made[3].open(store, session.id).get_a() == "none"
    with pytest.raises(SessionVersionError):
        await made[1].open(store, session.id).set("a", 8)


async def test_a_value_of_a_key_that_came_back_is_not_dropped_later(releases: Releases, store: Store) -> None:
    old = 'keys: {a: {type: int, deprecated: "No."}, b: int}'
    back = "keys: {a: int, b: int}"
    made = releases(old, "keys: {b: int}, reserved: [a]", back, "keys: {a: int, b: float}")
    session = await made[1].create(store, values={"b": 1})
    await made[3].open(store, session.id).set_a(7)
    assert await made[4].open(store, session.id).get_a() == 7


async def test_what_a_function_leaves_unset_is_unset(releases: Releases, store: Store) -> None:
    step = "def step(old):\n    return state(3)(b=old.b)\n"
    last = "keys: {b: int, gone: int = 0}, migrations: [{to: 3, call: 'FUNCTIONS:step'}]"
    made = releases("keys: {gone: int, b: int}", "keys: {b: int}", last, functions=step)
    session = await made[1].create(store, values={"gone": 99, "b": 1})
    new = made[3].open(store, session.id)
    assert (await new.get_gone(), await new.has_gone(), await new.get_b()) == (0, False, 1)


async def test_a_value_that_is_renewed_during_a_migration_keeps_its_new_time(
    releases: Releases, store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = releases("keys: {a: {type: int, ttl: 5s}}", "keys: {b: {type: int, ttl: 5s, renamed_from: a}}")
    session = await made[1].create(store, values={"a": 1})
    clock.advance(4)
    copy_out, renewed = store.copy_out, [False]

    async def copy_and_renew(address: Address) -> Any:
        copy = await copy_out(address)
        if not renewed[0]:
            renewed[0] = True
            await session.set_a(1)
        return copy

    monkeypatch.setattr(store, "copy_out", copy_and_renew)
    new = made[2].open(store, session.id)
    assert await new.get_b() == 1
    clock.advance(4)
    assert await new.get_b() == 1


async def test_a_new_time_to_live_counts_by_the_clock_of_the_store(
    releases: Releases, store: Store, clock: FakeClock
) -> None:
    made = releases("keys: {a: int}", "keys: {b: {type: int, ttl: 5m, renamed_from: a}}")
    session = await made[1].create(store, values={"a": 1})
    new = made[2].open(store, session.id)
    assert await new.get_b() == 1
    clock.advance(299)
    assert await new.get_b() == 1
    clock.advance(2)
    assert await new.get_b() is None


async def test_a_value_that_a_function_sets_is_stored_though_it_is_a_default(releases: Releases, store: Store) -> None:
    step = "def step(old):\n    return state(2)(locale=old.language)\n"
    two = "keys: {locale: 'str = \"en\"'}, migrations: [{to: 2, call: 'FUNCTIONS:step'}]"
    three = "keys: {locale: 'str = \"de\"'}, migrations: [{to: 2, call: 'FUNCTIONS:step'}]"
    made = releases("keys: {language: str}", two, three, functions=step)
    session = await made[1].create(store, values={"language": "en"})
    assert await made[2].open(store, session.id).has_locale()
    other = await made[1].create(store, values={"language": "en"})
    assert await made[3].open(store, other.id).get_locale() == "en"


async def test_no_value_is_in_an_error_of_a_function(
    releases: Releases, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    step = "def step(old):\n    return state(2)(m={old.a: old.a})\n"
    two = "keys: {m: 'dict[str, int]'}, migrations: [{to: 2, call: 'FUNCTIONS:step'}]"
    made = releases("keys: {a: str}", two, functions=step)
    session = await made[1].create(store, values={"a": SECRET})
    with caplog.at_level(logging.INFO):
        try:
            await made[2].open(store, session.id).get_m()
        except SessionMigrationError:
            logging.getLogger("app").exception("failed")
    assert "failed with ValidationError (m of " in caplog.text
    assert SECRET not in caplog.text


@pytest.mark.parametrize(("version", "since", "reads"), [(1, 1, True), (3, 2, True), (3, 3, False)])
async def test_a_hook_reads_of_another_version_what_its_server_could(
    releases: Releases, version: int, since: int, reads: bool
) -> None:
    made = releases("keys: {a: int}", "keys: {a: int, b: int = 1}")[2]
    store = MemoryStore()
    told: list[int] = []
    refused: list[str] = []

    async def tell(session: Any, reason: str) -> None:
        try:
            told.append(await session.get_a())
        except SessionVersionError as error:
            refused.append(str(error))

    lifecycle = Lifecycle(store, [made])
    lifecycle.add_end(made, tell)
    session = await made.create(store)
    address = Address("handle", session.id, made.schema.name)
    await lifecycle.over([Remains(address, None, "ended", {"a": b"5"}, version, since)], "ended")
    assert (told, len(refused)) == (([5], 0) if reads else ([], 1))


async def test_a_function_that_exits_stops_nobody_else(releases: Releases, store: Store) -> None:
    two = "keys: {n: int}, migrations: [{to: 2, call: 'FUNCTIONS:step'}]"
    made = releases("keys: {a: str}", two, functions="def step(old):\n    raise SystemExit(3)\n")
    for _ in range(3):
        await made[1].create(store, values={"a": "1"})
    report = await migrate_sessions(store, [made[2]])
    assert len(report.failures) == 3
    assert "failed with SystemExit" in report.failures[0].why


async def test_of_two_keys_that_change_names_each_gets_its_value(releases: Releases, store: Store) -> None:
    swapped = "keys: {c: {type: int, renamed_from: a}, d: {type: int, renamed_from: b}}"
    made = releases("keys: {a: int, b: int}", swapped, "keys: {b: {type: int, renamed_from: c}, d: int}")
    session = await made[1].create(store, values={"a": 1, "b": 2})
    new = made[3].open(store, session.id)
    assert (await new.get_b(), await new.get_d()) == (1, 2)
