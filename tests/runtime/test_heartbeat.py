"""``Heartbeat``: one timer for all calls, and the sessions of those that last are used again and again."""

import asyncio
import gc
import logging
import weakref
from contextvars import ContextVar
from typing import Any

import pytest

from mcp_sessions import StoreError
from mcp_sessions.context import Call
from mcp_sessions.heartbeat import Heartbeat
from mcp_sessions.stores import Access, Address, Lifetime, MemoryStore

pytestmark = pytest.mark.anyio

SOON = 0.02
NAMES = ("a", "b")


class Counting(MemoryStore):
    """Notes which sessions are used, and fails for some."""

    def __init__(self) -> None:
        super().__init__()
        self.touched: list[str] = []
        self.fails: set[str] = set()
        self.beaten = asyncio.Event()

    async def touch(self, access: Access, lifetime: Lifetime | None = None) -> Any:
        self.touched.append(access.address.id)
        if access.address.id in self.fails:
            raise StoreError("down")
        await super().touch(access, lifetime)
        self.beaten.set()

    async def beat(self) -> None:
        """Wait until a session is used once more."""
        self.beaten.clear()
        await asyncio.wait_for(self.beaten.wait(), 30)


@pytest.fixture
async def store(anyio_backend: str) -> Counting:
    made = Counting()
    for name in NAMES:
        await made.create(access_to(name), Lifetime(60.0))
    made.touched.clear()
    return made


def access_to(name: str) -> Access:
    return Access(Address("handle", name, "cart"))


def call_on(store: Counting, *names: str) -> Call:
    return Call(store, used={access_to(name).address: access_to(name) for name in names})


async def test_calls_that_are_over_soon_cost_one_timer_together(
    store: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    timers: list[float] = []
    loop = asyncio.get_running_loop()
    real = loop.call_later

    def call_later(delay: float, *args: Any, **kwargs: Any) -> asyncio.TimerHandle:
        timers.append(delay)
        return real(delay, *args, **kwargs)

    monkeypatch.setattr(loop, "call_later", call_later)
    heartbeat = Heartbeat(600.0)
    for _ in range(100):
        with heartbeat.during(call_on(store, "a")), heartbeat.during(call_on(store, "b")):
            await asyncio.sleep(0)
    assert timers == [600.0]
    assert store.touched == []


async def test_a_session_that_several_calls_mean_is_used_once_a_beat(store: Counting) -> None:
    heartbeat = Heartbeat(SOON)
    with heartbeat.during(call_on(store, "a")), heartbeat.during(call_on(store, "b", "a")):
        await store.beat()
        assert sorted(store.touched[:2]) == ["a", "b"]
        await store.beat()
        assert sorted(store.touched[:4]) == ["a", "a", "b", "b"]


async def test_the_beat_ends_with_the_calls_and_begins_again_with_others(store: Counting) -> None:
    heartbeat = Heartbeat(SOON)
    for _ in range(2):
        with heartbeat.during(call_on(store, "a")):
            await store.beat()
        store.touched.clear()
        await asyncio.sleep(3 * SOON)
        assert store.touched == []


async def test_a_session_that_cannot_be_kept_alive_is_reported_and_keeps_no_other_from_it(
    store: Counting, caplog: pytest.LogCaptureFixture
) -> None:
    store.fails.add("a")
    with caplog.at_level(logging.WARNING), Heartbeat(SOON).during(call_on(store, "a", "gone", "b")):
        await store.beat()
        await store.beat()
    assert set(store.touched) == {"a", "gone", "b"}
    assert set(caplog.messages) == {"a session could not be kept alive during a long request: down"}


async def test_nothing_of_a_call_is_held_when_it_is_over(store: Counting) -> None:
    class Request:
        pass

    var: ContextVar[Request] = ContextVar("request")
    heartbeat = Heartbeat(600.0)

    async def serve() -> weakref.ref[Request]:
        request = Request()
        var.set(request)
        with heartbeat.during(call_on(store, "a")):
            await asyncio.sleep(0)
        return weakref.ref(request)

    held = await asyncio.create_task(serve())
    await asyncio.sleep(0)  # until then the loop has what woke us, of the same context
    gc.collect()
    assert held() is None


def test_each_event_loop_has_a_beat_of_its_own() -> None:
    heartbeat = Heartbeat(SOON)

    async def beat() -> list[str]:
        store = Counting()
        await store.create(access_to("a"), Lifetime(60.0))
        with heartbeat.during(call_on(store, "a")):
            await store.beat()
        return store.touched

    for _ in range(2):
        assert set(asyncio.run(beat())) == {"a"}
