"""The page of one session: facts, keys in every state, secrets, and what belongs to it."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from tests.studio.conftest import Running

from mcp_sessiongen.studio.session import KEYS_A_PAGE, VALUE_SHOWN
from mcp_sessions import UntypedSession
from mcp_sessions.admin import Catalog
from mcp_sessions.ids import masked, mint_transport_id
from mcp_sessions.stores import Access, Address, Lifetime, MemoryStore
from mcp_sessions.testing import FakeClock

EVIL = "<img src=x onerror=alert(1)>&\"'"


def keys_of(page: str) -> dict[str, str]:
    """Return the text of each key's entry."""
    found = re.findall(r'<li class="key[^>]* data-key="([^"]*)">(.*?)</li>', page, re.DOTALL)
    return {key: " ".join(re.sub(r"<[^>]*>", " ", body).split()) for key, body in found}


@pytest.fixture
def cart(studio: Running, shop: Any, store: MemoryStore) -> Any:
    made = studio.do(lambda: shop.CartSession.create(store, values={"items": [shop.Item(sku=EVIL)]}))
    studio.do(made.set_quote, "12.50")
    return made


def test_the_page_says_what_is_known_of_the_session(studio: Running, cart: Any, clock: FakeClock) -> None:
    clock.advance(60)
    page = studio.page(studio.path_of(cart.id))
    text = " ".join(re.sub(r"<[^>]*>", " ", page).split())
    assert f"{masked(cart.id)} cart" in text
    for fact in ("Expires in 29m 30s", "Last used 1m 00s ago", "Began 1m 00s ago", "Idle lifetime 30m 00s"):
        assert fact in text
    assert "At the latest in 23h 59m" in text
    assert "Kind handle" in text


def test_keys_have_type_doc_state_and_value(studio: Running, cart: Any, clock: FakeClock) -> None:
    clock.advance(60)
    keys = keys_of(studio.page(studio.path_of(cart.id)))
    assert list(keys) == ["items", "visits", "title", "quote", "api_key"]
    assert keys["items"].startswith("items list[Item] What is in it, the oldest first. set")
    assert "&lt;img src=x onerror=alert(1)&gt;" in keys["items"]
    assert keys["visits"] == "visits int default 0"
    assert keys["title"] == "title str unset no value"
    assert keys["quote"] == "quote str set 12 B over in 4m 00s &#34;12.50&#34;"
    assert keys["api_key"].endswith("unset secret no value")


def test_nothing_that_is_stored_becomes_markup(studio: Running, store: MemoryStore) -> None:
    session = studio.do(lambda: UntypedSession.create(store))
    studio.do(session.set, EVIL, {EVIL: EVIL})
    page = studio.page(studio.path_of(session.id))
    assert "<img src=x" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    [link] = re.findall(r'href="(/session/[^"]*/value[^"]*)"', page) or [f"{studio.path_of(session.id)}/value"]
    assert "onerror=alert(1)>" not in link


def test_secrets_are_hidden_unless_they_are_asked_for(
    start: Callable[..., Running], shop: Any, store: MemoryStore
) -> None:
    hiding, showing = start().enter(), start(reveal=True).enter()
    cart = hiding.do(lambda: shop.CartSession.create(store, values={"api_key": "sk-live-1"}))
    page = hiding.page(hiding.path_of(cart.id))
    assert "sk-live-1" not in page
    assert "hidden, because it is secret" in keys_of(page)["api_key"]
    assert "sk-live-1" in keys_of(showing.page(showing.path_of(cart.id)))["api_key"]
    assert "Secrets shown" in showing.page("/")


def test_secrets_inside_of_values_are_masked(studio: Running, store: MemoryStore) -> None:
    session = studio.do(lambda: UntypedSession.create(store))
    studio.do(session.set, "account", {"user": "ana", "password": "tops3cret"})
    held = keys_of(studio.page(studio.path_of(session.id)))["account"]
    assert "tops3cret" not in held
    assert "ana" in held
    assert "********" in held
    assert "Secret fields are masked" in held


def test_values_that_do_not_fit_or_are_not_declared_say_so(studio: Running, shop: Any, store: MemoryStore) -> None:
    cart = studio.do(lambda: shop.CartSession.create(store, values={"visits": 3}))
    access = Access(Address("handle", cart.id, "cart"), None, digest=shop.CartSession.schema.digest)
    studio.do(lambda: store.write(access, {"visits": b'"many"', "old": b"[1]"}))
    keys = keys_of(studio.page(studio.path_of(cart.id)))
    assert "does not fit" in keys["visits"]
    assert "the stored value does not fit the key" in keys["visits"]
    assert "not in the schema" in keys["old"]


def test_without_a_schema_all_counts_as_secret(start: Callable[..., Running], shop: Any, store: Any) -> None:
    running = start(catalog=Catalog()).enter()
    cart = running.do(lambda: shop.CartSession.create(store, values={"visits": 3}))
    page = running.page(running.path_of(cart.id))
    assert "nobody knows which keys are secret, and none is shown." in page
    assert keys_of(page)["visits"] == "visits set secret 7 B •••••••• hidden, because it is secret"


def test_without_a_schema_values_are_shown_as_they_are_to_who_asks_for_secrets(
    start: Callable[..., Running], shop: Any, store: Any
) -> None:
    running = start(catalog=Catalog(), reveal=True).enter()
    cart = running.do(lambda: shop.CartSession.create(store, values={"visits": 3}))
    page = running.page(running.path_of(cart.id))
    assert "nobody knows which keys are secret: all are shown." in page
    assert keys_of(page)["visits"] == "visits set secret 7 B 3"


def test_an_mcp_session_and_what_is_in_it_lead_to_each_other(studio: Running, shop: Any, store: MemoryStore) -> None:
    parent = Address("transport", mint_transport_id(), "")
    child = Address("transport", parent.id, "cart")
    other = Address("transport", mint_transport_id(), "")
    for address in (parent, child, other):
        studio.do(lambda address=address: store.create(Access(address), Lifetime(600.0)))
    first = studio.page("/?schema=MCP+session")
    paths = set(re.findall(r'href="(/session/\w+)"', first))
    assert len(paths) == 2
    [own] = [path for path in paths if "In the same MCP session" in studio.page(path)]
    inside = re.findall(r'href="(/session/\w+)"', studio.page(own))
    [inner] = [path for path in inside if path != own]
    assert f'href="{own}"' in studio.page(inner)


def test_what_an_mcp_session_has_later_appears_without_another_search(
    studio: Running, shop: Any, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = Address("transport", mint_transport_id(), "")
    studio.do(lambda: store.create(Access(parent), Lifetime(600.0)))
    path = studio.path_of(parent.id)
    assert "In the same MCP session" not in studio.page(path)
    studio.do(lambda: store.create(Access(Address("transport", parent.id, "cart")), Lifetime(600.0)))

    async def no_scan(**_: Any) -> Any:
        raise AssertionError("all sessions were looked at")

    monkeypatch.setattr(store, "scan", no_scan)
    assert "In the same MCP session" in studio.page(path)


def test_an_address_that_means_no_session_is_not_looked_for(
    studio: Running, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_scan(**_: Any) -> Any:
        raise AssertionError("all sessions were looked at")

    monkeypatch.setattr(store, "scan", no_scan)
    for reference in ("cart_", "x", "a" * 19, "A" * 20, "1" * 20):
        assert studio.get(f"/session/{reference}").status_code == 404


def test_a_session_that_is_over_is_a_page_that_says_so(studio: Running, cart: Any, clock: FakeClock) -> None:
    path = studio.path_of(cart.id)
    clock.advance(3600)
    answer = studio.get(path)
    assert answer.status_code == 404
    assert "Sessions that are over are gone from here too" in answer.text
    assert studio.get(f"{path}/value?key=items").status_code == 404


def test_the_address_of_a_session_works_after_a_restart(start: Callable[..., Running], shop: Any, store: Any) -> None:
    first = start().enter()
    cart = first.do(lambda: shop.CartSession.create(store))
    path = first.path_of(cart.id)
    assert masked(cart.id) in start().enter().page(path)


def test_a_long_value_is_cut_and_its_own_page_has_it_whole(studio: Running, store: MemoryStore) -> None:
    session = studio.do(lambda: UntypedSession.create(store))
    text = "a" * VALUE_SHOWN + "the end"
    studio.do(session.set, "long/key?&", text)
    page = studio.page(studio.path_of(session.id))
    assert "the end" not in page
    [link] = re.findall(r'href="([^"]*/value[^"]*)"', page)
    assert json.dumps(text).strip('"') in studio.page(link.replace("&amp;", "&"))
    assert studio.get(f"{studio.path_of(session.id)}/value?key=none").status_code == 404


def test_many_keys_have_pages(studio: Running, store: MemoryStore) -> None:
    session = studio.do(lambda: UntypedSession.create(store))
    for number in range(KEYS_A_PAGE + 3):
        studio.do(session.set, f"key{number:04}", number)
    path = studio.path_of(session.id)
    first, second = studio.page(path), studio.page(f"{path}?from={KEYS_A_PAGE}")
    assert f"1 to {KEYS_A_PAGE} of {KEYS_A_PAGE + 3} keys" in first
    assert f'href="{path}?from={KEYS_A_PAGE}"' in first
    assert list(keys_of(second)) == [f"key{KEYS_A_PAGE + number:04}" for number in range(3)]
    for odd in ("x", "-1", "9" * 30, "²"):
        assert len(keys_of(studio.page(f"{path}?from={odd}"))) == KEYS_A_PAGE


def test_a_session_of_a_newer_version_says_so(start: Callable[..., Running], shop: Any, store: Any) -> None:
    running = start().enter()
    id = "cart_" + "a" * 32
    running.do(
        lambda: store.create(Access(Address("handle", id, "cart"), version=9, since=9), Lifetime(600.0), {"x": b"1"})
    )
    page = running.page(running.path_of(id))
    assert "its data is of version 9" in page
    assert "schema at hand: 1" in page


def test_reading_alone_offers_nothing_that_changes(studio: Running, cart: Any) -> None:
    page = studio.page(studio.path_of(cart.id))
    assert "Edit" not in page
    assert "End session" not in page
    assert "--write" in page
