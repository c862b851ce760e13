"""``Serving``: the part of ``Sessions`` that runs a server, over HTTP and over stdio."""

import logging
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext, suppress
from functools import partial
from typing import Any, Final, Literal

import anyio
from mcp.server.mcpserver import MCPServer
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.applications import Starlette
from starlette.types import ASGIApp, Lifespan, Receive, Scope, Send

from mcp_sessions import sdk
from mcp_sessions.base_session import BaseSession
from mcp_sessions.connections import Connections
from mcp_sessions.context import Call
from mcp_sessions.event_store import SessionEvents
from mcp_sessions.lifecycle import Lifecycle
from mcp_sessions.middleware import SessionMiddleware
from mcp_sessions.migrations import require_migrations
from mcp_sessions.observing import RETRY_MILLISECONDS, ObservingMiddleware
from mcp_sessions.offering import Offered
from mcp_sessions.reaping import reaping
from mcp_sessions.stores.base import Store, condition_of

_log: Final = logging.getLogger("mcp_sessions")

ENDLESS_SECONDS: Final = 24 * 3600.0
"""How long a record is kept without a request when the SDK is told to keep its session for ever."""


class Serving:
    """What ``Sessions`` does to serve; it says there what each of these is."""

    identifier: str
    store: Store
    schemas: tuple[type[BaseSession], ...]
    idle: float
    _settings: dict[str, Any]
    _installed: bool
    _owns_store: bool
    _used: Store
    _offered: Offered | None
    _lifecycle: Lifecycle
    _connections: Connections
    _serving: int
    call: Callable[[], Call]
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
        """
        if not path.startswith("/"):
            raise ValueError(f"path is where the server answers, and begins with '/'; got {path!r}")
        if not stateless:
            options.setdefault("event_store", SessionEvents(self._used))
            options.setdefault("retry_interval", RETRY_MILLISECONDS)
        app = server.streamable_http_app(streamable_http_path=path, host=host, stateless_http=stateless, **options)
        if not sdk.has_extension(server, self.identifier, self._settings):
            raise ValueError(_NOT_INSTALLED)
        self.attach(server)
        running: list[Starlette] = []
        sdk.wrap_innermost(server, partial(self._wrapped, running))
        inner = app.router.lifespan_context
        app.router.lifespan_context = partial(self._started, inner, running, server.session_manager)
        return app

    @asynccontextmanager
    async def lifespan(self, *apps: Starlette) -> AsyncIterator[None]:
        """Run what ``http_app`` returned while the block lasts: for applications that are mounted in another one.

        ``Starlette(routes=[Mount("/", app)], lifespan=lambda _: sessions.lifespan(app))``
        """
        async with AsyncExitStack() as stack:
            for app in apps:
                await stack.enter_async_context(app.router.lifespan_context(app))
            yield

    def run(
        self,
        server: MCPServer[Any],
        transport: Literal["stdio", "streamable-http"] = "stdio",
        *,
        host: str = "127.0.0.1",
        port: int = 8000,
        **options: Any,
    ) -> None:
        """Serve until the client leaves (stdio) or the process is told to stop (HTTP).

        Args:
            server: The server that has this extension.
            transport: How clients reach it.
            host: The host that HTTP is bound to.
            port: The port that HTTP is bound to.
            options: What ``http_app`` takes besides, such as ``path`` and ``stateless``.

        Raises:
            ValueError: If the server does not have this extension, or there is no such transport.
            TypeError: If stdio is given options.
        """
        if transport == "stdio":
            if options:
                raise TypeError(f"{', '.join(sorted(options))}: only for the transport 'streamable-http'")
            if not self._installed:
                raise ValueError(_NOT_INSTALLED)
            self.attach(server)
            with suppress(KeyboardInterrupt):
                anyio.run(self._serve_stdio, server)
        elif transport == "streamable-http":
            app = self.http_app(server, host=host, **options)
            _serve_http(app, host, port, options.get("path", "/mcp"), self._before_shutdown)
        else:
            raise ValueError(f"no transport {transport!r}; there are 'stdio' and 'streamable-http'")

    async def aclose(self) -> None:
        """Tell what is still to be told of changes, and close the store if this object opened it."""
        if self._offered is not None:
            await self._offered.board.aclose()
        if self._owns_store:
            await self.store.aclose()

    def _before_shutdown(self) -> None:
        """End what would keep the server from stopping for as long as a client likes."""
        if self._offered is not None:
            self._offered.resources.close_streams()

    async def _serve_stdio(self, server: MCPServer[Any]) -> None:
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
        manager: StreamableHTTPSessionManager,
        app: Starlette,
    ) -> AsyncIterator[Any]:
        """Run the lifespan of an application, and note for as long that it is running."""
        reaped = nullcontext() if manager.stateless else reaping(manager, self._used, _events_of(manager))
        async with self._while_serving(), inner(app) as state, reaped:
            running.append(app)
            try:
                yield state
            finally:
                running.clear()

    @asynccontextmanager
    async def _while_serving(self) -> AsyncIterator[None]:
        """Sweep while the block lasts; the last block to end closes the store."""
        if not self._serving:
            self._check()
        self._serving += 1
        try:
            async with self._lifecycle.sweeping():
                yield
        finally:
            self._serving -= 1
            if not self._serving:
                await self.aclose()

    def _check(self) -> None:
        """See at the start to what would otherwise show when a session is used: migrations that are not there."""
        for accessor in self.schemas:
            require_migrations(accessor.schema)
        if (condition := condition_of(self.store)) is not None:
            _log.warning("sessions are kept in %s: %s", type(self.store).__name__, condition)
        if self._offered is not None:
            self._offered.check(self.store)

    def _wrapped(
        self, running: Sequence[Starlette], handler: ASGIApp, manager: StreamableHTTPSessionManager
    ) -> ASGIApp:
        make = self._session_middleware if manager.stateless else self._observing_middleware
        middleware = make(handler, manager)

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            if not running:
                raise RuntimeError(_NOT_RUNNING)
            await middleware(scope, receive, send)

        return serve

    @property
    def _longest_idle(self) -> float:
        return max([self.idle, *(accessor.schema.idle or 0 for accessor in self.schemas)])

    def _session_middleware(self, handler: ASGIApp, manager: StreamableHTTPSessionManager) -> ASGIApp:
        return SessionMiddleware(
            handler,
            self.call,
            idle=self._longest_idle,
            security=manager.security_settings,
            max_body_size=manager.max_request_body_size,
            standing=None if self._offered is None else self._offered.resources.standing(),
        )

    def _observing_middleware(self, handler: ASGIApp, manager: StreamableHTTPSessionManager) -> ASGIApp:
        return ObservingMiddleware(
            handler,
            self.call,
            idle=max(self._longest_idle, manager.session_idle_timeout or ENDLESS_SECONDS),
            security=manager.security_settings,
            events=_events_of(manager),
        )


def _serve_http(app: Starlette, host: str, port: int, path: str, before_shutdown: Callable[[], None]) -> None:
    """Serve an application until the process is told to stop; where it does is said once the port is ours."""
    import uvicorn

    class Server(uvicorn.Server):
        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            before_shutdown()
            await super().shutdown(sockets)

    config = uvicorn.Config(app, host=host, port=port, log_level="warning")
    http = Server(config)
    try:
        listening = _listening(host, port)
    except OSError as error:
        sys.exit(f"cannot serve at {host}, port {port}: {os.strerror(error.errno) if error.errno else error}")
    print(f"serving http://{host}:{listening.getsockname()[1]}{path}", file=sys.stderr, flush=True)
    with suppress(KeyboardInterrupt):
        http.run(sockets=[listening])
    if not http.started:
        sys.exit(3)  # as uvicorn.run does


def _listening(host: str, port: int) -> socket.socket:
    """Listen at an address, with a socket that says that it is TCP's.

    asyncio sets TCP_NODELAY where a socket says so, which those of ``create_server`` do not. Without it the body of an
    answer waits until the client has acknowledged its headers: 40 ms and more.
    """
    made = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    return socket.socket(made.family, made.type, socket.IPPROTO_TCP, fileno=made.detach())


def _events_of(manager: StreamableHTTPSessionManager) -> SessionEvents | None:
    return manager.event_store if isinstance(manager.event_store, SessionEvents) else None


_NOT_INSTALLED: Final = "this server does not have these sessions: make it with MCPServer(..., extensions=[sessions])"

_NOT_RUNNING: Final = (
    "this application was not started: the lifespan of an application that is mounted in another one does not run by "
    "itself; give the outer one lifespan=lambda _: sessions.lifespan(app)"
)
