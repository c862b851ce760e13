"""The store contract's asynchronous face for any medium of rows."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeAlias, TypeVar

from mcp_sessions.stores import rows
from mcp_sessions.stores.base import Access, Address, Lifetime, SessionInfo

Result = TypeVar("Result")

Operation: TypeAlias = Callable[[rows.Rows, float], Result]
"""One operation with its arguments filled in: it takes the rows and the time."""


class RowStore(ABC):
    """A ``Store`` that performs the operations of ``mcp_sessions.stores.rows``; a subclass says where and how."""

    @abstractmethod
    async def _perform(self, operation: Operation[Result], *, writes: bool = True) -> Result:
        """Perform an operation entirely or not at all; if not ``writes``, it most likely only reads."""

    @abstractmethod
    async def aclose(self) -> None:
        """See ``Store.aclose``."""

    async def create(
        self,
        access: Access,
        lifetime: Lifetime,
        values: Mapping[str, bytes] | None = None,
        ttls: Mapping[str, float] | None = None,
    ) -> SessionInfo:
        """See ``Store.create``."""
        given = dict(values or {})
        return await self._perform(
            partial(rows.create, access=access, lifetime=lifetime, values=given, ttls=dict(ttls or {}))
        )

    async def touch(self, access: Access, lifetime: Lifetime | None = None) -> SessionInfo:
        """See ``Store.touch``."""
        return await self._perform(partial(rows.touch, access=access, lifetime=lifetime), writes=False)

    async def read(self, access: Access, keys: Sequence[str] | None = None) -> dict[str, bytes]:
        """See ``Store.read``."""
        wanted = None if keys is None else tuple(keys)
        return await self._perform(partial(rows.read, access=access, keys=wanted), writes=False)

    async def names(self, access: Access) -> list[str]:
        """See ``Store.names``."""
        return await self._perform(partial(rows.names, access=access), writes=False)

    async def write(
        self,
        access: Access,
        changes: Mapping[str, bytes | None],
        expected: Mapping[str, bytes | None] | None = None,
        ttls: Mapping[str, float] | None = None,
    ) -> dict[str, bytes | None] | None:
        """See ``Store.write``."""
        wanted = None if expected is None else dict(expected)
        return await self._perform(
            partial(rows.write, access=access, changes=dict(changes), expected=wanted, ttls=dict(ttls or {}))
        )

    async def remove(self, access: Access, key: str) -> bytes | None:
        """See ``Store.remove``."""
        return await self._perform(partial(rows.remove, access=access, key=key))

    async def clear(self, access: Access) -> None:
        """See ``Store.clear``."""
        await self._perform(partial(rows.clear, access=access))

    async def increment(
        self, access: Access, key: str, by: int | float, initial: bytes, ttl: float | None = None
    ) -> bytes:
        """See ``Store.increment``."""
        return await self._perform(partial(rows.increment, access=access, key=key, by=by, initial=initial, ttl=ttl))

    async def append(
        self, access: Access, key: str, items: Sequence[bytes], initial: bytes, ttl: float | None = None
    ) -> None:
        """See ``Store.append``."""
        await self._perform(partial(rows.append, access=access, key=key, items=tuple(items), initial=initial, ttl=ttl))

    async def end(self, access: Access) -> bool:
        """See ``Store.end``."""
        return await self._perform(partial(rows.end, access=access))

    async def purge_expired(self, limit: int = 1000) -> list[Address]:
        """See ``Store.purge_expired``."""
        gone, _ = await self._perform(partial(rows.purge, limit=limit), writes=False)
        return gone
