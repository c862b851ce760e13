"""Who comes when, in one process: operations that take two round trips, and those that must not get between them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from mcp_sessions.locks import local_lock
from mcp_sessions.stores.terms import Address

_NAME: Final = "turn"
"""Tells these locks from those of whoever uses the store."""


class Turns:
    """The order of calls. It only saves retries and surprises: that nothing is lost is due to the compare-and-set."""

    def __init__(self) -> None:
        self._unfinished: set[asyncio.Future[None]] = set()

    @asynccontextmanager
    async def alone(self, address: Address) -> AsyncIterator[None]:
        """Let nothing else that waits for its turn come to the session or its family while the block runs."""
        operation = asyncio.get_running_loop().create_future()
        self._unfinished.add(operation)
        try:
            async with self._lock(address):
                yield
        finally:
            self._unfinished.discard(operation)
            operation.set_result(None)

    async def wait(self, address: Address) -> None:
        """Wait for the blocks of ``alone`` of those who came before; costs next to nothing where there are none."""
        if self._unfinished:
            async with self._lock(address):
                pass

    async def finish(self) -> None:
        """Wait for every block of ``alone`` in this event loop that was asked for so far."""
        loop = asyncio.get_running_loop()
        ours = [operation for operation in tuple(self._unfinished) if operation.get_loop() is loop]
        if ours:
            await asyncio.wait(ours)

    def _lock(self, address: Address) -> asyncio.Lock:
        return local_lock(id(self), address.space, address.id, _NAME)
