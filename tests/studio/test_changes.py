"""What a studio that was started with --write can change: values, by their schema, and the end of a session."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.studio.conftest import Running
from tests.studio.forms import forms_of

from mcp_sessiongen.studio.changes import EDITED_BYTES
from mcp_sessions import SessionEndedError, StoreError, UntypedSession
from mcp_sessions.admin import Catalog
from mcp_sessions.ids import masked, mint_transport_id
from mcp_sessions.stores import Access, Address, Lifetime, MemoryStore
from mcp_sessions.testing import FakeClock


@pytest.fixture
def cart(writing: Running, shop: Any, store: MemoryStore) -> Any:
    return writing.do(lambda: shop.CartSession.create(store, values={"visits": 3, "title": "Ana's"}))


@pytest.fixture
def path(writing: Running, cart: Any) -> str:
    return writing.path_of(cart.id)


@pytest.mark.parametrize("what", ["edit", "unset", "end"])
def test_a_studio_that_only_reads_has_no_such_pages(studio: Running, shop: Any, store: MemoryStore, what: str) -> None:
    cart = studio.do(lambda: shop.CartSession.create(store, values={"visits": 3}))
    path = studio.path_of(cart.id)
    assert studio.get(f"{path}/{what}?key=visits").status_code == 404
    form = studio.form("/", "/find")
    form.action = f"{path}/{what}"
    assert studio.send(form, key="visits", text="4").status_code == 404
    form.action = path
    assert studio.send(form).status_code == 405
    assert studio.do(cart.get_visits) == 3


def test_a_value_is_written_as_the_schema_has_it(writing: Running, cart: Any, path: str) -> None:
    form = writing.form(f"{path}/edit?key=visits", "/edit")
    assert form.fields["text"] == "3"
    answer = writing.send(form, text=" 4\r\n")
    assert (answer.status_code, answer.headers["location"]) == (303, path)
    assert writing.do(cart.get_visits) == 4
    page = writing.page(path)
    assert '<p class="notice notice-done" role="status">visits is set.</p>' in page
    assert "visits is set." not in writing.page(path)


def test_a_model_is_written_with_its_defaults(writing: Running, cart: Any, path: str) -> None:
    writing.send(writing.form(f"{path}/edit?key=items", "/edit"), text='[\r\n  {"sku": "a\\nb"}\r\n]')
    [item] = writing.do(cart.get_items)
    assert (item.sku, item.qty) == ("a\nb", 1)


@pytest.mark.parametrize(
    ("key", "text", "why"),
    [
        ("visits", '"many"', "valid integer"),
        ("visits", "-1", "greater than or equal to 0"),
        ("visits", "", "no JSON"),
        ("visits", "NaN", "no JSON"),
        ("title", '"' + "x" * 21 + '"', "at most 20"),
        ("title", "Ana", "text is written in quotes"),
        ("items", '[{"qty": 0, "sku": "</textarea><script>alert(1)</script>"}]', "greater than or equal to 1"),
    ],
)
def test_what_does_not_fit_is_told_beside_the_field_and_kept(
    writing: Running, cart: Any, path: str, key: str, text: str, why: str
) -> None:
    before = writing.do(cart.snapshot)
    answer = writing.send(writing.form(f"{path}/edit?key={key}", "/edit"), text=text)
    assert answer.status_code == 422
    assert why in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert 'aria-describedby="hint wrong"' in answer.text
    assert "<script>alert" not in answer.text
    form = next(form for form in forms_of(answer.text) if form.action.endswith("/edit"))
    assert form.fields["text"] == text
    assert writing.do(cart.snapshot) == before


def test_a_value_that_others_changed_meanwhile_is_a_conflict(writing: Running, cart: Any, path: str) -> None:
    """What is there now is shown beside what was typed; sending the form again is meant."""
    form = writing.form(f"{path}/edit?key=visits", "/edit")
    writing.do(cart.set_visits, 100)
    answer = writing.send(form, text="4")
    assert answer.status_code == 409
    assert "It changed meanwhile" in answer.text
    assert '<span class="j-number">100</span>' in answer.text
    assert writing.do(cart.get_visits) == 100
    [again, *_] = [form for form in forms_of(answer.text) if form.action.endswith("/edit")]
    assert again.fields["text"] == "4"
    assert writing.send(again).status_code == 303
    assert writing.do(cart.get_visits) == 4


def test_a_value_that_was_set_or_unset_meanwhile_is_a_conflict(writing: Running, cart: Any, path: str) -> None:
    unset, title = writing.form(f"{path}/edit?key=quote", "/edit"), writing.form(f"{path}/edit?key=title", "/edit")
    writing.do(cart.set_quote, "1")
    writing.do(cart.remove_title)
    assert writing.send(unset, text='"2"').status_code == 409
    assert writing.send(title, text='"x"').status_code == 409


def test_a_change_of_another_key_is_no_conflict(writing: Running, cart: Any, path: str) -> None:
    form = writing.form(f"{path}/edit?key=title", "/edit")
    writing.do(cart.set_visits, 100)
    assert writing.send(form, text='"Bo"').status_code == 303
    assert writing.do(cart.get_title) == "Bo"
    assert writing.do(cart.get_visits) == 100


def test_a_change_in_the_moment_of_writing_is_tried_again(
    writing: Running, cart: Any, path: str, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = writing.form(f"{path}/edit?key=title", "/edit")
    real, left = store.migrate, [1, 2, 3]

    async def migrate(*arguments: Any) -> bool:
        if left:
            await cart.set_visits(left.pop())
        return await real(*arguments)

    monkeypatch.setattr(store, "migrate", migrate)
    assert writing.send(form, text='"Bo"').status_code == 303
    assert writing.do(cart.get_title) == "Bo"


def test_a_session_that_never_stands_still_is_told(
    writing: Running, cart: Any, path: str, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = writing.form(f"{path}/edit?key=title", "/edit")

    async def migrate(*_: Any) -> bool:
        return False

    monkeypatch.setattr(store, "migrate", migrate)
    answer = writing.send(form, text='"Bo"')
    assert answer.status_code == 422
    assert "try again" in answer.text


def test_a_store_that_fails_while_writing_is_a_page(
    writing: Running, cart: Any, path: str, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = writing.form(f"{path}/edit?key=title", "/edit")

    async def migrate(*_: Any) -> bool:
        raise StoreError("the disk is full")

    monkeypatch.setattr(store, "migrate", migrate)
    answer = writing.send(form, text='"Bo"')
    assert answer.status_code == 503
    assert "the disk is full" in answer.text


def test_a_key_of_a_session_that_never_stands_still_is_not_unset(
    writing: Running, cart: Any, path: str, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = writing.form(f"{path}/edit?key=visits", "/unset")

    async def migrate(*_: Any) -> bool:
        return False

    monkeypatch.setattr(store, "migrate", migrate)
    answer = writing.send(form)
    assert answer.status_code == 422
    assert "try again" in answer.text
    assert writing.do(cart.get_visits) == 3


def test_a_key_is_unset(writing: Running, cart: Any, path: str) -> None:
    form = writing.form(f"{path}/edit?key=visits", "/unset")
    assert writing.send(form).headers["location"] == path
    assert not writing.do(cart.has_visits)
    assert writing.send(form).status_code == 409
    assert not [form for form in forms_of(writing.page(f"{path}/edit?key=visits")) if form.action.endswith("/unset")]


def test_a_key_that_changed_is_not_unset(writing: Running, cart: Any, path: str) -> None:
    form = writing.form(f"{path}/edit?key=visits", "/unset")
    writing.do(cart.set_visits, 4)
    assert writing.send(form).status_code == 409
    assert writing.do(cart.get_visits) == 4


def test_a_time_to_live_begins_anew(writing: Running, cart: Any, path: str, clock: FakeClock) -> None:
    writing.do(cart.set_quote, "1")
    clock.advance(200)
    writing.send(writing.form(f"{path}/edit?key=quote", "/edit"), text='"2"')
    clock.advance(200)
    assert writing.do(cart.get_quote) == "2"
    clock.advance(200)
    assert writing.do(cart.get_quote) is None


def test_editing_is_no_use_of_the_session(writing: Running, cart: Any, path: str, clock: FakeClock) -> None:
    clock.advance(1000)
    writing.send(writing.form(f"{path}/edit?key=visits", "/edit"), text="4")
    clock.advance(1000)
    assert writing.get(path).status_code == 404


def test_a_secret_is_replaced_without_being_shown(writing: Running, cart: Any, path: str) -> None:
    writing.do(cart.set_api_key, "sk-old")
    page = writing.page(f"{path}/edit?key=api_key")
    assert "sk-old" not in page
    form = writing.form(f"{path}/edit?key=api_key", "/edit")
    assert form.fields["text"] == ""
    wrong = writing.send(form, text="sk-new")
    assert wrong.status_code == 422
    assert "sk-new" not in wrong.text
    assert writing.send(form, text='"sk-new"').status_code == 303
    assert writing.do(cart.get_api_key) == "sk-new"
    conflict = writing.send(form, text='"sk-late"')
    assert conflict.status_code == 409
    assert "sk-new" not in conflict.text + writing.page(path)
    assert "sk-late" not in conflict.text


def test_masked_fields_of_a_value_stay_as_they_are(writing: Running, store: MemoryStore) -> None:
    session = writing.do(lambda: UntypedSession.create(store))
    writing.do(session.set, "account", {"user": "ana", "password": "tops3cret"})
    form = writing.form(f"{writing.path_of(session.id)}/edit?key=account", "/edit")
    assert "tops3cret" not in form.fields["text"]
    assert writing.send(form, text=form.fields["text"].replace("ana", "bo")).status_code == 303
    assert writing.do(session.get, "account") == {"user": "bo", "password": "tops3cret"}


def test_an_untyped_key_that_was_unset_meanwhile_keeps_what_was_typed(writing: Running, store: MemoryStore) -> None:
    session = writing.do(lambda: UntypedSession.create(store))
    writing.do(session.set, "note", 1)
    form = writing.form(f"{writing.path_of(session.id)}/edit?key=note", "/edit")
    writing.do(session.remove, "note")
    answer = writing.send(form, text="2")
    assert answer.status_code == 409
    assert "It is not set" in answer.text
    [again] = [form for form in forms_of(answer.text) if form.action.endswith("/edit")]
    assert writing.send(again).status_code == 303
    assert writing.do(session.get, "note") == 2


def test_what_cannot_be_edited_says_why(start: Callable[..., Running], shop: Any, store: MemoryStore) -> None:
    running = start(can_write=True).enter()
    cart = running.do(lambda: shop.CartSession.create(store, values={"visits": 3}))
    access = Access(Address("handle", cart.id, "cart"), digest=shop.CartSession.schema.digest)
    running.do(lambda: store.write(access, {"old": b"[1]"}))
    page = running.page(f"{running.path_of(cart.id)}/edit?key=old")
    assert "The schema has no such key" in page
    assert [form.action.rpartition("/")[2] for form in forms_of(page)] == ["unset"]
    without = start(can_write=True, catalog=Catalog()).enter()
    assert "The schema is not at hand" in without.page(f"{without.path_of(cart.id)}/edit?key=visits")
    large = running.do(lambda: UntypedSession.create(store))
    running.do(large.set, "text", "x" * EDITED_BYTES)
    assert "too large to be edited" in running.page(f"{running.path_of(large.id)}/edit?key=text")
    assert running.get(f"{running.path_of(large.id)}/edit?key=none").status_code == 404


def test_a_session_is_ended_after_a_question(writing: Running, cart: Any, path: str) -> None:
    page = writing.page(f"{path}/end")
    assert "It holds 2 values" in page
    assert "on_end" in page
    assert writing.do(cart.get_visits) == 3
    answer = writing.send(writing.form(f"{path}/end", "/end"))
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert f"{masked(cart.id)} was ended." in writing.page("/")
    with pytest.raises(SessionEndedError):
        writing.do(cart.get_visits)
    assert writing.get(f"{path}/end").status_code == 404


def test_an_mcp_session_ends_with_what_is_in_it(writing: Running, store: MemoryStore) -> None:
    parent = Address("transport", mint_transport_id(), "")
    child = Address("transport", parent.id, "cart")
    for address in (parent, child):
        writing.do(lambda address=address: store.create(Access(address, "o"), Lifetime(600.0)))
    writing.page("/")
    pages = {address.is_parent: name for name, address in writing.studio.addresses.items()}
    page = writing.page(f"/session/{pages[True]}/end")
    assert "ends with it: 1 session" in page
    writing.send(writing.form(f"/session/{pages[True]}/end", "/end"))
    assert writing.do(store.look_up, child) is None
    assert writing.get(f"/session/{pages[False]}").status_code == 404


def test_what_the_server_keeps_for_itself_is_not_edited(writing: Running, store: MemoryStore) -> None:
    parent = Address("transport", mint_transport_id(), "")
    writing.do(lambda: store.create(Access(parent), Lifetime(600.0), {"note": b"1"}))
    path = writing.path_of(parent.id)
    assert "Edit" not in writing.page(path)
    assert "the server&#39;s own" in writing.page(f"{path}/edit?key=note")
    refused = writing.send(writing.form(f"{path}/edit?key=note", "/unset"))
    assert refused.status_code == 422
    assert writing.do(store.copy_out, parent).values == {"note": b"1"}


def test_no_key_and_no_mark_change_nothing(writing: Running, cart: Any, path: str) -> None:
    form = writing.form(f"{path}/edit?key=visits", "/edit")
    assert writing.send(form, mark="é", text="4").status_code == 409
    assert writing.send(form, mark="", text="4").status_code == 409
    assert writing.send(form, key="title", text='"x"').status_code == 409
    assert writing.send(form, key="none", text="4").status_code == 409
    assert writing.do(cart.get_visits) == 3


@pytest.mark.parametrize(("key", "is_told"), [("visits", False), ("title", True), ("items", True)])
def test_quotes_are_spoken_of_where_there_can_be_text(writing: Running, path: str, key: str, is_told: bool) -> None:
    assert ("Text stands in quotes." in writing.page(f"{path}/edit?key={key}")) is is_told
