"""What the runtime needs of the MCP SDK beyond its documented names: one place to look when the SDK moves.

Everything here is covered by ``tests/runtime/test_sdk.py``, which fails when the SDK changes.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import principal_components
from mcp.server.connection import Connection
from mcp.server.context import ServerRequestContext
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ToolError
from mcp.server.session import ServerSession
from mcp.server.streamable_http import check_accept_headers
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from sse_starlette.sse import AppStatus
from starlette.authentication import BaseUser
from starlette.requests import Request
from starlette.types import ASGIApp, Scope

from mcp_sessions.context import Caller
from mcp_sessions.errors import SessionError
from mcp_sessions.owner import owner_of


class RequestContext(Protocol):
    """What the contexts of a request have in common, whoever made them: the SDK, or a framework on it."""

    @property
    def session(self) -> ServerSession:
        """The session of this request alone, by which it is told from others."""
        ...

    @property
    def request(self) -> object | None:
        """The HTTP request that brought it; None where there is none."""
        ...

    @property
    def protocol_version(self) -> str:
        """The protocol revision that was agreed on."""
        ...


ANTICIPATED: tuple[type[Exception], ...] = (ToolError, ResourceError)
"""The errors whose text the SDK shows to the model, instead of reporting a crash."""

_FRAMES: Final = 5
"""How far up the constructor of a server is looked for; a subclass may stand in between."""


def current_caller() -> Caller:
    """Return whom the current request's access token stands for."""
    token = get_access_token()
    if token is None:
        return Caller()
    return Caller(owner_of(*principal_components(token)), individual=bool(token.subject))


def has_user(scope: Scope) -> bool:
    """Tell whether authentication has looked at a request, whatever it found; it leaves a mark in the scope."""
    return isinstance(scope.get("user"), BaseUser)


def caller_is_hidden(scope: Scope) -> bool:
    """Tell whether a request has an authenticated user of whom ``current_caller`` does not know."""
    return isinstance(scope.get("user"), AuthenticatedUser) and get_access_token() is None


def accepts_stream(request: Request) -> bool:
    """Tell whether a client takes an event stream as the answer to a request."""
    return check_accept_headers(request)[1]


def session_error_in(error: BaseException | None) -> SessionError | None:
    """Return the error of ours that the SDK has wrapped: the functions of prompts may only raise its ``MCPError``."""
    while error is not None and not isinstance(error, SessionError):
        error = error.__cause__
    return error


def has_handshake(protocol_version: str) -> bool:
    """Tell whether a protocol revision opens with ``initialize`` and so has sessions (up to 2025-11-25)."""
    return protocol_version in HANDSHAKE_PROTOCOL_VERSIONS


def connection_of(ctx: RequestContext) -> object | None:
    """Return the object that is the same for all requests of one connection with a handshake, else None.

    That is the client's ``initialize`` parameters: on stdio, in memory and under the SDK's stateful HTTP manager there
    is one such object per connection; the stateless manager has none.
    """
    return ctx.session.client_params if has_handshake(ctx.protocol_version) else None


def channel_of(ctx: ServerRequestContext[Any, Any]) -> Connection | None:
    """Return the connection on which a client of the legacy era can be told something at any time, else None.

    Over stdio, in memory and under the stateful HTTP manager there is one; ``state`` and ``exit_stack`` are its own.
    """
    connection: Connection = ctx.session._connection
    return connection if has_handshake(ctx.protocol_version) and connection.has_standalone_channel else None


def is_open(ctx: ServerRequestContext[Any, Any]) -> bool:
    """Tell whether the client of a request has said who it is, where it has to."""
    connection: Connection = ctx.session._connection
    return connection.initialize_accepted


def bus_of(server: MCPServer[Any]) -> object:
    """Return the bus that the server's listen streams are on."""
    return server._subscriptions


def functions_of(server: MCPServer[Any]) -> list[tuple[str, Callable[..., Any]]]:
    """Return the functions of a server's tools and prompts, each with what it is called."""
    tools = [(f"the tool {one.name!r}", one.fn) for one in server._tool_manager.list_tools()]
    return [*tools, *((f"the prompt {one.name!r}", one.fn) for one in server._prompt_manager.list_prompts())]


def has_extension(server: MCPServer[Any], identifier: str, settings: Mapping[str, Any]) -> bool:
    """Tell whether a server whose HTTP application was made has just that extension, by the object of its settings."""
    return server.session_manager.app.extensions.get(identifier) is settings


def reserve_tools(reserved: Mapping[str, str]) -> None:
    """Have the server that is just asking an extension for its tools refuse others of the same names.

    Without this it would drop whichever comes second, with no more than a line in its log.

    Args:
        reserved: The names, each with what the error says.

    Raises:
        ValueError: If there is such a tool already; and so does ``server.add_tool`` from now on.
    """
    server = _server_being_made()
    if server is None:
        return
    tools, add_tool = server._tool_manager, server.add_tool

    def require_free(name: str) -> None:
        if name in reserved and tools.get_tool(name) is not None:
            raise ValueError(reserved[name])

    def add(fn: Callable[..., Any], name: str | None = None, *args: Any, **options: Any) -> None:
        require_free(name or str(getattr(fn, "__name__", "")))
        add_tool(fn, name, *args, **options)

    for name in reserved:
        require_free(name)
    setattr(server, "add_tool", add)  # noqa: B010 -- a method, to type checkers, is not to be assigned to


def _server_being_made() -> MCPServer[Any] | None:
    """Return the server whose constructor called the extension that calls this: the SDK does not tell an extension."""
    frame = inspect.currentframe()
    for _ in range(_FRAMES):
        frame = frame.f_back if frame else None
        server = frame.f_locals.get("self") if frame else None
        if isinstance(server, MCPServer):
            return server
    return None


def wrap_innermost(
    manager: StreamableHTTPSessionManager, wrap: Callable[[ASGIApp, StreamableHTTPSessionManager], ASGIApp]
) -> None:
    """Put an ASGI middleware right around the MCP handler of a server, inside of authentication.

    Raises:
        RuntimeError: If this SDK has no such place; serving without the middleware would be unsafe.
    """
    handler = getattr(manager, "asgi_app", None)
    if not callable(handler):
        raise RuntimeError("this version of the mcp SDK has no session_manager.asgi_app to put the middleware around")
    manager.asgi_app = wrap(handler, manager)  # type: ignore[assignment]  # declared as the one middleware that is there


def sessions_of(manager: StreamableHTTPSessionManager) -> list[str]:
    """Return the ids of the sessions that a stateful manager keeps in this process."""
    return list(manager._server_instances)


async def terminate(manager: StreamableHTTPSessionManager, session_id: str) -> None:
    """End a session of a stateful manager, and every stream of it."""
    transport = manager._server_instances.get(session_id)
    if transport is not None:
        await transport.terminate()


def keep_streams() -> None:
    """Have streams go on when uvicorn is told to stop, until ``end_streams``: the SDK's answers are such streams."""
    AppStatus.enable_automatic_graceful_drain = False


def end_streams() -> None:
    """Cut off all streams of this process, as sse-starlette, by which the SDK sends them, does by itself at once."""
    AppStatus.should_exit = True


def release_streams() -> None:
    """Leave streams to sse-starlette again: else those of the next server in this process would be cut off."""
    AppStatus.should_exit = False
    AppStatus.enable_automatic_graceful_drain = True
