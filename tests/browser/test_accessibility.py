"""Every page in both colour schemes, wide and narrow: axe-core finds nothing, and nothing is cut off."""

import json
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("playwright", reason="NOT TESTED: the studio in a browser; make test-browser does")

from playwright.sync_api import Page
from tests.browser.studios import Address
from tests.browser.visits import Visit

Reach = Callable[[Visit], Any]


def edit(visit: Visit, key: str) -> Page:
    page = visit.page
    page.locator(f'li[data-key="{key}"]').get_by_role("link", name="Edit").click()
    return page


def reach_error(visit: Visit) -> None:
    visit.open_first("/?schema=counter&space=handle")
    page = edit(visit, "counter")
    page.get_by_label("Value, as JSON").fill('"many"')
    page.get_by_role("button", name="Save").click()
    page.get_by_role("alert").wait_for()


def reach_conflict(visit: Visit) -> None:
    visit.open_first("/?schema=counter&space=handle")
    page = edit(visit, "counter")
    other = page.context.new_page()
    other.goto(page.url)
    other.get_by_label("Value, as JSON").fill("500")
    other.get_by_role("button", name="Save").click()
    other.get_by_text("counter is set.").wait_for()
    other.close()
    page.get_by_role("button", name="Save").click()
    page.get_by_text("It changed meanwhile").wait_for()


def reach_end(visit: Visit) -> None:
    visit.open_first("/?schema=MCP+session").get_by_role("link", name="End session…").click()


def reach_edit(visit: Visit) -> None:
    visit.open_first("/?schema=notes")
    edit(visit, "notes").get_by_text("Unset it instead").click()


READING: dict[str, Reach] = {
    "sessions": lambda visit: visit.open("/"),
    "filtered": lambda visit: visit.open("/?schema=notes&idle=1m&owner=none&size=1k&space=handle"),
    "found nothing": lambda visit: visit.open("/?q=cart_e52x"),
    "wrong filter": lambda visit: visit.open("/?idle=x"),
    "notes": lambda visit: visit.open_first("/?schema=notes"),
    "mcp session": lambda visit: visit.open_first("/?schema=MCP+session"),
    "does not fit": lambda visit: visit.open_first("/?schema=wizard&space=transport"),
    "value": lambda visit: visit.open_first("/?schema=notes&size=1k").get_by_role("link", name="Whole value").click(),
    "overview": lambda visit: visit.open("/overview").get_by_text("The same as a table").click(),
    "checks": lambda visit: visit.open("/checks").locator(".findings").wait_for(),
    "not there": lambda visit: visit.open("/session/none"),
}
WRITING: dict[str, Reach] = {
    "edit": reach_edit,
    "error": reach_error,
    "conflict": reach_conflict,
    "end": reach_end,
}
EMPTY: dict[str, Reach] = {
    "sessions": READING["sessions"],
    "overview": lambda visit: visit.open("/overview").get_by_text("No sessions yet").wait_for(),
}


def violations(page: Page, axe: str) -> list[str]:
    """Return what axe finds, with the elements that it finds it in."""
    page.evaluate(axe)
    found = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    return [json.dumps([one["id"], [node["html"] for node in one["nodes"]]]) for one in found["violations"]]


def is_cut_off(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def examine(visit: Visit, axe: str) -> None:
    for width in (1280, 640, 320):  # 640 is what a page of 1280 has at 200 %
        visit.page.set_viewport_size({"width": width, "height": 800})
        assert violations(visit.page, axe) == [], width
        assert not is_cut_off(visit.page), width


@pytest.mark.parametrize("name", READING)
def test_pages_that_read_are_accessible(
    visit: Callable[..., Visit], reading: Address, axe: str, name: str, scheme: str
) -> None:
    there = visit(reading, color_scheme=scheme)
    READING[name](there)
    examine(there, axe)


@pytest.mark.parametrize("name", EMPTY)
def test_pages_of_an_empty_store_are_accessible(
    visit: Callable[..., Visit], empty: Address, axe: str, name: str, scheme: str
) -> None:
    there = visit(empty, color_scheme=scheme)
    EMPTY[name](there)
    assert "No sessions yet" in there.page.inner_text("main")
    examine(there, axe)


@pytest.mark.parametrize("name", WRITING)
def test_pages_that_write_are_accessible(
    visit: Callable[..., Visit], writing: Address, axe: str, name: str, scheme: str
) -> None:
    there = visit(writing, color_scheme=scheme)
    WRITING[name](there)
    examine(there, axe)


def test_the_page_that_asks_for_the_token_is_accessible(
    visit: Callable[..., Visit], reading: Address, axe: str, scheme: str
) -> None:
    there = visit(reading, color_scheme=scheme)
    there.page.context.clear_cookies()
    there.open("/")
    assert "Open the address that" in there.page.inner_text("main")
    examine(there, axe)


def test_every_control_is_large_enough_to_hit(visit: Callable[..., Visit], reading: Address) -> None:
    """24 by 24 CSS pixels (WCAG 2.2, 2.5.8), links within texts and tables aside."""
    page = visit(reading, viewport={"width": 320, "height": 800}).page
    boxes = page.eval_on_selector_all(
        "button:not([hidden]), select, input:not([type=hidden]), a.button, .top nav a",
        "all => all.map(one => [one.outerHTML.slice(0, 80), one.getBoundingClientRect()])"
        ".filter(([, box]) => box.width < 24 || box.height < 24).map(([what]) => what)",
    )
    assert boxes == []
