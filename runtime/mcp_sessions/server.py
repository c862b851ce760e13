"""``Sessions``: session state for a server on the official MCP SDK, as one of its extensions."""

import weakref
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, Literal

import anyio
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.extension import Extension, ToolBinding
from mcp.server.mcpserver import MCPServer
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp_types import CallToolRequestParams
from starlette.applications import Starlette
from starlette.types import ASGIApp

from mcp_sessions import sdk
from mcp_sessions.base_session import BaseSession
from mcp_sessions.context import Call, current_call, serving
from mcp_sessions.durations import Duration, seconds
from mcp_sessions.errors import also_raise_as
from mcp_sessions.ids import mint_transport_id
from mcp_sessions.middleware import SessionMiddleware
from mcp_sessions.stores import open_store
from mcp_sessions.stores.base import Lifetime, Store
from mcp_sessions.tools import create_tool, end_tool

also_raise_as(*sdk.ANTICIPATED)

CONNECTION_LIFETIME: Final = Lifetime(7 * 86400.0)
"""How long the state of a connection without HTTP outlives its last use; the connection itself does not say."""


class Sessions(Extension):
    """Session state for an MCP server: pass it among ``MCPServer(extensions=[...])``.

    It contributes the tools that begin and end sessions, and tells the accessors whose session each call means.

    Args:
        store: Where sessions are kept: a URL such as "sqlite:///sessions.db", or a store. A store that was given
            is not closed.
        schemas: The accessor classes that the server uses.
        idle: Lifetime without use of sessions whose schema sets none, such as "30m".
        tools: Whether to contribute the create and end tools.

    Raises:
        ValueError: If two schemas have the same name, or their tools do.
        StoreError: If the store cannot be opened.
    """

    identifier = "io.github.mcp-sessiongen/sessions"

    def __init__(
        self,
        store: str | Store = "memory://",
        *,
        schemas: Sequence[type[BaseSession]],
        idle: Duration = "30m",
        tools: bool = True,
    ) -> None:
        self.schemas = tuple(schemas)
        self.idle = seconds(idle)
        _require_distinct(self.schemas)
        self._tools = tools
        self._installed = False
        self._owns_store = isinstance(store, str)
        self.store: Store = open_store(store) if isinstance(store, str) else store
        self._connections: dict[int, str] = {}

    # The extension

    def tools(self) -> Sequence[ToolBinding]:
        """Return the create and end tools of the schemas that have handles."""
        self._installed = True
        if not self._tools:
            return ()
        accessors = [accessor for accessor in self.schemas if accessor.schema.scoped_to_handles]
        return [binding for accessor in accessors for binding in (create_tool(accessor, self.idle), end_tool(accessor))]

    async def intercept_tool_call(
        self, params: CallToolRequestParams, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        """Tell the accessors of this call whose session is meant."""
        with serving(self._call_of(ctx)):
            return await call_next(ctx)

    def _call_of(self, ctx: ServerRequestContext[Any, Any]) -> Call:
        if ctx.request is not None:
            call = current_call()
            if call is not None and call.store is self.store:
                return call  # our middleware stands around this request, and has verified it
        modern = not sdk.has_handshake(ctx.protocol_version)
        owner = sdk.current_owner()
        connection = sdk.connection_of(ctx)
        if connection is None:
            return Call(self.store, owner, modern=modern, idle=self.idle)
        transport = self._transport_of(connection)
        return Call(self.store, owner, transport, vouched=CONNECTION_LIFETIME, modern=modern, idle=self.idle)

    def _transport_of(self, connection: object) -> str:
        """Return the transport session of a connection that the SDK keeps: an id of ours, for as long as it lives."""
        name = id(connection)
        if name not in self._connections:
            self._connections[name] = mint_transport_id()
            weakref.finalize(connection, self._connections.pop, name, None)
        return self._connections[name]

    # Serving

    def http_app(
        self, server: MCPServer[Any], *, path: str = "/mcp", host: str = "127.0.0.1", **options: Any
    ) -> Starlette:
        """Return the server's Streamable HTTP application, for clients of both eras and any number of workers.

        Args:
            server: The server that has this extension.
            path: Where it answers.
            host: The host it will be bound to; a loopback one turns on the SDK's Host and Origin checks.
            options: What ``MCPServer.streamable_http_app`` takes besides, such as ``transport_security``.

        Raises:
            ValueError: If the server does not have this extension.
        """
        self._require_installed()
        app = server.streamable_http_app(streamable_http_path=path, host=host, stateless_http=True, **options)
        sdk.wrap_innermost(server, self._middleware)
        inner = app.router.lifespan_context

        @asynccontextmanager
        async def lifespan(app: Starlette) -> AsyncIterator[Any]:
            async with inner(app) as state:
                try:
                    yield state
                finally:
                    await self.aclose()

        app.router.lifespan_context = lifespan
        return app

    def run(
        self,
        server: MCPServer[Any],
        transport: Literal["stdio", "streamable-http"] = "stdio",
        *,
        host: str = "127.0.0.1",
        port: int = 8000,
    ) -> None:
        """Serve until the client leaves (stdio) or the process is told to stop (HTTP).

        Raises:
            ValueError: If the server does not have this extension, or there is no such transport.
        """
        self._require_installed()
        if transport == "stdio":
            with suppress(KeyboardInterrupt):
                anyio.run(self._serve_stdio, server)
        elif transport == "streamable-http":
            import uvicorn

            uvicorn.run(self.http_app(server, host=host), host=host, port=port, log_level="warning")
        else:
            raise ValueError(f"no transport {transport!r}; there are 'stdio' and 'streamable-http'")

    async def aclose(self) -> None:
        """Close the store, if this object opened it."""
        if self._owns_store:
            await self.store.aclose()

    async def _serve_stdio(self, server: MCPServer[Any]) -> None:
        try:
            await server.run_stdio_async()
        finally:
            with anyio.CancelScope(shield=True):
                await self.aclose()

    def _middleware(self, handler: ASGIApp, manager: StreamableHTTPSessionManager) -> ASGIApp:
        return SessionMiddleware(
            handler,
            self.store,
            idle=max([self.idle, *(accessor.schema.idle or 0 for accessor in self.schemas)]),
            default_idle=self.idle,
            security=manager.security_settings,
            max_body_size=manager.max_request_body_size,
        )

    def _require_installed(self) -> None:
        if not self._installed:
            raise ValueError(
                "this server does not have these sessions: make it with MCPServer(..., extensions=[sessions])"
            )


def _require_distinct(accessors: Sequence[type[BaseSession]]) -> None:
    """Refuse schemas that would share a name: their sessions or their tools would be mixed up."""
    for what, names in (
        ("schema", [accessor.schema.name for accessor in accessors]),
        ("create tool", [accessor.schema.create_tool_name for accessor in accessors]),
        ("end tool", [accessor.schema.end_tool_name for accessor in accessors]),
    ):
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two schemas have the {what} name {twice[0]!r}; each needs one of its own")
