"""Who is told that session state has changed: streams of ``subscriptions/listen``, and legacy clients.

Decides what a client may listen to: what it could read, and nothing else. Of others' sessions it does not even learn
whether they exist, for they and those that never were are left out, or refused, alike. Specification: MCP 2026-07-28,
subscriptions/listen; MCP 2025-11-25, server/resources, "Subscriptions".
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, Final, cast

import anyio
from mcp.server.connection import Connection
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.session import ServerSession
from mcp.server.subscriptions import SUBSCRIPTION_ID_META_KEY, ResourcesListChanged, ResourceUpdated
from mcp.shared.exceptions import MCPError
from mcp.shared.subscriptions import event_from_wire
from mcp_types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    RequestId,
    ServerNotification,
    SubscriptionsListenRequestParams,
)
from pydantic import ValidationError

from mcp_sessions import sdk
from mcp_sessions.base_session import BaseSession
from mcp_sessions.context import Call, current_call
from mcp_sessions.durations import DEFAULT_IDLE_SECONDS
from mcp_sessions.errors import SessionError, StoreError
from mcp_sessions.failures import retelling
from mcp_sessions.resources.bus import Stream, listening, uri_topic
from mcp_sessions.resources.kept import drop, keep, kept_at
from mcp_sessions.resources.naming import Named, access_by, named_by
from mcp_sessions.resources.places import Places, TooManyStreamsError
from mcp_sessions.resources.pushing import Pusher
from mcp_sessions.stores.base import Access, Address, Store
from mcp_sessions.stores.noticed import owner_topic
from mcp_sessions.stores.notices.board import Board, topic_of

MOST_RESOURCES: Final = 100
"""To how many sessions one stream, or one legacy connection, may listen."""

MOST_URI_BYTES: Final = 2048
"""How long a URI may be that is listened to: it is kept, and sent with each notice."""

_NO_CHANNEL: Final = (
    "this server has no way to send you notifications. Its author must serve it by sessions.run or sessions.http_app."
)


class Subscriptions:
    """The subscriptions of one server's clients.

    Args:
        board: Where changes are told.
        accessors: The classes whose sessions are resources, by the name of their schema.

    Attributes:
        places: How many streams there may be.
        is_on_bus: Whether the server's listen streams are on our bus, so that there is something to listen to.
        stands: Whether legacy clients over HTTP that have no connection can have a standing stream.
        idle: Seconds without use after which the MCP sessions of those clients expire.
    """

    def __init__(self, board: Board, accessors: Mapping[str, type[BaseSession]]) -> None:
        self._board = board
        self._accessors = accessors
        self._open: set[anyio.CancelScope] = set()
        self.places = Places()
        self.is_on_bus = True
        self.stands = False
        self.idle = DEFAULT_IDLE_SECONDS

    # Clients of revision 2026-07-28: one request, whose response is the stream

    async def listen(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        """Serve a stream; what the client may not listen to is not among what is acknowledged."""
        try:
            params = SubscriptionsListenRequestParams.model_validate(ctx.params or {}, by_name=False)
        except ValidationError:
            return await call_next(ctx)  # which says what is wrong
        uris = list(dict.fromkeys(params.notifications.resource_subscriptions or ()))
        if len(uris) > MOST_RESOURCES:
            raise MCPError(INVALID_PARAMS, f"a stream can listen to {MOST_RESOURCES} resources; got {len(uris)}")
        for uri in uris:
            _require_short(uri)
        call, stream = current_call(), Stream(self._board)
        if not self.is_on_bus or call is None:
            return await call_next(_listening_to(ctx, stream, [uri for uri in uris if not self._is_ours(uri)]))
        with self._counted(call.caller.owner), listening(stream):
            await self._board.ready()
            granted = await asyncio.gather(*(self.watch(stream, uri, call) for uri in uris))
            if call.caller.owner is not None and call.caller.individual:
                stream.watch(owner_topic, owner_topic(call.caller.owner), ResourcesListChanged())
            honored = [uri for uri, is_granted in zip(uris, granted, strict=True) if is_granted]
            return await call_next(_listening_to(ctx, stream, honored))

    async def serve(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        """Serve a stream until the client leaves, or the server does: then it ends with a result, as deliberate."""
        with self.ending():
            return await self.listen(ctx, call_next)
        return {"resultType": "complete", "_meta": {SUBSCRIPTION_ID_META_KEY: ctx.request_id}}

    @contextmanager
    def ending(self) -> Iterator[anyio.CancelScope]:
        """Break the block off when ``close`` is called."""
        with anyio.CancelScope() as scope:
            self._open.add(scope)
            try:
                yield scope
            finally:
                self._open.discard(scope)

    def close(self) -> None:
        """End all streams."""
        for scope in list(self._open):
            scope.cancel()

    @contextmanager
    def _counted(self, owner: str | None) -> Iterator[None]:
        """Refuse more streams of one user than there may be."""
        with ExitStack() as stack:
            try:
                stack.enter_context(self.places.stream(owner))
            except TooManyStreamsError as error:
                raise MCPError(INTERNAL_ERROR, str(error)) from error
            yield

    def _is_ours(self, uri: str) -> bool:
        return named_by(uri, self._accessors) is not None

    async def watch(self, stream: Stream, uri: str, call: Call) -> bool:
        """Tell a stream of a resource's changes if the caller could read it; False if not. It is no use of a session.

        It is watched before it is looked at: what happens in between would be lost otherwise. Whether there is a
        resource that is no session, nobody knows; if not, there will be no changes of it.
        """
        named = named_by(uri, self._accessors)
        if named is None:
            stream.watch(uri, uri_topic(uri), ResourceUpdated(uri))
            return True
        if (access := _access(named, call)) is None:
            return False
        is_over = None if named.handle is None else partial(_is_gone, call.store, access.address)
        stream.watch(uri, topic_of(access.address), ResourceUpdated(uri), is_over=is_over)
        if await _is_theirs(access, call):
            return True
        stream.unwatch(uri)
        return False

    async def _could_read(self, uri: str, call: Call) -> bool:
        named = named_by(uri, self._accessors)
        if named is None:
            return True
        access = _access(named, call)
        return access is not None and await _is_theirs(access, call)

    # Clients of older revisions: notifications on their connection, or on the stream of their session (``standing``)

    async def subscribe(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        """Tell a legacy connection of a resource from now on; of those that the server itself serves, it decides."""
        uri, channel = _uri_of(ctx), sdk.channel_of(ctx)
        if uri is None:
            return await call_next(ctx)
        _require_short(uri)
        if not self._is_ours(uri):
            try:
                return await call_next(ctx)
            except MCPError as error:
                if error.code != METHOD_NOT_FOUND or not self.is_on_bus:
                    raise
        call = current_call()
        if call is None or not self.can_tell(ctx):
            raise MCPError(METHOD_NOT_FOUND, _NO_CHANNEL)
        if channel is not None:
            is_granted = await self._push(channel, uri, call)
        elif is_granted := await self._could_read(uri, call):
            await keep(call, kept_at(call, str(call.transport), self.idle), uri, MOST_RESOURCES)
        if not is_granted:
            raise MCPError(INVALID_PARAMS, "there is no such session", {"uri": uri})
        return {}

    async def _push(self, channel: Connection, uri: str, call: Call) -> bool:
        stream = Pusher.of(channel, self._board).stream
        if uri not in stream and len(stream) >= MOST_RESOURCES:
            raise MCPError(INVALID_PARAMS, f"you can subscribe to {MOST_RESOURCES} resources: unsubscribe one")
        await self._board.ready()
        return await self.watch(stream, uri, call)

    def can_tell(self, ctx: ServerRequestContext[Any, Any]) -> bool:
        """Tell whether a legacy client can be told anything: on its connection, or on the stream of its session."""
        if sdk.channel_of(ctx) is not None:
            return True
        call = current_call()
        is_over_http = ctx.request is not None and call is not None and call.kind == "transport"
        begins = ctx.method == "initialize"
        return (
            self.stands
            and is_over_http
            and sdk.has_handshake(ctx.protocol_version)
            and (begins or (call is not None and call.transport is not None))
        )

    async def unsubscribe(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        """Tell a legacy connection no more of a resource."""
        uri, channel, call = _uri_of(ctx), sdk.channel_of(ctx), current_call()
        if uri is None or call is None or not self.can_tell(ctx):
            return await call_next(ctx)
        if channel is None:
            await drop(call, kept_at(call, str(call.transport), self.idle), uri)
            return {}
        stream = Pusher.of(channel, self._board).stream
        if uri in stream:
            stream.unwatch(uri)
            return {}
        return {} if self._is_ours(uri) else await call_next(ctx)


def _require_short(uri: str) -> None:
    size = len(uri.encode(errors="surrogatepass"))
    if size > MOST_URI_BYTES:
        raise MCPError(
            INVALID_PARAMS, f"the URI of a resource to listen to has {MOST_URI_BYTES} bytes at most; got {size}"
        )


def _access(named: Named, call: Call) -> Access | None:
    """Return the access to what a URI names, by the rules of accessors; None if they refuse it."""
    try:
        return access_by(named, call)
    except SessionError:
        return None


async def _is_theirs(access: Access, call: Call) -> bool:
    """Tell whether a session is there, and the caller's."""
    if access.begin is not None:  # it is the caller's by its name, and may begin at any time
        return True
    try:
        with retelling():
            found = await call.store.look_up(access.address)
    except StoreError as error:
        raise MCPError(INTERNAL_ERROR, str(error)) from error
    return found is not None and found.owner == access.owner


async def _is_gone(store: Store, address: Address) -> bool:
    return await store.look_up(address) is None


class _Sending:
    """The SDK's session of a listen request, which tells the stream what it sends."""

    def __init__(self, session: ServerSession, stream: Stream) -> None:
        self._session = session
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    async def send_notification(
        self, notification: ServerNotification, related_request_id: RequestId | None = None
    ) -> None:
        uri = getattr(notification.params, "uri", None)
        event = event_from_wire(notification.method, {"uri": None if uri is None else str(uri)})
        if event is not None:
            self._stream.sent(event)
        await self._session.send_notification(notification, related_request_id)


def _listening_to(
    ctx: ServerRequestContext[Any, Any], stream: Stream, uris: list[str]
) -> ServerRequestContext[Any, Any]:
    """Return the context of a listen request that asks for these resources instead of those that it asked for."""
    params = dict(ctx.params or {})
    params["notifications"] = {**params.get("notifications", {}), "resourceSubscriptions": uris}
    return replace(ctx, params=params, session=cast("ServerSession", _Sending(ctx.session, stream)))


def _uri_of(ctx: ServerRequestContext[Any, Any]) -> str | None:
    """Return the URI that a request of the legacy era names; None if it is not of that era, or malformed."""
    if not sdk.has_handshake(ctx.protocol_version) or not sdk.is_open(ctx):
        return None
    uri = (ctx.params or {}).get("uri")
    return uri if isinstance(uri, str) else None
