"""The board: what is posted is told to whoever watches, once, and to other processes as the store allows."""

import asyncio
import logging
import threading
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import pytest

from mcp_sessions.errors import StoreError
from mcp_sessions.stores import Address
from mcp_sessions.stores.notices import MESSAGE_BYTES, LocalNotices
from mcp_sessions.stores.notices import board as board_module
from mcp_sessions.stores.notices.board import Board, Kind, topic, topic_of

pytestmark = pytest.mark.anyio

A, B = topic("a"), topic("b")


class Heard:
    """What a watcher was told."""

    def __init__(self) -> None:
        self.kinds: list[Kind] = []
        self._more = asyncio.Event()

    def __call__(self, kind: Kind) -> None:
        self.kinds.append(kind)
        self._more.set()

    async def wait(self, count: int = 1) -> list[Kind]:
        """Return what was told, as soon as it is so much."""
        async with asyncio.timeout(20):
            while len(self.kinds) < count:
                self._more.clear()
                await self._more.wait()
        return self.kinds


class Flaky(LocalNotices):
    """Notices whose server is down until somebody says otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self.is_down = False
        self.sent: list[bytes] = []
        self.refused = asyncio.Event()
        self.lost = asyncio.Event()

    async def publish(self, message: bytes) -> None:
        if self.is_down:
            self.refused.set()
            raise StoreError("it is down")
        self.sent.append(message)
        await super().publish(message)

    async def listen(self) -> AsyncGenerator[bytes | None, None]:
        if self.is_down:
            raise StoreError("it is down")
        heard = super().listen()
        try:
            yield await anext(heard)
            self.lost.clear()
            await self.lost.wait()
            raise StoreError("the connection was lost")
        finally:
            await heard.aclose()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board_module, "_RETRY_SECONDS", (0.001, 0.01))


@pytest.fixture
async def boards() -> AsyncIterator[tuple[Board, Board]]:
    """Those of two processes."""
    notices = LocalNotices()
    made = Board(notices, pause=0.001), Board(notices, pause=0.001)
    for board in made:
        assert await board.ready()
    yield made
    for board in made:
        await board.aclose()


async def test_what_is_posted_is_told_here_and_elsewhere_once(boards: tuple[Board, Board]) -> None:
    here, there, stranger = Heard(), Heard(), Heard()
    boards[0].watch(A, here)
    boards[1].watch(A, there)
    boards[1].watch(B, stranger)
    for _ in range(100):
        boards[0].post(Kind.CHANGED, A)
    assert await there.wait() == await here.wait() == [Kind.CHANGED]
    boards[1].post(Kind.OVER, A)
    assert await here.wait(2) == await there.wait(2) == [Kind.CHANGED, Kind.OVER]
    assert stranger.kinds == []


async def test_of_a_change_and_the_end_that_meet_the_end_is_told(boards: tuple[Board, Board]) -> None:
    there = Heard()
    boards[1].watch(A, there)
    boards[0].post(Kind.OVER, A)
    boards[0].post(Kind.CHANGED, A)
    assert await there.wait() == [Kind.OVER]


async def test_who_watches_no_more_is_told_nothing(boards: tuple[Board, Board]) -> None:
    leaving, staying = Heard(), Heard()
    leave = boards[0].watch(A, leaving)
    boards[0].watch(A, staying)
    leave()
    leave()
    boards[0].post(Kind.CHANGED, A)
    assert await staying.wait() == [Kind.CHANGED]
    assert leaving.kinds == []


async def test_one_who_fails_keeps_nobody_else_from_being_told(
    boards: tuple[Board, Board], caplog: pytest.LogCaptureFixture
) -> None:
    heard = Heard()

    def fail(kind: Kind) -> None:
        raise ValueError("a failure")

    boards[0].watch(A, fail)
    boards[0].watch(A, heard)
    boards[0].post(Kind.CHANGED, A)
    assert await heard.wait() == [Kind.CHANGED]
    assert "somebody could not be told of a change" in caplog.text


async def test_a_thread_with_an_event_loop_of_its_own_can_post(boards: tuple[Board, Board]) -> None:
    heard, where = Heard(), []
    boards[0].watch(A, heard)
    boards[0].watch(A, lambda _: where.append(threading.current_thread()))

    async def post() -> None:
        boards[0].post(Kind.CHANGED, A)

    await asyncio.to_thread(lambda: asyncio.run(post()))
    assert await heard.wait() == [Kind.CHANGED]
    assert where == [threading.current_thread()]


async def test_more_than_can_be_told_is_told_as_anything(
    boards: tuple[Board, Board], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board_module, "_MOST", 10)
    heard = Heard()
    boards[1].watch(A, heard)
    for number in range(50):
        boards[0].post(Kind.CHANGED, topic(str(number)))
    assert await heard.wait() == [Kind.UNSURE]


async def test_messages_are_as_short_as_they_have_to_be_and_name_nobody() -> None:
    notices = Flaky()
    board = Board(notices, pause=0.001)
    addresses = [Address("handle", f"cart_{number}", "cart") for number in range(1000)]
    board.post(Kind.CHANGED, *map(topic_of, addresses))
    await board.aclose()
    assert len(notices.sent) > 1
    assert max(map(len, notices.sent)) <= MESSAGE_BYTES
    assert not any(b"cart" in message for message in notices.sent)
    other = Board(LocalNotices())
    told: list[bytes] = []
    for address in addresses:
        other.watch(topic_of(address), lambda _, found=address.id: told.append(found))  # type: ignore[misc]  # a default
    for message in notices.sent:
        other._hear(message)
    assert sorted(map(str, told)) == sorted(address.id for address in addresses)
    await other.aclose()


async def test_what_the_store_does_not_take_is_told_when_it_does(caplog: pytest.LogCaptureFixture) -> None:
    notices = Flaky()
    sender, receiver = Board(notices, pause=0.001), Board(notices, pause=0.001)
    heard = Heard()
    notices.is_down = True
    with caplog.at_level(logging.WARNING, "mcp_sessions"):
        sender.post(Kind.OVER, A)
        async with asyncio.timeout(20):
            await notices.refused.wait()
    notices.is_down = False
    sender.post(Kind.CHANGED, B)
    async with asyncio.timeout(20):
        while not notices.sent:
            await asyncio.sleep(0)
    receiver.watch(A, heard)
    receiver._hear(notices.sent[0])
    assert heard.kinds == [Kind.OVER]
    assert "other processes could not be told of changes, and it is tried again: it is down" in caplog.text
    await sender.aclose()
    await receiver.aclose()


async def test_a_lost_connection_tells_everybody_to_look_again(caplog: pytest.LogCaptureFixture) -> None:
    notices = Flaky()
    board = Board(notices, pause=0.001)
    one, two = Heard(), Heard()
    assert await board.ready()
    board.watch(A, one)
    board.watch(B, two)
    with caplog.at_level(logging.WARNING, "mcp_sessions"):
        notices.lost.set()
        assert await one.wait() == await two.wait() == [Kind.UNSURE]
    assert "not heard of, and it is tried again: the connection was lost" in caplog.text
    await board.aclose()


async def test_a_store_that_is_not_there_keeps_nobody_waiting_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board_module, "PATIENCE_SECONDS", 0.05)
    notices = Flaky()
    notices.is_down = True
    board = Board(notices, pause=0.001)
    assert not await board.ready()
    heard = Heard()
    board.watch(A, heard)
    board.post(Kind.CHANGED, A)
    assert await heard.wait() == [Kind.CHANGED]
    await board.aclose()


async def test_what_is_no_notice_is_not_heard() -> None:
    board = Board(LocalNotices(), pause=0.001)
    heard = Heard()
    board.watch(A, heard)
    too_long = b"12345678" + 400 * (b"\x02" + A)
    for message in (b"", b"x", b"12345678", b"12345678\x02" + A[:-1], b"12345678\xff" + A, too_long):
        board._hear(message)
    assert heard.kinds == []
    board._hear(b"12345678\x02" + A)
    assert heard.kinds == [Kind.CHANGED]
    await board.aclose()


@pytest.mark.parametrize("kind", list(Kind))
async def test_that_everything_changed_is_a_reason_to_look_and_no_more(kind: Kind) -> None:
    board = Board(LocalNotices(), pause=0.001)
    heard = Heard()
    board.watch(A, heard)
    board._hear(b"12345678" + bytes((kind,)) + bytes(16))
    assert heard.kinds == [Kind.UNSURE]
    await board.aclose()


async def test_nothing_runs_before_the_first_use_and_after_the_end() -> None:
    before = asyncio.all_tasks()
    board = Board(LocalNotices(), pause=0.001)
    assert asyncio.all_tasks() == before
    heard: Any = Heard()
    end = board.watch(A, heard)
    board.post(Kind.CHANGED, A)
    await heard.wait()
    end()
    await board.aclose()
    assert asyncio.all_tasks() == before
