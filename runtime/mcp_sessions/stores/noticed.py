"""``NoticedStore``: the store contract, with each change posted on a board for those who watch."""

from asyncio import CancelledError
from collections.abc import Awaitable, Collection, Mapping, Sequence
from typing import TypeVar

from mcp_sessions.errors import StoreError
from mcp_sessions.stores.base import Store, require_store
from mcp_sessions.stores.notices import notices_of
from mcp_sessions.stores.notices.board import Board, Kind, topic, topic_of
from mcp_sessions.stores.terms import Access, Address, Lifetime, Remains, SessionCopy, SessionInfo

__all__ = ["NoticedStore"]

R = TypeVar("R")


def owner_topic(owner: str) -> bytes:
    """Return the topic of which sessions an owner has."""
    return topic("owner", owner)


class NoticedStore:
    """Any store, whose changes are told to servers with ``Sessions(resources=...)`` on the same store.

    Those servers have it around their store by themselves. It is for scripts and workers that change sessions too::

        store = NoticedStore(open_store(url))
        await CounterSession.open(store, handle).increment_counter()
        await store.aclose()

    An operation costs no round trip more: what it changed is noted when it is done, and told a moment later, or by
    ``aclose``. Not told are migrations, which change what is stored and not what it means, and values whose time is
    over.

    Args:
        store: Where everything is kept. ``aclose`` closes it.
        board: Where changes are posted; by default one of its own, on ``notices_of(store)``.
        schemas: Of which schemas changes are told; by default of all.
    """

    def __init__(self, store: Store, board: Board | None = None, *, schemas: Collection[str] | None = None) -> None:
        require_store(store, "NoticedStore")
        self.store = store
        self._schemas = schemas
        self.board = Board(notices_of(store)) if board is None else board
        # What changes nothing is the store's own, and costs what it does there.
        self.touch, self.read, self.names = store.touch, store.read, store.names
        self.scan, self.look_up, self.count = store.scan, store.look_up, store.count
        self.copy_out, self.migrate = store.copy_out, store.migrate

    async def create(
        self,
        access: Access,
        lifetime: Lifetime,
        values: Mapping[str, bytes] | None = None,
        ttls: Mapping[str, float] | None = None,
    ) -> SessionInfo:
        """See ``Store.create``."""
        info = await self.store.create(access, lifetime, values, ttls)
        self._listed(access.address, access.owner)
        return info

    async def write(
        self,
        access: Access,
        changes: Mapping[str, bytes | None],
        expected: Mapping[str, bytes | None] | None = None,
        ttls: Mapping[str, float] | None = None,
    ) -> dict[str, bytes | None] | None:
        """See ``Store.write``."""
        actual = await self._noticed(access.address, self.store.write(access, changes, expected, ttls))
        if actual is None and changes:
            self._changed(access.address)
        return actual

    async def remove(self, access: Access, key: str) -> bytes | None:
        """See ``Store.remove``."""
        held = await self._noticed(access.address, self.store.remove(access, key))
        if held is not None:
            self._changed(access.address)
        return held

    async def clear(self, access: Access) -> None:
        """See ``Store.clear``."""
        await self._noticed(access.address, self.store.clear(access))
        self._changed(access.address)

    async def increment(
        self, access: Access, key: str, by: int | float, initial: bytes, ttl: float | None = None
    ) -> bytes:
        """See ``Store.increment``."""
        total = await self._noticed(access.address, self.store.increment(access, key, by, initial, ttl))
        self._changed(access.address)
        return total

    async def append(
        self, access: Access, key: str, items: Sequence[bytes], initial: bytes, ttl: float | None = None
    ) -> None:
        """See ``Store.append``."""
        await self._noticed(access.address, self.store.append(access, key, items, initial, ttl))
        if items:
            self._changed(access.address)

    async def end(self, access: Access, *, values: bool = False, expired: bool = False) -> list[Remains]:
        """See ``Store.end``."""
        ending = self.store.end(access, values=values, expired=expired)
        return self._over(await self._noticed(access.address, ending))

    async def purge_expired(self, limit: int = 1000, *, values: bool = False) -> list[Remains]:
        """See ``Store.purge_expired``."""
        return self._over(await self.store.purge_expired(limit, values=values))

    async def copy_in(self, copy: SessionCopy) -> None:
        """See ``Store.copy_in``."""
        await self.store.copy_in(copy)
        self._changed(copy.address)
        self._listed(copy.address, copy.owner)

    async def aclose(self) -> None:
        """See ``Store.aclose``; what changed is told before, and the store inside is closed."""
        await self.board.aclose()
        await self.store.aclose()

    async def _noticed(self, address: Address, operation: Awaitable[R]) -> R:
        """Await an operation; if it is not known whether it was done, it may have changed something."""
        try:
            return await operation
        except (StoreError, CancelledError):
            self._changed(address)
            raise

    def _is_told(self, address: Address) -> bool:
        return self._schemas is None or address.schema in self._schemas

    def _changed(self, address: Address) -> None:
        if self._is_told(address):
            self.board.post(Kind.CHANGED, topic_of(address))

    def _listed(self, address: Address, owner: str | None) -> None:
        """Tell an owner that there is another session, or one less; only those that have handles are listed."""
        if owner is not None and address.space == "handle" and self._is_told(address):
            self.board.post(Kind.CHANGED, owner_topic(owner))

    def _over(self, remains: list[Remains]) -> list[Remains]:
        for one in remains:
            if self._is_told(one.address):
                self.board.post(Kind.OVER, topic_of(one.address))
                self._listed(one.address, one.owner)
        return remains
