"""How a server over HTTP stops: the calls that are under way get their answers, and streams are not waited for.

When uvicorn is told to stop, sse-starlette at once cuts off whatever is sent as a stream, and in the SDK most answers
are: a tool would have done its work, and its client would see a broken connection. So that is put off here until no
call is left, or it has taken too long.
"""

import asyncio
import socket
from collections.abc import Callable
from time import monotonic
from typing import Final

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from mcp_sessions import sdk

CALLS_SECONDS: Final = 20.0
"""How long the calls that are under way may take; then their answers are cut off."""

_STEP: Final = 0.05
_TASKS_SECONDS: Final = int(CALLS_SECONDS) + 2
"""After this uvicorn cancels whatever still runs."""


class Counting:
    """An application of which is known how many calls it is serving: clients make them by POST.

    Args:
        app: The application.

    Attributes:
        calls: How many there are.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.calls = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        self.calls += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self.calls -= 1


class Server(uvicorn.Server):
    """uvicorn's server, which waits for calls before it ends streams.

    Args:
        app: What it serves.
        host: The host that it is bound to.
        port: The port that it is bound to.
        before_shutdown: Called when it has been told to stop, and before it waits: ends streams that are ours.
    """

    def __init__(self, app: ASGIApp, host: str, port: int, before_shutdown: Callable[[], None]) -> None:
        self._counting = Counting(app)
        self._before_shutdown = before_shutdown
        config = uvicorn.Config(
            self._counting, host=host, port=port, log_level="warning", timeout_graceful_shutdown=_TASKS_SECONDS
        )
        super().__init__(config)
        sdk.keep_streams()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """See ``uvicorn.Server.shutdown``."""
        self._before_shutdown()
        waiting = asyncio.create_task(self._end_streams())
        try:
            await super().shutdown(sockets)
        finally:
            waiting.cancel()
            sdk.release_streams()

    async def _end_streams(self) -> None:
        """Let all streams end, of answers too, once there is no call left or it has taken too long."""
        deadline = monotonic() + CALLS_SECONDS
        while self._counting.calls and not self.force_exit and monotonic() < deadline:
            await asyncio.sleep(_STEP)
        sdk.end_streams()
