"""The call that is being served: who asks, over which transport session, and where sessions are kept.

Set by the adapters (``mcp_sessions.server``, ``mcp_sessions.middleware``), read when an accessor is made. Nothing here
decides anything; ``mcp_sessions.resolve`` does.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from mcp_sessions.durations import DEFAULT_IDLE_SECONDS
from mcp_sessions.stores.base import Store

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
        schemas: The names of the schemas that the server offers; None when that is not known.
        tools: Whether it offers tools that begin and end sessions.
        handles: The handles in the call's arguments, by the name of the schema; "" for one that was left out.
    """

    store: Store
    caller: Caller = Caller()
    transport: str | None = None
    kind: TransportKind = "transport"
    modern: bool = False
    idle: float = DEFAULT_IDLE_SECONDS
    schemas: frozenset[str] | None = None
    tools: bool = True
    handles: dict[str, set[str]] = field(default_factory=dict)


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
