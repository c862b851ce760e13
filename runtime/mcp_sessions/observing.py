"""``ObservingMiddleware``: keeps the transport sessions of the SDK's *stateful* handler in the session store too.

There the SDK mints ``Mcp-Session-Id`` and keeps the connection in its own process, so that the server can send requests
to the client. What the tools keep belongs to the session's record in the store, which begins before the client learns
the id and ends with the session. An id that reaches a tool is one that the SDK has verified: it hands a message to the
session of that id, or to none.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Final

import anyio
from mcp.server.transport_security import TransportSecuritySettings
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Send

from mcp_sessions import sdk
from mcp_sessions.answers import SESSION_HEADER, Decide, Unavailable, full, named_session, not_found, unavailable
from mcp_sessions.context import Call, end_session
from mcp_sessions.durations import DEFAULT_IDLE_SECONDS
from mcp_sessions.errors import StoreError, TooManySessionsError
from mcp_sessions.event_store import EventLog, SessionEvents
from mcp_sessions.events import Missed
from mcp_sessions.legacy import LegacyMiddleware, access_to, admit
from mcp_sessions.stores.base import Access, NotLiveError

__all__ = ["ObservingMiddleware"]

RETRY_MILLISECONDS: Final = 1000
"""When a client is to ask again for events that this process can replay, but not produce."""


class ObservingMiddleware(LegacyMiddleware):
    """Follows the beginning, the use and the end of the SDK's sessions in the store.

    Args:
        app: The SDK's stateful Streamable HTTP handler.
        call: Makes the call of the current request, such as ``Sessions.call``; its store keeps the sessions.
        idle: Seconds without a request after which a record expires; no less than the SDK's ``session_idle_timeout``.
        security: The Host and Origin rules that hold for the handler; they hold for our own answers too.
        events: The handler's event store; None if it has none, or another.
        replays: Whether a stream that is over is replayed here, for a handler that then sends nothing, as FastMCP's.
    """

    def __init__(
        self,
        app: ASGIApp,
        call: Callable[[], Call],
        *,
        idle: float = DEFAULT_IDLE_SECONDS,
        security: TransportSecuritySettings | None = None,
        events: SessionEvents | None = None,
        replays: bool = False,
    ) -> None:
        super().__init__(app, call, idle=idle, security=security)
        self._events = events
        self._replays = replays

    async def _answer(self, call: Call, request: Request, send: Send) -> Response | None:
        if SESSION_HEADER not in request.headers:
            await self._open(call, request, send)
            return None
        session_id = named_session(request)
        if isinstance(session_id, Response):
            return session_id
        access = access_to(call, session_id)
        try:
            await call.store.touch(access, self._lifetime)
        except NotLiveError as missing:
            if missing.reason != "unknown":  # of somebody else's the handler would log the whole id
                await self._terminate(request, session_id)
            return not_found(session_id)
        missed = await self._missed(access, request) if self._replays else None
        if missed is not None and missed.is_over:
            return _replayed(missed, session_id)
        call = replace(call, transport=session_id, used={access.address: access})
        with self._heartbeat.during(call), self._within(session_id):
            await self._serve(call, request, send, self._looking_at(call, access, request))
        return None

    async def _open(self, call: Call, request: Request, send: Send) -> None:
        """Have the handler begin a session, and put it into the store before its id goes out."""
        refused: list[str] = []

        with nullcontext() if self._events is None else self._events.opening() as log:

            async def record(message: Message) -> Message | Response:
                session_id = Headers(raw=message["headers"]).get(SESSION_HEADER)
                if message["status"] == 503:  # as many as the handler keeps
                    return full()
                if message["status"] >= 300 or session_id is None:
                    return message
                failure = await self._admit(call, session_id, log)
                if failure is None:
                    return message
                refused.append(session_id)
                return unavailable(failure)

            try:
                await self._serve(call, request, send, record)
            finally:
                for session_id in refused:
                    await self._terminate(request, session_id)

    async def _admit(self, call: Call, session_id: str, log: EventLog | None) -> Unavailable | None:
        """Put a session into the store that the handler has begun; return why that failed, if it did."""
        access = access_to(call, session_id)
        try:
            await admit(call, session_id)
        except (StoreError, TooManySessionsError) as error:
            return error
        if log is not None:
            await log.events.open(log, access)
        return None

    def _looking_at(self, call: Call, access: Access, request: Request) -> Decide | None:
        """Return what is to be done about the handler's answer to a request of a session that is live."""

        async def end(message: Message) -> Message | Response:
            if message["status"] < 300:
                self._close(access.address.id)
                try:
                    await end_session(call.store, access, call.hooks)
                except StoreError as error:
                    return unavailable(error)
            return message

        async def resume(message: Message) -> Message | Response:
            if message["status"] != 404:
                return message
            try:
                missed = await self._missed(access, request)
            except StoreError as error:
                return unavailable(error)
            return message if missed is None else _replayed(missed, access.address.id, RETRY_MILLISECONDS)

        return {"DELETE": end, "GET": resume}.get(request.method)

    async def _missed(self, access: Access, request: Request) -> Missed | None:
        """Return what a client has missed of the stream that a request is to resume; None if it is no such request."""
        last_event_id = request.headers.get("last-event-id")
        if request.method != "GET" or self._events is None or not last_event_id or not sdk.accepts_stream(request):
            return None
        return await self._events.missed(access, last_event_id)

    async def _terminate(self, request: Request, session_id: str) -> None:
        """Have the handler end a session that is not in the store; it refuses if the session is another caller's."""
        kept = [(name, value) for name, value in request.scope["headers"] if name != SESSION_HEADER.encode()]
        headers = [*kept, (SESSION_HEADER.encode(), session_id.encode())]

        async def hear(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] < 300:
                self._close(session_id)

        with anyio.CancelScope(shield=True), self._within(None):
            await self._app({**request.scope, "method": "DELETE", "headers": headers}, _no_body, hear)

    def _close(self, session_id: str) -> None:
        if self._events is not None:
            self._events.close(session_id)

    def _within(self, session_id: str | None) -> AbstractContextManager[None]:
        return nullcontext() if self._events is None else self._events.within(session_id)


def _replayed(missed: Missed, session_id: str, retry: int | None = None) -> Response:
    """Return the events that a client has missed, as a stream that ends with them.

    Args:
        missed: The events.
        session_id: The session that they are of.
        retry: In how many milliseconds the client is to ask again: the session itself is in another process, or was
            in one that is gone. None when nothing more will come.
    """
    parts = [] if retry is None else [f"retry: {retry}\n\n"]
    for event in missed.events:
        data = event.message.model_dump_json(by_alias=True, exclude_unset=True)
        parts.append(f"id: {event.event_id}\nevent: message\ndata: {data}\n\n")
    headers = {"Cache-Control": "no-cache, no-transform", SESSION_HEADER: session_id}
    return Response("".join(parts), media_type="text/event-stream", headers=headers)


async def _no_body() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}
