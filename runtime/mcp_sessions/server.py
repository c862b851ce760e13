"""``Sessions``: session state for a server on the official MCP SDK, as one of its extensions."""

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from math import inf
from typing import Any, Final, TypeVar

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.extension import Extension, ToolBinding
from mcp.server.mcpserver import MCPServer
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, CallToolRequestParams, CallToolResult, TextContent

from mcp_sessions import sdk
from mcp_sessions.base_session import BaseSession
from mcp_sessions.connections import Connections
from mcp_sessions.context import Call, current_call, serving
from mcp_sessions.durations import Duration, seconds
from mcp_sessions.errors import also_raise_as
from mcp_sessions.heartbeat import Heartbeat
from mcp_sessions.ids import is_handle
from mcp_sessions.lifecycle import EndHook, Lifecycle, StartHook
from mcp_sessions.serving import Serving
from mcp_sessions.stores import open_store
from mcp_sessions.stores.base import TRANSPORT_SCHEMA, Address, Limits, Store
from mcp_sessions.stores.open import VARIABLE
from mcp_sessions.stores.terms import DEFAULT_LIMITS, EVENTS_SCHEMA
from mcp_sessions.tools import missing_values, tools_of

__all__ = ["Sessions"]

also_raise_as(*sdk.ANTICIPATED)


SessionT = TypeVar("SessionT", bound=BaseSession)

_log: Final = logging.getLogger("mcp_sessions")


class Sessions(Serving, Extension):
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

    Raises:
        ValueError: If two schemas have the same name, or their tools do; if ``max`` is shorter than ``idle``.
        TypeError: If ``schemas`` are no accessor classes, or ``limits`` are no ``Limits``.
        StoreError: If the store cannot be opened.
    """

    identifier = "io.github.mcp-sessiongen/sessions"

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
        _require_accessors(schemas)
        if not isinstance(limits, Limits):
            raise TypeError(f"limits is a Limits(...) from mcp_sessions; got {limits!r}")
        self.schemas = tuple(schemas)
        self.idle = seconds(idle)
        self.max = None if max is None else seconds(max)
        if self.max is not None and self.max < self.idle:
            raise ValueError(f"max={max!r} is shorter than idle={idle!r}; a session cannot live longer than its max")
        _require_lifetimes(self.schemas, self.idle, self.max)
        self.limits = limits
        _require_distinct(self.schemas)
        self._tools = tools
        self._settings: dict[str, Any] = {}
        self._creates: dict[str, type[BaseSession]] = {}
        self._installed = False
        if store is None and not os.environ.get(VARIABLE):
            store = "memory://"
        if not (store is None or isinstance(store, str)) and (isinstance(store, type) or not hasattr(store, "touch")):
            raise TypeError(f"store is the URL of a store, or a store; got {type(store).__name__}")
        self._owns_store = store is None or isinstance(store, str)
        self.store: Store = open_store(store) if store is None or isinstance(store, str) else store
        self._used = _observed(self.store)
        self._lifecycle = Lifecycle(self._used, self.schemas)
        names = [accessor.schema.name for accessor in self.schemas]
        self._names = frozenset(names)
        self._connections = Connections(self._used, names, self._lifecycle)
        shortest = min([self.idle, *(accessor.schema.idle or self.idle for accessor in self.schemas)])
        self._heartbeat = Heartbeat(shortest / 3)
        self._serving = 0
        self._warned = False

    # The extension

    def settings(self) -> dict[str, Any]:
        """Return the settings that the server advertises: there are none."""
        return self._settings

    def tools(self) -> Sequence[ToolBinding]:
        """Return the tools that create, end and list the sessions of schemas that have handles."""
        self._installed = True
        if not self._tools:
            return ()
        accessors = [accessor for accessor in self.schemas if accessor.schema.has_handles]
        self._creates = {accessor.schema.create_tool_name: accessor for accessor in accessors}
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
        return await self._answer(ctx, call_next)

    async def middleware(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        """Tell the accessors of any request whose session is meant: those in prompts and resources too.

        A middleware of the SDK, see ``attach``.
        """
        if ctx.request_id is None:
            return await call_next(ctx)
        try:
            return await self._answer(ctx, call_next)
        except MCPError:
            raise
        except Exception as error:
            if ctx.method == "prompts/get" and (ours := sdk.session_error_in(error)) is not None:
                raise MCPError(code=INVALID_PARAMS, message=str(ours)) from error  # the SDK would hide it
            raise

    def attach(self, server: MCPServer[Any]) -> None:
        """Make accessors work in the server's prompts and resources; ``http_app`` and ``run`` do this by themselves.

        Only who serves in another way needs it, such as a test with a client in memory.
        """
        if self.middleware not in server.middleware:
            server.middleware.append(self.middleware)

    async def _answer(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        await self._connections.end_over()
        call = self._call_of(ctx)
        with serving(call), self._heartbeat.during(call):
            return await call_next(ctx)

    def call(self, *, modern: bool = False, request: object | None = None) -> Call:
        """Return a call of the current request, which has no transport session yet."""
        caller = sdk.current_caller()
        if caller.owner is not None and not caller.individual and not self._warned:
            self._warned = True
            _log.warning(_NO_SUBJECT)
        return Call(
            self._used,
            caller,
            modern=modern,
            idle=self.idle,
            max=self.max,
            limits=self.limits,
            hooks=self._lifecycle,
            schemas=self._names,
            tools=self._tools,
            request=request,
        )

    def _call_of(self, ctx: ServerRequestContext[Any, Any]) -> Call:
        verified = current_call()
        if ctx.request is not None and verified is not None and verified.store is self._used:
            if verified.caller != sdk.current_caller():
                raise RuntimeError("SessionMiddleware stands outside of authentication; use Sessions.http_app")
            return replace(verified, request=ctx.session, handles={}, used=dict(verified.used))
        call = self.call(modern=not sdk.has_handshake(ctx.protocol_version), request=ctx.session)
        connection = sdk.connection_of(ctx)
        if connection is None:
            return call
        return replace(call, transport=self._connections.id_of(connection, call.caller), kind="connection")

    # The life of sessions

    def on_start(self, accessor: type[SessionT]) -> Callable[[StartHook[SessionT]], StartHook[SessionT]]:
        """Decorate a function that is awaited with each session of that class when it begins.

        It is called in the worker whose call began the session, before that call goes on. When it raises, the session
        ends, which the hooks of the end are told, and the call fails.

        Raises:
            ValueError: If the class is not among the schemas.
            TypeError: If the function is not async.
        """
        self._lifecycle.require(accessor)

        def add(hook: StartHook[SessionT]) -> StartHook[SessionT]:
            self._lifecycle.add_start(accessor, hook)
            return hook

        return add

    def on_end(self, accessor: type[SessionT]) -> Callable[[EndHook[SessionT]], EndHook[SessionT]]:
        """Decorate a function that is awaited with each session of that class when it is over, and why.

        The reason is "ended" (by its owner), "expired" or "evicted" (by the server). The accessor has the session's id
        and what it held at last, to be read. Each end is told once, in one of the workers: in the one that ended it,
        or that noticed first that it had expired, which takes up to a minute. It goes on when the client has left, and
        a server that stops waits for it, 30 seconds at most: a function that takes longer is broken off, which is
        logged, as is what it raises. An end is not told when its worker dies at that moment, nor when another program
        ended the session.

        Raises:
            ValueError: If the class is not among the schemas.
            TypeError: If the function is not async.
        """
        self._lifecycle.require(accessor)

        def add(hook: EndHook[SessionT]) -> EndHook[SessionT]:
            self._lifecycle.add_end(accessor, hook)
            return hook

        return add

    async def end(self, id: str) -> bool:
        """End a session, whoever owns it, by its handle or its ``Mcp-Session-Id``; False if there is none.

        Raises:
            TypeError: If that is no text.
        """
        _require_text("id", id)
        schemas = [accessor.schema.name for accessor in self.schemas if is_handle(id, accessor.schema.name)]
        if schemas:
            return await self._lifecycle.evict(Address("handle", id, schemas[0]))
        return await self._lifecycle.evict(Address("transport", id, TRANSPORT_SCHEMA))

    async def end_all(self, owner: str) -> int:
        """End all sessions of an owner, such as a user whose access was revoked, and return how many there were.

        Args:
            owner: From ``owner_of``. What this user begins afterwards is not touched: refuse the token first.

        Raises:
            TypeError: If that is no text: of those who are not logged in, nobody is an owner.
        """
        _require_text("owner", owner)
        return await self._lifecycle.evict_all(owner)

    async def purge(self) -> int:
        """Remove expired sessions and call the hooks of their end; return how many there were.

        A server that was started by ``http_app`` or ``run`` does this by itself.
        """
        return await self._lifecycle.purge()


_NO_SUBJECT: Final = (
    "an access token names a client but no user: all users of that client own the same sessions, and the scope 'user' "
    "refuses them. The server's token verifier should set AccessToken.subject."
)


def _require_text(name: str, given: object) -> None:
    if not isinstance(given, str):
        raise TypeError(f"{name} is a text; got {type(given).__name__}")


def _observed(store: Store) -> Store:
    """Return what is used of a store, while users go on to have the store itself: OpenTelemetry is told of it."""
    try:
        from mcp_sessions.stores.observed import ObservedStore
    except ImportError:
        return store
    return store if isinstance(store, ObservedStore) else ObservedStore(store)


def _require_lifetimes(accessors: Sequence[type[BaseSession]], idle: float, longest: float | None) -> None:
    """Refuse a schema that would promise a longer lifetime than its sessions have."""
    for schema in (accessor.schema for accessor in accessors):
        if (schema.idle or idle) > (schema.max or longest or inf):
            raise ValueError(
                f"a {schema.name} session would live longer without use than at all: its idle lifetime is above "
                f"the max of {'Sessions' if schema.max is None else 'its schema'}"
            )


def _require_accessors(schemas: object) -> None:
    given = list(schemas) if isinstance(schemas, Sequence) and not isinstance(schemas, str) else None
    if given is None:
        raise TypeError(f"schemas is a list of accessor classes, such as [CartSession]; got {schemas!r}")
    for one in given:
        if not (isinstance(one, type) and issubclass(one, BaseSession) and hasattr(one, "schema")):
            raise TypeError(f"schemas has {one!r}, which is no accessor class: those are called ...Session")


def _require_distinct(accessors: Sequence[type[BaseSession]]) -> None:
    """Refuse schemas that would share a name: their sessions or their tools would be mixed up."""
    schemas = [accessor.schema for accessor in accessors]
    if any(schema.name == EVENTS_SCHEMA for schema in schemas):
        raise ValueError(f"no schema can be called {EVENTS_SCHEMA!r}; the server keeps its events under that name")
    tools = [name for schema in schemas if schema.has_handles for name in schema.tool_names]
    for what, names in (("schemas are", [schema.name for schema in schemas]), ("tools of schemas are", tools)):
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two {what} called {twice[0]!r}; each needs a name of its own")
