"""Who is let in: the token, the cookie that is given for it, and what becomes of everybody else."""

from collections.abc import Callable

import pytest
from tests.studio.conftest import Running

from mcp_sessiongen.studio.access import IDLE_SECONDS, MOST_VISITORS, Visitors, new_token
from mcp_sessions.testing import FakeClock

PAGES = ("/", "/overview", "/checks", "/session/abc", "/nowhere", "/find")


@pytest.mark.parametrize("path", PAGES)
def test_nobody_sees_a_page_without_the_token(start: Callable[..., Running], path: str) -> None:
    answer = start().get(path)
    assert answer.status_code == 401
    assert "Open the address that mcp-sessiongen studio printed" in answer.text
    assert "memory" not in answer.text


def test_the_token_is_exchanged_for_a_cookie_and_leaves_the_address(start: Callable[..., Running]) -> None:
    running = start()
    answer = running.client.get("/", params={"token": running.token})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/"
    cookie = answer.headers["set-cookie"]
    assert running.token not in cookie
    assert cookie.startswith("studio-8765=")
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Path=/" in cookie
    assert running.get("/").status_code == 200


@pytest.mark.parametrize("token", ["", "x", "é", "\udce9", "A" * 43])
def test_another_token_opens_nothing(start: Callable[..., Running], token: str) -> None:
    running = start()
    answer = running.get("/?token=" + token.encode("utf-8", "surrogateescape").hex())
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    assert running.get("/").status_code == 401


def test_the_token_opens_only_the_first_page(start: Callable[..., Running]) -> None:
    running = start()
    assert running.client.get("/overview", params={"token": running.token}).status_code == 401
    assert running.client.post("/", params={"token": running.token}).status_code == 401


def test_the_token_itself_is_no_cookie(start: Callable[..., Running]) -> None:
    running = start()
    running.client.cookies.set("studio-8765", running.token)
    assert running.get("/").status_code == 401


def test_the_cookie_of_a_studio_is_not_that_of_another(start: Callable[..., Running]) -> None:
    first, second = start().enter(), start()
    second.client.cookies.set("studio-8765", first.client.cookies["studio-8765"])
    assert second.get("/").status_code == 401


def test_who_comes_from_another_site_is_led_in_by_a_link(start: Callable[..., Running]) -> None:
    """Browsers leave a strict cookie out there, so the page offers a way that they do not."""
    running = start()
    assert 'href="/"' in running.get("/", sec_fetch_site="cross-site").text
    assert 'href="/"' not in running.get("/", sec_fetch_site="none").text


def test_tokens_have_256_random_bits() -> None:
    tokens = {new_token() for _ in range(50)}
    assert len(tokens) == 50
    assert {len(token) for token in tokens} == {43}


def test_a_cookie_that_nobody_used_for_long_is_worth_nothing() -> None:
    clock = FakeClock()
    visitors = Visitors("t", clock)
    cookie = visitors.admit("t") or ""
    clock.advance(IDLE_SECONDS)
    assert visitors.find(cookie) is not None
    clock.advance(IDLE_SECONDS)
    assert visitors.find(cookie) is not None
    clock.advance(IDLE_SECONDS + 1)
    assert visitors.find(cookie) is None


def test_only_so_many_browsers_are_known_and_the_latest_stay() -> None:
    visitors = Visitors("t", FakeClock())
    cookies = [visitors.admit("t") or "" for _ in range(MOST_VISITORS + 1)]
    assert visitors.find(cookies[0]) is None
    assert visitors.find(cookies[1]) is not None
    assert visitors.find(cookies[-1]) is not None


def test_each_browser_has_a_form_token_of_its_own() -> None:
    visitors = Visitors("t", FakeClock())
    one, other = (visitors.find(visitors.admit("t") or "") for _ in range(2))
    assert one is not None
    assert other is not None
    assert one.sent(one.form_token)
    assert not one.sent(other.form_token)
    assert not one.sent("")
