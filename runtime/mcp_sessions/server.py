"""``Sessions``: session state for a server on the official MCP SDK, as one of its extensions."""

import sys
import weakref
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any, Final, Literal, NamedTuple

import anyio
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.extension import Extension, ToolBinding
from mcp.server.mcpserver import MCPServer
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp_types import CallToolRequestParams, CallToolResult, TextContent
from starlette.applications import Starlette
from starlette.types import ASGIApp

from mcp_sessions import sdk
from mcp_sessions.base_session import BaseSession
from mcp_sessions.context import Call, Caller, current_call, serving
from mcp_sessions.durations import Duration, seconds
from mcp_sessions.errors import StoreError, also_raise_as
from mcp_sessions.ids import mint_transport_id
from mcp_sessions.middleware import SessionMiddleware
from mcp_sessions.stores import open_store
from mcp_sessions.stores.base import Access, Address, Store
from mcp_sessions.tools import create_tool, end_tool, missing_values

__all__ = ["Sessions"]

also_raise_as(*sdk.ANTICIPATED)


class _Connection(NamedTuple):
    """What we call a connection that the SDK keeps, and who opened it."""

    transport: str
    owner: str | None


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
        self._settings: dict[str, Any] = {}
        self._creates: dict[str, type[BaseSession]] = {}
        self._installed = False
        self._owns_store = isinstance(store, str)
        self.store: Store = open_store(store) if isinstance(store, str) else store
        self._serving = 0
        self._connections: dict[int, _Connection] = {}
        self._over: list[_Connection] = []

    # The extension

    def settings(self) -> dict[str, Any]:
        """Return the settings that the server advertises: there are none."""
        return self._settings

    def tools(self) -> Sequence[ToolBinding]:
        """Return the create and end tools of the schemas that have handles."""
        self._installed = True
        if not self._tools:
            return ()
        accessors = [accessor for accessor in self.schemas if accessor.schema.has_handles]
        self._creates = {accessor.schema.create_tool_name: accessor for accessor in accessors}
        return [binding for accessor in accessors for binding in (create_tool(accessor, self.idle), end_tool(accessor))]

    async def intercept_tool_call(
        self, params: CallToolRequestParams, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        """Tell the accessors of this call whose session is meant."""
        if self._over:
            await self._end_connections()
        accessor = self._creates.get(params.name)
        if accessor is not None and (refusal := missing_values(accessor, params.arguments or {})):
            return CallToolResult(content=[TextContent(text=refusal)], is_error=True)
        with serving(self._call_of(ctx)):
            return await call_next(ctx)

    def call(self, *, modern: bool = False) -> Call:
        """Return a call of the current request, which has no transport session yet."""
        return Call(
            self.store,
            sdk.current_caller(),
            modern=modern,
            idle=self.idle,
            schemas=frozenset(accessor.schema.name for accessor in self.schemas),
            tools=self._tools,
        )

    def _call_of(self, ctx: ServerRequestContext[Any, Any]) -> Call:
        verified = current_call()
        if ctx.request is not None and verified is not None and verified.store is self.store:
            if verified.caller != sdk.current_caller():
                raise RuntimeError("SessionMiddleware stands outside of authentication; use Sessions.http_app")
            return replace(verified, handles={})
        call = self.call(modern=not sdk.has_handshake(ctx.protocol_version))
        connection = sdk.connection_of(ctx)
        if connection is None:
            return call
        return replace(call, transport=self._transport_of(connection, call.caller), kind="connection")

    def _transport_of(self, connection: object, caller: Caller) -> str:
        """Return the transport session of a connection that the SDK keeps: an id of ours, for as long as it lives."""
        name = id(connection)
        if name not in self._connections:
            self._connections[name] = _Connection(mint_transport_id(), caller.owner)
            weakref.finalize(connection, self._connection_over, name)
        return self._connections[name].transport

    def _connection_over(self, name: int) -> None:
        self._over.append(self._connections.pop(name))

    async def _end_connections(self) -> None:
        """End the state of connections that are over: nobody can reach it any more."""
        while self._over:
            connection = self._over.pop()
            for accessor in self.schemas:
                address = Address("connection", connection.transport, accessor.schema.name)
                with suppress(StoreError):  # then it expires by itself
                    await self.store.end(Access(address, connection.owner))

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
        app = server.streamable_http_app(streamable_http_path=path, host=host, stateless_http=True, **options)
        if not sdk.has_extension(server, self.identifier, self._settings):
            raise ValueError(_NOT_INSTALLED)
        sdk.wrap_innermost(server, self._middleware)
        inner = app.router.lifespan_context

        @asynccontextmanager
        async def lifespan(app: Starlette) -> AsyncIterator[Any]:
            async with inner(app) as state:
                self._serving += 1
                try:
                    yield state
                finally:
                    self._serving -= 1
                    if not self._serving:
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
        if transport == "stdio":
            if not self._installed:
                raise ValueError(_NOT_INSTALLED)
            with suppress(KeyboardInterrupt):
                anyio.run(self._serve_stdio, server)
        elif transport == "streamable-http":
            import uvicorn

            print(f"serving http://{host}:{port}/mcp", file=sys.stderr, flush=True)
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
                self._over += self._connections.values()
                await self._end_connections()
                await self.aclose()

    def _middleware(self, handler: ASGIApp, manager: StreamableHTTPSessionManager) -> ASGIApp:
        return SessionMiddleware(
            handler,
            self.call,
            idle=max([self.idle, *(accessor.schema.idle or 0 for accessor in self.schemas)]),
            security=manager.security_settings,
            max_body_size=manager.max_request_body_size,
        )


_NOT_INSTALLED: Final = "this server does not have these sessions: make it with MCPServer(..., extensions=[sessions])"


def _require_distinct(accessors: Sequence[type[BaseSession]]) -> None:
    """Refuse schemas that would share a name: their sessions or their tools would be mixed up."""
    schemas = [accessor.schema for accessor in accessors]
    tools = [
        name for schema in schemas if schema.has_handles for name in (schema.create_tool_name, schema.end_tool_name)
    ]
    for what, names in (("schemas are", [schema.name for schema in schemas]), ("tools of schemas are", tools)):
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two {what} called {twice[0]!r}; each needs a name of its own")
