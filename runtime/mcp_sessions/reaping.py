"""Ends the SDK's stateful sessions whose record is over, so that what was abandoned or revoked holds no connection.

The SDK keeps a session for as long as its own idle time, and for ever while a client listens to it.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

from mcp_sessions import sdk
from mcp_sessions.errors import StoreError
from mcp_sessions.event_store import SessionEvents
from mcp_sessions.stores.base import TRANSPORT_SCHEMA, Address, Store

_log: Final = logging.getLogger("mcp_sessions")

REAP_SECONDS: Final = 20.0
"""How often a server looks; a session is ended when it was over twice, since one that opens has no record at first."""


@asynccontextmanager
async def reaping(
    manager: StreamableHTTPSessionManager, store: Store, events: SessionEvents | None
) -> AsyncIterator[None]:
    """End such sessions again and again while the block runs."""
    task = asyncio.create_task(_reap(manager, store, events))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _reap(manager: StreamableHTTPSessionManager, store: Store, events: SessionEvents | None) -> None:
    suspects: set[str] = set()
    while True:
        await asyncio.sleep(REAP_SECONDS)
        try:
            over = {session_id for session_id in sdk.sessions_of(manager) if await _is_over(store, session_id)}
        except StoreError as error:
            _log.warning("looking for sessions that are over failed, and is tried again: %s", error)
            continue
        for session_id in over & suspects:
            await sdk.terminate(manager, session_id)
            if events is not None:
                events.close(session_id)
        suspects = over - suspects


async def _is_over(store: Store, session_id: str) -> bool:
    return await store.look_up(Address("transport", session_id, TRANSPORT_SCHEMA)) is None
