"""The pages about the store as a whole, and the work behind them that goes through all of it."""

import asyncio
import re
from collections.abc import Callable
from typing import Any

import pytest
from tests.studio.conftest import Running

from mcp_sessiongen.studio.charts import bars, columns
from mcp_sessiongen.studio.surveys import FRESH_SECONDS, Survey
from mcp_sessions import StoreError, UntypedSession
from mcp_sessions.admin import Catalog
from mcp_sessions.ids import masked
from mcp_sessions.stores import Access, Address, Lifetime, MemoryStore
from mcp_sessions.testing import FakeClock


@pytest.fixture
def filled(studio: Running, shop: Any, store: MemoryStore) -> Running:
    for size in (1, 1, 100, 5000):
        session = studio.do(lambda: UntypedSession.create(store))
        studio.do(session.set, "text", "x" * size)
    studio.do(lambda: shop.CartSession.create(store, owner="a" * 64))
    return studio


def test_numbers_and_charts_are_those_of_the_store(filled: Running) -> None:
    page = filled.page("/overview")
    facts = dict(re.findall(r"<dt>([^<]*)</dt><dd[^>]*>([^<]*)</dd>", page))
    assert facts == {
        "Sessions": "5",
        "Inside of MCP sessions": "0",
        "Owners": "1",
        "Without an owner": "4",
        "Bytes of values": "5 KiB",
    }
    rows = [" ".join(re.sub("<[^>]*>", " ", row).split()) for row in re.findall(r"<tr role.*?</tr>", page, re.DOTALL)]
    assert rows[1].startswith("session 4 80% 0 5 KiB 4.9 KiB 0s 30m")
    assert rows[2].startswith("cart 1 20% 1 0 B 0 B 0s 30m")
    table = re.findall(r'<tr><th scope="row">([^<]*)</th><td class="number">([^<]*)</td></tr>', page)
    assert table == [("≤ 64 B", "3"), ("≤ 256 B", "1"), ("≤ 1 KiB", "0"), ("≤ 4 KiB", "0"), ("≤ 16 KiB", "1")]


def test_charts_have_a_name_and_a_table_that_says_the_same(filled: Running) -> None:
    page = filled.page("/overview")
    for name, description in re.findall(r'role="img" aria-labelledby="([^"]*)" aria-describedby="([^"]*)"', page):
        assert f'id="{name}"' in page
        assert f'<table id="{description}"' in page
    assert page.count('role="img"') == 2


def test_an_empty_store_has_no_charts(studio: Running) -> None:
    page = studio.page("/overview")
    assert "No sessions yet" in page
    assert "<svg" not in page


def test_a_store_that_takes_long_shows_how_far_it_is(
    start: Callable[..., Running], store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = start(counting=Survey(patience=0.01)).enter()
    real, may_go_on = store.scan, asyncio.Event()

    async def scan(**options: Any) -> Any:
        await may_go_on.wait()
        return await real(**options)

    async def go_on() -> None:
        may_go_on.set()

    monkeypatch.setattr(store, "scan", scan)
    page = running.page("/overview")
    assert "0 sessions counted so far" in page
    assert '<meta http-equiv="refresh" content="2">' in page
    running.do(go_on)
    assert "No sessions yet" in running.page("/overview")


def test_versions_are_counted_where_there_are_several(studio: Running, store: MemoryStore) -> None:
    for id, version in (("a", 1), ("b", 2), ("c", 2)):
        access = Access(Address("handle", id, "cart"), version=version)
        studio.do(lambda access=access: store.create(access, Lifetime(600.0)))
    assert 'data-name="Version" class="number">1 (1), 2 (2)</td>' in studio.page("/overview")


def test_checks_that_take_long_show_how_far_they_are(
    start: Callable[..., Running], store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = start(checking=Survey(patience=0.01)).enter()

    async def scan(**_: Any) -> Any:
        await asyncio.Event().wait()

    monkeypatch.setattr(store, "scan", scan)
    assert "0 sessions checked so far" in running.page("/checks")


def test_checks_tell_what_is_wrong_the_worst_first(studio: Running, shop: Any, store: MemoryStore) -> None:
    cart = studio.do(lambda: shop.CartSession.create(store))
    access = Access(Address("handle", cart.id, "cart"), digest=shop.CartSession.schema.digest)
    studio.do(lambda: store.write(access, {"visits": b'"secret value"'}))
    page = studio.page("/checks")
    levels = re.findall(r"finding finding-(\w+)", page)
    assert levels[0] == "error"
    assert levels == sorted(levels, key=["error", "warning", "ok"].index)
    assert masked(cart.id) in page
    assert "secret value" not in page
    assert '<p class="message"><code>values</code> 1 of 1 value do not fit' in page, "--ignore takes the name"


def test_checks_without_schemas_say_what_they_do_not_check(start: Callable[..., Running]) -> None:
    page = start(catalog=Catalog()).enter().page("/checks")
    assert "No schema is at hand" in page


@pytest.fixture
def now() -> FakeClock:
    return FakeClock()


@pytest.mark.anyio
async def test_work_is_done_once_for_all_who_ask_and_not_again_at_once(now: FakeClock) -> None:
    survey, runs, gate = Survey[int](now), [0], asyncio.Event()

    async def work(progress: Callable[[int], None]) -> int:
        runs[0] += 1
        progress(7)
        await gate.wait()
        now.advance(3)
        return runs[0]

    asked = asyncio.gather(*(survey.look(work) for _ in range(3)))
    await asyncio.wait([asked], timeout=0)
    await asyncio.wait([asyncio.ensure_future(gate.wait())], timeout=0.01)
    assert survey.done_for == 7
    gate.set()
    assert await asked == [1, 1, 1]
    now.advance(29)
    assert await survey.look(work) == 1
    now.advance(1)
    assert await survey.look(work) == 2
    survey.forget()
    assert await survey.look(work) == 3
    now.advance(FRESH_SECONDS)
    assert await survey.look(work) == 3


@pytest.mark.anyio
async def test_the_outcome_before_is_shown_while_the_next_is_under_way(now: FakeClock) -> None:
    survey, gate = Survey[int](now, patience=0.01), asyncio.Event()

    async def quick(_: Callable[[int], None]) -> int:
        return 1

    async def slow(_: Callable[[int], None]) -> int:
        await gate.wait()
        return 2

    assert await survey.look(quick) == 1
    now.advance(60)
    assert await survey.look(slow) == 1
    gate.set()
    assert await survey.look(slow) == 2


@pytest.mark.anyio
async def test_work_that_fails_is_begun_anew(now: FakeClock) -> None:
    survey, fails = Survey[int](now), [True]

    async def work(_: Callable[[int], None]) -> int:
        if fails[0]:
            raise StoreError("down")
        return 1

    with pytest.raises(StoreError):
        await survey.look(work)
    fails[0] = False
    assert await survey.look(work) == 1


@pytest.mark.anyio
async def test_work_under_way_is_stopped_at_the_end(now: FakeClock) -> None:
    survey, ended = Survey[int](now, patience=0.01), [False]

    async def work(_: Callable[[int], None]) -> int:
        try:
            await asyncio.Event().wait()
        finally:
            ended[0] = True
        return 1

    assert await survey.look(work) is None
    await survey.aclose()
    await survey.aclose()
    assert ended == [True]


def test_bars_are_as_long_as_their_numbers() -> None:
    found = bars([("a", 200, "c0"), ("b", 50, "c1"), ("c", 0, "c2"), ("d", 1, "c3")])
    assert [bar.width for bar in found] == [100, 25, 0, 1]
    assert [bar.y for bar in found] == [0, 44, 88, 132]
    assert bars([]) == []


def test_columns_stand_on_one_line_within_the_width() -> None:
    found = columns([("a", 10), ("b", 5), ("c", 0)])
    assert [column.height for column in found] == [132, 66, 0]
    assert {column.y + column.height for column in found} == {154}
    assert all(column.x >= 0 and column.x + column.width <= 100 for column in found)
    assert columns([]) == []
