"""Sessions for tests of tools: begun with values, in the test's own store."""

from collections.abc import Mapping
from typing import TypeVar

from mcp_sessions.base_session import BaseSession
from mcp_sessions.durations import Duration
from mcp_sessions.stores.base import Store

SessionT = TypeVar("SessionT", bound=BaseSession)


class MakeSession:
    """What the fixture ``make_session`` is: it begins sessions in ``session_store``.

    Args:
        store: Where.
        owner: Who alone may use them.
        idle: Their idle lifetime, when their schema sets none.
    """

    def __init__(self, store: Store, *, owner: str | None = None, idle: Duration | None = None) -> None:
        self._store = store
        self._owner = owner
        self._idle = idle

    def using(self, *, owner: str | None = None, idle: Duration | None = None) -> "MakeSession":
        """Return the same for sessions of an owner, or of another idle lifetime: keys can have those names too.

        Args:
            owner: Any text, such as "ann", or what ``owner_of`` gives.
            idle: A duration such as "5m", for schemas that set none.
        """
        return MakeSession(self._store, owner=owner or self._owner, idle=idle or self._idle)

    async def __call__(
        self, accessor: type[SessionT], values: Mapping[str, object] | None = None, /, **more: object
    ) -> SessionT:
        """Begin a session that holds these values, and return its accessor.

        Args:
            accessor: The generated class, or ``UntypedSession``.
            values: Values by key: for names that are no Python names, and for states that hypothesis made.
            more: Values by key.

        Raises:
            SessionValueError: If a value does not fit its key, or one that the schema requires is not there.
            SessionKeyError: If the schema has no such key.
        """
        held = {**(values or {}), **more}
        return await accessor.create(self._store, owner=self._owner, idle=self._idle, values=held)
