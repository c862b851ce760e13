"""``ModernWithoutSession``: takes an ``Mcp-Session-Id`` that nobody has verified away from FastMCP."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from mcp_sessions import sdk
from mcp_sessions.answers import SESSION_HEADER
from mcp_sessions.legacy import VERSION_HEADER


class ModernWithoutSession:
    """Removes the header from requests of revision 2026-07-28 and later, in which it means nothing.

    FastMCP names its own state (``ctx.get_state``) by it, so whoever sends somebody else's would have their state. On
    a request of the legacy era, our middleware has verified it before.

    Args:
        app: The SDK's Streamable HTTP handler.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI event stream."""
        if scope["type"] == "http":
            version = Headers(scope=scope).get(VERSION_HEADER)
            if version is not None and not sdk.has_handshake(version):
                kept = [(name, value) for name, value in scope["headers"] if name.lower() != SESSION_HEADER.encode()]
                scope = {**scope, "headers": kept}
        await self._app(scope, receive, send)
