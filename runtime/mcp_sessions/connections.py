"""Connections that the SDK keeps, as over stdio: how they are called, and the end of their state with them."""

import weakref
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from mcp_sessions.context import Caller, Hooks, end_session
from mcp_sessions.errors import StoreError
from mcp_sessions.ids import mint_transport_id
from mcp_sessions.stores.base import Access, Address, Store


class _Connection(NamedTuple):
    """What we call a connection, and who opened it."""

    transport: str
    owner: str | None


class Connections:
    """The connections of one server.

    Args:
        store: Where their state is.
        schemas: The names of the schemas whose state they may have.
        hooks: Who wants to know of its end.
    """

    def __init__(self, store: Store, schemas: Sequence[str], hooks: Hooks) -> None:
        self._store = store
        self._schemas = schemas
        self._hooks = hooks
        self._open: dict[int, _Connection] = {}
        self._over: list[_Connection] = []

    def id_of(self, connection: object, caller: Caller) -> str:
        """Return the id of a connection: one of ours, for as long as the connection lives."""
        name = id(connection)
        if name not in self._open:
            self._open[name] = _Connection(mint_transport_id(), caller.owner)
            weakref.finalize(connection, self._is_over, name)
        return self._open[name].transport

    def _is_over(self, name: int) -> None:
        if (connection := self._open.pop(name, None)) is not None:  # None when the server has stopped meanwhile
            self._over.append(connection)

    async def end_over(self) -> None:
        """End the state of connections that are over: nobody can reach it any more."""
        while self._over:
            connection = self._over.pop()
            for schema in self._schemas:
                address = Address("connection", connection.transport, schema)
                with suppress(StoreError):  # then it expires by itself
                    await end_session(self._store, Access(address, connection.owner), self._hooks)

    async def end_all(self) -> None:
        """End the state of all connections: the server stops."""
        self._over += self._open.values()
        self._open.clear()
        await self.end_over()
