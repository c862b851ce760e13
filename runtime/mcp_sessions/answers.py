"""What our middlewares answer by themselves, and how they put it in the place of a handler's answer."""

import json
import logging
import re
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Send

from mcp_sessions.errors import StoreError, TooManySessionsError
from mcp_sessions.ids import masked

logger = logging.getLogger("mcp_sessions")

SESSION_HEADER: Final = "mcp-session-id"

_VISIBLE_ASCII: Final = re.compile(r"[\x21-\x7e]{1,256}")
_INVALID_REQUEST: Final = -32600
_INTERNAL_ERROR: Final = -32603
_RETRY_SECONDS: Final = 5
_FULL: Final = "Too many sessions; try again later"

Unavailable: TypeAlias = StoreError | TooManySessionsError
"""Why a session cannot be served now, and perhaps later."""

Decide: TypeAlias = Callable[[Message], Awaitable[Message | Response]]
"""Looks at the start of a handler's answer: returns it, changed or not, or what is to be answered instead."""


def named_session(request: Request) -> str | Response:
    """Return the id of a session that a request names, well-formed at least, or the response that refuses it."""
    ids = request.headers.getlist(SESSION_HEADER)
    if not ids:
        return refusal(400, "Bad Request: Missing session ID; a client begins with initialize")
    if len(ids) > 1 or not _VISIBLE_ASCII.fullmatch(ids[0]):
        return refusal(400, "Bad Request: Malformed session ID")
    return ids[0]


def refusal(status: int, message: str, code: int = _INVALID_REQUEST, headers: dict[str, str] | None = None) -> Response:
    """Return a response with a JSON-RPC error."""
    body = {"jsonrpc": "2.0", "id": None, "error": {"code": code, "message": message}}
    return Response(json.dumps(body), status_code=status, media_type="application/json", headers=headers)


def not_found(session_id: str) -> Response:
    """Return the response for a session that is not there, or is somebody else's: nobody can tell the two apart."""
    logger.info("no such transport session: %s", masked(session_id))
    return refusal(404, "Session not found")


def unavailable(error: Unavailable) -> Response:
    """Return the response that asks the client to come again."""
    if isinstance(error, TooManySessionsError):
        logger.warning("no transport session could begin: %s", error)
        message = _FULL
    else:
        logger.error("the session store failed: %s", error)
        message = "The session store is not available; try again shortly"
    return refusal(503, message, _INTERNAL_ERROR, {"Retry-After": str(_RETRY_SECONDS)})


def full() -> Response:
    """Return the response of a server that keeps no further session; it asks the client to come again."""
    logger.warning("no transport session could begin: as many are open as the handler may keep")
    return refusal(503, _FULL, _INTERNAL_ERROR, {"Retry-After": str(_RETRY_SECONDS)})


def misplaced() -> Response:
    """Return the response of a middleware that does not know who asks, and so must not serve anybody."""
    logger.error(
        "nobody is served: the session middleware stands outside of authentication, and cannot tell one user from "
        "another; use sessions.http_app, which puts it in the right place"
    )
    return refusal(500, "The server is not set up correctly", _INTERNAL_ERROR)


def deciding(request: Request, send: Send, decide: Decide) -> Send:
    """Return a ``send`` for a handler that has its answer looked at before the headers go out."""
    replaced = False

    async def look(message: Message) -> None:
        nonlocal replaced
        if replaced:
            return
        if message["type"] == "http.response.start":
            decided = await decide(message)
            if isinstance(decided, Response):
                replaced = True
                await decided(request.scope, request.receive, send)
                return
            message = decided
        await send(message)

    return look
