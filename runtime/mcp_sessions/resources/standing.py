"""The stream on which a legacy client without a connection is told of changes: the response to its GET.

The SDK's stateless handler has none, for it keeps nothing of a client between two requests. Here nothing has to be kept
in the process either: what the client has subscribed to, at whichever worker, is in the store with its session, and the
worker that has the stream is told when that changes, as of any other session. Notifications of changes are all
that is sent; requests of the server, such as for elicitation, need the stateful handler.

Specification: MCP 2025-11-25, basic/transports, "Listening for Messages from the Server".
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from typing import Final, NamedTuple

import anyio
from mcp.server.subscriptions import ResourceUpdated, ServerEvent
from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Send

from mcp_sessions import sdk
from mcp_sessions.answers import SESSION_HEADER, refusal
from mcp_sessions.context import Call
from mcp_sessions.errors import StoreError
from mcp_sessions.resources.bus import Stream
from mcp_sessions.resources.kept import drop, kept, kept_at
from mcp_sessions.resources.places import TooManyStreamsError
from mcp_sessions.resources.subscriptions import Subscriptions
from mcp_sessions.stores.base import Access
from mcp_sessions.stores.notices.board import Board, Kind, topic_of

_log: Final = logging.getLogger("mcp_sessions")

PING_SECONDS: Final = 15.0
"""How often something is sent, so that no proxy takes the stream for a dead one."""

_RETRY_SECONDS: Final = 60
"""After how long a client may ask again that could not have a stream: others last."""

_HEADERS: Final = (
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
)


class Standing:
    """The standing streams of one process, one for each session: a client that asks anew has lost the former one.

    Args:
        board: Where changes are told.
        subscriptions: Who decides what a client may listen to.
    """

    def __init__(self, board: Board, subscriptions: Subscriptions) -> None:
        self._board = board
        self._subscriptions = subscriptions
        self._open: dict[str, _Open] = {}

    async def serve(self, call: Call, session: Access, request: Request, send: Send) -> None:
        """Answer a GET of a session that is live, for as long as both the client and the session stay."""
        if not sdk.accepts_stream(request):
            refused = refusal(406, "Not Acceptable: the client must accept text/event-stream")
            await refused(request.scope, request.receive, send)
            return
        id = session.address.id
        if (former := self._open.pop(id, None)) is not None:
            former.end()
        with ExitStack() as place:
            try:
                place.enter_context(self._subscriptions.places.standing(call.caller.owner))
            except TooManyStreamsError as error:
                await _too_many(error)(request.scope, request.receive, send)
                return
            with self._subscriptions.ending() as scope:
                mine = self._open[id] = _Open(scope, place)
                try:
                    await self._send(call, session, request, send)
                finally:
                    if self._open.get(id) is mine:
                        del self._open[id]
        if scope.cancelled_caught:
            await send({"type": "http.response.body", "body": b""})

    async def _send(self, call: Call, session: Access, request: Request, send: Send) -> None:
        headers = [*_HEADERS, (SESSION_HEADER.encode(), session.address.id.encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        async with self._wishes(call, session) as wishes, anyio.create_task_group() as tasks:
            tasks.start_soon(_until_gone, request, tasks.cancel_scope)
            while (events := await wishes.next()) is not None:
                body = b"".join(map(_message, events)) or b": ping\r\n\r\n"
                await send({"type": "http.response.body", "body": body, "more_body": True})
            tasks.cancel_scope.cancel()
        await send({"type": "http.response.body", "body": b""})

    @asynccontextmanager
    async def _wishes(self, call: Call, session: Access) -> AsyncIterator["_Wishes"]:
        await self._board.ready()
        wishes = _Wishes(call, session, self._board, self._subscriptions)
        try:
            yield wishes
        finally:
            wishes.close()


class _Open(NamedTuple):
    """One stream, and the place that it holds."""

    scope: anyio.CancelScope
    place: ExitStack

    def end(self) -> None:
        """Have it end, and give its place to another one at once."""
        self.scope.cancel()
        self.place.close()


class _Wishes:
    """What one client has subscribed to, and what it is to be told."""

    def __init__(self, call: Call, session: Access, board: Board, subscriptions: Subscriptions) -> None:
        self._call = call
        self._kept = kept_at(call, session.address.id, subscriptions.idle)
        self._subscriptions = subscriptions
        self._events: asyncio.Queue[ServerEvent | None] = asyncio.Queue()  # in which each of them is once at most
        self._stream = Stream(board)
        self._stream.open(self._events.put_nowait)
        self._is_stale = True
        self._has_failed = False
        self._is_over = False
        self._ends = [
            board.watch(topic_of(self._kept.address), self._changed),
            board.watch(topic_of(session.address), self._changed),  # whether it is over, the store knows
        ]
        call.used[self._kept.address] = self._kept

    async def next(self) -> list[ServerEvent] | None:
        """Return what to send next, nothing if it is only time to send something; None when the session is over."""
        while not self._is_over:
            if self._is_stale:
                await self._look()
                continue
            try:
                async with asyncio.timeout(PING_SECONDS):
                    event = await self._events.get()
            except TimeoutError:
                self._is_stale = self._has_failed
                return []
            if event is not None:
                self._stream.sent(event)
                return [event]
        return None

    async def _look(self) -> None:
        """Listen to what the client has subscribed to by now.

        It may have changed since the client subscribed, or last had a stream, so it is told of once.
        """
        self._is_stale = self._has_failed = False
        try:
            wanted = await kept(self._call, self._kept)
            if wanted is None:
                self._is_over = True
                return
            for uri in self._stream.names() - set(wanted):
                self._stream.unwatch(uri)
            for uri in wanted:
                if uri in self._stream:
                    continue
                if not await self._subscriptions.watch(self._stream, uri, self._call):
                    await drop(self._call, self._kept, uri)
                self._stream.tell(ResourceUpdated(uri))
        except (StoreError, MCPError) as error:
            self._has_failed = True
            _log.warning("what a client has subscribed to could not be read, and it is tried again: %s", error)

    def _changed(self, _: Kind) -> None:
        if not self._is_stale:
            self._is_stale = True
            self._events.put_nowait(None)

    def close(self) -> None:
        self._stream.close()
        for end in self._ends:
            end()
        self._call.used.pop(self._kept.address, None)


async def _until_gone(request: Request, scope: anyio.CancelScope) -> None:
    """End the stream when the client has gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


def _too_many(error: TooManyStreamsError) -> Response:
    """Return the response to a client that may have a stream later: 429 if it is about its user's own, else 503."""
    _log.warning("a client could not have a stream: %s", error)
    headers = {"Retry-After": str(_RETRY_SECONDS)}
    if error.is_callers:
        return refusal(429, f"Too Many Requests: {error}", headers=headers)
    return refusal(503, f"Service Unavailable: {error}; try again later", INTERNAL_ERROR, headers)


def _message(event: ServerEvent) -> bytes:
    params = {"uri": event.uri} if isinstance(event, ResourceUpdated) else {}
    said = {"jsonrpc": "2.0", "method": "notifications/resources/updated", "params": params}
    return b"event: message\r\ndata: " + json.dumps(said).encode() + b"\r\n\r\n"
