"""Keeping sessions alive while a request that uses them lasts, however long that is."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Final

from mcp_sessions.context import Call
from mcp_sessions.errors import StoreError
from mcp_sessions.stores.base import NotLiveError

_log: Final = logging.getLogger("mcp_sessions")


@asynccontextmanager
async def kept_alive(call: Call, every: float) -> AsyncIterator[None]:
    """Use the sessions that ``call`` means every so many seconds, for as long as the block runs.

    A block that is over before that costs a timer and nothing else.
    """
    loop = asyncio.get_running_loop()
    tasks: list[asyncio.Task[None]] = []
    timer = loop.call_later(every, lambda: tasks.append(loop.create_task(_beat(call, every))))
    try:
        yield
    finally:
        timer.cancel()
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def _beat(call: Call, every: float) -> None:
    while True:
        for access in list(call.used.values()):
            try:
                await call.store.touch(replace(access, begin=None))
            except NotLiveError:  # not begun yet, or ended meanwhile: nothing may bring it back
                continue
            except StoreError as error:
                _log.warning("a session could not be kept alive during a long request: %s", error)
        await asyncio.sleep(every)
