"""``SessionMiddleware``: gives clients of the legacy era an ``Mcp-Session-Id``, verified on every request.

Plain ASGI around the SDK's *stateless* handler. It belongs innermost, inside of authentication: only there does it
know who asks. The ids live in the session store, so any worker serves any client.

Specification: MCP 2025-11-25, basic/transports, "Session Management". Clients of revision 2026-07-28 and later have no
sessions; their requests pass untouched, and an ``Mcp-Session-Id`` on one of them means nothing.
"""

import json
import logging
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from mcp.server.transport_security import (
    DEFAULT_MAX_REQUEST_BODY_SIZE,
    RequestBodyLimitMiddleware,
    TransportSecurityMiddleware,
    TransportSecuritySettings,
)
from mcp_types import InitializeRequestParams
from pydantic import ValidationError
from pydantic_core import from_json
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mcp_sessions import sdk
from mcp_sessions.context import Call, serving
from mcp_sessions.durations import DEFAULT_IDLE_SECONDS
from mcp_sessions.errors import StoreError
from mcp_sessions.ids import is_transport_id, masked, mint_transport_id
from mcp_sessions.stores.base import TRANSPORT_SCHEMA, Access, Address, Lifetime, NotLiveError

__all__ = ["SessionMiddleware"]

logger = logging.getLogger("mcp_sessions")

SESSION_HEADER: Final = "mcp-session-id"
VERSION_HEADER: Final = "mcp-protocol-version"
HANDSHAKE_SECONDS: Final = 120.0
"""How long a session lives that a client opened and has not used yet."""

_VISIBLE_ASCII: Final = re.compile(r"[\x21-\x7e]{1,256}")
_INVALID_REQUEST: Final = -32600
_INTERNAL_ERROR: Final = -32603
_RETRY_SECONDS: Final = 5


class SessionMiddleware:
    """Mints, verifies and ends transport sessions.

    Args:
        app: The SDK's stateless Streamable HTTP handler.
        call: Makes the call of the current request, such as ``Sessions.call``; its store keeps the sessions.
        idle: Seconds without a request after which a transport session expires.
        security: The Host and Origin rules that hold for the handler; they hold for our own answers too.
        max_body_size: Bytes that a request body may have.
    """

    def __init__(
        self,
        app: ASGIApp,
        call: Callable[[], Call],
        *,
        idle: float = DEFAULT_IDLE_SECONDS,
        security: TransportSecuritySettings | None = None,
        max_body_size: int = DEFAULT_MAX_REQUEST_BODY_SIZE,
    ) -> None:
        self._app = app
        self._call = call
        self._lifetime = Lifetime(idle)
        self._security = TransportSecurityMiddleware(security)
        self._legacy = RequestBodyLimitMiddleware(self._serve_legacy, max_body_size)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI event stream."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        version = Headers(scope=scope).get(VERSION_HEADER)
        if version is not None and not sdk.has_handshake(version):
            await self._serve(replace(self._call(), modern=True), scope, receive, send)
            return
        await self._legacy(scope, receive, send)

    async def _serve_legacy(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        refusal = await self._security.validate_request(request, is_post=request.method == "POST")
        if refusal is None:
            try:
                refusal = await self._answer(self._call(), request, send)
            except ClientDisconnect:
                return
            except StoreError as error:
                refusal = _unavailable(error)
        if refusal is not None:
            await refusal(scope, receive, send)

    async def _answer(self, call: Call, request: Request, send: Send) -> Response | None:
        """Serve a request, or return the response that refuses it."""
        if request.method not in ("POST", "DELETE"):
            return _refusal(405, "Method Not Allowed", headers={"Allow": "POST, DELETE"})
        body = await request.body()
        message = _initialize_in(body) if request.method == "POST" else None
        if message is not None:
            serve = self._open if _is_acceptable(message) else self._serve
            await serve(call, request.scope, _replay(body, request.receive), send)
            return None
        ids = request.headers.getlist(SESSION_HEADER)
        if not ids:
            return _refusal(400, "Bad Request: Missing session ID; a client begins with initialize")
        if len(ids) > 1 or not _VISIBLE_ASCII.fullmatch(ids[0]):
            return _refusal(400, "Bad Request: Malformed session ID")
        if request.method == "DELETE":
            ended = is_transport_id(ids[0]) and await call.store.end(_access(call, ids[0]))
            return Response(status_code=204) if ended else _not_found(ids[0])
        if not await self._is_live(call, ids[0]):
            return _not_found(ids[0])
        await self._serve(replace(call, transport=ids[0]), request.scope, _replay(body, request.receive), send)
        return None

    async def _serve(self, call: Call, scope: Scope, receive: Receive, send: Send) -> None:
        with serving(call):
            await self._app(scope, receive, send)

    async def _open(self, call: Call, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the handler answer ``initialize``, and give its answer a session id that is in the store already."""
        failed = False

        async def send_with_id(message: Message) -> None:
            nonlocal failed
            if message["type"] == "http.response.start" and message["status"] < 300:
                session_id = mint_transport_id()
                try:
                    await call.store.create(_access(call, session_id), Lifetime(HANDSHAKE_SECONDS))
                except StoreError as error:
                    failed = True
                    await _unavailable(error)(scope, receive, send)
                else:
                    header = (SESSION_HEADER.encode(), session_id.encode())
                    message = {**message, "headers": [*message.get("headers", ()), header]}
            if not failed:
                await send(message)

        await self._serve(call, scope, receive, send_with_id)

    async def _is_live(self, call: Call, session_id: str) -> bool:
        if not is_transport_id(session_id):
            return False
        try:
            await call.store.touch(_access(call, session_id), self._lifetime)
        except NotLiveError:
            return False
        return True


def _access(call: Call, session_id: str) -> Access:
    return Access(Address("transport", session_id, TRANSPORT_SCHEMA), call.caller.owner)


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


def _refusal(
    status: int, message: str, code: int = _INVALID_REQUEST, headers: dict[str, str] | None = None
) -> Response:
    body = {"jsonrpc": "2.0", "id": None, "error": {"code": code, "message": message}}
    return Response(json.dumps(body), status_code=status, media_type="application/json", headers=headers)


def _not_found(session_id: str) -> Response:
    logger.info("no such transport session: %s", masked(session_id))
    return _refusal(404, "Session not found")


def _unavailable(error: StoreError) -> Response:
    logger.error("the session store failed: %s", error)
    message = "The session store is not available; try again shortly"
    return _refusal(503, message, _INTERNAL_ERROR, {"Retry-After": str(_RETRY_SECONDS)})
