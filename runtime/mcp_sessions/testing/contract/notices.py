"""Processes that share a store can tell each other of changes; see ``mcp_sessions.stores.notices``."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

import pytest

from mcp_sessions.stores.notices import MESSAGE_BYTES, Notices

_SECONDS = 20.0
"""How long a message may take at most; all stores are far faster."""


class NoticesContract:
    """The tests of ``Notices``, for a store of your own.

    Derive a class whose name begins with ``Test`` and give it the fixtures ``sender`` and ``receiver``, two objects on
    the same channel as two processes would have them, and ``stranger``, one of another store::

        class TestMyNotices(NoticesContract):
            @pytest.fixture
            async def sender(self) -> AsyncIterator[Notices]:
                made = MyStore(URL).notices()
                yield made
                await made.aclose()
            ...
    """

    pytestmark = pytest.mark.anyio

    @pytest.fixture
    def anyio_backend(self) -> str:
        """Run coroutine tests on asyncio, as servers on the SDK do."""
        return "asyncio"

    async def test_who_listens_hears_each_message_that_is_sent_from_then_on(
        self, sender: Notices, receiver: Notices
    ) -> None:
        """And none from before."""
        await sender.publish(b"before")
        async with listening(receiver) as heard:
            for number in range(5):
                await sender.publish(b"%d" % number)
            assert {await message(heard) for _ in range(5)} == {b"0", b"1", b"2", b"3", b"4"}

    async def test_who_sends_hears_it_too_if_it_listens(self, sender: Notices) -> None:
        """Whoever does not want that has to know its own."""
        async with listening(sender) as heard:
            await sender.publish(b"mine")
            assert await message(heard) == b"mine"

    async def test_any_bytes_come_as_they_were_sent(self, sender: Notices, receiver: Notices) -> None:
        """The longest message too."""
        every = bytes(range(256))
        longest = (every * 22)[:MESSAGE_BYTES]
        async with listening(receiver) as heard:
            for sent in (every, longest, b"\0"):
                await sender.publish(sent)
                assert await message(heard) == sent

    async def test_several_listeners_hear_the_same(self, sender: Notices, receiver: Notices) -> None:
        """Those of one process too."""
        async with listening(receiver) as one, listening(receiver) as another, listening(sender) as third:
            await sender.publish(b"to all")
            assert [await message(heard) for heard in (one, another, third)] == [b"to all"] * 3

    async def test_other_stores_hear_nothing(self, sender: Notices, receiver: Notices, stranger: Notices) -> None:
        """Also of those in the same server."""
        async with listening(stranger) as others, listening(receiver) as heard:
            await sender.publish(b"ours")
            assert await message(heard) == b"ours"
            await stranger.publish(b"theirs")
            assert await message(others) == b"theirs"

    async def test_many_at_once_are_all_heard_or_missed_with_a_word(self, sender: Notices, receiver: Notices) -> None:
        """What is never true: that a message is missed, and the listener does not know."""
        async with listening(receiver) as heard:
            await asyncio.gather(*(sender.publish(b"%d" % number) for number in range(100)))
            missing = {b"%d" % number for number in range(100)}
            while missing:
                got = await anything(heard)
                if got is None:
                    return
                missing.discard(got)

    async def test_it_can_be_used_again_after_it_was_closed(self, sender: Notices, receiver: Notices) -> None:
        """A server that starts once more has the same one."""
        for _ in range(2):
            async with listening(receiver) as heard:
                await sender.publish(b"hello")
                assert await message(heard) == b"hello"
            await receiver.aclose()
            await sender.aclose()


@asynccontextmanager
async def listening(notices: Notices) -> AsyncIterator[AsyncGenerator[bytes | None, None]]:
    """Listen for as long as the block lasts."""
    async with aclosing(notices.listen()) as heard:
        assert await anything(heard) is None
        yield heard


async def anything(heard: AsyncGenerator[bytes | None, None]) -> bytes | None:
    """Return what is heard next."""
    async with asyncio.timeout(_SECONDS):
        return await anext(heard)


async def message(heard: AsyncGenerator[bytes | None, None]) -> bytes:
    """Return the next message."""
    found = await anything(heard)
    assert found is not None
    return found
