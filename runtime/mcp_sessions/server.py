"""``Sessions``: session state for a server on the official MCP SDK, as one of its extensions."""

from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from types import MappingProxyType
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.extension import Extension, ToolBinding
from mcp.server.mcpserver import MCPServer
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, CallToolRequestParams, CallToolResult, TextContent

from mcp_sessions import sdk
from mcp_sessions.base_session import BaseSession
from mcp_sessions.context import current_call
from mcp_sessions.durations import Duration
from mcp_sessions.errors import also_raise_as
from mcp_sessions.resources.bus import SessionBus
from mcp_sessions.server_sessions import ServerSessions
from mcp_sessions.serving import Serving, require_mcp_server
from mcp_sessions.stores.base import Limits, Store
from mcp_sessions.stores.terms import DEFAULT_LIMITS
from mcp_sessions.tools import missing_values, names_taken, tools_of

__all__ = ["Sessions"]

also_raise_as(*sdk.ANTICIPATED)


class Sessions(Serving, ServerSessions, Extension):
    """Session state for an MCP server: pass it among ``MCPServer(extensions=[...])``.

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
        resources: Whose sessions clients may also read as resources: some of ``schemas``, or True for all of them. See
            ``bus``.

    Raises:
        ValueError: If two schemas have the same name, or their tools do; if ``max`` is shorter than ``idle``.
        TypeError: If ``schemas`` are no accessor classes, or ``limits`` are no ``Limits``.
        StoreError: If the store cannot be opened.
    """

    identifier = "io.github.mcp-sessiongen/sessions"

    _creates: Mapping[str, type[BaseSession]] = MappingProxyType({})
    _installed = False

    def __init__(
        self,
        store: str | Store | None = None,
        *,
        schemas: Sequence[type[BaseSession]],
        idle: Duration = "30m",
        max: Duration | None = None,
        limits: Limits = DEFAULT_LIMITS,
        tools: bool = True,
        resources: bool | Sequence[type[BaseSession]] = False,
    ) -> None:
        super().__init__(store, schemas=schemas, idle=idle, max=max, limits=limits, tools=tools, resources=resources)

    # The extension

    @cached_property
    def _advertised(self) -> dict[str, Any]:
        return {}  # an object of its own, by which a server is known to have just this extension

    def settings(self) -> dict[str, Any]:
        """Return the settings that the server advertises: there are none."""
        return self._advertised

    def tools(self) -> Sequence[ToolBinding]:
        """Return the tools that create, end and list the sessions of schemas that have handles."""
        self._installed = True
        if not self._tools:
            return ()
        accessors = [accessor for accessor in self.schemas if accessor.schema.has_handles]
        self._creates = {accessor.schema.create_tool_name: accessor for accessor in accessors}
        sdk.reserve_tools({name: said for accessor in accessors for name, said in names_taken(accessor).items()})
        return [tool for accessor in accessors for tool in tools_of(accessor, self.idle, self.max)]

    async def intercept_tool_call(
        self, params: CallToolRequestParams, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        """Tell the accessors of this call whose session is meant."""
        accessor = self._creates.get(params.name)
        if accessor is not None and (refusal := missing_values(accessor, params.arguments or {})):
            return CallToolResult(content=[TextContent(text=refusal)], is_error=True)
        call = current_call()
        if call is not None and call.request is ctx.session and call.store is self._used:
            return await call_next(ctx)
        return await self._answer(ctx, partial(call_next, ctx))

    async def middleware(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        """Tell the accessors of any request whose session is meant: those in prompts and resources too.

        A middleware of the SDK, see ``attach``.
        """
        if ctx.request_id is None:
            return await call_next(ctx)
        if self._offered is not None:
            call_next = partial(self._offered.resources.serve, call_next)
        try:
            return await self._answer(ctx, partial(call_next, ctx))
        except MCPError:
            raise
        except Exception as error:
            if ctx.method == "prompts/get" and (ours := sdk.session_error_in(error)) is not None:
                raise MCPError(code=INVALID_PARAMS, message=str(ours)) from error  # the SDK would hide it
            raise

    def attach(self, server: MCPServer[Any]) -> None:
        """Make accessors work in the server's prompts and resources; ``http_app`` and ``run`` do this by themselves.

        Only who serves in another way needs it, such as a test with a client in memory.

        Raises:
            TypeError: If that is no ``MCPServer``.
        """
        require_mcp_server(server)
        if self.middleware not in server.middleware:
            server.middleware.append(self.middleware)
            if self._offered is not None:
                self._offered.resources.attach(server)

    @property
    def bus(self) -> SessionBus:
        """What the server's listen streams are to be on: ``MCPServer(..., subscriptions=sessions.bus)``.

        With ``resources``, clients of revision 2026-07-28 are told when session state changes, whichever worker changed
        it; and what the server itself publishes reaches the clients of all workers.

        Raises:
            ValueError: If there are no ``resources``.
        """
        if self._offered is None:
            raise ValueError("there is a bus only where there is something to tell: give Sessions(resources=True)")
        return self._offered.bus
