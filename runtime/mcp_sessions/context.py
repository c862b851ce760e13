"""The call that is being served: who asks, over which transport session, and where sessions are kept.

Set by the adapters (``mcp_sessions.server``, ``mcp_sessions.middleware``), read when an accessor is made. Nothing here
decides anything; ``mcp_sessions.resolve`` does.
"""

from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias, TypeVar

from mcp_sessions.durations import DEFAULT_IDLE_SECONDS
from mcp_sessions.errors import TooManySessionsError
from mcp_sessions.stores.base import NO_LIMITS, Access, Address, Limits, Remains, Store

T = TypeVar("T")

TransportKind: TypeAlias = Literal["transport", "connection"]
"""What a transport session is: an ``Mcp-Session-Id`` that the store knows, or a connection that this process keeps."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a call.

    Attributes:
        owner: The hashed principal; None when there is no authentication.
        individual: Whether the principal is one user, and not all users of a client: its token names a subject.
    """

    owner: str | None = None
    individual: bool = False


EndReason: TypeAlias = Literal["ended", "expired", "evicted"]
"""Why a session is over: its owner ended it, it was not used for too long, or the server ended it."""


class Hooks(Protocol):
    """Who wants to know when sessions begin and end."""

    def wants_start(self, schema: str) -> bool:
        """Tell whether anybody wants to know when sessions of a schema begin."""
        ...

    async def started(self, session: Any, access: Access) -> None:
        """Tell of a session, by its accessor and how to reach it, that has just begun."""
        ...

    @property
    def wants_end(self) -> bool:
        """Whether anybody wants to know when sessions end."""
        ...

    async def make_room(self) -> None:
        """Remove sessions that have expired, because there are as many as there may be."""
        ...

    async def finish(self, work: Coroutine[Any, Any, T]) -> T:
        """Do what is not to be broken off in the middle, even if the caller is cancelled meanwhile."""
        ...

    async def over(self, remains: Sequence[Remains], by: Literal["ended", "evicted"]) -> None:
        """Tell of sessions that are over, each with its own reason; those that somebody ended, ``by`` whom."""
        ...


@dataclass(frozen=True, slots=True)
class Call:
    """One request to a server.

    Attributes:
        store: Where the server keeps its sessions.
        caller: Who makes it.
        transport: The verified transport session's id; None when the call has none.
        kind: What that transport session is.
        modern: Whether the protocol revision has no sessions at all (2026-07-28 and later).
        idle: The server's idle lifetime in seconds, for schemas that set none.
        max: The server's greatest lifetime in seconds, for schemas that set none; None for no limit.
        limits: How much may be kept.
        hooks: Who wants to know when sessions begin and end.
        schemas: The names of the schemas that the server offers; None when that is not known.
        tools: Whether it offers tools that begin and end sessions.
        prefix: What the client sees before the names of those tools, where the server is a part of another one.
        request: The object by which the SDK tells this request from others; None until the request was read.
        handles: The handles in the call's arguments, by the name of the schema; "" for one that was left out.
        used: The sessions that the call means, to be kept alive for as long as it lasts. One that was seen to be there
            has no ``begin`` any more: when it ends meanwhile, nothing of this call may bring it back.
    """

    store: Store
    caller: Caller = Caller()
    transport: str | None = None
    kind: TransportKind = "transport"
    modern: bool = False
    idle: float = DEFAULT_IDLE_SECONDS
    max: float | None = None
    limits: Limits = NO_LIMITS
    hooks: Hooks | None = None
    schemas: frozenset[str] | None = None
    tools: bool = True
    prefix: str = ""
    request: object | None = None
    handles: dict[str, set[str]] = field(default_factory=dict)
    used: dict[Address, Access] = field(default_factory=dict)


async def with_room(hooks: Hooks | None, operation: Callable[[], Awaitable[T]]) -> T:
    """Perform an operation that may begin a session, once more when there was no room and what expired is removed."""
    try:
        return await operation()
    except TooManySessionsError:
        if hooks is None:
            raise
        await hooks.make_room()
        return await operation()


async def end_session(
    store: Store, access: Access, hooks: Hooks | None, by: Literal["ended", "evicted"] = "ended"
) -> bool:
    """End a session, and tell of it and its children; False if it was not live."""
    return await _end(store, access, hooks, by)


async def end_expired(store: Store, access: Access, hooks: Hooks | None) -> None:
    """Take note that a session has expired, and tell of it if nobody has: another may begin in its place."""
    await _end(store, access, hooks, "ended", expired=True)


async def _end(
    store: Store, access: Access, hooks: Hooks | None, by: Literal["ended", "evicted"], *, expired: bool = False
) -> bool:
    if hooks is None or not hooks.wants_end:
        return bool(await store.end(access, expired=expired))

    async def end_and_tell(hooks: Hooks) -> bool:
        remains = await store.end(access, values=True, expired=expired)
        await hooks.over(remains, by)
        return bool(remains)

    return await hooks.finish(end_and_tell(hooks))


_current: ContextVar[Call | None] = ContextVar("mcp_sessions_call", default=None)


def current_call() -> Call | None:
    """Return the call that is being served, or None outside of one."""
    return _current.get()


@contextmanager
def serving(call: Call) -> Iterator[None]:
    """Make ``call`` the current one for the block, and for every task and worker thread that it starts."""
    token = _current.set(call)
    try:
        yield
    finally:
        _current.reset(token)
