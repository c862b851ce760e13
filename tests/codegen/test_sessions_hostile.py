"""Whatever is in a store, what `sessions` prints of it is text that does a terminal no harm."""

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_sessiongen.commands.sessions import details, rows, stats
from mcp_sessiongen.commands.sessions.table import Table
from mcp_sessions import Key, Session, SessionSchema, ValueModel
from mcp_sessions.admin import Catalog, Detail, show, statistics, summaries
from mcp_sessions.stores import Access, Address, Lifetime, MemoryStore

TEXT = st.text(max_size=20) | st.sampled_from(["\x1b[31m", "\x9b2J", "\u202e", "a\nb", "\x00", "\x07", "\u2028"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
VALUES = st.binary(max_size=30) | JSON.map(lambda value: json.dumps(value, ensure_ascii=False).encode())


class NoteState(ValueModel):
    """A note."""


class NoteSession(
    Session[NoteState, str],
    schema=SessionSchema(
        name="note", keys=(Key[str]("text", str, default="\x1b[2J", doc="\x1b]0;title\x07\nline"), Key[int]("n", int))
    ),
):
    """A note."""


async def seen(schema: str, owner: str | None, values: dict[str, bytes], *, reveal: bool) -> tuple[Detail, list[str]]:
    store = MemoryStore()
    access = Access(Address("handle", "\x1b[31mid", schema), owner)
    await store.create(access, Lifetime(600.0), values)
    detail = await show(store, access.address, Catalog([NoteSession]), reveal=reveal)
    assert detail is not None
    lines = [*details.lines_of(detail), *stats._lines(await statistics(store))]
    table = Table(rows._COLUMNS)
    listed = [rows._row_of(one, ids=True) async for one in summaries(store)]
    return detail, [*lines, *table.lines(listed)]


@given(
    st.sampled_from(["note", "other", "\x1b[31m"]),
    st.none() | TEXT,
    st.dictionaries(TEXT | st.sampled_from(["text", "n", "token"]), VALUES, max_size=4),
    st.booleans(),
)
def test_nothing_that_is_stored_reaches_a_terminal_as_anything_but_text(
    schema: str, owner: str | None, values: dict[str, bytes], reveal: bool
) -> None:
    detail, lines = asyncio.run(seen(schema, owner, values, reveal=reveal))
    assert all(line.isprintable() for line in lines)
    found = json.dumps(details.json_of(detail))
    assert found.isascii()
    assert found.isprintable()
    assert {one.key for one in detail.entries} >= values.keys()


@pytest.mark.parametrize("value", ["hunter2", 'hun"ter2', "12345678901"])
def test_no_secret_is_printed_wherever_it_stands(value: str) -> None:
    text = json.dumps(value).encode()
    inner = json.dumps({"a": [{"password": value, "accessToken": [value], "n": {"apiKey": {"x": value}}}]}).encode()
    cut_off = b'{"password":' + text
    values = {"token": text, "client_secret": b"{" + text, "text": cut_off + b"}", "note": inner, "broken": cut_off}
    for schema in ("note", "other"):
        detail, lines = asyncio.run(seen(schema, None, values, reveal=False))
        assert value not in "\n".join(lines)
        assert value not in json.dumps(details.json_of(detail))
        assert value not in repr(detail)
