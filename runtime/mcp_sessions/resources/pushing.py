"""Sending what a legacy client has subscribed to on its connection, where it has one."""

import asyncio
from typing import Final

from mcp.server.connection import Connection
from mcp.server.subscriptions import ResourceUpdated, ServerEvent

from mcp_sessions.resources.bus import Stream
from mcp_sessions.stores.notices.board import Board

_STATE: Final = "mcp_sessions.resources.subscriptions"
"""Where a connection's pusher is kept, in the connection."""


class Pusher:
    """Sends what a legacy connection subscribed to, for as long as the connection lasts."""

    def __init__(self, connection: Connection, board: Board) -> None:
        self._connection = connection
        self._events: asyncio.Queue[ServerEvent] = asyncio.Queue()  # in which each resource is once at most
        self.stream = Stream(board)
        self.stream.open(self._events.put_nowait)
        self._task = asyncio.create_task(self._push())

    @classmethod
    def of(cls, connection: Connection, board: Board) -> "Pusher":
        """Return the one of a connection, which ends with it."""
        pusher = connection.state.get(_STATE)
        if not isinstance(pusher, cls):
            pusher = connection.state[_STATE] = cls(connection, board)
            connection.exit_stack.push_async_callback(pusher.close)
        return pusher

    async def close(self) -> None:
        """Send nothing more."""
        self.stream.close()
        self._task.cancel()

    async def _push(self) -> None:
        while True:
            event = await self._events.get()
            self.stream.sent(event)
            if isinstance(event, ResourceUpdated):
                await self._connection.notify("notifications/resources/updated", {"uri": event.uri})
