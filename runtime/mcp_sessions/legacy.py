"""What the middlewares of both modes share: which requests they look at, and what must hold before they answer one."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from mcp.server.transport_security import TransportSecurityMiddleware, TransportSecuritySettings
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mcp_sessions import sdk
from mcp_sessions.answers import Decide, deciding, misplaced, unavailable
from mcp_sessions.context import Call, serving, with_room
from mcp_sessions.errors import StoreError, TooManySessionsError
from mcp_sessions.heartbeat import Heartbeat
from mcp_sessions.stores.base import TRANSPORT_SCHEMA, Access, Address, Lifetime

VERSION_HEADER: Final = "mcp-protocol-version"
HANDSHAKE_SECONDS: Final = 120.0
"""How long a session lives that a client opened and has not used yet."""


class LegacyMiddleware(ABC):
    """Answers the requests of the legacy era; those of later revisions pass untouched.

    Args:
        app: The SDK's Streamable HTTP handler.
        call: Makes the call of the current request, such as ``Sessions.call``; its store keeps the sessions.
        idle: Seconds without a request after which a transport session expires.
        security: The Host and Origin rules that hold for the handler; they hold for our own answers too.
    """

    def __init__(
        self, app: ASGIApp, call: Callable[[], Call], *, idle: float, security: TransportSecuritySettings | None
    ) -> None:
        self._app = app
        self._call = call
        self._lifetime = Lifetime(idle)
        self._heartbeat = Heartbeat(idle / 3)
        self._security = TransportSecurityMiddleware(security)
        self._unrefused: ASGIApp = self._serve_unrefused
        self._misplaced = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI event stream."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        version = Headers(scope=scope).get(VERSION_HEADER)
        if version is None or sdk.has_handshake(version):
            await self._serve_legacy(scope, receive, send)
            return
        with serving(replace(self._call(), modern=True)):
            await self._app(scope, receive, send)

    async def _serve_legacy(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        refusal = await self._security.validate_request(request, is_post=request.method == "POST")
        if refusal is None and (self._misplaced or sdk.caller_is_hidden(scope)):
            refusal = misplaced()
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        await self._unrefused(scope, receive, send)

    async def _serve_unrefused(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            refusal = await self._answer(self._call(), request, send)
        except ClientDisconnect:
            return
        except (StoreError, TooManySessionsError) as error:
            refusal = unavailable(error)
        if refusal is not None:
            await refusal(scope, receive, send)

    @abstractmethod
    async def _answer(self, call: Call, request: Request, send: Send) -> Response | None:
        """Serve a request, or return the response that refuses it."""

    async def _serve(self, call: Call, request: Request, send: Send, decide: Decide | None = None) -> None:
        """Have the handler answer, unless its answer shows that authentication happens inside of us."""
        known = sdk.has_user(request.scope)

        async def look(message: Message) -> Message | Response:
            if not known and sdk.has_user(request.scope):
                self._misplaced = True
                return misplaced()
            return message if decide is None else await decide(message)

        with serving(call):
            await self._app(request.scope, request.receive, deciding(request, send, look))


def access_to(call: Call, session_id: str) -> Access:
    """Return the caller's claim to a transport session."""
    return Access(Address("transport", session_id, TRANSPORT_SCHEMA), call.caller.owner, limits=call.limits)


async def admit(call: Call, session_id: str) -> None:
    """Begin a transport session, with the lifetime of one that the client has not used yet."""
    access, lifetime = access_to(call, session_id), Lifetime(HANDSHAKE_SECONDS)
    await with_room(call.hooks, lambda: call.store.create(access, lifetime))
