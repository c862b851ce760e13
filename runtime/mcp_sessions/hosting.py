"""``Hosting``: what it takes to serve sessions, whichever framework the application is made with."""

import logging
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Final

from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.applications import Starlette
from starlette.types import ASGIApp

from mcp_sessions.base_session import BaseSession
from mcp_sessions.context import Call
from mcp_sessions.event_store import SessionEvents
from mcp_sessions.lifecycle import Lifecycle
from mcp_sessions.middleware import SessionMiddleware
from mcp_sessions.migrations import require_migrations
from mcp_sessions.observing import ObservingMiddleware
from mcp_sessions.resources.offering import Offered
from mcp_sessions.stores.base import Store, condition_of

_log: Final = logging.getLogger("mcp_sessions")

ENDLESS_SECONDS: Final = 24 * 3600.0
"""How long a record is kept without a request when the SDK is told to keep its session for ever."""


class Hosting:
    """What the sessions of a server do while it runs; ``ServerSessions`` says what each of these is."""

    store: Store
    schemas: tuple[type[BaseSession], ...]
    idle: float
    _owns_store: bool
    _used: Store
    _offered: Offered | None
    _lifecycle: Lifecycle
    _serving: int
    call: Callable[[], Call]

    @asynccontextmanager
    async def lifespan(self, *apps: Starlette) -> AsyncIterator[None]:
        """Run what ``http_app`` returned while the block lasts: for applications that are mounted in another one.

        ``Starlette(routes=[Mount("/", app)], lifespan=lambda _: sessions.lifespan(app))``
        """
        async with AsyncExitStack() as stack:
            for app in apps:
                await stack.enter_async_context(app.router.lifespan_context(app))
            yield

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

    @property
    def _longest_idle(self) -> float:
        return max([self.idle, *(accessor.schema.idle or 0 for accessor in self.schemas)])

    def _guarded(
        self,
        handler: ASGIApp,
        manager: StreamableHTTPSessionManager,
        events: SessionEvents | None,
        *,
        replays: bool = False,
    ) -> ASGIApp:
        """Return the handler of an SDK's manager with what is to stand around it, inside of authentication.

        Args:
            handler: The handler.
            manager: Whose it is.
            events: Its event store, if it is ours.
            replays: See ``ObservingMiddleware``.
        """
        if manager.stateless:
            return SessionMiddleware(
                handler,
                self.call,
                idle=self._longest_idle,
                security=manager.security_settings,
                max_body_size=manager.max_request_body_size,
                standing=None if self._offered is None else self._offered.resources.standing(self._longest_idle),
            )
        return ObservingMiddleware(
            handler,
            self.call,
            idle=max(self._longest_idle, manager.session_idle_timeout or ENDLESS_SECONDS),
            security=manager.security_settings,
            events=events,
            replays=replays,
        )


def require_server(server: object, kind: type, otherwise: str) -> None:
    """Refuse what is no server of the framework that the sessions are for.

    Args:
        server: What was given.
        kind: The class of the framework's servers.
        otherwise: What to say of others, by the name of their class.
    """
    if isinstance(server, str):
        raise TypeError(f"the server comes first, as in sessions.run(mcp, 'http'); got {server!r}")
    if not isinstance(server, kind):
        raise TypeError(otherwise.format(type(server).__name__))


def serve_http(
    app: Starlette, host: str, port: int, path: str, before_shutdown: Callable[[], None] = lambda: None
) -> None:
    """Serve an application until the process is told to stop; where it does is said once the port is ours."""
    from mcp_sessions.stopping import Server

    http = Server(app, host, port, before_shutdown)
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
