"""``Serving``: the part of ``Sessions`` that runs a server, over HTTP and over stdio."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, nullcontext, suppress
from functools import partial
from typing import Any, Final, Literal

import anyio
from mcp.server.mcpserver import MCPServer
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.applications import Starlette
from starlette.types import ASGIApp, Lifespan, Receive, Scope, Send

from mcp_sessions import sdk
from mcp_sessions.connections import Connections
from mcp_sessions.event_store import SessionEvents
from mcp_sessions.hosting import Hosting, require_server, serve_http
from mcp_sessions.observing import RETRY_MILLISECONDS
from mcp_sessions.reaping import reaping
from mcp_sessions.signatures import require_sessions


class Serving(Hosting):
    """What ``Sessions`` does to serve; it says there what each of these is."""

    identifier: str
    settings: Callable[[], dict[str, Any]]
    _installed: bool
    _connections: Connections
    attach: Callable[[MCPServer[Any]], None]

    def http_app(
        self,
        server: MCPServer[Any],
        *,
        path: str = "/mcp",
        host: str = "127.0.0.1",
        stateless: bool = True,
        **options: Any,
    ) -> Starlette:
        """Return the server's Streamable HTTP application, for clients of both eras.

        Args:
            server: The server that has this extension.
            path: Where it answers.
            host: The host it will be bound to; a loopback one turns on the SDK's Host and Origin checks.
            stateless: Whether any worker serves any client. If not, a client of the legacy era stays with one
                process, and the server can send requests to it (elicitation, sampling, roots) and resume streams.
            options: What ``MCPServer.streamable_http_app`` takes besides, such as ``transport_security``.

        Raises:
            ValueError: If the server does not have this extension, or the path does not begin with "/".
            TypeError: If that is no ``MCPServer``.
        """
        require_mcp_server(server)
        if not path.startswith("/"):
            raise ValueError(f"path is where the server answers, and begins with '/'; got {path!r}")
        if not stateless:
            options.setdefault("event_store", SessionEvents(self._used))
            options.setdefault("retry_interval", RETRY_MILLISECONDS)
        app = server.streamable_http_app(streamable_http_path=path, host=host, stateless_http=stateless, **options)
        if not sdk.has_extension(server, self.identifier, self.settings()):
            raise ValueError(_NOT_INSTALLED)
        self.attach(server)
        running: list[Starlette] = []
        sdk.wrap_innermost(server.session_manager, partial(self._wrapped, running))
        inner = app.router.lifespan_context
        app.router.lifespan_context = partial(self._started, inner, running, server)
        return app

    def run(
        self,
        server: MCPServer[Any],
        transport: Literal["stdio", "streamable-http", "http"] = "stdio",
        *,
        host: str = "127.0.0.1",
        port: int = 8000,
        **options: Any,
    ) -> None:
        """Serve until the client leaves (stdio) or the process is told to stop (HTTP).

        Args:
            server: The server that has this extension.
            transport: How clients reach it; "streamable-http" and "http" are the same.
            host: The host that HTTP is bound to.
            port: The port that HTTP is bound to.
            options: What ``http_app`` takes besides, such as ``path`` and ``stateless``.

        Raises:
            ValueError: If the server does not have this extension, or there is no such transport.
            TypeError: If that is no ``MCPServer``, or stdio is given options.
        """
        require_mcp_server(server)
        if transport == "stdio":
            if options:
                raise TypeError(f"{', '.join(sorted(options))}: only for the transport 'streamable-http'")
            if not self._installed:
                raise ValueError(_NOT_INSTALLED)
            self.attach(server)
            with suppress(KeyboardInterrupt):
                anyio.run(self._serve_stdio, server)
        elif transport in ("streamable-http", "http"):
            app = self.http_app(server, host=host, **options)
            serve_http(app, host, port, options.get("path", "/mcp"), self._before_shutdown)
        else:
            raise ValueError(f"no transport {transport!r}; there are 'stdio' and 'streamable-http'")

    async def _serve_stdio(self, server: MCPServer[Any]) -> None:
        require_sessions(sdk.functions_of(server))
        self._check()
        try:
            async with self._lifecycle.sweeping():
                await server.run_stdio_async()
        finally:
            with anyio.CancelScope(shield=True):
                await self._connections.end_all()
                await self.aclose()

    @asynccontextmanager
    async def _started(
        self,
        inner: Lifespan[Starlette],
        running: list[Starlette],
        server: MCPServer[Any],
        app: Starlette,
    ) -> AsyncIterator[Any]:
        """Run the lifespan of an application, and note for as long that it is running."""
        require_sessions(sdk.functions_of(server))
        manager = server.session_manager
        reaped = nullcontext() if manager.stateless else reaping(manager, self._used, _events_of(manager))
        async with self._while_serving(), inner(app) as state, reaped:
            running.append(app)
            try:
                yield state
            finally:
                running.clear()

    def _wrapped(
        self, running: Sequence[Starlette], handler: ASGIApp, manager: StreamableHTTPSessionManager
    ) -> ASGIApp:
        middleware = self._guarded(handler, manager, _events_of(manager))

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            if not running:
                raise RuntimeError(_NOT_RUNNING)
            await middleware(scope, receive, send)

        return serve


def require_mcp_server(server: object) -> None:
    """Refuse what is no server of the SDK."""
    require_server(server, MCPServer, _OTHER_SERVER)


def _events_of(manager: StreamableHTTPSessionManager) -> SessionEvents | None:
    return manager.event_store if isinstance(manager.event_store, SessionEvents) else None


_OTHER_SERVER: Final = (
    "Sessions is for servers of the package mcp; got {}. For a server of the package fastmcp there is "
    "FastMCPSessions in mcp_sessions.fastmcp"
)

_NOT_INSTALLED: Final = "this server does not have these sessions: make it with MCPServer(..., extensions=[sessions])"

_NOT_RUNNING: Final = (
    "this application was not started: the lifespan of an application that is mounted in another one does not run by "
    "itself; give the outer one lifespan=lambda _: sessions.lifespan(app)"
)
