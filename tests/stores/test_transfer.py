"""Exports: what one store had, another has, to the byte and to the second."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_sessions import SessionDataError, StoreError
from mcp_sessions.stores import (
    TRANSPORT_SCHEMA,
    Access,
    Address,
    Lifetime,
    MemoryStore,
    Remains,
    SessionCopy,
    Store,
)
from mcp_sessions.stores.encrypted import EncryptedStore
from mcp_sessions.stores.transfer import Imported, export_sessions, import_sessions
from mcp_sessions.testing import FakeClock

PARENT = Access(Address("transport", "t", TRANSPORT_SCHEMA), "me")
CHILD = Access(Address("transport", "t", "cart"), "me", Lifetime(600.0))


async def lines_of(store: Store) -> list[str]:
    return [line async for line in export_sessions(store)]


async def copies_of(store: Store) -> dict[str, SessionCopy | None]:
    page = await store.scan(limit=10_000)
    return {str(one.address): await store.copy_out(one.address) for one in page.sessions}


async def fill(store: Store) -> int:
    for number in range(250):
        about = {"version": 3, "since": number % 4, "digest": f"d{number}"}
        access = Access(Address("handle", f"cart_{number}", "cart"), f"owner {number % 7}", **about)  # type: ignore[arg-type]
        values = {"n": str(number).encode(), "text": '"ключ\\n"'.encode(), "odd\0": b"\xff", "spaced": b"[1, 2]"}
        await store.create(access, Lifetime(600.0 + number, 5000.0 if number % 2 else None), values, {"n": 30.0})
    await store.create(PARENT, Lifetime(600.0))
    await store.write(CHILD, {"a": b"1"})
    await store.write(Access(Address("user", "me", "cart"), "me", Lifetime(600.0)), {"a": b"1e400"})
    return 253


KINDS = ["memory", "sqlite", "redis", "redis cluster", "postgres", "key-value", "encrypted redis"]


@pytest.mark.parametrize(("source", "target"), list(zip(KINDS, [*KINDS[1:], KINDS[0]], strict=True)))
async def test_another_store_goes_on_with_all_sessions(
    source: str, target: str, make_store: Callable[..., Store], clock: FakeClock
) -> None:
    one, other = make_store(source, clock=clock), make_store(target, clock=clock)
    total = await fill(one)
    lines = await lines_of(one)
    assert len(lines) == 1 + total
    assert not any("\n" in line for line in lines)
    assert await import_sessions(other, lines) == Imported(total, 0, 0, 0)
    assert await copies_of(other) == await copies_of(one)
    assert await import_sessions(other, lines) == Imported(0, total, 0, 0), "it can be done again"
    clock.advance(600.0 * (1 + 1 / 60))
    assert await import_sessions(MemoryStore(clock=clock), lines) == Imported(total - 4, 0, 3, 1)
    for store in (one, other):
        await store.aclose()


async def test_values_are_readable_where_that_loses_nothing(clock: FakeClock) -> None:
    store = MemoryStore(clock=clock)
    access = Access(Address("handle", "cart_1", "cart"), "me")
    values = {"n": b"1", "l": b'[{"a":"\xc3\xa9"}]', "spaced": b"[1, 2]", "twice": b'{"a":1,"a":2}', "huge": b"1e400"}
    await store.create(access, Lifetime(600.0), values)
    _, line = await lines_of(store)
    found = json.loads(line)
    assert found["values"] == {"n": 1, "l": [{"a": "é"}]}
    assert set(found["bytes"]) == {"spaced", "twice", "huge"}
    assert line.isascii()


async def test_an_export_of_a_former_version_does_not_say_since_when_a_version_is(clock: FakeClock) -> None:
    store = MemoryStore(clock=clock)
    access = Access(Address("handle", "cart_1", "cart"), "me", version=3, since=2)
    await store.create(access, Lifetime(600.0))
    head, line = await lines_of(store)
    assert json.loads(line)["since"] == 2
    former = {key: value for key, value in json.loads(line).items() if key != "since"}
    other = MemoryStore(clock=clock)
    assert (await import_sessions(other, [head, json.dumps(former)])).sessions == 1
    copy = await other.copy_out(access.address)
    assert copy is not None
    assert (copy.version, copy.since) == (3, 0)


@given(
    st.dictionaries(
        st.text(st.characters(codec="utf-8")),
        st.binary()
        | st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=5,
        ).map(lambda value: json.dumps(value, separators=(",", ":")).encode()),
    )
)
async def test_any_values_are_the_same_afterwards(values: dict[str, bytes]) -> None:
    one, other = MemoryStore(), MemoryStore()
    access = Access(Address("handle", "cart_1", "cart"))
    await one.create(access, Lifetime(600.0), values)
    await import_sessions(other, await lines_of(one))
    assert await other.read(access) == values


async def test_a_session_without_its_mcp_session_is_not_put_in(clock: FakeClock) -> None:
    one = MemoryStore(clock=clock)
    await fill(one)
    lines = [line for line in await lines_of(one) if '"schema": ""' not in line]
    assert await import_sessions(MemoryStore(clock=clock), lines) == Imported(251, 0, 0, 1)


async def test_sessions_that_go_while_they_are_exported_are_left_out(clock: FakeClock) -> None:
    store = MemoryStore(clock=clock)
    await fill(store)
    lines = []
    async for line in export_sessions(store):
        if len(lines) == 1:
            await store.end(PARENT)
        lines.append(line)
    assert len(lines) == 1 + 251
    assert (await import_sessions(MemoryStore(clock=clock), lines)).sessions == 251


HEAD = {"mcp-sessions": 1}
LINE = {
    "space": "handle",
    "id": "cart_1",
    "schema": "cart",
    "owner": None,
    "version": 1,
    "digest": "",
    "created": 1.0,
    "expires": 9e9,
    "idle": 60.0,
    "max_at": None,
    "values": {"password": "hunter2"},
}


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([], 'that is no export of sessions: its first line would be {"mcp-sessions": 1}'),
        (["hunter2"], "that is no export of sessions"),
        (['{"mcp-sessions": 2}'], "that is no export of sessions"),
        (["[" * 100_000], "that is no export of sessions"),
        ([HEAD, []], "line 2 is no session of an export: it is no JSON object"),
        ([HEAD, "hunter2"], "line 2 is no session of an export: it is no JSON"),
        ([HEAD, "[" * 100_000], "line 2 is no session of an export: it is no JSON"),
        ([HEAD, LINE | {"id": ""}], "line 2 is no session of an export: id: String should have at least 1 character"),
        ([HEAD, LINE | {"id": "x" * 1001}], "id: String should have at most 1000 characters"),
        ([HEAD, LINE | {"schema": "x" * 1001}], "schema: String should have at most 1000 characters"),
        ([HEAD, LINE | {"schema": ""}], "line 2 is no session of an export: schema: it is empty"),
        ([HEAD, {"space": "handle"}], "line 2 is no session of an export: id: Field required"),
        ([HEAD, LINE, LINE | {"space": "hunter2"}], "line 3 is no session of an export: space: Input should be"),
        ([HEAD, LINE | {"expires": float("nan")}], "line 2 is no session of an export: expires: "),
        ([HEAD, LINE | {"idle": 0.0}], "line 2 is no session of an export: idle: "),
        ([HEAD, LINE | {"hunter2": 1}], "hunter2: Extra inputs are not permitted"),
        ([HEAD, LINE | {"bytes": {"a": "hunter2!"}}], "what it has as bytes is not in base64"),
        ([HEAD, LINE | {"version": 2**63}], "line 2 is no session of an export: version: "),
        ([HEAD, LINE | {"since": -1}], "line 2 is no session of an export: since: "),
        ([HEAD, LINE | {"values": {"\ud800": 1}}], "line 2: '\\ud800' cannot be kept"),
    ],
)
async def test_what_is_no_export_is_refused_in_a_line(lines: list[Any], words: str) -> None:
    store = MemoryStore()
    texts = [
        '{"mcp-sessions": 1}' if line is None else line if isinstance(line, str) else json.dumps(line) for line in lines
    ]
    with pytest.raises(StoreError) as raised:
        await import_sessions(store, texts)
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)
    assert "hunter2" not in str(raised.value).replace("hunter2: Extra", "")
    assert await store.count() == sum(line == LINE for line in lines)


async def test_a_store_that_fails_says_at_which_line(clock: FakeClock) -> None:
    store = MemoryStore()
    await store.aclose()
    with pytest.raises(StoreError, match="line 3: the session store is closed"):
        await import_sessions(store, ['{"mcp-sessions": 1}', "", json.dumps(LINE)])


async def test_a_session_in_use_is_as_it_is_at_one_moment(clock: FakeClock) -> None:
    store = MemoryStore(clock=clock)
    access = Access(Address("handle", "cart_1", "cart"), "me")
    await store.create(access, Lifetime(600.0), {"a": b"1"})
    lines = await lines_of(store)
    await store.write(access, {"a": b"2"})
    other = MemoryStore(clock=clock)
    await import_sessions(other, lines)
    assert await other.read(replace(access)) == {"a": b"1"}


async def test_an_import_takes_an_export_as_it_comes(clock: FakeClock) -> None:
    one, other = MemoryStore(clock=clock), MemoryStore(clock=clock)
    total = await fill(one)
    assert await import_sessions(other, export_sessions(one)) == Imported(total, 0, 0, 0)


async def test_a_session_that_cannot_be_read_is_named_or_left_out(clock: FakeClock) -> None:
    inner = MemoryStore(clock=clock)
    store = EncryptedStore(inner, [bytes(32)])
    await fill(store)
    bad = Access(Address("handle", "cart_hunter2hunter2", "cart"), "me")
    await inner.create(bad, Lifetime(600.0), {"n": b"1"})
    with pytest.raises(SessionDataError, match=r"^cart of cart\.\.\.: what the store holds for 'n'"):
        await lines_of(store)
    damaged: list[Address] = []
    lines = [line async for line in export_sessions(store, damaged=damaged)]
    assert damaged == [bad.address]
    assert len(lines) == 1 + 253


async def test_values_are_not_in_what_debuggers_and_logs_show_of_a_session() -> None:
    store = MemoryStore()
    await store.create(PARENT, Lifetime(600.0))
    await store.write(CHILD, {"pin": b'"hunter2"'})
    copy = await store.copy_out(CHILD.address)
    assert copy is not None
    gone = Remains(CHILD.address, "me", "ended", copy.values)
    assert copy.values == gone.values == {"pin": b'"hunter2"'}
    assert "hunter2" not in repr([copy, gone])
