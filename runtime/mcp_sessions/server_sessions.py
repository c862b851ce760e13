"""``ServerSessions``: the sessions of a server, whichever framework the server is made with."""

import logging
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final, TypeVar

from mcp_sessions import sdk
from mcp_sessions.base_session import BaseSession
from mcp_sessions.connections import Connections
from mcp_sessions.context import Call, current_call, serving
from mcp_sessions.durations import Duration, seconds
from mcp_sessions.failures import retelling
from mcp_sessions.heartbeat import Heartbeat
from mcp_sessions.hosting import Hosting
from mcp_sessions.ids import is_handle
from mcp_sessions.lifecycle import EndHook, Lifecycle, StartHook
from mcp_sessions.resources.offering import offered, resources_among
from mcp_sessions.server_schemas import require_accessors, require_distinct, require_lifetimes
from mcp_sessions.stores import open_store
from mcp_sessions.stores.base import TRANSPORT_SCHEMA, Address, Limits, Store
from mcp_sessions.stores.open import VARIABLE

SessionT = TypeVar("SessionT", bound=BaseSession)
T = TypeVar("T")

_log: Final = logging.getLogger("mcp_sessions")


class ServerSessions(Hosting):
    """What ``Sessions`` and its like for other frameworks are; ``Sessions`` says what the arguments mean."""

    def __init__(
        self,
        store: str | Store | None,
        *,
        schemas: Sequence[type[BaseSession]],
        idle: Duration,
        max: Duration | None,
        limits: Limits,
        tools: bool,
        resources: bool | Sequence[type[BaseSession]] = False,
    ) -> None:
        require_accessors(schemas)
        if not isinstance(limits, Limits):
            raise TypeError(f"limits is a Limits(...) from mcp_sessions; got {limits!r}")
        self.schemas = tuple(schemas)
        self.idle = seconds(idle)
        self.max = None if max is None else seconds(max)
        if self.max is not None and self.max < self.idle:
            raise ValueError(f"max={max!r} is shorter than idle={idle!r}; a session cannot live longer than its max")
        require_lifetimes(self.schemas, self.idle, self.max)
        self.limits = limits
        require_distinct(self.schemas)
        self._tools = tools
        if store is None and not os.environ.get(VARIABLE):
            store = "memory://"
        if not (store is None or isinstance(store, str)) and (isinstance(store, type) or not hasattr(store, "touch")):
            raise TypeError(f"store is the URL of a store, or a store; got {type(store).__name__}")
        self._owns_store = store is None or isinstance(store, str)
        self.store: Store = open_store(store) if store is None or isinstance(store, str) else store
        self._used, self._offered = offered(_observed(self.store), resources_among(self.schemas, resources))
        self._lifecycle = Lifecycle(self._used, self.schemas)
        names = [accessor.schema.name for accessor in self.schemas]
        self._names = frozenset(names)
        self._connections = Connections(self._used, names, self._lifecycle)
        shortest = min([self.idle, *(accessor.schema.idle or self.idle for accessor in self.schemas)])
        self._heartbeat = Heartbeat(shortest / 3)
        self._serving = 0
        self._warned = self._warned_of_direct = False

    async def _answer(self, ctx: sdk.RequestContext, work: Callable[[], Awaitable[T]], prefix: str = "") -> T:
        """Do the work of a request, for which accessors are told whose session is meant.

        Args:
            ctx: The request.
            work: What is to be done.
            prefix: What the client sees before the names of the server's tools.
        """
        await self._connections.end_over()
        call = self._call_of(ctx)
        if prefix:
            call = replace(call, prefix=prefix)
        with serving(call), self._heartbeat.during(call):
            return await work()

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

    def _call_of(self, ctx: sdk.RequestContext) -> Call:
        verified = current_call()
        if ctx.request is not None and verified is not None and verified.store is self._used:
            if verified.caller != sdk.current_caller():
                raise RuntimeError("SessionMiddleware stands outside of authentication; use sessions.http_app")
            return replace(verified, request=ctx.session, handles={}, used=dict(verified.used))
        has_handshake = sdk.has_handshake(ctx.protocol_version)
        if has_handshake and ctx.request is not None and verified is None and not self._warned_of_direct:
            self._warned_of_direct = True
            _log.warning(_DIRECT)
        call = self.call(modern=not has_handshake, request=ctx.session)
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
        address = Address("handle", id, schemas[0]) if schemas else Address("transport", id, TRANSPORT_SCHEMA)
        with retelling():
            return await self._lifecycle.evict(address)

    async def end_all(self, owner: str) -> int:
        """End all sessions of an owner, such as a user whose access was revoked, and return how many there were.

        Args:
            owner: From ``owner_of``. What this user begins afterwards is not touched: refuse the token first.

        Raises:
            TypeError: If that is no text: of those who are not logged in, nobody is an owner.
        """
        _require_text("owner", owner)
        with retelling():
            return await self._lifecycle.evict_all(owner)

    async def purge(self) -> int:
        """Remove expired sessions and call the hooks of their end; return how many there were.

        A server that was started by ``http_app`` or ``run`` does this by itself.
        """
        with retelling():
            return await self._lifecycle.purge()


_NO_SUBJECT: Final = (
    "an access token names a client but no user: all users of that client own the same sessions, and the scope 'user' "
    "refuses them. The server's token verifier should set AccessToken.subject."
)

_DIRECT: Final = (
    "this server is served without its sessions: serve it by sessions.http_app(mcp), or sessions.run(mcp, 'http'). As "
    "it is, clients of the protocol up to 2025-11-25 have no MCP session in the store, so what their calls keep "
    "without a handle ends with their connection to this process, or cannot be kept at all"
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
