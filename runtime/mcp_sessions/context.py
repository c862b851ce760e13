"""The call that is being served: who asks, over which transport session, and where sessions are kept.

Set by the adapters (``mcp_sessions.server``, ``mcp_sessions.http``), read when an accessor is made. Nothing here
decides anything; ``mcp_sessions.resolve`` does.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from mcp_sessions.durations import DEFAULT_IDLE_SECONDS
from mcp_sessions.stores.base import Lifetime, Store


@dataclass(frozen=True, slots=True)
class Call:
    """One request to a server.

    Attributes:
        store: Where the server keeps its sessions.
        owner: The hashed principal; None when there is no authentication.
        transport: The verified transport session's id; None when the call has none.
        vouched: When given, the transport session is one that this process itself keeps apart (a stdio connection),
            so it needs no record: it begins, with this lifetime, at its first write.
        modern: Whether the protocol revision has no sessions at all (2026-07-28 and later).
        idle: The server's idle lifetime in seconds, for schemas that set none.
    """

    store: Store
    owner: str | None = None
    transport: str | None = None
    vouched: Lifetime | None = None
    modern: bool = False
    idle: float = DEFAULT_IDLE_SECONDS


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
