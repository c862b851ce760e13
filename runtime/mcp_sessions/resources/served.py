"""Session state as MCP resources: what a client can list and read, and where its requests for that are served.

Reading goes by the SDK's own handlers, as resources of any server do. What they cannot know, which of them a caller has
and that nobody else may see it, is done around them, in the middleware of ``Sessions``.
"""

import inspect
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Final

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.resources import FunctionResource
from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR, INVALID_PARAMS

from mcp_sessions import sdk
from mcp_sessions.base_session import BaseSession
from mcp_sessions.context import Call, current_call
from mcp_sessions.errors import SessionError, SessionNotFoundError, SessionRequiredError
from mcp_sessions.failures import retelling
from mcp_sessions.ids import masked
from mcp_sessions.resources.bus import SessionBus
from mcp_sessions.resources.naming import Named, access_by, have_current, is_malformed, may_be_meant, uri_of
from mcp_sessions.resources.showing import shown
from mcp_sessions.resources.standing import Standing
from mcp_sessions.resources.subscriptions import Subscriptions
from mcp_sessions.stores.base import Listed
from mcp_sessions.stores.notices.board import Board

_log: Final = logging.getLogger("mcp_sessions")

MIME_TYPE: Final = "application/json"

MOST_LISTED: Final = 100
"""How many of a user's sessions of each schema are listed; those that are not can be read all the same."""

_NOT_ON_BUS: Final = (
    "clients of revision 2026-07-28 are not told of changes of session state: make the server with "
    "MCPServer(..., subscriptions=sessions.bus)"
)


class Resources:
    """The resources of one server's sessions.

    Args:
        accessors: The classes whose sessions are resources.
        board: Where changes are told.
        bus: What the server is to have for its listen streams.
    """

    def __init__(self, accessors: Sequence[type[BaseSession]], board: Board, bus: SessionBus) -> None:
        self._accessors = {accessor.schema.name: accessor for accessor in accessors}
        self._bus = bus
        self._board = board
        self._server: MCPServer[Any] | None = None
        self._subscriptions = Subscriptions(board, self._accessors)

    def attach(self, server: MCPServer[Any]) -> None:
        """Add the resources to a server."""
        self._server = server
        if sdk.bus_of(server) is not self._bus:
            self._subscriptions.is_on_bus = False
            _log.warning(_NOT_ON_BUS)
        for name, accessor in self._accessors.items():
            schema, what = accessor.schema, _what(accessor)
            if schema.has_handles:
                make = server.resource(uri_of(name, "{handle}"), name=name, description=what, mime_type=MIME_TYPE)
                make(_reader(accessor))
            if schema.scope != "handle":
                server.add_resource(
                    FunctionResource(
                        uri=uri_of(name),
                        name=name,
                        description=what,
                        mime_type=MIME_TYPE,
                        fn=_current_reader(accessor),
                    )
                )

    async def serve(self, call_next: CallNext, ctx: ServerRequestContext[Any, Any]) -> HandlerResult:
        """Serve a request: a middleware of the SDK, inside of that of ``Sessions``."""
        if ctx.method == "resources/read":
            return await self._read(ctx, call_next)
        if ctx.method == "resources/list":
            return await self._list(ctx, call_next)
        if ctx.method == "subscriptions/listen":
            return await self._subscriptions.serve(ctx, call_next)
        if ctx.method == "resources/subscribe":
            return await self._subscriptions.subscribe(ctx, call_next)
        if ctx.method == "resources/unsubscribe":
            return await self._subscriptions.unsubscribe(ctx, call_next)
        if ctx.method == "initialize":
            result = await call_next(ctx)
            return _capable(result) if self._subscriptions.can_tell(ctx) else result
        return await call_next(ctx)

    def standing(self, idle: float) -> Standing:
        """Return what serves standing streams: legacy clients are told that they can subscribe, from then on.

        Args:
            idle: Seconds without use after which the MCP sessions of legacy clients expire.
        """
        self._subscriptions.stands, self._subscriptions.idle = True, idle
        return Standing(self._board, self._subscriptions)

    def close_streams(self) -> None:
        """End the streams of all who listen."""
        self._subscriptions.close()

    async def _read(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        uri = (ctx.params or {}).get("uri")
        if isinstance(uri, str) and await self._is_malformed(uri):  # the SDK would log it, handle and all
            raise MCPError(INVALID_PARAMS, "that is no session's URI; those are session://SCHEMA/HANDLE", {"uri": uri})
        result = await call_next(ctx)
        return _private(result) if isinstance(uri, str) and uri.startswith("session://") else result

    async def _is_malformed(self, uri: str) -> bool:
        if not may_be_meant(uri, self._accessors):
            return False
        others = [] if self._server is None else await _names_in(self._server)
        return is_malformed(uri, self._accessors, others)

    async def _list(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        """List what the server has, and of sessions the caller's own alone."""
        result = await call_next(ctx)
        if not isinstance(result, dict) or not isinstance(result.get("resources"), list):
            return result
        call = current_call()
        current = {uri_of(accessor.schema.name) for accessor in have_current(list(self._accessors.values()), call)}
        every = {uri_of(name) for name in self._accessors}
        listed = [one for one in result["resources"] if one.get("uri") in current or one.get("uri") not in every]
        if not result.get("nextCursor"):
            listed += await self._own(call)
        return _private({**result, "resources": listed})

    async def _own(self, call: Call | None) -> list[dict[str, str]]:
        """Return the sessions of a user who is logged in; where nobody is, all would be one owner's."""
        if call is None or call.caller.owner is None or not call.caller.individual:
            return []
        found = []
        for name, accessor in self._accessors.items():
            if accessor.schema.has_handles:
                try:
                    with retelling():
                        page = await call.store.scan(schema=name, owner=call.caller.owner, limit=MOST_LISTED)
                except SessionError as error:
                    raise MCPError(INTERNAL_ERROR, str(error)) from error
                found += [_entry(accessor, one) for one in page.sessions if one.address.space == "handle"]
        return found


async def _names_in(server: MCPServer[Any]) -> list[str]:
    """Return the URIs and URI templates of a server."""
    templates = [one.uri_template for one in await server.list_resource_templates()]
    return templates + [str(one.uri) for one in await server.list_resources()]


def _reader(accessor: type[BaseSession]) -> Callable[[str], Awaitable[str]]:
    async def read(handle: str) -> str:
        return await _text_of(Named(accessor, handle))

    return read


def _current_reader(accessor: type[BaseSession]) -> Callable[[], Awaitable[str]]:
    async def read() -> str:
        return await _text_of(Named(accessor, None))

    return read


async def _text_of(named: Named) -> str:
    """Return the text of a session; whatever goes wrong is told without its id being logged by the SDK.

    Raises:
        MCPError: If there is none for the caller, or it cannot be read.
    """
    uri = uri_of(named.accessor.schema.name, named.handle)
    call = current_call()
    try:
        return await shown(named.accessor(call, access_by(named, call)))
    except (SessionNotFoundError, SessionRequiredError) as error:
        raise MCPError(INVALID_PARAMS, str(error), {"uri": uri}) from error
    except SessionError as error:
        raise MCPError(INTERNAL_ERROR, str(error), {"uri": uri}) from error
    except Exception as error:
        where = f"{named.accessor.schema.name} of {masked(named.handle) if named.handle else 'the caller'}"
        _log.exception("a session could not be shown as a resource: %s", where)
        raise MCPError(INTERNAL_ERROR, "the session cannot be shown", {"uri": uri}) from error


def _entry(accessor: type[BaseSession], one: Listed) -> dict[str, str]:
    uri = uri_of(accessor.schema.name, one.address.id)
    return {"uri": uri, "name": masked(one.address.id), "description": _what(accessor), "mimeType": MIME_TYPE}


def _what(accessor: type[BaseSession]) -> str:
    """Describe what a resource is, to a model and to people."""
    doc = (inspect.getdoc(accessor) or "").partition("\n\n")[0].replace("\n", " ").strip()
    kind = f"What a {accessor.schema.name} session holds, as JSON."
    return f"{kind} {doc}" if doc else kind


def _private(result: HandlerResult) -> HandlerResult:
    """Let nobody keep a result for others, or for long, whatever the server says of its results in general."""
    if isinstance(result, dict) and "cacheScope" in result:
        return {**result, "cacheScope": "private", "ttlMs": 0}
    return result


def _capable(result: HandlerResult) -> HandlerResult:
    """Tell a legacy client that it can subscribe."""
    if isinstance(result, dict):
        with suppress(KeyError, TypeError):
            resources = {**result["capabilities"]["resources"], "subscribe": True}
            return {**result, "capabilities": {**result["capabilities"], "resources": resources}}
    return result
