"""The page of all sessions: its rows, its filters, the search, and the ways through many pages."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from tests.studio.conftest import Running
from tests.studio.forms import forms_of

from mcp_sessiongen.studio import listing
from mcp_sessiongen.studio.listing import PAGE_SIZE, beginning
from mcp_sessions import StoreError, UntypedSession
from mcp_sessions.ids import masked, mint_transport_id
from mcp_sessions.stores import Access, Address, Lifetime, MemoryStore
from mcp_sessions.testing import FakeClock

OWNER = "c0ffee" + "0" * 58


def rows_of(page: str) -> list[str]:
    """Return the text of each row of the list."""
    rows = re.findall(r'<tr role="row" data-key=.*?</tr>', page, re.DOTALL)
    return [" ".join(re.sub(r"<[^>]*>", " ", row).split()) for row in rows]


def test_an_empty_store_says_so(studio: Running) -> None:
    page = studio.page("/")
    assert "No sessions yet" in page
    assert "<table" not in page


def test_a_row_says_what_there_is_to_know(studio: Running, shop: Any, store: MemoryStore, clock: FakeClock) -> None:
    cart = studio.do(lambda: shop.CartSession.create(store, owner=OWNER, values={"visits": 7}))
    clock.advance(90)
    [row] = rows_of(studio.page("/"))
    assert row == f"{masked(cart.id)} cart c0ffee00 1m 30s 1m 30s 29m 00s 7 B"


def test_no_page_has_a_whole_id(studio: Running, shop: Any, store: MemoryStore) -> None:
    ids = [studio.do(lambda: shop.CartSession.create(store)).id for _ in range(PAGE_SIZE + 1)]
    for path in ("/", "/overview", "/checks", studio.path_of(ids[0])):
        page = studio.page(path)
        assert not any(id in page or id.rpartition("_")[2] in page for id in ids)


def test_sessions_that_have_no_owner_belong_to_nobody(studio: Running, shop: Any, store: MemoryStore) -> None:
    studio.do(lambda: shop.CartSession.create(store))
    assert " nobody " in rows_of(studio.page("/"))[0]


def test_a_last_use_that_the_expiry_does_not_tell_is_unknown(studio: Running, store: MemoryStore) -> None:
    """The expiry is then the end of the greatest lifetime, however much the session is used."""
    address = Address("handle", "a", "cart")
    studio.do(lambda: store.create(Access(address), Lifetime(3600.0, 600.0)))
    assert rows_of(studio.page("/")) == ["a... cart nobody 0s unknown 10m 00s 0 B"]
    assert "<dt>Last used</dt><dd><span" in studio.page(studio.path_of("a"))


def test_looking_is_no_use_of_a_session(studio: Running, shop: Any, store: MemoryStore, clock: FakeClock) -> None:
    cart = studio.do(lambda: shop.CartSession.create(store))
    clock.advance(600)
    for path in ("/", "/overview", "/checks", studio.path_of(cart.id)):
        studio.page(path)
    [row] = rows_of(studio.page("/"))
    assert " 10m 00s 10m 00s 20m 30s " in row


def links_of(page: str) -> dict[str, str]:
    found = re.findall(r'<a class="button[^"]*"(?: rel="\w+")? href="([^"]*)">([^<]*)</a>', page)
    return {text: link.replace("&amp;", "&") for link, text in found}


def test_pages_lead_through_all_sessions_and_back(studio: Running, shop: Any, store: MemoryStore) -> None:
    total = 2 * PAGE_SIZE + 5
    for _ in range(total):
        studio.do(lambda: shop.CartSession.create(store))
    seen: list[list[str]] = []
    where = ["/"]
    while len(where) < 10:
        page = studio.page(where[-1])
        seen.append(rows_of(page))
        following = links_of(page).get("Next")
        if following is None:
            break
        where.append(following)
    assert [len(rows) for rows in seen] == [PAGE_SIZE, PAGE_SIZE, 5]
    assert len({row for rows in seen for row in rows}) == total
    last = links_of(studio.page(where[2]))
    assert last == {"First page": "/", "Previous": where[1]}
    assert links_of(studio.page(where[1]))["Previous"] == "/"
    assert rows_of(studio.page(where[1])) == seen[1]


def test_the_address_of_a_page_has_nothing_of_an_id(studio: Running, shop: Any, store: MemoryStore) -> None:
    """A cursor of the store is the last id of a page; what stands in the address is a digest."""
    ids = [studio.do(lambda: shop.CartSession.create(store)).id for _ in range(PAGE_SIZE + 1)]
    [link] = [link for text, link in links_of(studio.page("/")).items() if text == "Next"]
    assert re.fullmatch(r"/\?after=[0-9a-f]{20}", link)
    assert not any(id.rpartition("_")[2][:8] in link for id in ids)


def test_a_page_that_is_not_known_any_more_is_the_first_and_says_so(studio: Running, shop: Any, store: Any) -> None:
    studio.do(lambda: shop.CartSession.create(store))
    page = studio.page("/?after=0123")
    assert "not known any more" in page
    assert len(rows_of(page)) == 1


@pytest.fixture
def three(studio: Running, shop: Any, store: MemoryStore, clock: FakeClock) -> Running:
    """A large cart of somebody, a small one of nobody that is new, and an MCP session with something in it."""
    studio.do(lambda: shop.CartSession.create(store, owner=OWNER, values={"api_key": "k" * 2000}))
    parent = Address("transport", mint_transport_id(), "")
    studio.do(lambda: store.create(Access(parent, OWNER), Lifetime(3600.0)))
    studio.do(lambda: store.create(Access(Address("transport", parent.id, "cart"), OWNER), Lifetime(3600.0)))
    clock.advance(900)
    studio.do(lambda: UntypedSession.create(store))
    return studio


@pytest.mark.parametrize(
    ("query", "schemas"),
    [
        ("", ["MCP session", "cart", "cart", "session"]),
        ("schema=cart", ["cart", "cart"]),
        ("schema=MCP+session", ["MCP session"]),
        ("schema=none", []),
        ("space=transport", ["MCP session", "cart"]),
        ("space=handle", ["cart", "session"]),
        ("owner=c0ff", ["MCP session", "cart", "cart"]),
        ("owner=none", ["session"]),
        ("owner=abc", []),
        ("idle=10m", ["MCP session", "cart", "cart"]),
        ("idle=1h", []),
        ("size=1k", ["cart"]),
        ("schema=cart&space=handle&owner=c0&idle=1m&size=1k", ["cart"]),
    ],
)
def test_filters_leave_what_they_say(three: Running, query: str, schemas: list[str]) -> None:
    page = three.page(f"/?{query}")
    found = re.findall(r'aria-hidden="true"></span>([^<]*)</span>', page)
    assert sorted(found, key=str.lower) == sorted(schemas, key=str.lower)
    assert ("No session is like that" in page) == (not schemas)


@pytest.mark.parametrize(
    ("order", "sizes"),
    [
        ("largest", [2000, 30, 7]),
        ("newest", [7, 30, 2000]),
        ("oldest", [2000, 30, 7]),
        ("expires", [2000, 30, 7]),
        ("used", [7, 30, 2000]),
    ],
)
def test_sessions_are_put_in_order(
    studio: Running, store: MemoryStore, clock: FakeClock, order: str, sizes: list[int]
) -> None:
    for size in (2000, 30, 7):
        session = studio.do(lambda: UntypedSession.create(store))
        studio.do(session.set, "x", "y" * (size - 3))
        clock.advance(60)
    page = studio.page(f"/?sort={order}")
    assert [int(size) for size in re.findall(r'title="(\d+) bytes"', page)] == sizes
    assert "3 sessions, " in page


def test_an_order_shows_the_first_and_says_of_how_many(
    studio: Running, shop: Any, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(PAGE_SIZE + 2):
        studio.do(lambda: shop.CartSession.create(store))
    assert f"{PAGE_SIZE} of {PAGE_SIZE + 2} sessions, oldest first" in studio.page("/?sort=oldest")
    monkeypatch.setattr(listing, "SORTED_STEPS", 1)
    monkeypatch.setattr(listing, "SORTED_AT_A_TIME", PAGE_SIZE + 1)
    page = studio.page("/?sort=oldest")
    assert f"{PAGE_SIZE} of the first {PAGE_SIZE + 1} that the store has, oldest first" in page


def test_filters_stay_as_they_were_chosen(three: Running) -> None:
    page = three.page("/?schema=cart&idle=10m&owner=c0")
    assert '<option value="cart" selected>' in page
    assert '<option value="10m" selected>' in page
    assert 'name="owner" value="c0"' in page
    assert links_of(page)["Clear"] == "/"


@pytest.mark.parametrize("query", ["space=nowhere", "idle=5", "size=huge", "sort=size"])
def test_a_filter_that_is_none_says_what_there_is(studio: Running, query: str) -> None:
    answer = studio.get(f"/?{query}")
    assert answer.status_code == 400
    assert "it can be" in answer.text


def test_a_session_is_found_by_what_a_log_line_shows(three: Running, shop: Any, store: MemoryStore) -> None:
    cart = three.do(lambda: shop.CartSession.create(store))
    path = three.path_of(cart.id)
    for text in (masked(cart.id), masked(cart.id).removesuffix("..."), cart.id, f"  {cart.id} ", path[-20:]):
        answer = three.send(three.form("/", "/find"), q=text)
        assert (answer.status_code, answer.headers["location"]) == (303, path)


def test_a_search_that_finds_several_lists_them(three: Running, shop: Any, store: MemoryStore) -> None:
    answer = three.send(three.form("/", "/find"), q="mcps-")
    assert answer.headers["location"] == "/?q=mcps-"
    page = three.page(answer.headers["location"])
    assert len(rows_of(page)) == 2
    assert "2 sessions whose id begins with mcps-" in page


def test_a_search_that_finds_nothing_keeps_no_id_in_the_address(three: Running) -> None:
    gone = "cart_" + "e52xabcdefghijklmnopqrstuvwxyz23"
    answer = three.send(three.form("/", "/find"), q=gone)
    assert answer.headers["location"] == "/?q=cart_e52x"
    assert "No session is like that" in three.page(answer.headers["location"])
    assert 'value="cart_e52x"' in three.page(f"/?q={gone}")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("cart_e52xabcd", "cart_e52x"),
        ("cart_e52x...", "cart_e52x"),
        ("my_own_cart_e5", "my_own_cart_e5"),
        ("mcps-abcdefgh", "mcps-abcd"),
        ("cart", "cart"),
        ("abcdefgh", "abcd"),
        ("", ""),
        ("<script>", ""),
    ],
)
def test_an_address_has_as_much_of_an_id_as_a_log_line(text: str, left: str) -> None:
    assert beginning(text) == left


def test_what_is_asked_for_is_escaped(studio: Running) -> None:
    attack = "%22%3E%3Cscript%3Ealert(1)%3C/script%3E"
    page = studio.page(f"/?schema={attack}&owner={attack}&q={attack}")
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page
    assert {form.action for form in forms_of(page)} == {"/", "/find"}


def test_a_store_that_fails_is_a_page(
    start: Callable[..., Running],
    store: MemoryStore,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The terminal is told once, however often pages ask."""
    running = start().enter()

    async def fail(*_: Any, **__: Any) -> None:
        raise StoreError("Valkey at cache:6379 does not answer")

    monkeypatch.setattr(store, "scan", fail)
    answer = running.get("/")
    assert answer.status_code == 503
    assert "Valkey at cache:6379 does not answer" in answer.text
    assert running.get("/").status_code == 503
    assert caplog.messages == ["studio: Valkey at cache:6379 does not answer"]
    monkeypatch.undo()
    assert running.get("/").status_code == 200
