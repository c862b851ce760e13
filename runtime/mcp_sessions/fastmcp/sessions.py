"""``FastMCPSessions``: what adds session state to a FastMCP server, and serves it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext, suppress
from dataclasses import replace
from functools import partial
from typing import Any, Final, Literal, NoReturn

import anyio
import fastmcp
from fastmcp import FastMCP
from fastmcp.server.http import StarletteWithLifespan, StreamableHTTPASGIApp
from fastmcp.server.middleware import CallNext, MiddlewareContext
from starlette.applications import Starlette
from starlette.types import Lifespan

from mcp_sessions import sdk
from mcp_sessions.base_session import BaseSession
from mcp_sessions.context import current_call, serving
from mcp_sessions.durations import Duration
from mcp_sessions.errors import also_raise_as
from mcp_sessions.event_store import SessionEvents
from mcp_sessions.fastmcp import framework
from mcp_sessions.fastmcp.headers import ModernWithoutSession
from mcp_sessions.fastmcp.provided import CallMiddleware, SessionTools
from mcp_sessions.hosting import require_server, serve_http
from mcp_sessions.observing import RETRY_MILLISECONDS
from mcp_sessions.reaping import reaping
from mcp_sessions.server_sessions import ServerSessions
from mcp_sessions.stores.base import Limits, Store
from mcp_sessions.stores.terms import DEFAULT_LIMITS
from mcp_sessions.tools import tools_of

also_raise_as(framework.Anticipated)


class FastMCPSessions(ServerSessions):
    """Session state for a FastMCP server: ``sessions.add_to(mcp)``, and serve it by ``http_app`` or ``run``.

    It contributes the tools that begin and end sessions, and tells the accessors whose session each call means.

    Args:
        store: Where sessions are kept: a URL such as "sqlite:///sessions.db", or a store. A store that was given
            is not closed. By default the URL in the environment variable ``MCP_SESSIONS_STORE``, or this process's
            memory.
        schemas: The accessor classes that the server uses.
        idle: Lifetime without use of sessions whose schema sets none, such as "30m".
        max: Lifetime however much they are used of sessions whose schema sets none; None for no limit.
        limits: How much is kept: bytes of a value and of a session, sessions of an owner and in all.
        tools: Whether to contribute the create and end tools.

    Raises:
        ValueError: If two schemas have the same name, or their tools do; if ``max`` is shorter than ``idle``.
        TypeError: If ``schemas`` are no accessor classes, or ``limits`` are no ``Limits``.
        StoreError: If the store cannot be opened.
    """

    _lifespans = 0

    def __init__(
        self,
        store: str | Store | None = None,
        *,
        schemas: Sequence[type[BaseSession]],
        idle: Duration = "30m",
        max: Duration | None = None,
        limits: Limits = DEFAULT_LIMITS,
        tools: bool = True,
    ) -> None:
        super().__init__(store, schemas=schemas, idle=idle, max=max, limits=limits, tools=tools)

    @property
    def identifier(self) -> NoReturn:
        """What an ``MCPServer`` asks its extensions for; this is none.

        Raises:
            TypeError: In any case.
        """
        raise TypeError(_OTHER_SERVER.format("MCPServer"))

    # In a server

    def add_to(self, server: FastMCP[Any]) -> None:
        """Add the tools to a server, and make accessors work in whatever it offers; once more does nothing.

        Raises:
            TypeError: If that is no FastMCP server.
            ValueError: If the server has other sessions already.
        """
        require_server(server, FastMCP, _OTHER_SERVER)
        if self._is_in(server):
            return
        if any(isinstance(one, CallMiddleware) for one in server.middleware):
            raise ValueError(f"the server {server.name!r} has sessions already: one FastMCPSessions lists all schemas")
        accessors = [accessor for accessor in self.schemas if accessor.schema.has_handles and self._tools]
        tools = [tool for accessor in accessors for tool in tools_of(accessor, self.idle, self.max)]
        server.add_provider(SessionTools(server, tools, self._running))
        server.middleware.insert(0, CallMiddleware(self.middleware))  # outermost: others may use accessors too

    def _is_in(self, server: FastMCP[Any]) -> bool:
        handles = [one.handle for one in server.middleware if isinstance(one, CallMiddleware)]
        return self.middleware in handles

    async def middleware(self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any]) -> Any:
        """Tell the accessors of a request whose session is meant; ``add_to`` puts it into a server."""
        request = framework.request_of(context)
        if request is None or context.method == "initialize":
            return await call_next(context)
        call, prefix = current_call(), framework.prefix_of(context, request)
        if call is not None and call.request is request.session and call.store is self._used:
            # Within a request: a tool calls another one, or the server is mounted in one that has these sessions too.
            with serving(replace(call, handles={}, prefix=prefix or call.prefix)):
                return await call_next(context)
        return await self._answer(request, partial(call_next, context), prefix)

    @asynccontextmanager
    async def _running(self) -> AsyncIterator[None]:
        """Sweep while a server runs, unless its application does; with the last one, the connections are over."""
        if not self._serving:
            self._check()
        self._lifespans += 1
        async with nullcontext() if self._serving else self._lifecycle.sweeping():
            try:
                yield
            finally:
                self._lifespans -= 1
                if not self._lifespans:
                    with anyio.CancelScope(shield=True):
                        await self._connections.end_all()

    # Serving

    def http_app(
        self, server: FastMCP[Any], *, path: str | None = None, stateless: bool = True, **options: Any
    ) -> StarletteWithLifespan:
        """Return the server's Streamable HTTP application, for clients of both eras.

        Args:
            server: The server that these sessions were added to, or in which such a server is mounted.
            path: Where it answers; by default as FastMCP's settings say, which is "/mcp".
            stateless: Whether any worker serves any client. If not, a client of the legacy era stays with one
                process, and the server can send requests to it (elicitation, sampling, roots) and resume streams.
            options: What ``FastMCP.http_app`` takes besides, such as ``middleware`` and ``allowed_hosts``.

        Raises:
            ValueError: If these sessions were not added to the server.
            TypeError: If that is no FastMCP server, or an option is one that is said otherwise here.
        """
        self._require_added(server)
        for name, instead in _OTHERWISE.items():
            if name in options:
                raise TypeError(f"{name}={options[name]!r}: {instead}")
        if not stateless:
            options.setdefault("event_store", SessionEvents(self._used))
            options.setdefault("retry_interval", RETRY_MILLISECONDS)
        app = server.http_app(path=path, stateless_http=stateless, **options)
        started = partial(self._started, app.router.lifespan_context, framework.endpoint_of(app))
        events = options.get("event_store")
        app.router.lifespan_context = partial(started, events if isinstance(events, SessionEvents) else None)
        return app

    def run(
        self,
        server: FastMCP[Any],
        transport: Literal["stdio", "http", "streamable-http"] = "stdio",
        *,
        host: str | None = None,
        port: int | None = None,
        **options: Any,
    ) -> None:
        """Serve until the client leaves (stdio) or the process is told to stop (HTTP).

        Args:
            server: The server that these sessions were added to, or in which such a server is mounted.
            transport: How clients reach it; "http" and "streamable-http" are the same.
            host: The host that HTTP is bound to; by default as FastMCP's settings say, which is 127.0.0.1.
            port: The port that HTTP is bound to; by default as FastMCP's settings say, which is 8000.
            options: What ``http_app`` takes besides, such as ``path`` and ``stateless``.

        Raises:
            ValueError: If these sessions were not added to the server, or there is no such transport.
            TypeError: If that is no FastMCP server, or stdio is given options.
        """
        require_server(server, FastMCP, _OTHER_SERVER)
        if transport == "stdio":
            given = [*sorted(options), *(name for name, value in (("host", host), ("port", port)) if value is not None)]
            if given:
                raise TypeError(f"{', '.join(given)}: only for the transport 'http'")
            self._require_added(server)
            with suppress(KeyboardInterrupt):
                anyio.run(self._serve_stdio, server)
        elif transport in ("http", "streamable-http"):
            app = self.http_app(server, **options)
            settings = fastmcp.settings
            where = settings.host if host is None else host
            serve_http(app, where, settings.port if port is None else port, app.state.path)
        else:
            raise ValueError(f"no transport {transport!r}; there are 'stdio' and 'http'")

    def _require_added(self, server: FastMCP[Any]) -> None:
        require_server(server, FastMCP, _OTHER_SERVER)
        if not any(self._is_in(one) for one in framework.servers_in(server)):
            raise ValueError("this server does not have these sessions: call sessions.add_to(mcp) first")

    async def _serve_stdio(self, server: FastMCP[Any]) -> None:
        try:
            await server.run_stdio_async(show_banner=False)
        finally:
            with anyio.CancelScope(shield=True):
                await self.aclose()

    @asynccontextmanager
    async def _started(
        self,
        inner: Lifespan[Starlette],
        endpoint: StreamableHTTPASGIApp,
        events: SessionEvents | None,
        app: Starlette,
    ) -> AsyncIterator[Any]:
        """Run the lifespan of an application, which makes the manager that our middleware stands in."""
        async with self._while_serving(), inner(app) as state:
            manager = framework.manager_of(endpoint)
            sdk.wrap_innermost(
                manager,
                lambda handler, manager: self._guarded(ModernWithoutSession(handler), manager, events, replays=True),
            )
            async with nullcontext() if manager.stateless else reaping(manager, self._used, events):
                yield state


_OTHERWISE: Final = {
    "stateless_http": "say stateless=True or stateless=False",
    "transport": "http_app is for Streamable HTTP alone",
}

_OTHER_SERVER: Final = (
    "FastMCPSessions is for servers of the package fastmcp; got {}. For an MCPServer there is Sessions in "
    "mcp_sessions.server"
)
