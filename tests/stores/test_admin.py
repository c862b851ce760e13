"""What those who run a server see and change of sessions, in every store."""

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
from pydantic import AfterValidator, BaseModel, Field, field_validator

from mcp_sessions import (
    Key,
    NumberKey,
    Session,
    SessionConflictError,
    SessionKeyError,
    SessionSchema,
    SessionValueError,
    UntypedSession,
    ValueModel,
)
from mcp_sessions.admin import (
    MASK,
    Catalog,
    Detail,
    Entry,
    Filters,
    Summary,
    end,
    find,
    page,
    reference_of,
    set_value,
    show,
    statistics,
    summaries,
    unset_value,
)
from mcp_sessions.ids import masked, mint_handle, mint_transport_id
from mcp_sessions.stores import TRANSPORT_SCHEMA, Access, Address, Lifetime, MemoryStore, Store
from mcp_sessions.stores.encrypted import EncryptedStore, new_key
from mcp_sessions.stores.terms import EVENTS_SCHEMA
from mcp_sessions.testing import FakeClock

OWNER = "ab" * 32


class Item(BaseModel):
    sku: str
    login: dict[str, str] = {}


class CartState(ValueModel):
    """A cart."""


class CartSession(
    Session[CartState, str],
    schema=SessionSchema(
        name="cart",
        version=3,
        reads=2,
        since=2,
        digest="d3",
        keys=(
            NumberKey[int]("visits", Annotated[int, Field(ge=0)], default=0),
            Key[list[Item], list[Item]]("items", list[Item], default=[]),
            Key[str, str | None]("coupon", str, doc="A code that\nmakes it cheaper."),
            Key[Decimal, Decimal | None]("quote", Decimal, ttl=60.0),
            Key[Any, Any]("status", Literal["open", "paid"], default="open"),
            Key[str, str | None]("api_key", str),
        ),
    ),
):
    """A cart."""


class Pad(UntypedSession, name="pad"):
    """Any key."""


CATALOG = Catalog([CartSession, Pad])
NOTHING = Catalog()


async def begun(store: Store, schema: str = "cart", owner: str | None = OWNER, **about: Any) -> Access:
    """Begin a session; of the cart's version 3 unless something else is said."""
    values, idle, most = about.pop("values", {}), about.pop("idle", 600.0), about.pop("max", None)
    versions = {"version": 3, "digest": "d3" if schema == "cart" else "", "since": 2} | about
    access = Access(Address("handle", mint_handle(schema), schema), owner, **versions)
    await store.create(access, Lifetime(idle, most), values)
    return access


async def in_transport(store: Store, *schemas: str) -> Access:
    parent = Access(Address("transport", mint_transport_id(), TRANSPORT_SCHEMA))
    await store.create(parent, Lifetime(600.0))
    for schema in schemas:
        child = replace(parent, address=replace(parent.address, schema=schema), begin=Lifetime(6000.0))
        await store.write(child, {"0000000001-" + "ab" * 16: b'["s",{"a":1},null]'})
    return parent


async def listed(store: Store, clock: FakeClock | None = None, **wanted: Any) -> list[Summary]:
    return [one async for one in summaries(store, Filters(**wanted), clock=clock)]


async def shown(store: Store, access: Access, catalog: Catalog = CATALOG, *, reveal: bool = False) -> Detail:
    detail = await show(store, access.address, catalog, reveal=reveal)
    assert detail is not None
    return detail


def entry(detail: Detail, key: str) -> Entry:
    [found] = [one for one in detail.entries if one.key == key]
    return found


# Listing


async def test_a_list_tells_how_old_idle_and_large_a_session_is(store: Store, clock: FakeClock) -> None:
    access = await begun(store, values={"coupon": b'"A"'}, max=5000.0)
    clock.advance(60.0)
    await store.touch(access)
    clock.advance(40.0)
    [one] = await listed(store, clock)
    assert (one.address, one.owner, one.schema, one.space, one.version) == (access.address, OWNER, "cart", "handle", 3)
    assert one.masked == masked(access.address.id)
    assert (one.age, one.idle, one.last_used) == (100.0, pytest.approx(40.0), pytest.approx(clock.now - 40.0))
    assert one.expires_in == pytest.approx(one.expires - clock.now)
    assert (one.created, one.idle_lifetime, one.max_at) == (clock.now - 100.0, 600.0, clock.now - 100.0 + 5000.0)
    assert one.size >= len("coupon") + 3


async def test_ages_are_told_by_the_clock_of_the_store(store: Store, clock: FakeClock) -> None:
    await begun(store)
    clock.advance(100.0)
    [one] = await listed(store)
    assert one.age == pytest.approx(100.0, abs=5.0)
    assert one.idle == pytest.approx(100.0, abs=5.0)


async def test_an_expiry_that_cannot_move_does_not_tell_the_last_use(store: Store, clock: FakeClock) -> None:
    await begun(store, idle=600.0, max=100.0)
    [one] = await listed(store, clock)
    assert (one.idle, one.last_used) == (None, None)
    assert await listed(store, clock, min_idle=0.0) == []


async def test_a_listing_is_no_use_of_a_session(store: Store, clock: FakeClock) -> None:
    access = await begun(store)
    clock.advance(500.0)
    before = await store.look_up(access.address)
    await listed(store, clock)
    await shown(store, access)
    await find(store, access.address.id[:9], clock=clock)
    await statistics(store)
    assert await store.look_up(access.address) == before


async def test_sessions_are_filtered(store: Store, clock: FakeClock) -> None:
    old = await begun(store, values={"coupon": b'"' + b"x" * 1000 + b'"'}, idle=6000.0)
    clock.advance(1000.0)
    new = await begun(store, owner="cd" * 32)
    pad = await begun(store, "pad", None)
    mcp = await in_transport(store, "cart")
    child = replace(mcp.address, schema="cart")
    for wanted, filters in (
        ({old, new, child}, {"schema": "cart"}),
        ({mcp.address}, {"schema": "MCP session"}),
        ({old}, {"owner": "abab"}),
        ({old}, {"owner": OWNER}),
        ({pad, mcp.address, child}, {"owner": "none"}),
        ({old}, {"min_age": 500.0}),
        ({old}, {"min_idle": 500.0}),
        ({new, pad, mcp.address, child}, {"max_age": 500.0}),
        ({old}, {"min_size": 1000}),
        ({new, pad}, {"max_size": 1000, "space": "handle"}),
        ({mcp.address, child}, {"space": "transport"}),
        ({new, pad, mcp.address}, {"max_expires_in": 700.0}),
        ({old}, {"schema": "cart", "owner": "ab", "min_age": 1.0, "space": "handle"}),
        (set(), {"schema": "nothing"}),
    ):
        expected = {one.address if isinstance(one, Access) else one for one in wanted}
        assert {one.address for one in await listed(store, clock, **filters)} == expected, filters
    only = [one async for one in summaries(store, clock=clock, catalog=Catalog([Pad]))]
    assert [one.address for one in only] == [pad.address]


@pytest.mark.parametrize("name", ["schema", "owner"])
def test_a_filter_that_is_empty_is_refused_before_it_means_everything(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is empty; give None for sessions of any {name}"):
        Filters(**{name: ""})


async def test_pages_have_every_session_once(store: Store, clock: FakeClock) -> None:
    made = {(await begun(store, "pad" if number % 3 else "cart")).address for number in range(20)}
    for limit, filters in ((1, Filters()), (7, Filters()), (50, Filters()), (4, Filters(schema="cart", owner="ab"))):
        found, cursor = await page(store, filters, limit=limit, clock=clock)
        while cursor:
            assert len(found) % limit == 0
            more, cursor = await page(store, filters, limit=limit, cursor=cursor, clock=clock)
            found += more
        wanted = [address for address in made if filters.schema in (None, address.schema)]
        assert sorted(str(one.address) for one in found) == sorted(map(str, wanted))


async def test_a_listing_and_a_search_tell_how_far_they_are(store: Store) -> None:
    for _ in range(3):
        await begun(store)
    seen: list[int] = []
    assert [one async for one in summaries(store, Filters(owner="no"), progress=seen.append)] == []
    assert await find(store, "pad_", progress=seen.append) == []
    assert sum(seen) == 2 * 3


async def test_what_the_sdk_keeps_is_called_what_it_is(store: Store, clock: FakeClock) -> None:
    await in_transport(store, EVENTS_SCHEMA, "cart")
    assert sorted(one.schema for one in await listed(store, clock)) == ["MCP session", "cart", "events"]


# Finding


async def test_a_session_is_found_by_its_id_by_what_a_log_has_of_it_and_by_its_reference(
    store: Store, clock: FakeClock
) -> None:
    access = await begun(store)
    for _ in range(3):
        await begun(store)
    id = access.address.id
    for text in (id, f" {id}\n", id[:12], f"{id[:12]}...", f"{id[:12]}…", reference_of(access.address)):
        assert [one.address for one in await find(store, text, clock=clock)] == [access.address], text
    assert len(await find(store, "cart_...")) == 4
    assert len(await find(store, "cart_", limit=2)) == 2
    for text in ("", "...", "nothing", id[:-1] + ("a" if id[-1] != "a" else "b")):
        assert await find(store, text) == []


async def test_the_id_of_an_mcp_session_names_what_is_kept_in_it_too(store: Store, clock: FakeClock) -> None:
    mcp = await in_transport(store, "cart", EVENTS_SCHEMA)
    await in_transport(store)
    found = await find(store, mcp.address.id, clock=clock)
    assert sorted(one.schema for one in found) == ["MCP session", "cart", "events"]
    assert {one.address.id for one in found} == {mcp.address.id}


def test_a_reference_is_stable_and_says_nothing_of_the_id() -> None:
    one = reference_of(Address("handle", "cart_" + "a" * 32, "cart"))
    assert one == "cgvjohfkrwomslemsqfg"
    assert one != reference_of(Address("user", "cart_" + "a" * 32, "cart"))


# Showing


async def test_keys_are_shown_by_their_schema(store: Store, clock: FakeClock) -> None:
    items = b'[{"sku":"A","login":{"password":"hunter2","user":"me"}}]'
    values = {"visits": b"3", "items": items, "status": b'"lost"', "api_key": b'"sk-1"', "left": b"1.10"}
    access = await begun(store, values=values)
    await store.write(access, {"quote": b'"9.50"'}, ttls={"quote": 60.0})
    clock.advance(20.0)
    detail = await shown(store, access)
    assert [one.key for one in detail.entries] == [key.name for key in CartSession.schema.keys] + ["left"]
    assert entry(detail, "visits") == Entry(key="visits", type="int", text="3", raw=b"3", size=7)
    assert entry(detail, "coupon").state == "unset"
    assert entry(detail, "coupon").doc == "A code that\nmakes it cheaper."
    assert entry(detail, "coupon").text is None
    quote = entry(detail, "quote")
    assert (quote.type, quote.text, quote.expires_in) == ("Decimal", '"9.50"', pytest.approx(40.0))
    status = entry(detail, "status")
    assert (status.state, status.type, status.text) == ("invalid", "Literal['open', 'paid']", '"lost"')
    assert status.problem.startswith("the stored value does not fit the key's type: input should be 'open' or 'paid'")
    assert (entry(detail, "left").state, entry(detail, "left").text) == ("undeclared", "1.10")
    secret = entry(detail, "api_key")
    assert (secret.is_secret, secret.text, secret.raw, secret.state) == (True, None, None, "set")
    assert entry(detail, "items").is_partial
    assert json.loads(entry(detail, "items").text or "") == [{"sku": "A", "login": {"password": MASK, "user": "me"}}]
    assert (detail.has_schema, detail.schema_version, detail.problem) == (True, 3, "")
    assert (detail.idle_lifetime, detail.max_at) == (600.0, None)
    assert "hunter2" not in repr(detail)
    assert "sk-1" not in repr(detail)


async def test_secrets_are_shown_to_who_asks_for_them(store: Store) -> None:
    access = await begun(store, values={"items": b'[{"sku":"A","login":{"password":"x"}}]', "api_key": b'"sk-1"'})
    detail = await shown(store, access, reveal=True)
    assert (entry(detail, "api_key").text, entry(detail, "api_key").is_secret) == ('"sk-1"', True)
    assert '"password": "x"' in (entry(detail, "items").text or "")


async def test_a_key_is_secret_if_its_schema_says_so(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    access = await begun(store, values={"coupon": b'"A"'})
    monkeypatch.setattr(CartSession.schema.keys[2], "secret", True, raising=False)
    assert entry(await shown(store, access), "coupon").text is None


async def test_the_default_of_a_key_that_is_unset_is_shown(store: Store) -> None:
    detail = await shown(store, await begun(store))
    assert [(one.key, one.text) for one in detail.entries if one.is_default] == [
        ("visits", "0"),
        ("items", "[]"),
        ("status", '"open"'),
    ]
    assert {one.state for one in detail.entries} == {"unset"}


async def test_without_a_schema_values_are_shown_as_json(store: Store) -> None:
    access = await begun(store, digest="", values={"b": b'{"token":"x","n":1e400}', "a": b"1"})
    detail = await shown(store, access, NOTHING)
    assert [(one.key, one.type, one.text) for one in detail.entries] == [
        ("a", None, "1"),
        ("b", None, '{\n  "token": "********",\n  "n": 1e400\n}'),
    ]
    assert (detail.has_schema, detail.schema_version) == (False, None)


class UntypedCart(UntypedSession, name="cart"):
    """Takes the carts of another server for its own."""


@pytest.mark.parametrize("catalog", [NOTHING, Catalog([UntypedCart])])
async def test_without_its_schema_all_of_a_typed_session_is_secret(store: Store, catalog: Catalog) -> None:
    access = await begun(store, digest="of-a-schema", values={"pin": b"4711", "broken": b"{"})
    detail = await shown(store, access, catalog)
    assert [(one.key, one.is_secret, one.text, one.raw) for one in detail.entries] == [
        ("broken", True, None, None),
        ("pin", True, None, None),
    ]
    assert detail.takes_all_as_secret
    revealed = await shown(store, access, catalog, reveal=True)
    assert entry(revealed, "pin").text == "4711"
    assert not (await shown(store, access)).takes_all_as_secret


async def test_keys_that_only_a_newer_schema_has_are_secret(store: Store) -> None:
    """That schema is not at hand, and may say so of them."""
    for since in (3, 9):
        newer = await begun(store, version=9, since=since, values={"visits": b"1", "pin": b"4711"})
        detail = await shown(store, newer)
        assert (entry(detail, "visits").text, entry(detail, "pin").text) == ("1", None)
    same = await shown(store, await begun(store, values={"pin": b"4711"}))
    assert entry(same, "pin").text == "4711"


async def test_a_large_session_is_read_while_others_go_on(store: Store) -> None:
    """What any client can write must not hold up the loop that shows it."""
    threads: list[int] = []

    def noted(value: str) -> str:
        threads.append(threading.get_ident())
        return value

    class Noted(
        Session[CartState, str],
        schema=SessionSchema(name="cart", version=3, keys=(Key("note", Annotated[str, AfterValidator(noted)]),)),
    ):
        pass

    for size in (10, 300_000):
        access = await begun(store, values={"note": b'"' + b"x" * size + b'"'})
        assert entry(await shown(store, access, Catalog([Noted])), "note").state == "set"
    small, large = threads
    assert small == threading.get_ident() != large


async def test_an_untyped_session_has_the_keys_that_it_has(store: Store) -> None:
    detail = await shown(store, await begun(store, "pad", values={"a": b"[1]"}))
    assert [(one.key, one.state, one.text) for one in detail.entries] == [("a", "set", "[\n  1\n]")]
    assert detail.has_schema


async def test_what_is_no_json_is_invalid_with_and_without_a_schema(store: Store) -> None:
    access = await begun(store, values={"coupon": b"\xff", "other": b"{"})
    for catalog in (CATALOG, NOTHING):
        detail = await shown(store, access, catalog)
        assert {one.key: one.state for one in detail.entries if one.state != "unset"} == dict.fromkeys(
            ("coupon", "other"), "invalid"
        )
        assert all(one.text is None and one.problem for one in detail.entries if one.state == "invalid")


async def test_data_of_versions_that_the_schema_does_not_read_is_shown_as_it_is(store: Store) -> None:
    older = await shown(store, await begun(store, version=1, values={"visits": b'"many"', "api_key": b'"x"'}))
    assert older.problem == "its data is of version 1, and is migrated to version 3 when it is next used"
    assert [(one.key, one.state, one.text) for one in older.entries] == [
        ("api_key", "set", None),
        ("visits", "set", '"many"'),
    ]
    newer = await shown(store, await begun(store, version=9, since=9, values={"visits": b'"many"'}))
    assert newer.problem == "its data is of version 9, and the schema at hand is version 3: newer code is needed"
    for version, since in ((2, 2), (9, 3)):
        fits = await shown(store, await begun(store, version=version, since=since, values={"visits": b"1"}))
        assert (fits.problem, entry(fits, "visits").type) == ("", "int")


async def test_events_are_shown_without_what_gives_access_to_them(store: Store) -> None:
    mcp = await in_transport(store, EVENTS_SCHEMA)
    detail = await shown(store, replace(mcp, address=replace(mcp.address, schema=EVENTS_SCHEMA)))
    [event] = detail.entries
    assert (event.key, event.text, event.raw, event.is_secret) == ("0000000001-abab...", None, None, True)
    assert (await shown(store, mcp)).entries == ()


async def test_what_is_not_there_is_not_shown(store: Store) -> None:
    assert await show(store, Address("handle", "cart_1", "cart"), CATALOG) is None


class Strange(BaseModel):
    name: str = "x"

    @field_validator("name")
    @classmethod
    def fail(cls, value: str) -> str:
        raise RuntimeError("with " + value)


class StrangeSession(
    Session[CartState, str],
    schema=SessionSchema(
        name="strange", digest="s", keys=(Key[str]("name", model=Strange), Key[str]("gone", model=Strange))
    ),
):
    """A model that raises what it likes, and lacks a field."""


async def test_user_code_that_fails_does_not_keep_a_session_from_being_shown(store: Store) -> None:
    access = await begun(store, "strange", version=1, since=1, values={"name": b'"tell nobody"'})
    catalog = Catalog([StrangeSession])
    detail = await shown(store, access, catalog)
    name = entry(detail, "name")
    assert (name.state, name.problem) == ("invalid", "its validation failed with RuntimeError")
    assert entry(detail, "gone").type is None
    with pytest.raises(SessionValueError, match="name: its validation failed with RuntimeError; nothing was written"):
        await set_value(store, detail, "name", '"again"', catalog)


# Changing


async def test_a_value_is_changed_if_it_fits(store: Store) -> None:
    access = await begun(store, values={"visits": b"1"})
    before = await store.look_up(access.address)
    await set_value(store, await shown(store, access), "visits", " 12\n", CATALOG)
    await set_value(store, await shown(store, access), "items", '[{"sku": "A"}]', CATALOG)
    await set_value(store, await shown(store, access), "quote", '"1.50"', CATALOG)
    after = await store.look_up(access.address)
    assert before is not None
    assert after is not None
    assert after.info.expires == before.info.expires, "it was no use of the session"
    assert await store.read(access) == {"visits": b"12", "items": b'[{"sku":"A","login":{}}]', "quote": b'"1.50"'}


@pytest.mark.parametrize(
    ("key", "text", "words"),
    [
        ("visits", "-1", "visits: input should be greater than or equal to 0"),
        ("visits", '"hunter2"', "visits: input should be a valid integer"),
        ("visits", "hunter2", "visits: that is no JSON, see line 1, column 1; text is written in quotes"),
        ("visits", "", "visits: that is no JSON"),
        ("visits", "NaN", "visits: NaN is no JSON"),
        ("visits", "1" * 5000, "visits: it has a number that is too long"),
        ("coupon", "[" * 100_000, "coupon: it has a number that is too long, or is nested too deep"),
        ("items", '[{"sku": "A", "login": {"password": "********"}}]', "stands for a secret, and there is none"),
        ("status", '"lost"', "status: input should be 'open' or 'paid'"),
    ],
)
async def test_a_value_that_does_not_fit_is_refused_without_being_repeated(key: str, text: str, words: str) -> None:
    store = MemoryStore()
    access = await begun(store)
    with pytest.raises(SessionValueError) as refused:
        await set_value(store, await shown(store, access), key, text, CATALOG)
    assert words in str(refused.value)
    assert "hunter2" not in str(refused.value)
    assert await store.read(access) == {}


async def test_a_key_that_the_schema_does_not_have_can_only_be_unset(store: Store) -> None:
    access = await begun(store, values={"left": b"1", "visits": b"2"})
    with pytest.raises(SessionKeyError, match="cart has no key 'left'; it has visits, items"):
        await set_value(store, await shown(store, access), "left", "1", CATALOG)
    with pytest.raises(SessionKeyError, match="cart has no key 'nothing'"):
        await unset_value(store, await shown(store, access), "nothing", CATALOG)
    await unset_value(store, await shown(store, access), "left", CATALOG)
    await unset_value(store, await shown(store, access), "visits", CATALOG)
    await unset_value(store, await shown(store, access), "coupon", CATALOG)
    assert await store.read(access) == {}


async def test_without_its_schema_a_typed_session_is_not_changed(store: Store) -> None:
    typed, untyped = await begun(store), await begun(store, "pad", digest="")
    with pytest.raises(SessionKeyError, match="the schema cart is not at hand"):
        await set_value(store, await shown(store, typed, NOTHING), "visits", "1", NOTHING)
    for catalog in (NOTHING, CATALOG):
        await set_value(store, await shown(store, untyped, catalog), "any", '{"a": [1.5, null]}', catalog)
    assert await store.read(untyped) == {"any": b'{"a":[1.5,null]}'}


async def test_a_change_of_what_others_changed_meanwhile_is_refused(store: Store) -> None:
    access = await begun(store, values={"visits": b"1"})
    detail = await shown(store, access)
    await store.write(access, {"coupon": b'"A"'})
    for change in (set_value(store, detail, "visits", "2", CATALOG), unset_value(store, detail, "visits", CATALOG)):
        with pytest.raises(SessionConflictError, match="was changed by others since it was shown"):
            await change
    assert await store.read(access) == {"visits": b"1", "coupon": b'"A"'}
    await store.end(access)
    for key, text in (("visits", "2"), ("quote", '"1"')):
        with pytest.raises(SessionConflictError, match="is over: nothing was written"):
            await set_value(store, detail, key, text, CATALOG)


async def test_a_changed_value_lives_as_long_as_its_schema_says(store: Store, clock: FakeClock) -> None:
    access = await begun(store)
    pad = await begun(store, "pad", digest="")
    await store.write(pad, {"a": b"1"}, ttls={"a": 50.0})
    detail, other = await shown(store, access), await shown(store, pad)
    clock.advance(30.0)
    await set_value(store, detail, "quote", '"1.50"', CATALOG)
    await set_value(store, other, "a", "2", CATALOG)
    assert entry(await shown(store, access), "quote").expires_in == pytest.approx(60.0)
    assert entry(await shown(store, pad), "a").expires_in == pytest.approx(20.0)


async def test_a_secret_that_was_masked_stays_when_what_it_is_in_is_changed(store: Store) -> None:
    pad = await begun(store, "pad", values={"user": b'{"name":"a","login":{"password":"hunter2"},"token":"t"}'})
    detail = await shown(store, pad)
    text = (entry(detail, "user").text or "").replace('"a"', '"b"')
    assert text.count(MASK) == 2
    await set_value(store, detail, "user", text, CATALOG)
    assert await store.read(pad) == {"user": b'{"name":"b","login":{"password":"hunter2"},"token":"t"}'}


async def test_data_that_waits_for_its_migration_is_not_changed(store: Store) -> None:
    access = await begun(store, version=1, values={"visits": b"1"})
    with pytest.raises(SessionValueError, match="visits: its data is of version 1"):
        await set_value(store, await shown(store, access), "visits", "1", CATALOG)


async def test_what_the_sdk_keeps_is_not_changed(store: Store) -> None:
    mcp = await in_transport(store, EVENTS_SCHEMA)
    events = replace(mcp, address=replace(mcp.address, schema=EVENTS_SCHEMA))
    for access in (mcp, events):
        detail = await shown(store, access)
        with pytest.raises(SessionKeyError, match="is the server's own and cannot be changed"):
            await set_value(store, detail, "a", "1", CATALOG)
    with pytest.raises(SessionKeyError, match="cannot be changed"):
        await unset_value(store, detail, next(iter(detail.copy.values)), CATALOG)


async def test_a_session_is_ended_whoever_owns_it(store: Store) -> None:
    access, mcp = await begun(store), await in_transport(store, "cart")
    assert await end(store, access.address)
    assert not await end(store, access.address)
    assert await end(store, mcp.address)
    assert await listed(store) == []


# Encryption


async def test_encrypted_values_are_said_to_be_so_where_the_keys_are_not_at_hand(
    make_store: Callable[..., Store],
) -> None:
    inner, key = make_store("sqlite"), new_key()
    store = EncryptedStore(inner, [key])
    access = await begun(store, values={"visits": b"1", "api_key": b'"x"'})
    assert entry(await shown(store, access), "visits").text == "1"
    for other in (inner, EncryptedStore(inner, [new_key()])):
        detail = await shown(other, access)
        assert [(one.state, one.text) for one in detail.entries if one.is_encrypted] == [("set", None)] * 2
        assert ("which is not among the keys" in detail.problem) == (other is not inner)
        with pytest.raises(SessionKeyError, match="the session is encrypted, and cannot be changed without the keys"):
            await set_value(other, detail, "visits", "2", CATALOG)
    await set_value(store, await shown(store, access), "visits", "2", CATALOG)
    assert await store.read(access, ["visits"]) == {"visits": b"2"}
    await store.aclose()


# Statistics


async def test_statistics_say_how_much_there_is_of_what(store: Store, clock: FakeClock) -> None:
    first = clock.now
    await begun(store, values={"coupon": b'"' + b"x" * 300 + b'"'})
    clock.advance(10.0)
    await begun(store, owner="cd" * 32, version=2)
    await begun(store, owner=None)
    await begun(store, "pad")
    await in_transport(store, "cart")
    seen: list[int] = []
    stats = await statistics(store, progress=seen.append)
    assert sum(seen) == stats.sessions == 6
    assert (stats.children, stats.owners, stats.ownerless, stats.are_owners_exact) == (1, 2, 3, True)
    assert list(stats.by_schema) == ["cart", "MCP session", "pad"]
    cart = stats.by_schema["cart"]
    assert (cart.sessions, cart.owners, cart.oldest, cart.versions) == (4, 2, first, {3: 2, 2: 1, 1: 1})
    assert cart.largest >= 300
    assert cart.soonest == pytest.approx(first + 610.0)
    assert sum(stats.sizes.values()) == 6
    assert (stats.sizes[1024], list(stats.sizes)) == (1, sorted(stats.sizes))
    assert (
        stats.bytes == sum(one.size for one in await listed(store)) == sum(of.bytes for of in stats.by_schema.values())
    )


async def test_an_empty_store_has_empty_statistics(store: Store) -> None:
    stats = await statistics(store)
    assert (stats.sessions, stats.by_schema, stats.sizes) == (0, {}, {})
    assert await page(store, limit=5) == ([], "")
