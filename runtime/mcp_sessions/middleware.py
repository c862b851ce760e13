"""``SessionMiddleware``: gives clients of the legacy era an ``Mcp-Session-Id``, verified on every request.

Plain ASGI around the SDK's *stateless* handler. It belongs innermost, inside of authentication: only there does it
know who asks, and outside of it, it serves nobody. The ids live in the session store, so any worker serves any client.

Specification: MCP 2025-11-25, basic/transports, "Session Management". Clients of revision 2026-07-28 and later have no
sessions; their requests pass untouched, and an ``Mcp-Session-Id`` on one of them means nothing.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from mcp.server.transport_security import (
    DEFAULT_MAX_REQUEST_BODY_SIZE,
    RequestBodyLimitMiddleware,
    TransportSecuritySettings,
)
from mcp_types import InitializeRequestParams
from pydantic import ValidationError
from pydantic_core import from_json
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Send

from mcp_sessions.answers import SESSION_HEADER, named_session, not_found, refusal, unavailable
from mcp_sessions.context import Call, end_session
from mcp_sessions.durations import DEFAULT_IDLE_SECONDS
from mcp_sessions.errors import StoreError, TooManySessionsError
from mcp_sessions.ids import is_transport_id, mint_transport_id
from mcp_sessions.legacy import LegacyMiddleware, access_to, admit
from mcp_sessions.resources.standing import Standing
from mcp_sessions.stores.base import Access, NotLiveError

__all__ = ["SessionMiddleware"]


class SessionMiddleware(LegacyMiddleware):
    """Mints, verifies and ends transport sessions.

    Args:
        app: The SDK's stateless Streamable HTTP handler.
        call: Makes the call of the current request, such as ``Sessions.call``; its store keeps the sessions.
        idle: Seconds without a request after which a transport session expires.
        security: The Host and Origin rules that hold for the handler; they hold for our own answers too.
        max_body_size: Bytes that a request body may have.
        standing: Who answers GET, with a stream; None if nobody does.
    """

    def __init__(
        self,
        app: ASGIApp,
        call: Callable[[], Call],
        *,
        idle: float = DEFAULT_IDLE_SECONDS,
        security: TransportSecuritySettings | None = None,
        max_body_size: int = DEFAULT_MAX_REQUEST_BODY_SIZE,
        standing: Standing | None = None,
    ) -> None:
        super().__init__(app, call, idle=idle, security=security)
        self._standing = standing
        self._unrefused = RequestBodyLimitMiddleware(self._unrefused, max_body_size)

    async def _answer(self, call: Call, request: Request, send: Send) -> Response | None:
        standing = self._standing if request.method == "GET" else None
        if request.method not in ("POST", "DELETE") and standing is None:
            allowed = "POST, DELETE" if self._standing is None else "GET, POST, DELETE"
            return refusal(405, "Method Not Allowed", headers={"Allow": allowed})
        body = await request.body()
        message = _initialize_in(body) if request.method == "POST" else None
        again = Request(request.scope, _replay(body, request.receive))
        if message is not None:
            serve = self._open if _is_acceptable(message) else self._serve
            await serve(call, again, send)
            return None
        session_id = named_session(request)
        if isinstance(session_id, Response):
            return session_id
        if request.method == "DELETE":
            ended = is_transport_id(session_id) and await end_session(
                call.store, access_to(call, session_id), call.hooks
            )
            return Response(status_code=204) if ended else not_found(session_id)
        access = access_to(call, session_id)
        if not await self._is_live(call, access):
            return not_found(session_id)
        call = replace(call, transport=session_id, used={access.address: access})
        with self._heartbeat.during(call):
            if standing is not None:
                await standing.serve(call, access, again, send)
            else:
                await self._serve(call, again, send)
        return None

    async def _open(self, call: Call, request: Request, send: Send) -> None:
        """Let the handler answer ``initialize``, and give its answer a session id that is in the store already."""

        async def with_id(message: Message) -> Message | Response:
            if message["status"] >= 300:
                return message
            session_id = mint_transport_id()
            try:
                await admit(call, session_id)
            except (StoreError, TooManySessionsError) as error:
                return unavailable(error)
            header = (SESSION_HEADER.encode(), session_id.encode())
            return {**message, "headers": [*message.get("headers", ()), header]}

        await self._serve(call, request, send, with_id)

    async def _is_live(self, call: Call, access: Access) -> bool:
        if not is_transport_id(access.address.id):
            return False
        try:
            await call.store.touch(access, self._lifetime)
        except NotLiveError:
            return False
        return True


def _initialize_in(body: bytes) -> dict[str, Any] | None:
    """Return the ``initialize`` message that a request body is, or None."""
    if b"initialize" not in body:  # so that other bodies are not parsed twice
        return None
    try:
        message: Any = from_json(body)
    except ValueError:
        return None
    return message if isinstance(message, dict) and message.get("method") == "initialize" else None


def _is_acceptable(message: dict[str, Any]) -> bool:
    """Tell whether the handler will accept an ``initialize``: only then there is a session to give an id to."""
    if type(message.get("id")) not in (int, str):
        return False
    try:
        InitializeRequestParams.model_validate(message.get("params"))
    except ValidationError:
        return False
    return True


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a ``receive`` that gives the body once more, and then whatever comes."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
