"""The studio as it is used: by keyboard, without JavaScript, while sessions change, and with other sites about."""

import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright", reason="NOT TESTED: the studio in a browser; make test-browser does")

from playwright.sync_api import Page, expect
from tests.browser.data import perform
from tests.browser.studios import Address
from tests.browser.visits import Visit

from mcp_sessions.admin import Filters, Summary, end, page
from mcp_sessions.stores import SQLiteStore, Store
from state.counter import CounterSession

Enter = Callable[..., Visit]


def act(database: Path, work: Callable[[Store], Any]) -> Any:
    """Do something with the sessions while a browser looks at them."""

    async def run() -> Any:
        store = SQLiteStore(database)
        try:
            return await work(store)
        finally:
            await store.aclose()

    return perform(run)


async def a_counter(store: Store) -> Summary:
    found, _ = await page(store, Filters(schema="counter", space="handle"), limit=1)
    return found[0]


def count_to(value: int) -> Callable[[Store], Any]:
    async def work(store: Store) -> None:
        one = await a_counter(store)
        await CounterSession.open(store, one.address.id, owner=one.owner).set_counter(value)

    return work


def focused(page: Page) -> str:
    text = str(page.evaluate("document.activeElement.textContent || document.activeElement.id"))
    return " ".join(text.split())


def press_until(page: Page, text: str, key: str = "Tab", most: int = 60) -> None:
    """Press a key until what has the focus says something."""
    for _ in range(most):
        page.keyboard.press(key)
        if text in focused(page):
            return
    raise AssertionError(f"{text} cannot be reached; the focus is on {focused(page)!r}")


# --- the address ---


def test_the_token_leaves_the_address_and_the_history(visit: Enter, reading: Address) -> None:
    there = visit(reading)
    assert there.page.url == f"{reading.base}/"
    there.open("/overview")
    there.page.go_back()
    assert there.page.url == f"{reading.base}/"
    assert there.page.go_back() is None or "token" not in there.page.url


def test_back_leads_through_the_pages_of_a_list(visit: Enter, reading: Address) -> None:
    there = visit(reading)
    first = there.page.locator("tbody th").all_inner_texts()
    there.page.get_by_role("link", name="Next").click()
    there.page.wait_for_url("**/?after=*")
    second = there.page.locator("tbody th").all_inner_texts()
    assert not set(first) & set(second)
    there.page.locator("tbody th a").first.click()
    there.page.wait_for_url("**/session/*")
    there.page.go_back()
    assert there.page.locator("tbody th").all_inner_texts() == second
    there.page.go_back()
    assert there.page.locator("tbody th").all_inner_texts() == first


def test_a_search_leads_to_the_session(visit: Enter, reading: Address) -> None:
    found = act(reading.database, a_counter)
    there = visit(reading)
    there.page.get_by_label("Find by id").fill(found.address.id)
    there.page.get_by_role("button", name="Find").click()
    expect(there.page.get_by_role("heading", level=1)).to_contain_text(found.masked)
    assert there.page.url == f"{reading.base}/session/{found.reference}"


# --- by keyboard ---


def test_the_first_stop_of_the_keyboard_leads_to_the_content(visit: Enter, reading: Address) -> None:
    page = visit(reading).page
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    page.keyboard.press("Tab")
    expect(page.get_by_label("Find by id")).to_be_focused()


def test_the_focus_is_seen_wherever_it_is(visit: Enter, reading: Address) -> None:
    page = visit(reading).page
    for _ in range(15):
        page.keyboard.press("Tab")
        outline = page.evaluate(
            "() => { const style = getComputedStyle(document.activeElement);"
            " return [style.outlineStyle, parseFloat(style.outlineWidth)]; }"
        )
        assert outline[0] != "none", focused(page)
        assert outline[1] >= 2, focused(page)


def test_a_value_is_edited_by_keyboard_alone(visit: Enter, writing: Address) -> None:
    page = visit(writing).page
    masked = act(writing.database, a_counter).masked
    press_until(page, masked)
    page.keyboard.press("Enter")
    page.wait_for_url("**/session/*")
    press_until(page, "Edit counter")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Value, as JSON")).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.type("777")
    press_until(page, "Save")
    page.keyboard.press("Enter")
    expect(page.get_by_text("counter is set.")).to_be_visible()
    expect(page.locator("pre").first).to_have_text("777")


# --- without JavaScript ---


def test_all_of_it_works_without_javascript(visit: Enter, writing: Address) -> None:
    there = visit(writing, java_script_enabled=False)
    page = there.page
    expect(page.get_by_role("button", name="Live")).to_be_hidden()
    page.get_by_label("Schema").select_option("counter")
    page.get_by_label("Kind").select_option("handle")
    page.get_by_role("button", name="Filter").click()
    page.locator("tbody th a").first.click()
    page.get_by_role("link", name="Edit").first.click()
    page.get_by_label("Value, as JSON").fill("many")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("no JSON")
    expect(page.get_by_label("Value, as JSON")).to_have_value("many")
    page.get_by_label("Value, as JSON").fill("12")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("counter is set.")).to_be_visible()
    page.get_by_role("link", name="Edit").first.click()
    page.get_by_text("Unset it instead").click()
    page.get_by_role("button", name="Unset counter").click()
    expect(page.get_by_text("counter is unset.")).to_be_visible()
    page.get_by_role("link", name="End session…").click()
    page.get_by_role("button", name="End session").click()
    expect(page.get_by_text("was ended.")).to_be_visible()
    there.open("/overview")
    expect(page.get_by_role("img", name="Sessions by schema")).to_be_visible()


# --- while things change ---


@pytest.fixture
def live(visit: Enter, writing: Address) -> Visit:
    """The page of a counter, in a browser whose time the test moves."""
    there = visit(writing)
    there.page.clock.install()
    there.open_first("/?schema=counter&space=handle")
    expect(there.page.get_by_role("button", name="Live")).to_have_attribute("aria-pressed", "true")
    return there


def test_a_changed_value_appears_by_itself_is_announced_and_leaves_the_focus(live: Visit) -> None:
    page = live.page
    page.get_by_role("link", name="Edit counter").focus()
    page.evaluate("window.same = document.querySelector('pre')")
    act(live.address.database, count_to(4321))
    page.clock.run_for(3500)
    expect(page.locator("pre")).to_have_text("4321")
    expect(page.locator("#announce")).to_have_text("changed: counter")
    expect(page.get_by_role("link", name="Edit counter")).to_be_focused()
    assert page.evaluate("window.same === document.querySelector('pre')")


def test_what_changed_is_marked_unless_motion_is_unwelcome(visit: Enter, writing: Address) -> None:
    for motion, marked in (("no-preference", 1), ("reduce", 0)):
        there = visit(writing, reduced_motion=motion)
        there.page.clock.install()
        there.open_first("/?schema=counter&space=handle")
        act(writing.database, count_to(1000 + marked))
        there.page.clock.run_for(3500)
        expect(there.page.locator("pre")).to_have_text(str(1000 + marked))
        expect(there.page.locator("pre.changed")).to_have_count(marked)


def test_times_count_down_each_second(live: Visit) -> None:
    text = live.page.locator("dd.big time")
    live.page.evaluate("() => { window.fetch = () => new Promise(() => {}) }")  # so that it is the script that counts
    before = text.inner_text()
    live.page.clock.run_for(2000)
    expect(text).not_to_have_text(before)
    live.page.clock.fast_forward(31 * 60 * 1000)
    expect(text).to_have_text("over")
    expect(text).to_have_class("soon")


def test_a_session_that_is_over_is_told_and_stays_to_be_read(live: Visit) -> None:
    async def finish(store: Store) -> None:
        await end(store, (await a_counter(store)).address)

    act(live.address.database, finish)
    live.page.clock.run_for(3500)
    expect(live.page.get_by_text("This session is over: it expired or was ended.")).to_be_visible()
    expect(live.page.locator("pre")).to_be_visible()


def test_rows_come_and_go(visit: Enter, writing: Address) -> None:
    there = visit(writing)
    there.page.clock.install()
    page = there.open("/?schema=counter")
    before = page.locator("tbody tr").count()

    async def begin(store: Store) -> None:
        for _ in range(2):
            await CounterSession.create(store)

    act(writing.database, begin)
    page.clock.run_for(3500)
    expect(page.locator("tbody tr")).to_have_count(before + 2)
    expect(page.locator("#announce")).to_have_text("2 more in the list")

    async def finish(store: Store) -> None:
        await end(store, (await a_counter(store)).address)

    act(writing.database, finish)
    page.clock.run_for(3500)
    expect(page.locator("tbody tr")).to_have_count(before + 1)
    expect(page.locator("#announce")).to_have_text("1 gone from the list")


def requests_of(page: Page, milliseconds: int) -> int:
    """Return how often a page asks while so much of its time passes."""
    asked: list[str] = []

    def note(request: Any) -> None:
        asked.append(request.url)

    page.on("request", note)
    for _ in range(milliseconds // 1000):
        page.clock.run_for(1000)
        page.wait_for_load_state("networkidle")
    page.remove_listener("request", note)
    return len(asked)


def test_it_rests_while_nobody_looks_and_where_the_switch_says_so(live: Visit) -> None:
    page = live.page
    assert requests_of(page, 9000) >= 2
    page.evaluate("Object.defineProperty(document, 'hidden', {get: () => window.away, configurable: true})")
    page.evaluate("window.away = true")
    assert requests_of(page, 9000) == 0
    with page.expect_request(page.url):  # at once, and not only when the next one is due
        page.evaluate("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")
    switch = page.get_by_role("button", name="Live")
    switch.click()
    expect(switch).to_have_attribute("aria-pressed", "false")
    assert requests_of(page, 9000) == 0
    page.reload()
    expect(switch).to_have_attribute("aria-pressed", "false")
    assert requests_of(page, 9000) == 0
    switch.click()
    expect(switch).to_have_attribute("aria-pressed", "true")


def test_a_studio_that_does_not_answer_is_told(live: Visit) -> None:
    live.page.route("**/*", lambda route: route.abort())
    live.page.clock.run_for(3500)
    expect(live.page.get_by_role("button", name="No answer")).to_be_visible()
    live.page.unroute_all()
    cookies = live.page.context.cookies()
    live.page.context.clear_cookies()
    live.page.clock.run_for(3500)
    expect(live.page.get_by_role("button", name="Not let in")).to_be_visible()
    live.page.context.add_cookies(cookies)
    live.page.clock.run_for(3500)
    expect(live.page.get_by_role("button", name="Live")).to_be_visible()


# --- other sites ---


@contextmanager
def other_site(text: str) -> Iterator[str]:
    """Serve one page of another site: another name of this machine is one."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = text.encode()
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}/"
        server.shutdown()


def test_a_link_of_another_site_with_the_token_leads_in(visit: Enter, reading: Address) -> None:
    """The browser leaves a strict cookie out on that way, so there is a page in between."""
    there = visit(reading)
    there.page.context.clear_cookies()
    with other_site(f'<a href="{reading.entrance}">studio</a>') as site:
        there.page.goto(site)
        there.page.get_by_text("studio").click()
        there.page.get_by_role("link", name="Open the studio from here").click()
        expect(there.page.get_by_role("heading", level=1)).to_have_text("Sessions")


@pytest.mark.parametrize("policy", ["no-referrer", "unsafe-url"])
def test_a_form_of_another_site_changes_nothing(visit: Enter, writing: Address, policy: str) -> None:
    one = act(writing.database, a_counter)
    there = visit(writing)
    action = f"{writing.base}/session/{one.reference}/end"
    form = f'<meta name="referrer" content="{policy}"><form method="post" action="{action}"><button>go</button></form>'
    with other_site(form) as site:
        there.page.goto(site)
        there.page.get_by_role("button").click()
        expect(there.page.get_by_role("heading", level=1)).to_have_text("The token, please")
    assert act(writing.database, a_counter).reference == one.reference


def test_another_site_cannot_show_the_studio_in_a_frame(visit: Enter, reading: Address) -> None:
    there = visit(reading)
    with other_site(f'<iframe src="{reading.base}/"></iframe><p>done</p>') as site:
        there.page.goto(site)
        there.page.get_by_text("done").wait_for()
        texts = [frame.locator("body").inner_text() for frame in there.page.frames[1:]]
    assert not any("Session" in text for text in texts)
    there.complaints[:] = [text for text in there.complaints if "frame-ancestors" not in text and "X-Frame" not in text]


def test_what_is_stored_stays_text_in_a_browser(visit: Enter, writing: Address) -> None:
    """A value that is markup is shown; it makes no element, runs nothing and loads nothing."""
    evil = "</code><img src=x onerror=alert(1)><script>alert(2)</script>"

    async def store_it(store: Store) -> str:
        from mcp_sessions import UntypedSession

        made = await UntypedSession.create(store)
        await made.set(evil, {evil: evil})
        return made.id

    id = act(writing.database, store_it)
    there = visit(writing)
    there.page.get_by_label("Find by id").fill(id)
    there.page.get_by_role("button", name="Find").click()
    expect(there.page.locator("pre")).to_contain_text("onerror=alert(1)")
    there.page.get_by_role("link", name="Edit").click()
    expect(there.page.get_by_label("Value, as JSON")).to_have_value(f'{{\n  "{evil}": "{evil}"\n}}')
    assert there.page.locator("img[src=x]").count() == 0


def test_an_overview_that_takes_long_appears_when_it_is_there(visit: Enter, reading: Address) -> None:
    """The page of the meantime gives way to the outcome by itself."""
    there = visit(reading)
    waiting = '<h1>Overview</h1><div id="live" data-live="1"><p>Going through the store</p></div>'
    text = there.open("/overview").content()
    start, _, _ = text.partition("<h1>")
    there.page.route(
        "**/overview",
        lambda route: route.fulfill(body=f"{start}{waiting}</main><p id='announce'></p>", content_type="text/html"),
        times=1,
    )
    there.open("/overview")
    expect(there.page.get_by_text("Going through the store")).to_be_visible()
    expect(there.page.get_by_role("img", name="Sessions by schema")).to_be_visible()
