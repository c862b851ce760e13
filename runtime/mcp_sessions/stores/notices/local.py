"""Notices within one process: for the store in memory, and for stores that cannot tell other processes anything."""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Final

_WAITING: Final = 256
"""How many messages wait for a listener at most; one that is slower has missed some."""


class LocalNotices:
    """A channel among the event loops and threads of one process; see ``Notices``."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._mailboxes: set[_Mailbox] = set()

    async def publish(self, message: bytes) -> None:
        """See ``Notices.publish``."""
        with self._lock:
            mailboxes = list(self._mailboxes)
        for mailbox in mailboxes:
            mailbox.put(message)

    async def listen(self) -> AsyncGenerator[bytes | None, None]:
        """See ``Notices.listen``."""
        mailbox = _Mailbox(asyncio.get_running_loop())
        with self._lock:
            self._mailboxes.add(mailbox)
        try:
            yield None
            while True:
                for message in await mailbox.get():
                    yield message
        finally:
            with self._lock:
                self._mailboxes.discard(mailbox)

    async def aclose(self) -> None:
        """See ``Notices.aclose``; there is nothing to release."""


class _Mailbox:
    """What one listener has not heard yet."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._lock = threading.Lock()
        self._messages: deque[bytes | None] = deque()
        self._filled = asyncio.Event()

    def put(self, message: bytes) -> None:
        with self._lock:
            if len(self._messages) >= _WAITING:
                self._messages.clear()
                self._messages.append(None)
            self._messages.append(message)
        with suppress(RuntimeError):  # that loop has ended, and its listener with it
            self._loop.call_soon_threadsafe(self._filled.set)

    async def get(self) -> list[bytes | None]:
        await self._filled.wait()
        self._filled.clear()
        with self._lock:
            messages = list(self._messages)
            self._messages.clear()
        return messages
